//! What writes to a tenant's database. Under load one thread does: whatever waits shares a transaction, and
//! so an fsync (group commit). A call that comes alone is stored by its caller if that may block, since waking
//! the thread and being woken by it takes as long as half a commit; but not while some tenant keeps its thread
//! busy.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot};
use tokio::task::block_in_place;
use tokio::time::timeout;

use super::committer::{Committer, LARGE_BATCH_EVENTS};
use super::database::{LargeCaches, Site};
use super::errors::{io_failed, refused};
use super::threads;
use crate::domain::Event;
use crate::store::Error;
use crate::store::queue::{Answer, Append, Backlog, MAX_BATCH_BYTES, MAX_QUEUED_CALLS};

/// The events of one transaction, unless one call brings more; it stays under about 50 ms.
const MAX_BATCH_EVENTS: usize = 1000;

/// The thread gives back what load needs once no call has come for this long.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// What the writers of a store share.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    backlog: Backlog,
    caches: LargeCaches,
    crowds: Arc<AtomicUsize>,
}

/// Counts a thread whose newest batch is of several calls: more come meanwhile, and had better wait together.
/// Nobody stores on a thread of the runtime then, since what that thread has to do besides goes on on another
/// one, which takes the core away from it.
#[derive(Debug)]
struct Crowd(Arc<AtomicUsize>);

/// The queue to the thread, and the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Append>,
    thread: JoinHandle<()>,
    desk: Arc<Desk>,
    backlog: Backlog,
}

/// Where a batch is stored: by the thread, or by the caller who finds it free.
#[derive(Debug)]
struct Desk {
    committer: Mutex<Committer>,
    /// The calls that were given to the thread and are not answered.
    queued: AtomicUsize,
    /// The threads that have a [`Crowd`], of any tenant.
    crowds: Arc<AtomicUsize>,
    runtime: Handle,
}

impl Writer {
    pub(super) fn start(
        site: Arc<Site>,
        connection: Connection,
        shared: &Shared,
    ) -> Result<Self, Error> {
        let (queue, waiting) = mpsc::channel(MAX_QUEUED_CALLS);
        let path = site.path.clone();
        let desk = Arc::new(Desk {
            committer: Mutex::new(Committer::start(site, connection, &shared.caches)?),
            queued: AtomicUsize::new(0),
            crowds: Arc::clone(&shared.crowds),
            runtime: Handle::current(),
        });
        let of_thread = Arc::clone(&desk);
        let thread = threads::spawn("sqlite-writer", move || of_thread.serve(waiting))
            .map_err(|error| io_failed(&path, error))?;
        Ok(Self {
            queue,
            thread,
            desk,
            backlog: shared.backlog.clone(),
        })
    }

    /// Has events stored by the thread; the answer comes once they are durable.
    pub(super) fn append(&self, events: Vec<Event>) -> Result<oneshot::Receiver<Answer>, Error> {
        let (append, answered) = self.backlog.call(events)?;
        self.queue(append)?;
        Ok(answered)
    }

    /// The same, and stores them before it returns where nobody else is at work: that blocks the task.
    pub(super) fn append_here(
        &self,
        events: Vec<Event>,
    ) -> Result<oneshot::Receiver<Answer>, Error> {
        let (mut append, answered) = self.backlog.call(events)?;
        if append.events.len() < LARGE_BATCH_EVENTS
            && let Some(mut committer) = self.desk.take_seat()
        {
            match block_in_place(|| committer.store_at_once(append, &self.desk.runtime)) {
                None => return Ok(answered),
                Some(put_off) => append = put_off,
            }
        }
        self.queue(append)?;
        Ok(answered)
    }

    fn queue(&self, append: Append) -> Result<(), Error> {
        self.desk.queued.fetch_add(1, Ordering::Relaxed);
        let refused = match self.queue.try_send(append) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Error::Busy,
            Err(mpsc::error::TrySendError::Closed(_)) => stopped(),
        };
        self.desk.queued.fetch_sub(1, Ordering::Relaxed);
        Err(refused)
    }

    /// Tells whether there is somebody who writes: it ends early only by a bug of ours.
    pub(super) fn is_running(&self) -> bool {
        !self.thread.is_finished() && !self.desk.committer.is_poisoned()
    }

    /// Writes what is queued and waits until the file is closed.
    pub(super) fn close(self) {
        let Self {
            queue,
            thread,
            desk: _,
            backlog: _,
        } = self;
        drop(queue);
        if thread.join().is_err() {
            tracing::error!("a writer ended by a panic");
        }
    }
}

