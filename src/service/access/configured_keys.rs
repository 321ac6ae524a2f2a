//! The API keys of the settings.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The accepted API keys as SHA-256 digests, which have one length: comparing them reveals nothing about a key.
#[derive(Debug)]
pub struct ApiKeys(Vec<[u8; 32]>);

impl ApiKeys {
    pub fn new(keys: &[SecretString]) -> Self {
        Self(
            keys.iter()
                .map(|key| Sha256::digest(key.expose_secret()).into())
                .collect(),
        )
    }

    /// Takes the digest of what was sent.
    pub(super) fn accept(&self, digest: &[u8; 32]) -> bool {
        // Compares with every key, so that the time does not reveal which one matched.
        let none = Choice::from(0);
        self.0
            .iter()
            .fold(none, |found, accepted| found | accepted.ct_eq(digest))
            .into()
    }
}
