//! The store of tenants and their events: the trait [`Store`] with its contract, and its backends.
//!
//! The backends `sqlite` and `clickhouse` import the trait and the files beside this one, and never each other.

mod append_queue;
pub mod audit;
pub mod clickhouse;
mod data_lifecycle;
mod delayed_deletion;
mod files_column;
mod keys;
mod location;
mod news;
#[cfg(test)]
#[path = "../../tests/it/samples.rs"]
#[allow(dead_code, reason = "the integration tests use all of it")]
mod samples;
mod secrets;
pub mod sqlite;
mod tenant_directory;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::JoinError;
use uuid::Uuid;

use crate::domain::query::Limit;
use crate::domain::{
    Chunk, ClientId, Cursor, CursorProblem, DatabaseName, Epoch, Event, EventId, Feed, FileId,
    Finding, Grouping, Page, Placement, Position, Query, Stats, Tenant,
};

pub use crate::domain::query::READ_BYTES;
pub use data_lifecycle::{DataLifecycle, Redacted};
pub use delayed_deletion::DelayedDeletion;
pub use keys::KeyStore;
pub use location::Location;
pub use news::News;
pub use secrets::SecretStore;
pub use sqlite::{Checked, Fault, Fsck, Reference, Removed, Repair, RepairError};
pub use sqlite::{LastBackup, Snapshots, UNFINISHED_RESTORE, check_restored, mark_as_deleting};
pub use tenant_directory::TenantDirectory;

/// The bytes that one [`Store::scan`] returns, counted as for [`READ_BYTES`].
pub const SCAN_BYTES: usize = 4 * 1024 * 1024;

