//! The part of the store's contract that is about keys.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Error;
use crate::domain::{KeyId, ListedKey, StoredKey};

/// Stores the keys that are made while the service runs, which belong to no tenant's database. Keeps only their hashes.
///
/// As for the rest of the store, `Ok` of a write means that it is on disk, and visible to the next read of every replica.
#[async_trait]
pub trait KeyStore: Debug + Send + Sync {
    /// Stores a new key.
    async fn create_key(&self, key: &StoredKey) -> Result<(), Error>;

    /// Returns those of these keys that exist and were not revoked, in no order. At most a thousand are asked for.
    async fn find_keys(&self, ids: &[KeyId]) -> Result<Vec<StoredKey>, Error>;

    /// Returns all keys that were not revoked, expired ones too, oldest first.
    async fn keys(&self) -> Result<Vec<ListedKey>, Error>;

    /// Revokes a key for good, and erases its hash. Returns false if there is no such key, or no longer.
    async fn revoke_key(&self, id: KeyId) -> Result<bool, Error>;

    /// Records when keys were used last. Of two times of one key the later one counts; keys that do not exist are ignored.
    async fn record_key_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), Error>;
}

/// Sorts keys as [`KeyStore::keys`] returns them.
pub(super) fn sort_keys(keys: &mut [ListedKey]) {
    keys.sort_by_key(|it| (it.key.created_at, it.key.id));
}
