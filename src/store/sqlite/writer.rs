//! The one thread that writes to a tenant's database: whatever waits shares a transaction, and so an
//! fsync (group commit).

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use metrics::histogram;
use rusqlite::{Connection, TransactionBehavior};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;

use super::database::{LargeCaches, Site};
use super::errors::{io_failed, refused, sql_failed};
use super::events::Appending;
use super::log::Log;
use crate::domain::Event;
use crate::store::queue::{Answer, Append, Backlog, MAX_BATCH_BYTES, MAX_QUEUED_CALLS, count_f64};
use crate::store::{Appended, Error};

/// The events of one transaction, unless one call brings more; it stays under about 50 ms.
const MAX_BATCH_EVENTS: usize = 1000;

/// The events of a transaction that changes more pages than a small cache holds.
const LARGE_BATCH_EVENTS: usize = 16;

/// So many small transactions in a row, or this long without one, and the large cache is given back.
const SMALL_BATCHES: usize = 64;
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// The queue to the thread, and the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Append>,
    thread: JoinHandle<()>,
    backlog: Backlog,
}

impl Writer {
    pub(super) fn start(
        site: Arc<Site>,
        connection: Connection,
        backlog: &Backlog,
        caches: &LargeCaches,
    ) -> Result<Self, Error> {
        let (queue, waiting) = mpsc::channel(MAX_QUEUED_CALLS);
        let path = site.path.clone();
        let mut work = Work {
            site,
            connection: None,
            log: Log::default(),
            caches: caches.clone(),
            large_cache: None,
            small_batches: 0,
        };
        work.take_up(connection)
            .map_err(|error| sql_failed(&path, error))?;
        let runtime = Handle::current();
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work.run(waiting, &runtime))
            .map_err(|error| io_failed(&path, error))?;
        Ok(Self {
            queue,
            thread,
            backlog: backlog.clone(),
        })
    }

    /// Queues events; the answer comes once they are durable.
    pub(super) fn append(&self, events: Vec<Event>) -> Result<oneshot::Receiver<Answer>, Error> {
        let (append, answered) = self.backlog.call(events)?;
        match self.queue.try_send(append) {
            Ok(()) => Ok(answered),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Error::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(stopped()),
        }
    }

    /// Tells whether the thread is there: it ends early only by a bug of ours.
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
pub(super) fn stopped() -> Error {
    refused("the writer of the database has stopped")
}

/// What the thread works on.
struct Work {
    site: Arc<Site>,
    /// `None` after a failure: the next batch starts with a new connection, which sees the disk as it
    /// then is.
    connection: Option<Connection>,
    log: Log,
    caches: LargeCaches,
    large_cache: Option<OwnedSemaphorePermit>,
    /// Since the last large one.
    small_batches: usize,
}

/// Why a batch failed, for each of those who wait for it.
#[derive(Clone)]
enum Failure {
    Missing,
    Sql(Arc<rusqlite::Error>),
    Io(Arc<io::Error>),
}

impl Work {
    fn run(mut self, mut waiting: mpsc::Receiver<Append>, runtime: &Handle) {
        while let Some(first) = self.next(&mut waiting, runtime) {
            let batch = gather(first, &mut waiting);
            self.fit_cache(&batch);
            let outcome = self.commit(&batch);
            if let Err(failure) = &outcome {
                self.failed(failure);
            }
            self.answer(batch, outcome, runtime);
            if let Some(connection) = &self.connection {
                self.log.keep(&self.site, connection);
            }
        }
        self.close();
    }

    /// Waits for the next call, and cleans up if none comes for a while.
    fn next(&mut self, waiting: &mut mpsc::Receiver<Append>, runtime: &Handle) -> Option<Append> {
        if self.large_cache.is_some() {
            let soon = async { timeout(IDLE_AFTER, waiting.recv()).await };
            match runtime.block_on(soon) {
                Ok(next) => return next,
                Err(_) => self.rest(),
            }
        }
        waiting.blocking_recv()
    }

    /// Gives back what only load needs: memory, and the space of the log.
    fn rest(&mut self) {
        self.give_back_cache();
        // A file that was taken away is left as it is until it is closed.
        if let (Some(connection), Ok(true)) = (&self.connection, self.site.is_in_place()) {
            self.log.empty(&self.site, connection);
        }
    }