/// Stores the tenant entries, and the events of each tenant in a database of its own.
///
/// This is the contract that every backend keeps, and that the conformance suite (`tests/it/conformance`) checks. It is
/// written to the weaker of the engines:
///
/// - **Identity.** Ids come from the caller. [`Store::append`] is idempotent by tenant and event id.
/// - **Durability.** `Ok` of a write means that it is on disk, and visible to the next read.
/// - **Order.** The total order of a tenant's events is (`event_time`, `event_id`). Concurrent calls are not ordered.
/// - **Arrival order.** Beside it, the events have the order in which they arrived. Once a cursor has been returned, no
///   acknowledged event ever appears before it: who follows cursors sees every acknowledged event exactly once. An
///   event whose append failed may appear too; if it is gone later, it may appear again when it is appended again.
/// - **Atomicity.** No method is atomic across events or tenants, or between the database and the object storage.
/// - **Limits.** What a read returns is bounded in bytes, so that no transaction or query stays open for a slow caller.
/// - **Isolation.** A tenant's data is reached only through that tenant's entry.
///
/// Every method can be called from any task, and may fail with [`Error`]. After an error a write may or may not have
/// happened. A call whose future is dropped may still take effect.
#[async_trait]
pub trait Store:
    DataLifecycle + DelayedDeletion + KeyStore + SecretStore + TenantDirectory + Debug + Send + Sync
{
    /// Creates the tenant's database and its entry: both are durable when this returns [`Created::New`]. Of concurrent
    /// calls with one database name, exactly one returns that. A backend that has a choice places the tenant's events as
    /// asked for, or where new tenants go by its settings.
    async fn create_placed_tenant(
        &self,
        tenant: Tenant,
        placement: Option<Placement>,
    ) -> Result<Created, Error>;

    /// Creates a tenant where new tenants go: see [`Store::create_placed_tenant`].
    async fn create_tenant(&self, tenant: Tenant) -> Result<Created, Error> {
        self.create_placed_tenant(tenant, None).await
    }

    /// Returns the tenant entry with this client id.
    async fn tenant_by_client_id(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error>;

    /// Returns the tenant entry with this database name, which is case-sensitive.
    async fn tenant_by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error>;

    /// Returns all tenant entries but that of the system tenant ([`audit`]), ordered by database name.
    async fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error>;

    /// Tells whether the tenant's database exists: it may have been removed by hand.
    async fn has_database(&self, tenant: &Tenant) -> Result<bool, Error>;

    /// Deletes the tenant's entry and database, and returns when both are gone for good. Calls in flight for that tenant
    /// end first, with [`Error::DatabaseMissing`] if they came too late. Deleting a tenant that does not exist is no
    /// error. [`Error::UnderHold`] if the tenant has a legal hold, of a record or of everything: then nothing is deleted.
    async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), Error>;

    /// Finishes a deletion that has begun and not ended, and returns its tenant; `None` if there is no such deletion of a
    /// tenant with this client id. No lookup finds the tenant meanwhile, so this is how a deletion is repeated.
    async fn resume_deletion(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error>;

    /// Stores each event once, and returns the outcomes in the order of `events`: one, or a batch of any number. One call is
    /// one commit, which others may share; of several events with one id the first one counts. After an error, none, some
    /// or all may be stored: sending the same events again is safe. The store notes when it received an event; one that is copied
    /// from another store keeps its `received_at`, and must come before those who follow the tenant's arrival order.
    /// [`Error::Busy`] if the queue of writes is full. Never blocks the caller's thread, however long the disk takes.
    async fn append(&self, tenant: &Tenant, events: Vec<Event>) -> Result<Vec<Appended>, Error>;

    /// Returns the event with this id.
    async fn event(&self, tenant: &Tenant, id: EventId) -> Result<Option<Event>, Error>;

    /// Returns the page of events that `query` selects, in the total order, newest first unless it says otherwise: the
    /// first events up to [`READ_BYTES`], and the positions of the others for [`Store::events_at`]. Counts nothing unless
    /// the query asks for counts. Walking from the last position of each page to the next page shows every event that was
    /// there at the start exactly once, whatever is stored meanwhile.
    ///
    /// [`Error::NotIndexed`] if the query is for words and a tenant's older events have not been indexed yet, which this
    /// begins. Events stored from now on are found at once.
    ///
    /// No event appears twice. Of a tenant with more than a million events, counts may include an event twice that two
    /// replicas received at the same moment, until the backend has merged the copies.
    async fn events(&self, tenant: &Tenant, query: &Query) -> Result<Page, Error>;

    /// Returns the events at the first of these positions, in their order: up to [`READ_BYTES`], at least one; none if
    /// the first event no longer exists. For the rest of a [`Page`].
    async fn events_at(&self, tenant: &Tenant, positions: &[Position])
    -> Result<Vec<Event>, Error>;

    /// Returns the events behind `after` that match the filters of `query`, in its ordering, whose offset is ignored: up to
    /// its limit and to [`READ_BYTES`], at least one unless there are no more. `after` need not be the position of an
    /// event. Counts nothing, and finds a record's events by their index: following the positions through a long history
    /// takes time in proportion to it.
    async fn events_behind(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        query: &Query,
    ) -> Result<Chunk, Error>;

    /// Counts the events that match the filters of `query`, whose ordering, limit and offset are ignored, by buckets of
    /// their time and by kind. Ends early if there are more counts than an answer may have. Counts are as exact as those of
    /// [`Store::events`].
    async fn stats(
        &self,
        tenant: &Tenant,
        query: &Query,
        grouping: Grouping,
    ) -> Result<Stats, Error>;

    /// Returns the tenant's next events after `after` in the total order, oldest first: at most `limit`, up to
    /// [`SCAN_BYTES`], at least one; none only at the end. `after` need not be the position of an event. For copying and
    /// verifying whole histories.
    async fn scan(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Error>;

    /// Returns the tenant's events behind `after` in arrival order, or from the first one: those that match the filters of
    /// `query`, whose ordering and offset are ignored, up to its limit and to [`READ_BYTES`]. The cursor that it
    /// returns advances also where nothing matches, with bounded work for each call.
    ///
    /// [`Error::CursorRefused`] if `after` is none of this tenant and this life of its database.
    async fn feed(
        &self,
        tenant: &Tenant,
        after: Option<&Cursor>,
        query: &Query,
    ) -> Result<Feed, Error>;

    /// Returns the life of the tenant's database that cursors are of. It ends when the database is restored or copied.
    async fn epoch(&self, tenant: &Tenant) -> Result<Epoch, Error>;

    /// Returns the cursor behind the tenant's newest event in arrival order: also behind every event that was acknowledged
    /// before the call.
    async fn newest_cursor(&self, tenant: &Tenant) -> Result<Cursor, Error>;

    /// Returns the cursor behind the event with this id; `None` if there is none.
    async fn cursor_behind(&self, tenant: &Tenant, id: EventId) -> Result<Option<Cursor>, Error>;

    /// Subscribes to the tenant's new events. To miss nothing, subscribe first, then read by [`Store::feed`], then wait.
    /// Any number of subscriptions cost the backend no more than one.
    async fn news(&self, tenant: &Tenant) -> Result<News, Error>;

    /// Returns those of these files that no event of the tenant references.
    async fn unreferenced_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error>;

    /// Tombstones those of these files that no event references, and returns them: they can be deleted, because from now
    /// on an event that references one is not stored ([`Appended::FileTombstoned`]). However this races with
    /// [`Store::append`], a file is either tombstoned or referenced, never both. Tombstoning a file twice is no error.
    ///
    /// A backend without transactions needs as long as an append may be in flight.
    async fn tombstone_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<Tombstone>, Error>;

    /// Withdraws tombstones of files that storage refused to delete, so that events can reference them again. A file that
    /// another sweep has tombstoned since stays tombstoned: that sweep may be deleting it. To be called only if no deletion
    /// of the caller's own can be under way any more.
    async fn withdraw_tombstones(
        &self,
        tenant: &Tenant,
        tombstones: &[Tombstone],
    ) -> Result<(), Error>;

    /// Returns the unique id of this database, which is the same on every replica and in a restored backup.
    async fn id(&self) -> Result<Uuid, Error>;

    /// Fails if the backend is unreachable, or if this replica's own disk refused the last write. Cheap enough for a
    /// probe every second.
    async fn ping(&self) -> Result<(), Error>;

    /// Tells whether the backend accepted the last events, whether or not a refusal is this replica's fault, which
    /// [`Store::ping`] tells. Does no I/O.
    fn takes_writes(&self) -> bool;

    /// Reports what stands in the way of using this backend, for `event-history check`.
    async fn check(&self) -> Vec<Finding>;

    /// Writes what is queued and closes every handle. Later calls fail.
    async fn close(&self) -> Result<(), Error>;
}

/// A tombstone, which keeps events from referencing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    pub file: FileId,
    /// Another one each time that the file is tombstoned.
    pub stamp: i64,
}

/// The outcome of [`Store::create_placed_tenant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    New,
    /// An entry with that database name exists already; nothing was changed.
    NameTaken,
    /// There are so many dedicated tenants already, which is the limit; nothing was changed.
    TooManyDedicated(u64),
}

