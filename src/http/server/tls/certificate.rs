//! The certificate in use, and its files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

pub(super) const RELOADS: &str = "event_history_tls_reloads_total";

/// Far above any chain of certificates: a larger file is something else.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What the server speaks within TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read '{}': {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("'{}' has no {wanted} in PEM: {cause}", path.display())]
    Malformed {
        path: PathBuf,
        wanted: &'static str,
        cause: pem::Error,
    },
    #[error(
        "the certificate in '{}' and the key in '{}' cannot be used: {cause}",
        certificate.display(), key.display()
    )]
    Pair {
        certificate: PathBuf,
        key: PathBuf,
        cause: rustls::Error,
    },
    #[error("the certificates in '{}' cannot be used as roots: {cause}", path.display())]
    ClientCa { path: PathBuf, cause: String },
    #[error("cannot start the thread of TLS handshakes: {0}")]
    Thread(io::Error),
}

/// A certificate with its key, as of the last time that the files could be used.
#[derive(Debug)]
pub(super) struct Certificate {
    files: Files,
    in_use: RwLock<Loaded>,
    /// What was last logged about files that cannot be used.
    refusal: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// The hash of what the files held.
    fingerprint: [u8; 32],
}

/// What the files hold. Not `Debug`: one of them is a secret.
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Certificate {
    pub(super) fn load(
        certificate: &Path,
        key: &Path,
        client_ca: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            client_ca: client_ca.map(Path::to_owned),
        };
        let contents = files.read()?;
        let loaded = Loaded {
            config: Arc::new(files.server_config(&contents)?),
            fingerprint: contents.fingerprint(),
        };
        Ok(Self {
            files,
            in_use: RwLock::new(loaded),
            refusal: Mutex::default(),
        })
    }

    /// Returns the configuration for a new connection.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let in_use = self.in_use.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&in_use.config)
    }

    /// Reads the files again, and uses what they hold if it is new and can be used. Blocks.
    pub(super) fn reload(&self) {
        let refusal = match self.try_reload() {
            Ok(false) => None,
            Ok(true) => {
                metrics::counter!(RELOADS, "result" => "loaded").increment(1);
                let file = self.files.certificate.display();
                tracing::info!(%file, "the TLS certificate was replaced");
                None
            }
            Err(error) => Some(error.to_string()),
        };
        let mut last = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == refusal {
            return;
        }
        if let Some(error) = &refusal {
            metrics::counter!(RELOADS, "result" => "refused").increment(1);
            tracing::warn!(error, "the TLS certificate in use is kept");
        }
        *last = refusal;
    }

    /// Returns whether there was something new.
    fn try_reload(&self) -> Result<bool, TlsError> {
        let contents = self.files.read()?;
        let fingerprint = contents.fingerprint();
        let in_use = self.in_use.read().unwrap_or_else(PoisonError::into_inner);
        if in_use.fingerprint == fingerprint {
            return Ok(false);
        }
        drop(in_use);
        let config = Arc::new(self.files.server_config(&contents)?);
        let mut in_use = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
        *in_use = Loaded {
            config,
            fingerprint,
        };
        Ok(true)
    }
}

impl Files {
    fn read(&self) -> Result<Contents, TlsError> {
        let client_ca = self.client_ca.as_deref().map(read).transpose()?;
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_ca,
        })
    }

    /// Sessions can be resumed only with the configuration in which they began: none outlives a change of the roots.
    fn server_config(&self, contents: &Contents) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates(&self.certificate, &contents.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key);
        let key = key.map_err(|cause| malformed(&self.key, "private key", cause))?;
        let refused = |cause| TlsError::Pair {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            cause,
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(refused)?;
        let builder = match (&self.client_ca, &contents.client_ca) {
            (Some(path), Some(pem)) => {
                let unusable = |cause: String| TlsError::ClientCa {
                    path: path.clone(),
                    cause,
                };
                let mut roots = RootCertStore::empty();
                for root in certificates(path, pem)? {
                    let added = roots.add(root);
                    added.map_err(|error| unusable(error.to_string()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                let verifier = verifier.build();
                let verifier = verifier.map_err(|error| unusable(error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(refused)?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(config)
    }
}

impl Contents {
    fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let Self {
            certificate,
            key,
            client_ca,
        } = self;
        let parts = [certificate, key].into_iter().chain(client_ca);
        for part in parts {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let larger = format!("it is larger than {MAX_FILE_BYTES} bytes");
            return Err(io::Error::other(larger));
        }
        Ok(bytes)
    };
    read().map_err(|cause| TlsError::Unreadable {
        path: path.to_owned(),
        cause,
    })
}

/// Returns at least one certificate.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = parsed.map_err(|cause| malformed(path, "certificate", cause))?;
    if all.is_empty() {
        return Err(malformed(path, "certificate", pem::Error::NoItemsFound));
    }
    Ok(all)
}

fn malformed(path: &Path, wanted: &'static str, cause: pem::Error) -> TlsError {
    TlsError::Malformed {
        path: path.to_owned(),
        wanted,
        cause,
    }
}
