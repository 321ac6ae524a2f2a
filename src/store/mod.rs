//! Where tenants and their events are kept.

pub mod clickhouse;
mod event_files;
mod location;
mod queue;
#[cfg(test)]
#[path = "../../tests/it/samples.rs"]
#[allow(dead_code, reason = "the integration tests use all of it")]
mod samples;
pub mod sqlite;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::JoinError;
use uuid::Uuid;

use crate::domain::query::Limit;
use crate::domain::{
    ClientId, DatabaseName, Event, EventId, FileId, Finding, Page, Position, Query, Tenant,
};

pub use crate::domain::query::READ_BYTES;
pub use location::Location;
pub use sqlite::{Checked, Fault, Fsck, Reference, Removed, Repair, RepairError};

/// What [`Store::scan`] brings in the same way as a page comes by [`READ_BYTES`].
pub const SCAN_BYTES: usize = 4 * 1024 * 1024;

/// Keeps the tenant entries, and a database of events for each tenant.
///
/// Written to the weaker of the engines: no method is atomic across tenants, and none orders what two
/// callers do at once. Every method may be called from any task, and may fail with [`Error`].
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Makes the tenant's database and then its entry. When this answers [`Created::New`] both are
    /// durable. Of several calls with one name at once exactly one answers that.
    async fn create_tenant(&self, tenant: Tenant) -> Result<Created, Error>;

    /// Returns the tenant entry with this client id.
    async fn tenant_by_client_id(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error>;

    /// Returns the tenant entry with this database name, letter case included.
    async fn tenant_by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error>;

    /// Returns all tenant entries, ordered by database name.
    async fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error>;

    /// Tells whether the database of a tenant entry is there: somebody may have removed it by hand.
    async fn has_database(&self, tenant: &Tenant) -> Result<bool, Error>;

    /// Removes the tenant's database and its entry, and answers when both are gone for good: calls
    /// under way on that tenant end first, with [`Error::DatabaseMissing`] where they came too late.
    /// Deleting what is not there is no error.
    async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), Error>;

    /// Stores events, each once: the answers stand in the order of `events`. `Ok` means durable, and
    /// readable by the next query. An error means that none, some or all were stored: sending the same
    /// again is safe. Never blocks the thread of its caller, however long the disk takes.
    async fn append(&self, tenant: &Tenant, events: Vec<Event>) -> Result<Vec<Appended>, Error>;

    /// Returns one event.
    async fn event(&self, tenant: &Tenant, id: EventId) -> Result<Option<Event>, Error>;

    /// Returns the events that `query` asks for, in the total order (`event_time`, `event_id`), newest
    /// first unless it says otherwise. No event stands in it twice; counts may count one twice that two
    /// replicas were sent in the same moment, until the backend has merged the two.
    /// The page comes with as many events as come to [`READ_BYTES`], and with the places of the others.
    async fn events(&self, tenant: &Tenant, query: &Query) -> Result<Page, Error>;

    /// Returns the events at the beginning of `positions`, in their order: as many as come to [`READ_BYTES`], at
    /// least one. None where the first of them is not there any more. For the rest of a [`Page`].
    async fn events_at(&self, tenant: &Tenant, positions: &[Position])
    -> Result<Vec<Event>, Error>;

    /// Returns the tenant's next events behind `after` in the total order, oldest first: at most
    /// `limit` of them, as many as come to [`SCAN_BYTES`], at least one; none only at the end. For copying and
    /// verifying whole histories.
    async fn scan(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Error>;

    /// Returns those of these files that no event of the tenant references.
    async fn unreferenced_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error>;

    /// Tombstones those of these files that no event references, and returns them: from then on an event that
    /// references one is not stored ([`Appended::FileTombstoned`]), so what this returns may be removed.
    /// However this races with [`Store::append`], a file is tombstoned or referenced and never both. Tombstoning
    /// a file twice is no error.
    ///
    /// Where no transaction tells which came first, this takes as long as an append may be under way.
    async fn tombstone_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error>;

    /// Returns the id of this database, which was made once and is no other's: the same on every replica,
    /// and in a backup that is restored.
    async fn id(&self) -> Result<Uuid, Error>;

    /// Tells whether the backend would answer now, and take events as far as that is this replica's own
    /// affair: after a write that its disk refused this fails until one succeeds. Cheap enough for a probe every
    /// second.
    async fn ping(&self) -> Result<(), Error>;

    /// Tells whether the last events that came were taken. `false` does not mean that this replica is at fault,
    /// which [`Store::ping`] tells. Does no I/O.
    fn takes_writes(&self) -> bool;

    /// Says what stands in the way of using this backend, for `event-history check`.
    async fn check(&self) -> Vec<Finding>;

    /// Finishes what is queued and closes every handle. Later calls fail.
    async fn close(&self) -> Result<(), Error>;
}

/// What became of [`Store::create_tenant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    New,
    /// An entry with that database name was there already; nothing was changed.
    NameTaken,
}

/// What became of one event of [`Store::append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    Stored,
    /// An event with this id and the same content was there already.
    AlreadyThere,
    /// An event with this id and other content was there already; nothing was stored.
    OtherContent,
    /// A file that it references is tombstoned ([`Store::tombstone_files`]); nothing was stored.
    FileTombstoned(FileId),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tenant's database is not there, or no longer.
    #[error("the database of tenant '{0}' is missing")]
    DatabaseMissing(DatabaseName),
    /// A tenant's database is there and its entry was lost, or may have been: until an operator restores the
    /// entry or puts the database away, nobody can say that there is no such tenant.
    #[error("{0}")]
    EntryMissing(String),
    /// More is waiting than the backend takes: try again in a moment.
    #[error("too many writes are waiting")]
    Busy,
    /// The backend cannot be reached, or refuses to work (a full disk, say): try again later.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the backend holds makes no sense: a person has to look.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

/// Returns what a task of ours came to.
fn finished<T>(outcome: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    outcome.unwrap_or_else(|error| Err(Error::Unavailable(Box::new(error))))
}

/// Returns the error of a store that was closed.
fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}

/// Says what stands in the way of using the backend that `location` names. May run beside a service
/// that has it open, and leaves nothing behind.
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

/// Tells whether there is something to open: [`open`] makes a store where none is.
pub fn exists(location: &Location) -> bool {
    match location {
        Location::Sqlite { folder } => sqlite::exists(folder),
        // A ClickHouse that we have not used yet has no tenants, which harms nobody.
        Location::ClickHouse(_) => true,
    }
}

/// Opens the backend that `location` names, and brings its schema up to date.
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

/// Opens the tenant entries that `location` names for an operator's repairs, in place of the service.
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
