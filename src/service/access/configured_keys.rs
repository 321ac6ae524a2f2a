//! The API keys of the settings.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

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

    /// Returns the digests of the keys, in the order of the settings.
    pub(super) fn digests(&self) -> &[[u8; 32]] {
        &self.0
    }

    /// Returns the index of the key with this digest; `None` if there is none.
    pub(super) fn find(&self, digest: &[u8; 32]) -> Option<usize> {
        // Compares with every key, so that the time does not reveal which one matched.
        let none = u64::MAX;
        let found = self.0.iter().zip(0..).fold(none, |found, (key, index)| {
            u64::conditional_select(&found, &index, key.ct_eq(digest))
        });
        usize::try_from(found).ok().filter(|it| *it < self.0.len())
    }
}