/// The outcome of [`Store::append`] for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    Stored,
    /// An event with this id and the same content is stored already.
    AlreadyThere,
    /// An event with this id and other content is stored already; nothing was stored.
    OtherContent,
    /// A file that it references is tombstoned ([`Store::tombstone_files`]); nothing was stored.
    FileTombstoned(FileId),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tenant's database does not exist, or no longer.
    #[error("the database of tenant '{0}' is missing")]
    DatabaseMissing(DatabaseName),
    /// A tenant's database exists, but its entry was lost, or may have been: until an operator restores the entry or
    /// removes the database, it is unknown whether the tenant exists.
    #[error("{0}")]
    EntryMissing(String),
    /// A legal hold covers it: nothing was changed.
    #[error("tenant '{0}' is under a legal hold")]
    UnderHold(DatabaseName),
    /// The queue of writes is full, or the backend is overloaded: retry in a moment.
    #[error("too many writes are waiting")]
    Busy,
    /// The backend is unreachable, or refuses to work (a full disk, say): retry later.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A position in the arrival order that the tenant's database does not know.
    #[error("the cursor is refused: {0}")]
    CursorRefused(#[from] CursorProblem),
    /// The words of the tenant's events are being indexed, so nothing can be searched yet: retry later.
    #[error("the events are being indexed")]
    NotIndexed,
    /// Stored data is damaged: an operator has to look.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

/// Returns the result of a spawned task.
fn finished<T>(outcome: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    outcome.unwrap_or_else(|error| Err(Error::Unavailable(Box::new(error))))
}

/// Returns the error of a store that was closed.
fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}

/// Reports what stands in the way of using the backend at `location`. Can run while a service has it open, and changes
/// nothing.
pub async fn check(location: &Location) -> Vec<Finding> {
    match location {
        Location::Sqlite { folder } => {
            let folder = folder.clone();
            let checked = tokio::task::spawn_blocking(move || sqlite::check_folder(&folder)).await;
            checked.unwrap_or_else(|error| {
                vec![Finding::wrong(
                    "database",
                    format!("the check failed: {error}"),
                    "report a bug",
                )]
            })
        }
        Location::ClickHouse(address) => clickhouse::check_address(address).await,
    }
}

/// Tells whether there is a store at `location`: [`open`] creates one if there is none.
pub fn exists(location: &Location) -> bool {
    match location {
        Location::Sqlite { folder } => sqlite::exists(folder),
        // Opening a ClickHouse that was never used is harmless: it has no tenants.
        Location::ClickHouse(_) => true,
    }
}

/// Opens the backend at `location`, and brings its schema up to date.
pub async fn open(location: &Location) -> Result<Arc<dyn Store>, Error> {
    match location {
        Location::Sqlite { folder } => {
            sqlite::describe_metrics();
            Ok(Arc::new(sqlite::Sqlite::open(folder).await?))
        }
        Location::ClickHouse(address) => {
            clickhouse::describe_metrics();
            Ok(Arc::new(clickhouse::ClickHouse::open(address).await?))
        }
    }
}

/// Opens the tenant entries at `location` for repairs by an operator, while the service is stopped.
pub fn repair(location: &Location) -> Result<Repair, RepairError> {
    match location {
        Location::Sqlite { folder } => Repair::open(folder),
        Location::ClickHouse(_) => Err(RepairError::Refused(
            "on ClickHouse no database holds the entry of its tenant: restore 'default.tenants' from a \
             backup"
                .to_owned(),
        )),
    }
}

/// Opens the backend that `location` names for access from another process than the service: to read, and to
/// tombstone files. Creates nothing.
pub async fn open_external(location: &Location) -> Result<Arc<dyn Store>, Error> {
    match location {
        Location::Sqlite { folder } => Ok(Arc::new(sqlite::ExternalStore::open(folder).await?)),
        Location::ClickHouse(_) => open(location).await,
    }
}
