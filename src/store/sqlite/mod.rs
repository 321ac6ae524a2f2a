//! The embedded backend: SQLite, a registry of the tenants and one database file for each.
//!
//! A folder belongs to one service at a time. Each open tenant has one connection that writes, which stores whatever
//! waits in one transaction, and a few that read when somebody does. As many are open as the limit of open files allows;
//! the others are files.
//!
//! Imports go down this list: `data_lifecycle` (holds), `fsck/` and `external/` (other processes), `provisioning` (creating and deleting
//! tenants), `registry/` (tenant entries), `pool/` (open tenants), `tenant/` (one open database), `wal/` (write-ahead
//! logs), `tables/` (rows and schema), `disk/` (the data folder).

mod check_folder;
mod data_lifecycle;
mod delayed_deletion;
mod disk;
mod external;
mod fsck;
mod metric_descriptions;
mod pool;
mod provisioning;
mod registry;
mod tables;
mod tenant;
mod wal;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

pub use check_folder::check_folder;
pub use disk::layout::UNFINISHED_RESTORE;
pub use external::{ExternalStore, LastBackup, Snapshots, check_restored, mark_as_deleting};
pub use fsck::{Checked, Fault, Fsck, Reference};
pub use metric_descriptions::describe_metrics;
pub use registry::repair::{Removed, Repair, RepairError};

use self::disk::Folder;
use self::disk::error_mapping::{blocking, io_failed, refused};
use self::disk::file_system::Inode;
use self::disk::layout::Layout;
use self::pool::limits::Limits;
use self::pool::{Lease, TenantHandle, TenantPool};
use self::registry::Registry;
use self::tables::words::index;
use self::tables::{arrival, event_rows, feed, file_references, page, stats};
use self::wal::usage::LogUsage;
use super::{Appended, Created, Error, News, Store, Tombstone};
use crate::domain::query::Limit;
use crate::domain::{
    Chunk, ClientId, Clock, Cursor, DatabaseName, Epoch, Event, EventId, Feed, FileId, Finding,
    Grouping, Page, Placement, Position, Query, Stats, SystemClock, Tenant,
};

/// The creations and deletions that run at once, at most.
const NAME_LOCKS: usize = 64;

/// A folder of SQLite databases. The caller that is done with it calls [`Store::close`].
#[derive(Debug)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Arc<Folder>,
    registry: Arc<Registry>,
    pool: Arc<TenantPool>,
    /// Serialize creations and deletions of one name. Names share locks, which costs
    /// a little waiting and bounds their number.
    name_locks: [Arc<Mutex<()>>; NAME_LOCKS],
}

impl Sqlite {
    /// Opens the store in `folder`, and creates one where there is none. Finishes or undoes first what the end of the
    /// last process interrupted.
    ///
    /// [`Error::Unavailable`] if another process has the folder open, or a newer version has changed it.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_with_clock(folder, Arc::new(SystemClock)).await
    }

    /// The same with another clock, which says when events are received.
    pub async fn open_with_clock(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let (limits, logs) = (Limits::of_process(), LogUsage::default());
        Self::open_within(folder, clock, limits, logs).await
    }

    async fn open_within(
        folder: &Path,
        clock: Arc<dyn Clock>,
        limits: Limits,
        logs: LogUsage,
    ) -> Result<Self, Error> {
        let path = folder.to_owned();
        let (folder, registry) = blocking(move || provisioning::recover(&path)).await?;
        let folder = Arc::new(folder);
        let pool = TenantPool::start(Arc::clone(&folder), clock, limits, logs)
            .map_err(|error| io_failed(folder.layout.path(), error))?;
        let (tenants, adopting) = (registry.handles(), Arc::clone(&pool));
        tokio::task::spawn_blocking(move || adopting.adopt_logs(tenants)); // the start does not wait for it
        Ok(Self(Arc::new(Inner {
            pool,
            folder,
            registry: Arc::new(registry),
            name_locks: std::array::from_fn(|_| Arc::default()),
        })))
    }

    /// Returns the path of the tenant's database, for backups.
    pub fn database_path(&self, name: &DatabaseName) -> PathBuf {
        self.0.folder.layout.database(name)
    }

    async fn read<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let lease = self.0.lease(tenant).await?;
        self.0.confirm_missing(lease.read(work).await)
    }

    /// Fails where a query is for words and they are not indexed yet, and has them indexed.
    async fn require_index(&self, tenant: &Tenant, query: &Query) -> Result<(), Error> {
        if query.words.is_none() {
            return Ok(());
        }
        let is_behind = |connection: &mut Connection| index::is_behind(connection);
        if !self.read(tenant, is_behind).await? {
            return Ok(());
        }
        self.0.lease(tenant).await?.complete_index();
        Err(Error::NotIndexed)
    }
}

