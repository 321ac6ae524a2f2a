//! The pool of open tenants: opened at the first use, and evicted when others need the room or nobody has used them
//! for a while. Eviction runs in the background, before the room is needed, and leaves a short log where it is, so that
//! neither closing nor opening has to sync; [`log_keeper`] bounds what such logs take.
//!
//! Opens databases of `tenant/`. The registry keeps a [`TenantHandle`] for each tenant; this room does not know it.

pub(super) mod limits;
mod log_keeper;
mod tenant_handle;
mod tenant_list;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, Semaphore, oneshot,
};
use tokio::time::{Instant, timeout};

use self::limits::Limits;
use self::tenant_handle::SlotState;
use self::tenant_list::{Taken, TenantList};
use super::disk::Folder;
use super::disk::error_mapping::blocking;
use super::tenant::committer::{After, Closing};
use super::tenant::open_database::{Database, Opening};
use super::tenant::writer::{self, Shared};
use super::wal::usage::LogUsage;
use crate::domain::{Clock, Event};
use crate::store::news::NewsBoard;
use crate::store::{Appended, Error, closed};

pub(super) use self::tenant_handle::TenantHandle;

/// The time that a call waits for a database to be opened, or for its turn to read, before it fails
/// with [`Error::Busy`]. Under half of the 5 s that EventBridge gives an endpoint.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The part of the permits that eviction keeps free, so that who opens a database need not wait for another to be
/// closed; and the databases that one task closes.
const FREE_PART: usize = 16;
const CLOSED_TOGETHER: usize = 8;

#[derive(Debug)]
pub(super) struct TenantPool {
    folder: Arc<Folder>,
    shared: Shared,
    logs: LogUsage,
    limits: Limits,
    /// One for each database that may be open.
    permits: Arc<Semaphore>,
    list: Mutex<TenantList>,
    /// Databases are also closed from where no task is running, such as a `Drop`.
    runtime: Handle,
}

