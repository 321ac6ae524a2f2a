//! The embedded backend: SQLite, a registry of the tenants and one database file for each.
//!
//! A folder belongs to one process at a time. Each open tenant has one connection that writes, with a thread
//! that turns whatever waits into one transaction, and a few that read. At most `MAX_OPEN_TENANTS`
//! are open; the others are files.

mod beside;
mod checks;
mod checksum;
mod committer;
mod counts;
mod database;
mod entries;
mod errors;
mod events;
mod files;
mod folder;
mod fsck;
mod identity;
mod incarnation;
mod inspection;
mod lifecycle;
mod log;
mod migrations;
mod names;
mod open_tenants;
mod orphans;
mod queries;
mod recovery;
mod registry;
mod registry_file;
mod repair;
#[cfg(test)]
mod tests;
mod threads;
mod wal;
mod writer;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use metrics::describe_gauge;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

pub use beside::Beside;
pub use checks::check_folder;
pub use fsck::{Checked, Fault, Fsck, Reference};
pub use repair::{Removed, Repair, RepairError};

use self::errors::{blocking, io_failed, refused};
use self::folder::{Folder, Identity};
use self::lifecycle::open_folder;
use self::open_tenants::{Lease, OpenTenants};
use self::registry::{Entry, Registry};
use super::{Appended, Created, Error, Store, finished};
use crate::domain::query::Limit;
use crate::domain::{
    ClientId, DatabaseName, Event, EventId, FileId, Finding, Page, Position, Query, Tenant,
};

/// How many creations and deletions run at once, at most.
const NAME_LOCKS: usize = 64;

/// A folder of SQLite databases. The caller that is done with it calls [`Store::close`].
#[derive(Debug)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Arc<Folder>,
    registry: Registry,
    open_tenants: Arc<OpenTenants>,
    /// Creations and deletions of one name come one after the other. Names share locks, which costs
    /// a little waiting and bounds their number.
    name_locks: [Arc<Mutex<()>>; NAME_LOCKS],
}

impl Sqlite {
    /// Opens the store in `folder`, and makes one where none is. Work on tenants that the end of the
    /// last process cut short is finished or undone first.
    ///
    /// [`Error::Unavailable`] if another process has the folder open, or a newer version has changed it.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.to_owned();
        let (folder, registry) = blocking(move || open_folder(&path)).await?;
        let folder = Arc::new(folder);
        Ok(Self(Arc::new(Inner {
            open_tenants: OpenTenants::new(Arc::clone(&folder)),
            folder,
            registry,
            name_locks: std::array::from_fn(|_| Arc::default()),
        })))
    }

    /// Returns where the tenant's database is, for those who back it up or look into it.
    pub fn database_path(&self, name: &DatabaseName) -> PathBuf {
        self.0.folder.database(name)
    }
}

/// Tells whether `folder` has a registry, by its name alone.
pub fn exists(folder: &Path) -> bool {
    Folder::registry_in(folder).exists()
}

/// Tells the recorder of metrics what this backend measures.
pub fn describe_metrics() {
    super::queue::describe_metrics();
    describe_gauge!(
        "event_history_sqlite_open_tenants",
        "Tenants whose database file is open."
    );
}

#[async_trait]
impl Store for Sqlite {
    async fn create_tenant(&self, tenant: Tenant) -> Result<Created, Error> {
        let name = self.0.lock_name(&tenant.database_name).await;
        let inner = Arc::clone(&self.0);
        blocking(move || {
            let _name = name; // held to the end, even if the caller does not wait for it
            inner.create(&tenant)
        })
        .await
    }

    async fn tenant_by_client_id(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        let entry = self.0.registry.by_client_id(id)?;
        self.0.known(entry)
    }

    async fn tenant_by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error> {
        let entry = self.0.registry.by_name(name)?;
        self.0.known(entry)
    }

