//! The pool of open tenants: opened at the first use, and evicted when others need the room or nobody has used them
//! for a while.
//!
//! Opens databases of `tenant/`. The registry keeps a [`TenantHandle`] for each tenant; this room does not know it.

mod open_list;
mod tenant_handle;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use self::open_list::OpenList;
use self::tenant_handle::SlotState;
use super::disk::Folder;
use super::disk::error_mapping::blocking;
use super::tenant::open_database::Database;
use super::tenant::writer_thread::{self, SharedByWriters};
use crate::domain::{Clock, Event};
use crate::store::news::NewsBoard;
use crate::store::{Appended, Error, closed};

pub(super) use self::tenant_handle::TenantHandle;

/// The databases that are open at once. One with its readers takes eight file descriptors, and two more during a
/// checkpoint, so that all take under 650 of the 1024 that a process usually may have, and one writing thread each.
const MAX_OPEN_TENANTS: u32 = 64;

/// The time that a call waits for a database to be opened, or for its turn to read, before it fails
/// with [`Error::Busy`]. Under half of the 5 s that EventBridge gives an endpoint.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// A database that nobody has used for this long is evicted, which removes its write-ahead log.
const EVICT_IDLE_AFTER: Duration = Duration::from_mins(5);
const EVICT_IDLE_EVERY: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct TenantPool {
    folder: Arc<Folder>,
    writers: SharedByWriters,
    /// One for each database that may be open.
    permits: Arc<Semaphore>,
    list: Mutex<OpenList>,
    /// Databases are also closed from where no task is running, such as a `Drop`.
    runtime: Handle,
}

/// A database in use: open for as long as this lives.
#[derive(Debug)]
pub(super) struct Lease {
    database: OwnedRwLockReadGuard<SlotState, Database>,
    _end: LeaseEnd, // after the guard: fields are dropped in their order
}

#[derive(Debug)]
struct LeaseEnd(Arc<TenantPool>);

/// A call that waits for a permit.
struct Waiting<'a>(&'a TenantPool);

