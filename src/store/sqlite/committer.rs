//! How a batch of calls is stored: in one transaction, which is on disk before anybody is told.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use metrics::histogram;
use rusqlite::{Connection, TransactionBehavior};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::database::{LargeCaches, Site};
use super::errors::{io_failed, sql_failed};
use super::events::Appending;
use super::log::Log;
use crate::store::queue::{Append, count_f64};
use crate::store::{Appended, Error};

/// The events of a transaction that changes more pages than a small cache holds.
const LARGE_BATCH_EVENTS: usize = 16;

/// After so many events the thread lets others onto its core, or what another tenant's single event waits
/// for comes after all of a large transaction: see docs/benchmarks.md, "Neighbours".
const EVENTS_AT_A_STRETCH: usize = 32;

/// After so many small transactions in a row the large cache is given back.
const SMALL_BATCHES: usize = 64;

/// Stores batches, one after the other.
#[derive(Debug)]
pub(super) struct Committer {
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

impl Committer {
    pub(super) fn start(
        site: Arc<Site>,
        connection: Connection,
        caches: &LargeCaches,
    ) -> Result<Self, Error> {
        let path = site.path.clone();
        let mut committer = Self {
            site,
            connection: None,
            log: Log::default(),
            caches: caches.clone(),
            large_cache: None,
            small_batches: 0,
        };
        committer
            .take_up(connection)
            .map_err(|error| sql_failed(&path, error))?;
        Ok(committer)
    }

    pub(super) const fn has_large_cache(&self) -> bool {
        self.large_cache.is_some()
    }

    /// Stores a batch, tells its callers, and keeps the log short.
    pub(super) fn store(&mut self, batch: Vec<Append>, runtime: &Handle) {
        self.fit_cache(&batch);
        let outcome = self.commit(&batch);
        if let Err(failure) = &outcome {
            self.failed(failure);
        }
        self.answer(batch, outcome, runtime);
        if self.log_is_due()
            && let Some(connection) = &self.connection
        {
            self.log.fold(&self.site, connection);
        }
    }

    fn log_is_due(&mut self) -> bool {
        self.log.is_due(self.has_large_cache())
    }

    /// Gives back the memory that only load needs, and leaves little to a restart.
    pub(super) fn rest(&mut self) {
        self.give_back_cache();
        // A file that was taken away is left as it is until it is closed.
        if let (Some(connection), Ok(true)) = (&self.connection, self.site.is_in_place()) {
            self.log.fold_all(&self.site, connection);
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
    pub(super) fn close(&mut self) {
        self.log.settle();
        let Some(connection) = self.connection.take() else {
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

fn write(connection: &mut Connection, batch: &[Append]) -> rusqlite::Result<Vec<Vec<Appended>>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut appending = Appending::start(&transaction)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut events = 0;
    for append in batch {
        let mut outcome = Vec::with_capacity(append.events.len());
        for event in &append.events {
            outcome.push(appending.append(event)?);
            events += 1;
            if events % EVENTS_AT_A_STRETCH == 0 {
                std::thread::yield_now();
            }
        }
        outcomes.push(outcome);
    }
    appending.finish()?;
    transaction.commit()?;
    Ok(outcomes)
}