    async fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        self.0.registry.tenants()
    }

    /// At most one `stat`: it takes microseconds, and a thread hop would take longer.
    async fn has_database(&self, tenant: &Tenant) -> Result<bool, Error> {
        let Some(entry) = self.0.registry.by_client_id(tenant.client_id)? else {
            return Ok(false);
        };
        let look = || {
            let path = self.0.folder.database(&entry.tenant.database_name);
            let found = Identity::at(&path).map_err(|error| io_failed(&path, error))?;
            Ok::<_, Error>(found.is_some())
        };
        let is_there = entry.seen.or_look(look)?;
        if !is_there {
            self.0.open_tenants.let_go(&entry);
            self.0.require_databases()?;
        }
        Ok(is_there)
    }

    async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), Error> {
        let (inner, tenant) = (Arc::clone(&self.0), tenant.clone());
        // A task of its own: a deletion that has begun ends, even if the caller does not wait for it.
        finished(tokio::spawn(async move { inner.delete(&tenant).await }).await)
    }

    async fn append(&self, tenant: &Tenant, events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        let lease = self.0.lease(tenant).await?;
        self.0.told(lease.append(events).await)
    }

    async fn event(&self, tenant: &Tenant, id: EventId) -> Result<Option<Event>, Error> {
        let lease = self.0.lease(tenant).await?;
        let outcome = lease
            .read(move |connection| events::find(connection, id))
            .await;
        self.0.told(outcome)
    }

    async fn events(&self, tenant: &Tenant, query: &Query) -> Result<Page, Error> {
        let lease = self.0.lease(tenant).await?;
        let query = query.clone();
        let outcome = lease
            .read(move |connection| queries::page(connection, &query))
            .await;
        self.0.told(outcome)
    }

    async fn events_at(
        &self,
        tenant: &Tenant,
        positions: &[Position],
    ) -> Result<Vec<Event>, Error> {
        let lease = self.0.lease(tenant).await?;
        let positions = positions.to_vec();
        lease
            .read(move |connection| queries::events_at(connection, &positions))
            .await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Error> {
        let lease = self.0.lease(tenant).await?;
        let outcome = lease
            .read(move |connection| queries::scan(connection, after, limit))
            .await;
        self.0.told(outcome)
    }

    async fn unreferenced_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        let lease = self.0.lease(tenant).await?;
        let wanted = files.to_vec();
        let outcome = lease
            .read(move |connection| files::unreferenced(connection, &wanted))
            .await;
        self.0.told(outcome)
    }

    async fn tombstone_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        let lease = self.0.lease(tenant).await?;
        let wanted = files.to_vec();
        let outcome = lease
            .write(move |connection| files::tombstone(connection, &wanted))
            .await;
        self.0.told(outcome)
    }

    async fn id(&self) -> Result<Uuid, Error> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.registry.database_id()).await
    }

    async fn ping(&self) -> Result<(), Error> {
        let inner = Arc::clone(&self.0);
        blocking(move || {
            inner.require_databases()?;
            let writes = inner.folder.writes.check(Instant::now());
            writes.map_err(|error| Error::Unavailable(error.into()))?;
            inner.registry.ping()
        })
        .await
    }

    fn takes_writes(&self) -> bool {
        !self.0.folder.writes.is_failing()
    }

    async fn check(&self) -> Vec<Finding> {
        let inner = Arc::clone(&self.0);
        let look = move || Ok(checks::check_open(&inner.folder, &inner.registry));
        blocking(look)
            .await
            .unwrap_or_else(|error| vec![checks::broken(&error)])
    }

    async fn close(&self) -> Result<(), Error> {
        let mut names = Vec::with_capacity(NAME_LOCKS);
        for lock in &self.0.name_locks {
            names.push(lock.lock().await); // creations and deletions under way end first
        }
        self.0.open_tenants.close().await?;
        let inner = Arc::clone(&self.0);
        blocking(move || {
            inner.registry.close()?;
            inner.folder.close();
            Ok(())
        })
        .await
    }
}

impl Inner {
    async fn lock_name(&self, name: &DatabaseName) -> OwnedMutexGuard<()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % NAME_LOCKS as u64).unwrap_or(0);
        Arc::clone(&self.name_locks[index]).lock_owned().await
    }

    /// Goes by client id: the name may belong to another tenant by now.
    async fn lease(&self, tenant: &Tenant) -> Result<Lease, Error> {
        let entry = self.registry.by_client_id(tenant.client_id)?;
        let entry = entry.ok_or_else(|| Error::DatabaseMissing(tenant.database_name.clone()))?;
        self.told(self.open_tenants.lease(&entry).await)
    }

    fn known(&self, entry: Option<Arc<Entry>>) -> Result<Option<Arc<Tenant>>, Error> {
        if entry.is_none() {
            self.folder.ping()?; // which databases have lost their entries, it alone can tell
        }
        Ok(entry.map(|entry| Arc::clone(&entry.tenant)))
    }

    /// Fails while the folder of databases is missing, or all of several databases: that is no end of these
    /// tenants but a file system that is not there, say. Takes microseconds, so fit for an async task.
    fn require_databases(&self) -> Result<(), Error> {
        self.folder.ping()?;
        let tenants = self.registry.count();
        if tenants < 2 || self.folder.has_database(|name| self.registry.knows(name))? {
            return Ok(());
        }
        let folder = self.folder.path().display();
        Err(refused(format!(
            "the databases of all {tenants} tenants are missing in '{folder}'"
        )))
    }

    /// Holds the news that a database is missing against the others.
    fn told<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::DatabaseMissing(_)) = &outcome {
            self.require_databases()?;
        }
        outcome
    }
}