impl TenantPool {
    pub(super) fn new(folder: Arc<Folder>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let pool = Arc::new(Self {
            folder,
            writers: SharedByWriters::new(clock),
            permits: Arc::new(Semaphore::new(MAX_OPEN_TENANTS as usize)),
            list: Mutex::default(),
            runtime: Handle::current(),
        });
        let weak = Arc::downgrade(&pool);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVICT_IDLE_EVERY).await;
                let Some(pool) = weak.upgrade() else {
                    return;
                };
                pool.evict_idle(Instant::now());
            }
        });
        pool
    }

    /// Returns the board on which the writers announce new events.
    pub(super) fn news(&self) -> &NewsBoard {
        &self.writers.news
    }

    /// Opens the tenant's database if it is not open, and keeps it open while the lease lives.
    pub(super) async fn lease(
        self: &Arc<Self>,
        handle: &Arc<TenantHandle>,
    ) -> Result<Lease, Error> {
        timeout(MAX_WAIT, self.open(handle))
            .await
            .unwrap_or(Err(Error::Busy))
    }

    async fn open(self: &Arc<Self>, handle: &Arc<TenantHandle>) -> Result<Lease, Error> {
        let state = Arc::clone(&handle.slot.state).read_owned().await;
        if let Some(lease) = self.lease_current(state) {
            self.list().touch(handle.tenant.client_id);
            return Ok(lease);
        }
        let mut state = handle.slot.write().await;
        match &*state {
            SlotState::Deleted => {
                return Err(Error::DatabaseMissing(handle.tenant.database_name.clone()));
            }
            SlotState::Open { database, .. } if database.is_current() => {
                // Another call has opened it while this one waited.
                return self.lease_current(state.downgrade()).ok_or(Error::Busy);
            }
            SlotState::Open { database, .. } => {
                if database.has_failed() {
                    handle.slot.reopen.begin(Instant::now().into_std())?;
                }
                self.list().remove(handle.tenant.client_id);
                // With the guard: nobody opens the file before the old handles are closed.
                let closing = move || {
                    std::mem::take(&mut *state).close();
                    Ok(state)
                };
                state = blocking(closing).await?;
            }
            SlotState::Closed => handle.slot.reopen.check(Instant::now().into_std())?,
        }
        let permit = self.permit().await?;
        let (this, handle) = (Arc::clone(self), Arc::clone(handle));
        blocking(move || this.open_into(state, permit, &handle)).await
    }

    fn open_into(
        self: Arc<Self>,
        mut state: OwnedRwLockWriteGuard<SlotState>,
        permit: OwnedSemaphorePermit,
        handle: &TenantHandle,
    ) -> Result<Lease, Error> {
        let opened = Database::open(&self.folder, &handle.tenant, &self.writers);
        if let Err(Error::Unavailable(_)) = &opened {
            let _ = handle.slot.reopen.begin(Instant::now().into_std());
        }
        let database = opened?;
        if let Err(error) = self.list().insert(handle) {
            database.close();
            return Err(error);
        }
        *state = SlotState::Open { database, permit };
        self.lease_current(state.downgrade()).ok_or(Error::Busy)
    }

    fn lease_current(self: &Arc<Self>, state: OwnedRwLockReadGuard<SlotState>) -> Option<Lease> {
        let database = OwnedRwLockReadGuard::try_map(state, |state| match state {
            SlotState::Open { database, .. } if database.is_current() => Some(database),
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

    /// Evicts databases that nobody uses, least recently used first, until there is one for each call that waits.
    fn make_room(self: &Arc<Self>) {
        let mut list = self.list();
        while list.waiting > list.closing {
            let Some(state) = list.take_idle(|_| true) else {
                return; // the end of the next lease calls this again
            };
            list.closing += 1;
            let this = Arc::clone(self);
            self.runtime.spawn_blocking(move || {
                close(state);
                this.list().closing -= 1;
                this.make_room(); // for calls that arrived meanwhile
            });
        }
    }

    /// Evicts the databases that nobody has used for a while. Does not wait.
    pub(super) fn evict_idle(self: &Arc<Self>, now: Instant) {
        let is_idle = |last_used| now.duration_since(last_used) > EVICT_IDLE_AFTER;
        while let Some(state) = self.list().take_idle(is_idle) {
            self.runtime.spawn_blocking(move || close(state));
        }
    }

    /// Evicts a database whose file is gone, once nobody uses it, so that a file that comes back is
    /// opened again. Does not wait.
    pub(super) fn evict_missing(self: &Arc<Self>, handle: &Arc<TenantHandle>) {
        if !self.list().contains(handle.tenant.client_id) {
            return;
        }
        let (this, handle) = (Arc::clone(self), Arc::clone(handle));
        self.runtime.spawn(async move {
            let state = handle.slot.write().await;
            if !matches!(&*state, SlotState::Open { database, .. } if database.is_current()) {
                this.list().remove(handle.tenant.client_id);
                this.runtime.spawn_blocking(move || close(state));
            }
        });
    }

    /// Waits until nobody uses the tenant's database, and closes it; it is never opened again.
    pub(super) async fn delete(&self, handle: &TenantHandle) -> Result<(), Error> {
        let mut state = handle.slot.write().await;
        self.list().remove(handle.tenant.client_id);
        let last = std::mem::replace(&mut *state, SlotState::Deleted);
        blocking(move || {
            last.close();
            Ok(())
        })
        .await
    }

    /// Closes every database; none is opened again.
    pub(super) async fn close(&self) -> Result<(), Error> {
        let open = self.list().close();
        for slot in open {
            self.runtime.spawn(async move {
                let state = slot.write().await;
                Handle::current().spawn_blocking(move || close(state));
            });
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

    fn list(&self) -> MutexGuard<'_, OpenList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Stores events: durable when this returns. They are stored even if the caller stops waiting.
    pub(super) async fn append(self, events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        let answered = self.database.writer.append(events)?;
        answered
            .await
            .unwrap_or_else(|_| Err(writer_thread::stopped()))
    }

    /// Reads on a connection of its own, off the async tasks.
    pub(super) async fn read<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = timeout(MAX_WAIT, Arc::clone(&self.database.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Error::Busy)?.map_err(|_| closed())?;
        blocking(move || self.database.read(turn, work)).await
    }

    /// Writes on a connection of its own, off the async tasks; durable when this returns.
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

fn close(mut state: OwnedRwLockWriteGuard<SlotState>) {
    if matches!(*state, SlotState::Open { .. }) {
        std::mem::take(&mut *state).close();
    }
}
