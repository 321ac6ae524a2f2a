//! TLS in front of a plain port, by a proxy that does not buffer.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{self, Running};

/// A proxy on a port of its own, for the name `localhost`. Dropping it ends it.
pub(crate) struct TlsFront {
    _process: Running,
    pub(crate) port: String,
    /// Of the certificate that clients have to trust.
    pub(crate) certificate: PathBuf,
    _home: TempDir,
}

impl TlsFront {
    /// Starts a proxy before this port of 127.0.0.1.
    pub(crate) fn start(upstream: u16) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let [key, certificate] = ["key.pem", "certificate.pem"].map(|it| home.path().join(it));
        support::run(
            Command::new("openssl")
                .args([
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                ])
                .args(["-nodes", "-days", "1", "-subj", "/CN=localhost"])
                .args([
                    "-addext",
                    "subjectAltName=DNS:localhost",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                ])
                .arg("-keyout")
                .arg(&key)
                .arg("-out")
                .arg(&certificate),
        );
        let mut front = support::clean_command(support::python(), home.path());
        front
            .arg(support::script("tls_front.py"))
            .args([&certificate, &key])
            .arg(upstream.to_string());
        let process = Running::spawn(&mut front);
        let port = process.line(Duration::from_secs(30));
        Self {
            _process: process,
            port,
            certificate,
            _home: home,
        }
    }
}
