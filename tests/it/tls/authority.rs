//! Certificates that a test makes for itself, by openssl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support;

/// A certificate authority. Dropping it removes its files.
#[derive(Debug)]
pub(super) struct Authority {
    folder: TempDir,
}

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Authority {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Self { folder };
        openssl(&authority.pair("root"), "a root", "ec:P-256", None);
        authority
    }

    /// Returns the file of its own certificate.
    pub(super) fn root(&self) -> PathBuf {
        self.pair("root").certificate
    }

    /// Issues a certificate for this machine. `name` is that of its files; `algorithm` is `ec:P-256` or `rsa:2048`, say.
    pub(super) fn issue(&self, name: &str, algorithm: &str) -> Pair {
        let pair = self.pair(name);
        openssl(&pair, name, algorithm, Some(&self.pair("root")));
        pair
    }

    /// Returns a client that trusts it, and presents the certificate of `identity`.
    pub(super) fn client(&self, identity: Option<&Pair>) -> reqwest::ClientBuilder {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = fs::read(self.root()).expect("a certificate");
        let root = reqwest::Certificate::from_pem(&root).expect("PEM");
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
        match identity {
            None => builder,
            Some(pair) => {
                let pem = [&pair.certificate, &pair.key].map(|it| fs::read(it).expect("a file"));
                let identity = reqwest::Identity::from_pem(&pem.concat()).expect("an identity");
                builder.identity(identity)
            }
        }
    }

    fn pair(&self, name: &str) -> Pair {
        let path = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        Pair {
            certificate: path("pem"),
            key: path("key"),
        }
    }
}

impl Pair {
    /// Puts the contents of `other` in the place of these files, each at once, as tools do that renew certificates.
    pub(super) fn replace_by(&self, other: &Self) {
        replace(&self.certificate, &other.certificate);
        replace(&self.key, &other.key);
    }

    /// Returns the serial number.
    pub(super) fn serial(&self) -> String {
        let mut command = Command::new("openssl");
        command.args(["x509", "-noout", "-serial", "-in"]);
        support::run(command.arg(&self.certificate))
    }
}

pub(super) fn replace(file: &Path, by: &Path) {
    let new = file.with_extension("new");
    fs::copy(by, &new).expect("a copy");
    fs::rename(&new, file).expect("renamed");
}

fn openssl(pair: &Pair, name: &str, algorithm: &str, issuer: Option<&Pair>) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-days", "2"]);
    match algorithm.split_once(':') {
        Some(("ec", curve)) => {
            let curve = format!("ec_paramgen_curve:{curve}");
            command.args(["-newkey", "ec", "-pkeyopt", &curve])
        }
        _ => command.args(["-newkey", algorithm]),
    };
    command.args(["-subj", &format!("/CN={name}")]);
    command.arg("-keyout").arg(&pair.key);
    command.arg("-out").arg(&pair.certificate);
    if let Some(issuer) = issuer {
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        command.arg("-CA").arg(&issuer.certificate);
        command.arg("-CAkey").arg(&issuer.key);
    }
    support::run(&mut command);
}
