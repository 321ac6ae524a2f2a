//! How a batch of calls is stored: in one transaction, which is on disk before anybody is told.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use metrics::histogram;
use rusqlite::{Connection, TransactionBehavior};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::database::{LargeCaches, Site};
use super::errors::{io_failed, is_damage, refused, sql_failed};
use super::events::Appending;
use super::log::Log;
use super::recovery;
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
    /// Kept after a failure: what SQLite knows of the log goes with the last connection.
    connection: Connection,
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
    /// Something failed before, and the database is about to be opened again.
    Failed,
    Sql(Arc<rusqlite::Error>),
    Io(Arc<io::Error>),
}

impl Committer {
    pub(super) fn start(
        site: Arc<Site>,
        mut connection: Connection,
        caches: &LargeCaches,
    ) -> Result<Self, Error> {
        let log = Log::default();
        log.follow(&mut connection)
            .map_err(|error| sql_failed(&site.path, error))?;
        Ok(Self {
            site,
            connection,
            log,
            caches: caches.clone(),
            large_cache: None,
            small_batches: 0,
        })
    }

    pub(super) const fn has_large_cache(&self) -> bool {
        self.large_cache.is_some()
    }

    /// Stores a batch, tells its callers, and keeps the log short.
    pub(super) fn store(&mut self, batch: Vec<Append>, runtime: &Handle) {
        self.fit_cache(&batch);
        let outcome = self.try_commit(&batch);
        if batch.len() > 1 && matches!(&outcome, Err(failure) if failure.is_damage()) {
            self.store_one_by_one(batch, runtime);
        } else {
            self.answer(batch, outcome, runtime);
        }
        if self.log_is_due() && !self.site.has_failed() {
            self.log.fold(&self.site, &self.connection);
        }
    }

    /// Stores each call in a transaction of its own: damage that one of them meets is not in the way of the
    /// others.
    fn store_one_by_one(&mut self, batch: Vec<Append>, runtime: &Handle) {
        for append in batch {
            let one = vec![append];
            let outcome = self.try_commit(&one);
            self.answer(one, outcome, runtime);
        }
    }

    fn try_commit(&mut self, batch: &[Append]) -> Result<Vec<Vec<Appended>>, Failure> {
        let outcome = self.commit(batch);
        if let Err(Failure::Sql(error)) = &outcome {
            self.site.note(error);
            if !self.connection.is_autocommit() {
                self.site.fail(); // it could not even be undone
            }
        }
        outcome
    }

    fn log_is_due(&mut self) -> bool {
        self.log.is_due(self.has_large_cache())
    }

    /// Gives back the memory that only load needs, and leaves little to a restart.
    pub(super) fn rest(&mut self) {
        self.give_back_cache();
        // A file that was taken away is left as it is until it is closed.
        if let Ok(true) = self.site.is_in_place() {
            self.log.fold_all(&self.site, &self.connection);
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
        if self.large_cache.is_none() {
            // Without one it goes slower; a connection that fails does so at the commit too.
            self.large_cache = self.caches.take(&self.connection).unwrap_or(None);
        }
    }

    fn give_back_cache(&mut self) {
        let Some(permit) = self.large_cache.take() else {
            return;
        };
        if let Err(error) = LargeCaches::give_back(&self.connection, permit) {
            tracing::warn!(tenant = %self.site.name, "a writer keeps its large cache: {error}");
        }
    }

    /// Stores a batch in one transaction: on disk once this returns.
    fn commit(&mut self, batch: &[Append]) -> Result<Vec<Vec<Appended>>, Failure> {
        let started = Instant::now();
        if self.site.has_failed() {
            return Err(Failure::Failed);
        }
        if !self.site.is_in_place()? {
            return Err(Failure::Missing);
        }
        self.site.name_log()?;
        let outcomes = write(&mut self.connection, batch)?;
        self.site.incarnation.note_commit();
        // A file that was removed meanwhile took the events with it: they must not be called stored.
        if !self.site.is_in_place()? {
            return Err(Failure::Missing);
        }
        self.site.note_success();
        let events: usize = batch.iter().map(|append| append.events.len()).sum();
        histogram!("event_history_commit_events").record(count_f64(events));
        histogram!("event_history_commit_duration_seconds").record(started.elapsed());
        Ok(outcomes)
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
            Failure::Failed => failed_before(),
            Failure::Sql(error) => sql_failed(&self.site.path, Arc::clone(error)),
            Failure::Io(error) => io_failed(&self.site.path, Arc::clone(error)),
        }
    }

    /// Folds the log back into the file. SQLite would do so too, but not for a file that was moved:
    /// a log left behind would then be taken for the log of whatever file comes in its place.
    ///
    /// After a failure the log is what there is to go by, and stays.
    pub(super) fn close(mut self) {
        self.log.settle();
        if self.site.has_failed() {
            return;
        }
        let incarnation = &self.site.incarnation;
        let closed = incarnation
            .begin_checkpoint()
            .and_then(|()| recovery::close_with_checkpoint(self.connection));
        if closed.is_ok() {
            incarnation.end();
        }
        if let Err(error) = closed {
            // Nothing is lost: the log stays beside the file, and the next opening reads it.
            tracing::warn!(tenant = %self.site.name, "the write-ahead log was not folded back: {error}");
        }
    }
}

impl Failure {
    fn is_damage(&self) -> bool {
        match self {
            Self::Sql(error) => is_damage(error),
            Self::Missing | Self::Failed | Self::Io(_) => false,
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

/// Returns the error of a call that came when a database had failed and was not open again.
pub(super) fn failed_before() -> Error {
    refused("a write to the database failed a moment ago, and it is not open again yet")
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