/// Tells whether `folder` has a registry, by its name alone.
pub fn exists(folder: &Path) -> bool {
    Layout::of(folder).registry().exists()
}

#[async_trait]
impl Store for Sqlite {
    /// Every tenant has a file of its own, wherever it is to be placed.
    async fn create_placed_tenant(
        &self,
        tenant: Tenant,
        _placement: Option<Placement>,
    ) -> Result<Created, Error> {
        let name = self.0.lock_name(&tenant.database_name).await;
        let inner = Arc::clone(&self.0);
        blocking(move || {
            let _name = name; // held to the end, even if the caller stops waiting
            inner.require_databases()?;
            provisioning::create(&inner.folder, &inner.registry, &tenant)
        })
        .await
    }

    async fn tenant_by_client_id(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        let found = self.0.registry.by_client_id(id)?;
        self.0.require_complete(found)
    }

    async fn tenant_by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error> {
        let found = self.0.registry.by_name(name)?;
        self.0.require_complete(found)
    }

    async fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        self.0.registry.tenants()
    }

    /// At most one `stat`: it takes microseconds, and a thread hop would take longer.
    async fn has_database(&self, tenant: &Tenant) -> Result<bool, Error> {
        let Some(handle) = self.0.registry.by_client_id(tenant.client_id)? else {
            return Ok(false);
        };
        let look = || {
            let path = self.0.folder.layout.database(&handle.tenant.database_name);
            let found = Inode::at(&path).map_err(|error| io_failed(&path, error))?;
            Ok::<_, Error>(found.is_some())
        };
        let is_there = handle.seen.or_look(look)?;
        if !is_there {
            self.0.pool.evict_missing(&handle);
            self.0.require_databases()?;
        }
        Ok(is_there)
    }

    async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), Error> {
        self.delete(tenant).await
    }

    async fn resume_deletion(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        let tenant = self.0.registry.deleting(id);
        if let Some(tenant) = &tenant {
            self.delete_tenant(tenant).await?;
        }
        Ok(tenant)
    }

    async fn append(&self, tenant: &Tenant, events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        let lease = self.0.lease(tenant).await?;
        self.0.confirm_missing(lease.append(events).await)
    }

    async fn event(&self, tenant: &Tenant, id: EventId) -> Result<Option<Event>, Error> {
        self.read(tenant, move |it| event_rows::find(it, id)).await
    }

    async fn events(&self, tenant: &Tenant, query: &Query) -> Result<Page, Error> {
        self.require_index(tenant, query).await?;
        let query = query.clone();
        self.read(tenant, move |connection| page::read(connection, &query))
            .await
    }

    async fn events_at(
        &self,
        tenant: &Tenant,
        positions: &[Position],
    ) -> Result<Vec<Event>, Error> {
        let positions = positions.to_vec();
        let read = move |connection: &mut Connection| page::events_at(connection, &positions);
        self.read(tenant, read).await
    }

    async fn events_behind(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        query: &Query,
    ) -> Result<Chunk, Error> {
        self.require_index(tenant, query).await?;
        let query = query.clone();
        let read = move |connection: &mut Connection| page::behind(connection, after, &query);
        self.read(tenant, read).await
    }

    async fn stats(
        &self,
        tenant: &Tenant,
        query: &Query,
        grouping: Grouping,
    ) -> Result<Stats, Error> {
        let query = query.clone();
        let read = move |connection: &mut Connection| stats::read(connection, &query, grouping);
        self.read(tenant, read).await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Error> {
        let scan = move |connection: &mut Connection| page::scan(connection, after, limit);
        self.read(tenant, scan).await
    }

    async fn feed(
        &self,
        tenant: &Tenant,
        after: Option<&Cursor>,
        query: &Query,
    ) -> Result<Feed, Error> {
        let (id, after, query) = (tenant.client_id, after.copied(), query.clone());
        let read =
            move |connection: &mut Connection| feed::read(connection, id, after.as_ref(), &query);
        Ok(self.read(tenant, read).await??)
    }

    async fn epoch(&self, tenant: &Tenant) -> Result<Epoch, Error> {
        self.read(tenant, |it| arrival::epoch(it)).await
    }

    async fn newest_cursor(&self, tenant: &Tenant) -> Result<Cursor, Error> {
        let id = tenant.client_id;
        self.read(tenant, move |it| feed::newest(it, id)).await
    }

    async fn cursor_behind(
        &self,
        tenant: &Tenant,
        event: EventId,
    ) -> Result<Option<Cursor>, Error> {
        let id = tenant.client_id;
        let read = move |connection: &mut Connection| feed::behind(connection, id, event);
        self.read(tenant, read).await
    }

    async fn news(&self, tenant: &Tenant) -> Result<News, Error> {
        Ok(self.0.pool.news().subscribe(tenant.client_id))
    }

    async fn unreferenced_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        let wanted = files.to_vec();
        self.read(tenant, move |connection| {
            file_references::unreferenced(connection, &wanted)
        })
        .await
    }

    async fn tombstone_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<Tombstone>, Error> {
        let lease = self.0.lease(tenant).await?;
        let wanted = files.to_vec();
        let tombstone =
            move |connection: &mut Connection| file_references::tombstone(connection, &wanted);
        self.0.confirm_missing(lease.write(tombstone).await)
    }

    async fn withdraw_tombstones(
        &self,
        tenant: &Tenant,
        tombstones: &[Tombstone],
    ) -> Result<(), Error> {
        let lease = self.0.lease(tenant).await?;
        let refused = tombstones.to_vec();
        let withdraw =
            move |connection: &mut Connection| file_references::withdraw(connection, &refused);
        self.0.confirm_missing(lease.write(withdraw).await)
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
        let check = move || Ok(check_folder::check_open(&inner.folder, &inner.registry));
        blocking(check)
            .await
            .unwrap_or_else(|error| vec![check_folder::failed(&error)])
    }

    async fn close(&self) -> Result<(), Error> {
        let mut names = Vec::with_capacity(NAME_LOCKS);
        for lock in &self.0.name_locks {
            names.push(lock.lock().await); // creations and deletions under way end first
        }
        self.0.pool.news().close();
        self.0.pool.close().await?;
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

    async fn find_hidden(&self, id: ClientId) -> Result<Option<Tenant>, Error> {
        let registry = Arc::clone(&self.registry);
        let hidden = blocking(move || registry.hidden_tenant(id)).await?;
        Ok(hidden.map(|it| it.tenant))
    }

    /// Looks up the client id: the name may belong to another tenant by now.
    async fn lease(&self, tenant: &Tenant) -> Result<Lease, Error> {
        let handle = self.registry.by_client_id(tenant.client_id)?;
        let handle = handle.ok_or_else(|| Error::DatabaseMissing(tenant.database_name.clone()))?;
        self.confirm_missing(self.pool.lease(&handle).await)
    }

    /// Fails before a tenant is reported as unknown while the folder of databases is missing: only there it can be seen
    /// that its entry was lost.
    fn require_complete(
        &self,
        found: Option<Arc<TenantHandle>>,
    ) -> Result<Option<Arc<Tenant>>, Error> {
        if found.is_none() {
            self.folder.ping()?;
        }
        Ok(found.map(|handle| Arc::clone(&handle.tenant)))
    }

    /// Fails while the folder of databases is missing, or all of several databases: a file system is not mounted, say,
    /// and these tenants are not gone. Takes microseconds, so fit for an async task.
    fn require_databases(&self) -> Result<(), Error> {
        self.folder.ping()?;
        let tenants = self.registry.customers();
        if tenants < 2
            || self
                .folder
                .layout
                .has_database(|name| !name.is_system() && self.registry.knows(name))?
        {
            return Ok(());
        }
        let folder = self.folder.layout.path().display();
        Err(refused(format!(
            "the databases of all {tenants} tenants are missing in '{folder}'"
        )))
    }

    /// Checks the other databases before one is reported as missing.
    fn confirm_missing<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::DatabaseMissing(_)) = &outcome {
            self.require_databases()?;
        }
        outcome
    }
}

#[cfg(test)]
#[path = "many_tenants_tests.rs"]
mod many_tenants_tests;

#[cfg(test)]
#[path = "eviction_tests.rs"]
mod eviction_tests;