/// A database in use: open for as long as this lives. A closure that is to keep it takes all of it, and not a field.
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
    pub(super) fn start(
        folder: Arc<Folder>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        logs: LogUsage,
    ) -> io::Result<Arc<Self>> {
        let pool = Arc::new(Self {
            folder,
            shared: Shared::start(limits.reads as usize, clock)?,
            logs,
            limits,
            permits: Arc::new(Semaphore::new(limits.open as usize)),
            list: Mutex::default(),
            runtime: Handle::current(),
        });
        log_keeper::start(&pool);
        Ok(pool)
    }

    /// Returns the board on which the writers announce new events.
    pub(super) fn news(&self) -> &NewsBoard {
        &self.shared.news
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
                    state.close(Closing::Checkpoint);
                    Ok(state)
                };
                state = blocking(closing).await?;
            }
            SlotState::Closed(_) => handle.slot.reopen.check(Instant::now().into_std())?,
        }
        let permit = self.permit().await?;
        let (this, handle) = (Arc::clone(self), Arc::clone(handle));
        blocking(move || this.open_into(state, permit, &handle)).await
    }

    fn open_into(
        self: Arc<Self>,
        mut state: OwnedRwLockWriteGuard<SlotState>,
        permit: OwnedSemaphorePermit,
        handle: &Arc<TenantHandle>,
    ) -> Result<Lease, Error> {
        let database = self.open_database(&mut state, handle)?;
        if let Err(error) = self.list().insert(handle) {
            database.close(Closing::Checkpoint);
            return Err(error);
        }
        *state = SlotState::Open { database, permit };
        self.lease_current(state.downgrade()).ok_or(Error::Busy)
    }

    /// Opens a database that is closed. The caller has a permit.
    fn open_database(
        &self,
        state: &mut SlotState,
        handle: &TenantHandle,
    ) -> Result<Database, Error> {
        let opening = Opening {
            folder: &self.folder,
            tenant: &handle.tenant,
            shared: &self.shared,
            log: handle.slot.log(&self.logs),
            was_open: handle.slot.was_open.load(Ordering::Relaxed),
        };
        let opened = opening.open(state.take_left());
        if opened.is_ok() {
            handle.slot.was_open.store(true, Ordering::Relaxed);
        }
        if let Err(Error::Unavailable(_)) = &opened {
            let _ = handle.slot.reopen.begin(Instant::now().into_std());
        }
        opened
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
            self.make_room();
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

    /// Evicts databases that nobody uses, least recently used first, until there is one for each call that waits and
    /// some to spare. Does not wait.
    fn make_room(self: &Arc<Self>) {
        let spare = self.limits.open as usize / FREE_PART;
        let free = self.permits.available_permits();
        if free > spare / 2 {
            return; // nobody waits
        }
        let mut list = self.list();
        let coming = free + list.closing;
        if coming >= list.waiting + spare / 2 {
            return;
        }
        let wanted = list.waiting + spare - coming;
        let mut idle = list.take_idle(wanted, |_| true);
        list.closing += idle.len();
        drop(list);
        while !idle.is_empty() {
            let rest = idle.split_off(idle.len().min(CLOSED_TOGETHER));
            self.evict(std::mem::replace(&mut idle, rest));
        }
    }

    fn evict(self: &Arc<Self>, databases: Vec<Taken>) {
        let this = Arc::clone(self);
        self.runtime.spawn_blocking(move || {
            for mut taken in databases {
                let how = if this.logs.is_far_exceeded() {
                    Closing::Checkpoint
                } else {
                    Closing::LeaveLog
                };
                taken.state.close(how);
                let mut list = this.list();
                list.put_back(&taken);
                list.closing -= 1;
            }
            this.make_room(); // for calls that arrived meanwhile
        });
    }

    /// Evicts a database whose file is gone, once nobody uses it, so that a file that comes back is
    /// opened again. Does not wait.
    pub(super) fn evict_missing(self: &Arc<Self>, handle: &Arc<TenantHandle>) {
        if !self.list().contains(handle.tenant.client_id) {
            return;
        }
        let (this, handle) = (Arc::clone(self), Arc::clone(handle));
        self.runtime.spawn(async move {
            let mut state = handle.slot.write().await;
            if !matches!(&*state, SlotState::Open { database, .. } if database.is_current()) {
                this.list().remove(handle.tenant.client_id);
                this.runtime
                    .spawn_blocking(move || state.close(Closing::Checkpoint));
            }
        });
    }

    /// Waits until nobody uses the tenant's database, and closes it; it is never opened again.
    pub(super) async fn delete(&self, handle: &TenantHandle) -> Result<(), Error> {
        let mut state = handle.slot.write().await;
        self.list().remove(handle.tenant.client_id);
        blocking(move || {
            state.close(Closing::Checkpoint);
            *state = SlotState::Deleted;
            Ok(())
        })
        .await
    }

    fn list(&self) -> MutexGuard<'_, TenantList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Stores events: durable when this returns. They are stored even if the caller stops waiting.
    pub(super) async fn append(self, events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        let answered = self.database.writer.append(events)?;
        answered.await.unwrap_or_else(|_| Err(writer::stopped()))
    }

    /// Works in a transaction of the writer's, between batches of events: durable when this returns. It is done even if the
    /// caller stops waiting.
    pub(super) async fn maintain<T: Send + 'static>(
        self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.maintain_and(After::Nothing, work).await
    }

    async fn maintain_and<T: Send + 'static>(
        self,
        after: After,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, mut receiver) = oneshot::channel();
        let work = Box::new(move |connection: &Connection| -> rusqlite::Result<()> {
            let _ = sender.send(work(connection)?); // its caller may be gone
            Ok(())
        });
        let answered = self.database.writer.maintain(work, after)?;
        answered.await.unwrap_or_else(|_| Err(writer::stopped()))?;
        receiver.try_recv().map_err(|_| writer::stopped())
    }

    /// Does the same, and then empties the write-ahead log, which still has what was removed: at once, or as soon as no read
    /// needs the log.
    pub(super) async fn erase<T: Send + 'static>(
        self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.maintain_and(After::EmptyLog, work).await
    }

    /// Has the index of words completed in the background.
    pub(super) fn complete_index(self) {
        self.database.writer.complete_index();
    }

    /// Reads on a connection of its own, off the async tasks.
    pub(super) async fn read<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = timeout(MAX_WAIT, self.database.turn()).await;
        let turn = turn.map_err(|_| Error::Busy)??;
        self.blocking(move |database| database.read(turn, work))
            .await
    }

    /// Writes on a connection of its own, off the async tasks; durable when this returns.
    pub(super) async fn write<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |database| database.write(work)).await
    }

    /// Works with the database in use to the end, even if the caller stops waiting.
    async fn blocking<T: Send + 'static>(
        self,
        work: impl FnOnce(&Database) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        blocking(move || {
            // A closure that named the field would take the field alone, and the lease would end with the caller.
            let lease = self;
            work(&lease.database)
        })
        .await
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