    fn fit_cache(&mut self, batch: &[Append]) {
        let events: usize = batch.iter().map(|append| append.events.len()).sum();
        if events < LARGE_BATCH_EVENTS {
            self.small_batches += 1;
            if self.small_batches > SMALL_BATCHES {
                self.give_back_cache();
            }
            return;
        }
        self.small_batches = 0;
        if let (None, Some(connection)) = (&self.large_cache, &self.connection) {
            // Without one it goes slower; a connection that fails does so at the commit too.
            self.large_cache = self.caches.take(connection).unwrap_or(None);
        }
    }

    fn give_back_cache(&mut self) {
        let (Some(permit), Some(connection)) = (self.large_cache.take(), &self.connection) else {
            return;
        };
        if LargeCaches::give_back(connection, permit).is_err() {
            self.connection = None; // closing it frees the memory as well
        }
    }

    fn take_up(&mut self, mut connection: Connection) -> rusqlite::Result<&mut Connection> {
        self.log.follow(&mut connection)?;
        Ok(self.connection.insert(connection))
    }

    /// Stores a batch in one transaction: on disk once this returns.
    fn commit(&mut self, batch: &[Append]) -> Result<Vec<Vec<Appended>>, Failure> {
        let started = Instant::now();
        if !self.site.is_in_place()? {
            return Err(Failure::Missing);
        }
        let connection = match self.connection.take() {
            Some(connection) => self.connection.insert(connection),
            None => self.take_up(self.site.connect()?)?,
        };
        let outcomes = write(connection, batch)?;
        // A file that was removed meanwhile took the events with it: they must not be called stored.
        if !self.site.is_in_place()? {
            return Err(Failure::Missing);
        }
        let events: usize = batch.iter().map(|append| append.events.len()).sum();
        histogram!("event_history_commit_events").record(count_f64(events));
        histogram!("event_history_commit_duration_seconds").record(started.elapsed());
        Ok(outcomes)
    }

    fn failed(&mut self, failure: &Failure) {
        // For a file that was taken away the connection is kept: closing it folds back its log.
        if !matches!(failure, Failure::Missing) {
            self.connection = None;
            self.large_cache = None;
        }
    }

    fn answer(
        &self,
        batch: Vec<Append>,
        outcome: Result<Vec<Vec<Appended>>, Failure>,
        runtime: &Handle,
    ) {
        match outcome {
            Ok(outcomes) => {
                let is_one = batch.len() == 1;
                let answer_all = move || {
                    for (append, outcome) in batch.into_iter().zip(outcomes) {
                        append.answer(Ok(outcome));
                    }
                };
                if is_one {
                    answer_all();
                } else {
                    // Each answer wakes a task, which from a thread of the runtime takes no system call.
                    runtime.spawn(async move { answer_all() });
                }
            }
            Err(failure) => {
                for append in batch {
                    append.answer(Err(self.error(&failure)));
                }
            }
        }
    }

    fn error(&self, failure: &Failure) -> Error {
        match failure {
            Failure::Missing => Error::DatabaseMissing(self.site.name.clone()),
            Failure::Sql(error) => sql_failed(&self.site.path, Arc::clone(error)),
            Failure::Io(error) => io_failed(&self.site.path, Arc::clone(error)),
        }
    }

    /// Folds the log back into the file. SQLite would do so too, but not for a file that was moved:
    /// a log left behind would then be taken for the log of whatever file comes in its place.
    fn close(mut self) {
        self.log.settle();
        let Some(connection) = self.connection else {
            return;
        };
        let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let closed = connection.close().map_err(|(_, error)| error);
        if let Err(error) = folded.and(closed) {
            // Nothing is lost: the log stays beside the file, and the next opening reads it.
            tracing::warn!(tenant = %self.site.name, "the write-ahead log was not folded back: {error}");
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
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

fn write(connection: &mut Connection, batch: &[Append]) -> rusqlite::Result<Vec<Vec<Appended>>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut appending = Appending::start(&transaction)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for append in batch {
        let mut outcome = Vec::with_capacity(append.events.len());
        for event in &append.events {
            outcome.push(appending.append(event)?);
        }
        outcomes.push(outcome);
    }
    appending.finish()?;
    transaction.commit()?;
    Ok(outcomes)
}
