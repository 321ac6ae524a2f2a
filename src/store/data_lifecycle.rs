//! The part of the contract about how long events live.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Error;
use crate::domain::{
    Event, EventId, Hold, HoldId, Holds, MemberProblem, Redaction, RetentionPosition,
    RetentionRules, RetentionStep, Tenant,
};

/// Retention, redaction and legal holds.
///
/// Once [`DataLifecycle::place_hold`] has returned, nothing that the hold covers is deleted or redacted until it is released.
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

    /// Removes members of an event for good ([`Event::redacted`]). When this returns, no read and no search shows the values
    /// any more; what was removed, by whom and why is on record in the event. Its position, its place in the arrival order and
    /// the counts stay as they are, and so do cursors. A second time changes nothing.
    ///
    /// The values leave the disk within a time that docs/operations.md states. Nothing is kept to compare with, so an event
    /// that is appended again is already there, whatever it has ([`Event::is_delivered_again_by`]). An event that was redacted
    /// elsewhere, and is copied, keeps its redactions.
    ///
    /// [`Error::Busy`] while another deletion or redaction of the tenant's events does not end in time: nothing was changed.
    async fn redact(
        &self,
        tenant: &Tenant,
        id: EventId,
        redaction: &Redaction,
    ) -> Result<Redacted, Error>;
}

/// The outcome of [`DataLifecycle::redact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redacted {
    /// The event as it is now.
    Event(Box<Event>),
    NoSuchEvent,
    /// A legal hold covers the event: nothing was changed.
    UnderHold,
    /// These members cannot be removed: nothing was changed.
    Refused(Vec<MemberProblem>),
}
