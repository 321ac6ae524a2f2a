//! The part of the contract about how long events live.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Error;
use crate::domain::{Hold, HoldId, Holds, Tenant};

/// Legal holds.
///
/// Once [`DataLifecycle::place_hold`] has returned, nothing that the hold covers is deleted until it is released.
#[async_trait]
pub trait DataLifecycle: Debug + Send + Sync {
    /// Returns the tenant's holds.
    async fn holds(&self, tenant: &Tenant) -> Result<Holds, Error>;

    /// Places a hold: durable, and respected by everything that begins or goes on to delete, when this returns. One whose
    /// id is there already is left as it is. [`Error::Busy`] while the tenant is being deleted, or a deletion of its events
    /// does not end in time: then there is no hold.
    async fn place_hold(&self, tenant: &Tenant, hold: &Hold) -> Result<(), Error>;

    /// Releases a hold for good. Returns false if there is none with this id.
    async fn release_hold(&self, tenant: &Tenant, id: HoldId) -> Result<bool, Error>;
}
