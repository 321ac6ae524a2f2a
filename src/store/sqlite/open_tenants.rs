//! Which tenants' databases are open: opened at the first use, and closed again when others need the
//! room or nobody has used them for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, Semaphore,
};
use tokio::time::{Instant, timeout};

use super::committer::failed_before;
use super::database::Database;
use super::errors::blocking;
use super::folder::Folder;
use super::registry::Entry;
use super::writer;
use crate::domain::{ClientId, Event};
use crate::store::{Appended, Error, closed};

/// How many databases are open at once. One with its readers takes eight file descriptors, and two
/// more while its log is folded back, so that all take under 650 of the 1024 that a process usually may
/// have, and one writing thread each.
pub(super) const MAX_OPEN_TENANTS: u32 = 64;

/// How long a call waits for a database to be opened, or for its turn to read, before it is told to
/// come back. Under half of the 5 s that EventBridge gives an endpoint.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// A database that nobody has used for this long is closed, which removes its write-ahead log.
const CLOSE_IDLE_AFTER: Duration = Duration::from_mins(5);
const LOOK_FOR_IDLE_EVERY: Duration = Duration::from_mins(1);

/// How often, at most, a database is opened again after a failure, which may write all of its log.
const RECOVER_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct OpenTenants {
    folder: Arc<Folder>,
    writers: writer::Shared,
    /// One for each database that may be open.
    permits: Arc<Semaphore>,
    list: Mutex<List>,
    /// Databases are also closed from where no task is running, such as a `Drop`.
    runtime: Handle,
}

/// The place of one tenant's open database. Whoever uses the database holds it for reading; opening,
/// closing and deleting hold it for writing, so that none of them happens under a caller.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
    content: Arc<RwLock<Content>>,
    recovery: Arc<Pace>,
}

/// When a database may be opened again that has failed, or failed to open.
#[derive(Debug, Default)]
struct Pace(Mutex<Option<Instant>>);

#[derive(Debug, Default)]
enum Content {
    #[default]
    Closed,
    Open {
        database: Database,
        permit: OwnedSemaphorePermit,
    },
    /// For good: the tenant's name may be another's by now.
    Deleted,
}

/// A database in use: open for as long as this lives.
#[derive(Debug)]
pub(super) struct Lease {
    database: OwnedRwLockReadGuard<Content, Database>,
    _end: LeaseEnd, // after the guard: fields are dropped in their order
}

#[derive(Debug)]
struct LeaseEnd(Arc<OpenTenants>);

#[derive(Debug, Default)]
struct List {
    open: HashMap<ClientId, Listed>,
    /// Calls that wait for a permit, and databases that are being closed for them.
    waiting: usize,
    closing: usize,
    closed: bool,
}

#[derive(Debug)]
struct Listed {
    slot: Slot,
    last_used: Instant,
}

/// A call that waits for a permit.
struct Waiting<'a>(&'a OpenTenants);