/// Returns the error of a call whose writer went away before it answered.
pub(super) fn stopped() -> Error {
    refused("the writer of the database has stopped")
}

impl Desk {
    /// Returns the desk to a caller on a thread of the runtime that finds nobody there and nobody waiting.
    fn take_seat(&self) -> Option<MutexGuard<'_, Committer>> {
        let is_busy =
            self.queued.load(Ordering::Relaxed) > 0 || self.crowds.load(Ordering::Relaxed) > 0;
        // Other runtimes have no thread to spare that goes on with what else there is to do.
        if is_busy || Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
            return None;
        }
        let mut committer = self.committer.try_lock().ok()?;
        // The thread answers before it sees to the log, and mends what is broken.
        committer.is_ready().then_some(committer)
    }

    /// Stores what comes by the queue, until nobody can send any more.
    fn serve(&self, mut waiting: mpsc::Receiver<Append>) {
        let mut crowd = None;
        while let Some(first) = self.next(&mut waiting, &mut crowd) {
            let Ok(mut committer) = self.committer.lock() else {
                return; // a caller has ended by a panic: the database is opened anew
            };
            let batch = gather(first, &mut waiting);
            let calls = batch.len();
            crowd = (calls > 1).then(|| crowd.unwrap_or_else(|| Crowd::of(&self.crowds)));
            committer.store(batch, &self.runtime);
            self.queued.fetch_sub(calls, Ordering::Relaxed);
        }
        self.committer().close();
    }

    /// Waits for the next call, and cleans up if none comes for a while.
    fn next(
        &self,
        waiting: &mut mpsc::Receiver<Append>,
        crowd: &mut Option<Crowd>,
    ) -> Option<Append> {
        let after_load = crowd.is_some() || self.committer().has_large_cache();
        if after_load {
            let soon = async { timeout(IDLE_AFTER, waiting.recv()).await };
            match self.runtime.block_on(soon) {
                Ok(next) => return next,
                Err(_) => self.committer().rest(),
            }
            *crowd = None;
        }
        waiting.blocking_recv()
    }

    fn committer(&self) -> MutexGuard<'_, Committer> {
        self.committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crowd {
    fn of(crowds: &Arc<AtomicUsize>) -> Self {
        crowds.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(crowds))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes what waits behind `first`, up to the bounds of a transaction.
fn gather(first: Append, waiting: &mut mpsc::Receiver<Append>) -> Vec<Append> {
    let mut events = first.events.len();
    let mut bytes = first.weight_bytes();
    let mut batch = vec![first];
    while events < MAX_BATCH_EVENTS && bytes < MAX_BATCH_BYTES {
        let Ok(append) = waiting.try_recv() else {
            break;
        };
        events += append.events.len();
        bytes += append.weight_bytes();
        batch.push(append);
    }
    batch
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use super::Shared;
    use crate::store::conformance::samples::{history, tenant};
    use crate::store::sqlite::database::{Database, create};
    use crate::store::sqlite::folder::Folder;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_caller_stores_its_event_itself_unless_some_thread_is_busy() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(path.path()).unwrap();
        let shared = Shared::default();
        let [quiet, loud] = ["quiet", "loud"].map(|name| {
            let tenant = tenant(name);
            create(&folder, &tenant).unwrap();
            Database::open(&folder, &tenant, &shared).unwrap().writer
        });

        let mut answered = quiet.append_here(history(1, 1)).unwrap();
        let answer = answered.try_recv().expect("it is stored already");
        answer.unwrap();

        let desk = loud.desk.committer.lock().unwrap();
        let waiting = [2, 3].map(|seed| loud.append(history(seed, 1)).unwrap());
        drop(desk);
        for answered in waiting {
            answered.await.unwrap().unwrap();
        }
        assert_eq!(shared.crowds.load(Ordering::Relaxed), 1);
        assert!(quiet.desk.take_seat().is_none());
        let answered = quiet.append_here(history(4, 1)).unwrap();
        answered.await.unwrap().unwrap();

        for _ in 0..500 {
            if shared.crowds.load(Ordering::Relaxed) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(quiet.desk.take_seat().is_some(), "nobody is busy any more");
        for writer in [quiet, loud] {
            tokio::task::spawn_blocking(|| writer.close())
                .await
                .unwrap();
        }
    }
}
