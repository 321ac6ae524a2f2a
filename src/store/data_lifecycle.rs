//! The part of the contract about how long events live.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Error;
use crate::domain::{
    Hold, HoldId, Holds, RetentionPosition, RetentionRules, RetentionStep, Tenant,
};

/// Retention and legal holds.
///
/// Once [`DataLifecycle::place_hold`] has returned, nothing that the hold covers is deleted until it is released.
#[async_trait]
pub trait DataLifecycle: Debug + Send + Sync {
    /// Returns the tenant's holds.
    async fn holds(&self, tenant: &Tenant) -> Result<Holds, Error>;

    /// Places a hold. When this returns, it is durable, and no deletion removes what it covers any more. A hold whose id
    /// exists already is left as it is. [`Error::Busy`] while the tenant is being deleted, or a deletion of its events
    /// does not end in time: then there is no hold.
    async fn place_hold(&self, tenant: &Tenant, hold: &Hold) -> Result<(), Error>;

    /// Releases a hold for good. Returns false if there is none with this id.
    async fn release_hold(&self, tenant: &Tenant, id: HoldId) -> Result<bool, Error>;

    /// Returns the tenant's retention rules.
    async fn retention(&self, tenant: &Tenant) -> Result<RetentionRules, Error>;

    /// Replaces the tenant's retention rules. When this returns, they are durable, and no deletion follows the old ones any
    /// more. After an error either may apply.
    async fn set_retention(&self, tenant: &Tenant, rules: &RetentionRules) -> Result<(), Error>;

    /// Counts some of the tenant's events that are due at `now` and under no hold. Repeat it with where it says to continue,
    /// until that is the end.
    async fn count_due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Error>;

    /// Deletes some of the tenant's events that are due at `now` and under no hold: the first ones behind `after`. Repeat
    /// it with where it says to continue, until that is the end. Takes a moment, so that events to be stored hardly wait.
    ///
    /// What is deleted is gone from lists, counts, searches and the feed, whose cursors still hold. Files that no other
    /// event references are released to [`super::Store::tombstone_files`]. Nobody remembers the ids: an event that is
    /// appended again is stored again, as one that has just arrived.
    async fn delete_due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Error>;
}
