//! The thread that writes to a tenant's database: it stores whatever waits in one transaction, and so with one fsync
//! (group commit).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::background_thread;
use super::committer::Committer;
use super::database_file::DatabaseFile;
use super::page_cache::LargeCaches;
use crate::domain::{ClientId, Clock, Event};
use crate::store::Error;
use crate::store::append_queue::{Answer, Append, Backlog, MAX_BATCH_BYTES, MAX_QUEUED_CALLS};
use crate::store::news::NewsBoard;
use crate::store::sqlite::disk::error_mapping::{io_failed, refused};
use crate::store::sqlite::tables::arrival::ArrivalClock;

/// The events of one transaction, unless one call brings more; it stays under about 50 ms.
const MAX_BATCH_EVENTS: usize = 1000;

/// The thread releases what only load needs when no call has come for this long.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// The memory that the writers of a store share.
#[derive(Debug, Clone)]
pub(crate) struct SharedByWriters {
    backlog: Backlog,
    caches: LargeCaches,
    clock: Arc<dyn Clock>,
    pub(crate) news: NewsBoard,
}

impl SharedByWriters {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            backlog: Backlog::default(),
            caches: LargeCaches::default(),
            clock,
            news: NewsBoard::default(),
        }
    }
}

/// The queue to the thread, and the thread.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Append>,
    thread: JoinHandle<()>,
    backlog: Backlog,
}

impl Writer {
    pub(super) fn start(
        file: Arc<DatabaseFile>,
        connection: Connection,
        tenant: ClientId,
        shared: &SharedByWriters,
    ) -> Result<Self, Error> {
        let (queue, waiting) = mpsc::channel(MAX_QUEUED_CALLS);
        let path = file.path.clone();
        let arrivals = ArrivalClock::new(Arc::clone(&shared.clock));
        let news = shared.news.publisher(tenant);
        let committer = Committer::start(file, connection, &shared.caches, arrivals, news)?;
        let runtime = Handle::current();
        let thread = background_thread::spawn("sqlite-writer", move || {
            serve(committer, waiting, &runtime);
        })
        .map_err(|error| io_failed(&path, error))?;
        Ok(Self {
            queue,
            thread,
            backlog: shared.backlog.clone(),
        })
    }

    /// Has events stored by the thread; the answer comes once they are durable.
    pub(crate) fn append(&self, events: Vec<Event>) -> Result<oneshot::Receiver<Answer>, Error> {
        let (append, answered) = self.backlog.call(events)?;
        match self.queue.try_send(append) {
            Ok(()) => Ok(answered),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Error::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(stopped()),
        }
    }

    /// Tells whether the thread is there: only a bug ends it early.
    pub(super) fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Writes what is queued and waits until the file is closed.
    pub(super) fn close(self) {
        let Self {
            queue,
            thread,
            backlog: _,
        } = self;
        drop(queue);
        if thread.join().is_err() {
            tracing::error!("a writer ended by a panic");
        }
    }
}

/// Returns the error of a call whose writer went away before it answered.
pub(crate) fn stopped() -> Error {
    refused("the writer of the database has stopped")
}

/// Stores what comes by the queue, until nobody can send any more.
fn serve(mut committer: Committer, mut waiting: mpsc::Receiver<Append>, runtime: &Handle) {
    let mut after_load = false;
    while let Some(first) = next(&mut committer, &mut waiting, after_load, runtime) {
        let batch = drain_batch(first, &mut waiting);
        after_load = batch.len() > 1;
        committer.store(batch);
    }
    committer.close();
}

/// Waits for the next call, and tells the committer if none comes for a while after load.
fn next(
    committer: &mut Committer,
    waiting: &mut mpsc::Receiver<Append>,
    after_load: bool,
    runtime: &Handle,
) -> Option<Append> {
    if after_load || committer.has_large_cache() {
        let next_soon = async { timeout(IDLE_AFTER, waiting.recv()).await };
        match runtime.block_on(next_soon) {
            Ok(next) => return next,
            Err(_) => committer.on_idle(),
        }
    }
    waiting.blocking_recv()
}

/// Takes what waits behind `first`, up to the limits of a transaction.
fn drain_batch(first: Append, waiting: &mut mpsc::Receiver<Append>) -> Vec<Append> {
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
