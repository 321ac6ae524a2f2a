//! TLS: the certificate in use, which is replaced when its files change, and handshakes on a thread of their own.

mod certificate;
mod handshakes;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use certificate::Certificate;
pub use certificate::TlsError;
use handshakes::Handshakes;
pub(super) use handshakes::{Handshake, SecureStream};

use super::tracked_stream::TrackedStream;

/// The interval at which the files are read again. They are compared by content: a Kubernetes secret is replaced by
/// renaming a link, and times of files are too coarse to rely on.
const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// TLS for the connections of a server.
#[derive(Debug)]
pub struct Tls {
    certificate: Arc<Certificate>,
    handshakes: Handshakes,
}

impl Tls {
    /// Loads a certificate chain and its private key from PEM files. With `client_ca`, the roots in that file, only clients
    /// with a certificate that leads to one of them are let in.
    pub fn load(
        certificate: &Path,
        key: &Path,
        client_ca: Option<&Path>,
    ) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: Arc::new(Certificate::load(certificate, key, client_ca)?),
            handshakes: Handshakes::start().map_err(TlsError::Thread)?,
        })
    }

    /// Replaces the certificate whenever the files change. What cannot be used is logged, and the certificate in use stays.
    /// Connections keep the one that they began with.
    pub(super) async fn reload_on_change(&self) -> Infallible {
        loop {
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let certificate = Arc::clone(&self.certificate);
            // Files may be on a disk that does not answer. A panic was reported already.
            let _ = tokio::task::spawn_blocking(move || certificate.reload()).await;
        }
    }

    pub(super) fn accept(&self, stream: TrackedStream) -> Handshake {
        self.handshakes.begin(self.certificate.config(), stream)
    }
}

pub(super) fn describe_metrics() {
    metrics::describe_counter!(
        handshakes::HANDSHAKES,
        "TLS handshakes by result: completed, failed"
    );
    metrics::describe_counter!(
        certificate::RELOADS,
        "Changes of the TLS certificate's files by result: loaded, refused"
    );
}