impl OpenTenants {
    pub(super) fn new(folder: Arc<Folder>) -> Arc<Self> {
        let open_tenants = Arc::new(Self {
            folder,
            writers: writer::Shared::default(),
            permits: Arc::new(Semaphore::new(MAX_OPEN_TENANTS as usize)),
            list: Mutex::default(),
            runtime: Handle::current(),
        });
        let weak = Arc::downgrade(&open_tenants);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_FOR_IDLE_EVERY).await;
                let Some(open_tenants) = weak.upgrade() else {
                    return;
                };
                open_tenants.close_idle(Instant::now());
            }
        });
        open_tenants
    }

    /// Opens the tenant's database if it is not open, and keeps it so while the lease lives.
    pub(super) async fn lease(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<Lease, Error> {
        timeout(MAX_WAIT, self.open(entry))
            .await
            .unwrap_or(Err(Error::Busy))
    }

    async fn open(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<Lease, Error> {
        let content = entry.slot.read().await;
        if let Some(lease) = self.lease_current(content) {
            self.list().touch(entry.tenant.client_id);
            return Ok(lease);
        }
        let mut content = entry.slot.write().await;
        match &*content {
            Content::Deleted => {
                return Err(Error::DatabaseMissing(entry.tenant.database_name.clone()));
            }
            Content::Open { database, .. } if database.is_current() => {
                // Somebody else has opened it while this call waited.
                return self.lease_current(content.downgrade()).ok_or(Error::Busy);
            }
            Content::Open { database, .. } => {
                if database.has_failed() {
                    entry.slot.recovery.begin(Instant::now())?;
                }
                self.list().remove(entry.tenant.client_id);
                // The guard goes along: nobody opens the file before the old handles are closed.
                let closing = move || {
                    std::mem::take(&mut *content).close();
                    Ok(content)
                };
                content = blocking(closing).await?;
            }
            Content::Closed => entry.slot.recovery.may_begin(Instant::now())?,
        }
        let permit = self.permit().await?;
        let (this, entry) = (Arc::clone(self), Arc::clone(entry));
        blocking(move || this.open_into(content, permit, &entry)).await
    }

    fn open_into(
        self: Arc<Self>,
        mut content: OwnedRwLockWriteGuard<Content>,
        permit: OwnedSemaphorePermit,
        entry: &Entry,
    ) -> Result<Lease, Error> {
        let opened = Database::open(&self.folder, &entry.tenant, &self.writers);
        if let Err(Error::Unavailable(_)) = &opened {
            let _ = entry.slot.recovery.begin(Instant::now());
        }
        let database = opened?;
        if let Err(error) = self.list().insert(entry) {
            database.close();
            return Err(error);
        }
        *content = Content::Open { database, permit };
        self.lease_current(content.downgrade()).ok_or(Error::Busy)
    }

    fn lease_current(self: &Arc<Self>, content: OwnedRwLockReadGuard<Content>) -> Option<Lease> {
        let database = OwnedRwLockReadGuard::try_map(content, |content| match content {
            Content::Open { database, .. } if database.is_current() => Some(database),
            _ => None,
        });
        Some(Lease {
            database: database.ok()?,
            _end: LeaseEnd(Arc::clone(self)),
        })
    }

    async fn permit(self: &Arc<Self>) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        self.list().waiting += 1;
        let _waiting = Waiting(self);
        self.make_room();
        Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| closed())
    }

    /// Closes databases that nobody uses, those first that nobody has used for longest, until there
    /// is one for each call that waits.
    fn make_room(self: &Arc<Self>) {
        let mut list = self.list();
        while list.waiting > list.closing {
            let Some(content) = list.take_idle(|_| true) else {
                return; // the next lease that ends comes here again
            };
            list.closing += 1;
            let this = Arc::clone(self);
            self.runtime.spawn_blocking(move || {
                close(content);
                this.list().closing -= 1;
                this.make_room(); // for calls that came in between
            });
        }
    }

    /// Closes the databases that nobody has used for a while. Does not wait.
    pub(super) fn close_idle(self: &Arc<Self>, now: Instant) {
        let is_idle = |listed: &Listed| now.duration_since(listed.last_used) > CLOSE_IDLE_AFTER;
        while let Some(content) = self.list().take_idle(is_idle) {
            self.runtime.spawn_blocking(move || close(content));
        }
    }

    /// Closes a database whose file is gone, once nobody uses it, so that a file that comes back is
    /// opened afresh. Does not wait.
    pub(super) fn let_go(self: &Arc<Self>, entry: &Arc<Entry>) {
        if !self.list().open.contains_key(&entry.tenant.client_id) {
            return;
        }
        let (this, entry) = (Arc::clone(self), Arc::clone(entry));
        self.runtime.spawn(async move {
            let content = entry.slot.write().await;
            if !matches!(&*content, Content::Open { database, .. } if database.is_current()) {
                this.list().remove(entry.tenant.client_id);
                close_soon(content).await;
            }
        });
    }

    /// Waits until nobody uses the tenant's database, closes it, and lets nobody open it again.
    pub(super) async fn delete(&self, entry: &Entry) -> Result<(), Error> {
        let mut content = entry.slot.write().await;
        self.list().remove(entry.tenant.client_id);
        let last = std::mem::replace(&mut *content, Content::Deleted);
        blocking(move || {
            last.close();
            Ok(())
        })
        .await
    }

    /// Closes every database, and lets nobody open one again.
    pub(super) async fn close(&self) -> Result<(), Error> {
        let open = self.list().close();
        for slot in open {
            self.runtime
                .spawn(async move { close_soon(slot.write().await).await });
        }
        // Every open database has a permit until it is closed.
        let all = self
            .permits
            .acquire_many(MAX_OPEN_TENANTS)
            .await
            .map_err(|_| closed())?;
        self.permits.close();
        drop(all);
        Ok(())
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Stores events: durable when this answers. They are stored even if nobody waits for that.
    pub(super) async fn append(self, events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        let answered = self.database.writer.append(events)?;
        answered.await.unwrap_or_else(|_| Err(writer::stopped()))
    }

    /// Reads on a connection of its own, off the async tasks.
    pub(super) async fn read<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = timeout(MAX_WAIT, self.database.turns().acquire_owned()).await;
        let turn = turn.map_err(|_| Error::Busy)?.map_err(|_| closed())?;
        blocking(move || self.database.read(turn, work)).await
    }

    /// Writes on a connection of its own, off the async tasks; durable when this answers.
    pub(super) async fn write<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        blocking(move || self.database.write(work)).await
    }
}

