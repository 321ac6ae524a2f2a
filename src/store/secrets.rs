//! The part of the store's contract that is about the secrets of tenants.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Error;
use crate::domain::{ClientId, TenantSecrets};

/// Stores which secrets of tenants are accepted. A tenant's entry has its first one, which counts until it is rotated.
#[async_trait]
pub trait SecretStore: Debug + Send + Sync {
    /// Returns the secrets of those of these tenants that exist, in no order. At most a thousand are asked for. Shows every
    /// rotation that returned before.
    async fn find_secrets(&self, ids: &[ClientId]) -> Result<Vec<TenantSecrets>, Error>;

    /// Replaces the secrets of a tenant. Of several replacements the one that was rotated last counts.
    async fn replace_secrets(&self, secrets: &TenantSecrets) -> Result<(), Error>;
}
