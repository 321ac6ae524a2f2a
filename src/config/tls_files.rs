//! The settings of TLS.

use std::path::PathBuf;

use super::settings::{TLS_CERTIFICATE, TLS_CLIENT_CA, TLS_KEY};
use super::sources::Sources;

/// The files of TLS, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The service's certificate, and behind it those that lead to a root.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The roots of clients' certificates; `None`: clients need none.
    pub client_ca: Option<PathBuf>,
}

/// Returns `None` without TLS. Notes a problem if only some of the settings are given that belong together.
pub(super) fn parse(sources: &mut Sources) -> Option<TlsFiles> {
    let mut file = |setting| sources.parse(setting, |text| Ok(PathBuf::from(text)));
    let certificate = file(&TLS_CERTIFICATE);
    let key = file(&TLS_KEY);
    let client_ca = file(&TLS_CLIENT_CA);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles {
            certificate,
            key,
            client_ca,
        }),
        (None, None) if client_ca.is_none() => None,
        (certificate, _) => {
            let missing = match certificate {
                None => &TLS_CERTIFICATE,
                Some(_) => &TLS_KEY,
            };
            sources.problem(format!(
                "--{} is missing: TLS needs a certificate and its key",
                missing.flag
            ));
            None
        }
    }
}