impl Drop for LeaseEnd {
    fn drop(&mut self) {
        self.0.make_room();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.list().waiting -= 1;
    }
}

impl Slot {
    async fn read(&self) -> OwnedRwLockReadGuard<Content> {
        Arc::clone(&self.content).read_owned().await
    }

    async fn write(&self) -> OwnedRwLockWriteGuard<Content> {
        Arc::clone(&self.content).write_owned().await
    }
}

impl Pace {
    /// Refuses what comes too soon after the last attempt.
    fn may_begin(&self, now: Instant) -> Result<(), Error> {
        let last = *self.last();
        if last.is_some_and(|last| now.duration_since(last) < RECOVER_EVERY) {
            return Err(failed_before());
        }
        Ok(())
    }

    /// The same, and counts as an attempt.
    fn begin(&self, now: Instant) -> Result<(), Error> {
        self.may_begin(now)?;
        *self.last() = Some(now);
        Ok(())
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn close(self) {
        if let Self::Open { database, permit } = self {
            database.close();
            drop(permit); // last: it stands for the handles
        }
    }
}

async fn close_soon(content: OwnedRwLockWriteGuard<Content>) {
    let work = move || {
        close(content);
        Ok(())
    };
    if let Err(error) = blocking(work).await {
        tracing::error!("closing a database failed: {error}");
    }
}

fn close(mut content: OwnedRwLockWriteGuard<Content>) {
    if matches!(*content, Content::Open { .. }) {
        std::mem::take(&mut *content).close();
    }
}

impl List {
    fn insert(&mut self, entry: &Entry) -> Result<(), Error> {
        if self.closed {
            return Err(closed());
        }
        let listed = Listed {
            slot: entry.slot.clone(),
            last_used: Instant::now(),
        };
        self.open.insert(entry.tenant.client_id, listed);
        self.report();
        Ok(())
    }

    fn remove(&mut self, id: ClientId) {
        self.open.remove(&id);
        self.report();
    }

    fn touch(&mut self, id: ClientId) {
        if let Some(listed) = self.open.get_mut(&id) {
            listed.last_used = Instant::now();
        }
    }

    /// Takes the database off the list that was last used longest ago, of those that are not in use
    /// and that `choose` lets through.
    fn take_idle(
        &mut self,
        choose: impl Fn(&Listed) -> bool,
    ) -> Option<OwnedRwLockWriteGuard<Content>> {
        let mut by_age: Vec<_> = self
            .open
            .iter()
            .filter(|(_, listed)| choose(listed))
            .collect();
        by_age.sort_unstable_by_key(|(_, listed)| listed.last_used);
        let (id, content) = by_age.into_iter().find_map(|(id, listed)| {
            let content = Arc::clone(&listed.slot.content).try_write_owned().ok()?;
            Some((*id, content))
        })?;
        self.remove(id);
        Some(content)
    }

    fn close(&mut self) -> Vec<Slot> {
        self.closed = true;
        let open = std::mem::take(&mut self.open);
        self.report();
        open.into_values().map(|listed| listed.slot).collect()
    }

    fn report(&self) {
        let open = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        gauge!("event_history_sqlite_open_tenants").set(open);
    }
}
