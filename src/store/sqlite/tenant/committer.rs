//! Stores a batch of calls in one transaction, which is on disk before anybody is answered.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use metrics::histogram;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::OwnedSemaphorePermit;

use super::checkpoint::Checkpointer;
use super::database_file::DatabaseFile;
use super::page_cache::{self, LargeCaches};
use crate::domain::cause::chain;
use crate::store::append_queue::{Append, count_f64};
use crate::store::news::Publisher;
use crate::store::sqlite::disk::error_mapping::{io_failed, is_damage, sql_failed};
use crate::store::sqlite::tables::arrival::ArrivalClock;
use crate::store::sqlite::tables::words::index::{self, Step};
use crate::store::sqlite::wal::left_log::{self, LeftLog};
use crate::store::sqlite::wal::recovery::failed_before;
use crate::store::sqlite::wal::reserve;
use crate::store::sqlite::{tables::event_rows::Appending, wal::connection::close_with_checkpoint};
use crate::store::{Appended, Error};

/// The events of a transaction that changes more pages than a small cache holds.
const LARGE_BATCH_EVENTS: usize = 16;

/// After so many events the thread yields its core, or another tenant's single event would wait for all of a large
/// transaction: see docs/benchmarks.md, "Neighbors".
const YIELD_AFTER_EVENTS: usize = 32;

/// After so many small transactions in a row the large cache is released.
const SMALL_BATCHES: usize = 64;

/// A longer log is not left beside a database that is closed: the next opening reads all of it, which then takes longer
/// than a share of the checkpoint would.
const MAX_LEFT_FRAMES: u32 = 64;

/// Changes something in a transaction.
pub(crate) type MaintenanceWork = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

/// What follows a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Nothing,
    /// The log is emptied: it has what was removed for good.
    EmptyLog,
}

/// How a database is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// All of the log is copied into the file, and removed.
    Checkpoint,
    /// The log stays if it is short, and the next opening reads it: nothing has to be synced.
    LeaveLog,
}

/// How a database was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// `has_log`: with a log that somebody has left.
    Anew { has_log: bool },
    /// After an eviction, which left a log of so many frames.
    WithLeftLog(u32),
}

/// Stores batches, one after the other.
#[derive(Debug)]
pub(super) struct Committer {
    file: Arc<DatabaseFile>,
    /// Kept after a failure: what SQLite knows of the log goes with the last connection.
    connection: Connection,
    checkpointer: Checkpointer,
    caches: LargeCaches,
    large_cache: Option<OwnedSemaphorePermit>,
    /// Since the last large one.
    small_batches: usize,
    /// What was removed for good may be in the log, until that is emptied.
    has_log_to_empty: bool,
    arrivals: ArrivalClock,
    news: Publisher,
}

/// Why a batch failed, for each of those who wait for it.
#[derive(Clone)]
enum Failure {
    Missing,
    /// Something failed before, and the database will be opened again.
    Failed,
    Sql(Arc<rusqlite::Error>),
    Io(Arc<io::Error>),
}

impl Committer {
    pub(super) fn start(
        file: Arc<DatabaseFile>,
        mut connection: Connection,
        caches: &LargeCaches,
        arrivals: ArrivalClock,
        news: Publisher,
        opened: Opened,
    ) -> Result<Self, Error> {
        let mut checkpointer = Checkpointer::default();
        if let Opened::WithLeftLog(frames) = opened {
            checkpointer.expect_eviction(frames);
        }
        let followed = checkpointer.follow(&mut connection);
        followed.map_err(|error| sql_failed(&file.path, error))?;
        Ok(Self {
            file,
            connection,
            checkpointer,
            caches: caches.clone(),
            large_cache: None,
            small_batches: 0,
            // Whoever left it may have been about to empty it.
            has_log_to_empty: opened == Opened::Anew { has_log: true },
            arrivals,
            news,
        })
    }

    pub(super) const fn has_large_cache(&self) -> bool {
        self.large_cache.is_some()
    }

    pub(super) const fn has_log_to_empty(&self) -> bool {
        self.has_log_to_empty
    }

    /// Stores a batch, answers its callers, and keeps the log short.
    pub(super) fn store(&mut self, batch: Vec<Append>) {
        self.fit_cache(&batch);
        // A file that was taken away is left as it is until it is closed.
        if self.checkpointer.is_due_first() && self.file.is_in_place().unwrap_or(false) {
            self.checkpointer.run_to_end(&self.file, &self.connection);
        }
        let outcome = self.try_commit(&batch);
        if batch.len() > 1 && matches!(&outcome, Err(Failure::Sql(error)) if is_damage(error)) {
            self.store_one_by_one(batch);
        } else {
            self.answer(batch, outcome);
        }
        self.keep_log_short();
    }

    /// Takes a step towards an index of all words, in a transaction of its own. Returns whether others have to follow; after a
    /// failure none does until somebody searches again.
    pub(super) fn extend_index(&mut self) -> bool {
        let extended =
            self.note_failure(|it| it.transact(|transaction, _| index::step(transaction)));
        let has_more = match extended {
            Ok(Step {
                has_more,
                has_merged,
            }) => {
                self.has_log_to_empty |= has_merged;
                has_more
            }
            Err(failure) => {
                let error = chain(&self.error(&failure));
                tracing::warn!(tenant = %self.file.name, "indexing the words of events failed: {error}");
                false
            }
        };
        self.keep_log_short();
        has_more
    }

    /// Works in a transaction of its own, which is on disk once this returns.
    pub(super) fn maintain(&mut self, work: MaintenanceWork, after: After) -> Result<(), Error> {
        if self.large_cache.is_none() {
            self.large_cache = self.caches.take(&self.connection).unwrap_or(None);
        }
        let done = self.note_failure(|it| it.transact(|transaction, _| work(transaction)));
        if after == After::EmptyLog {
            self.has_log_to_empty = true;
            self.empty_log();
        }
        self.keep_log_short();
        done.map_err(|failure| self.error(&failure))
    }

    /// Empties the log, unless a read needs it: then it is done when nothing else is to be done.
    fn empty_log(&mut self) {
        if !self.file.has_failed() && self.checkpointer.empty(&self.file, &self.connection) {
            self.has_log_to_empty = false;
        }
    }

    fn keep_log_short(&mut self) {
        self.file.log.grow_to(self.checkpointer.wal_bytes());
        if self.file.log.is_far_exceeded() {
            self.checkpointer.shorten(&self.file, &self.connection);
        } else if let Some(due) = self
            .checkpointer
            .due(self.large_cache.is_some(), &self.file.log)
            && !self.file.has_failed()
        {
            self.checkpointer.run(due, &self.file, &self.connection);
        }
    }

    /// Stores each call in a transaction of its own: damage that one of them meets does not fail the others.
    fn store_one_by_one(&mut self, batch: Vec<Append>) {
        for append in batch {
            let one = vec![append];
            let outcome = self.try_commit(&one);
            self.answer(one, outcome);
        }
    }

    fn try_commit(&mut self, batch: &[Append]) -> Result<Vec<Vec<Appended>>, Failure> {
        self.note_failure(|it| it.commit(batch))
    }

    fn note_failure<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let outcome = work(self);
        if let Err(Failure::Sql(error)) = &outcome {
            self.file.note_failure(error);
            if !self.connection.is_autocommit() {
                self.file.fail(); // it could not even be rolled back
            }
        }
        outcome
    }

    /// Releases the memory that only load needs, and leaves little to recover to a restart.
    pub(super) fn on_idle(&mut self) {
        self.release_cache();
        // A file that was taken away is left as it is until it is closed.
        if let Ok(true) = self.file.is_in_place() {
            if self.has_log_to_empty {
                self.empty_log();
            } else {
                self.checkpointer.run_to_end(&self.file, &self.connection);
            }
        }
    }

    fn fit_cache(&mut self, batch: &[Append]) {
        let events: usize = batch.iter().map(|append| append.events.len()).sum();
        if events < LARGE_BATCH_EVENTS {
            self.small_batches += 1;
            if self.small_batches > SMALL_BATCHES {
                self.release_cache();
            }
            return;
        }
        self.small_batches = 0;
        if self.large_cache.is_none() {
            // Without one it goes slower; a connection that fails does so at the commit too.
            self.large_cache = self.caches.take(&self.connection).unwrap_or(None);
        }
    }

    fn release_cache(&mut self) {
        let Some(permit) = self.large_cache.take() else {
            return;
        };
        if let Err(error) = page_cache::release(&self.connection, permit) {
            tracing::warn!(tenant = %self.file.name, "releasing the large cache of a writer failed: {error}");
        }
    }

    /// Stores a batch in one transaction: on disk once this returns.
    fn commit(&mut self, batch: &[Append]) -> Result<Vec<Vec<Appended>>, Failure> {
        let started = Instant::now();
        let append = |transaction: &Connection, arrivals: &mut ArrivalClock| {
            append_all(transaction, arrivals, batch)
        };
        let outcomes = self.transact(append)?;
        self.news.publish();
        let events: usize = batch.iter().map(|append| append.events.len()).sum();
        histogram!("event_history_commit_events").record(count_f64(events));
        histogram!("event_history_commit_duration_seconds").record(started.elapsed());
        Ok(outcomes)
    }

    /// Runs a transaction: on disk once this returns.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut ArrivalClock) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        if self.file.has_failed() {
            return Err(Failure::Failed);
        }
        if !self.file.is_in_place()? {
            return Err(Failure::Missing);
        }
        self.file.sync_wal_name()?;
        let outcome = self.write(work)?;
        self.file.ownership.note_commit();
        // A file that was removed meanwhile took what was written with it: it must not be called stored.
        if !self.file.is_in_place()? {
            return Err(Failure::Missing);
        }
        self.file.note_success();
        Ok(outcome)
    }

    fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut ArrivalClock) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        // Nobody else writes to the log now.
        let length = reserve::extend(&self.file.path, self.checkpointer.next_end_bytes());
        self.file.log.grow_to(length);
        let outcome = work(&transaction, &mut self.arrivals)?;
        transaction.commit()?;
        Ok(outcome)
    }

    fn answer(&self, batch: Vec<Append>, outcome: Result<Vec<Vec<Appended>>, Failure>) {
        let answers: Vec<_> = match outcome {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(failure) => batch.iter().map(|_| Err(self.error(&failure))).collect(),
        };
        for (append, answer) in batch.into_iter().zip(answers) {
            append.answer(answer);
        }
    }

    fn error(&self, failure: &Failure) -> Error {
        match failure {
            Failure::Missing => Error::DatabaseMissing(self.file.name.clone()),
            Failure::Failed => failed_before(),
            Failure::Sql(error) => sql_failed(&self.file.path, Arc::clone(error)),
            Failure::Io(error) => io_failed(&self.file.path, Arc::clone(error)),
        }
    }

    /// Closes the file, and returns the log that it keeps, if the next opening may trust that.
    ///
    /// The checkpoint is run here: SQLite would do so too, but not for a file that was moved: a log left behind would
    /// then be taken for the log of whatever file comes in its place. After a failure only the log is known to be
    /// right, and stays.
    pub(super) fn close(mut self, how: Closing) -> Option<LeftLog> {
        self.checkpointer.wait();
        if self.file.has_failed() {
            return None;
        }
        if how == Closing::LeaveLog
            && !self.has_log_to_empty
            && let Some(left) = self.log_to_leave()
        {
            return Some(left); // closing the connection writes nothing
        }
        self.close_with_checkpoint();
        None
    }

    /// Returns `None` if the log may not be left, or the next opening could not trust it: to prepare it again takes as
    /// many syncs as a checkpoint, and keeps others from opening a database.
    fn log_to_leave(&self) -> Option<LeftLog> {
        let frames = left_log::frames(&self.connection).ok()?;
        let is_in_place = self.file.is_in_place().unwrap_or(false);
        if !is_in_place || !self.file.ownership.is_clean() {
            return None;
        }
        let is_short = (1..=MAX_LEFT_FRAMES).contains(&frames);
        is_short
            .then(|| LeftLog::of(&self.file.path, frames, &self.file.ownership))
            .flatten()
    }

    fn close_with_checkpoint(self) {
        let ownership = &self.file.ownership;
        let begun = ownership.begin_checkpoint();
        match begun.and_then(|()| close_with_checkpoint(self.connection)) {
            Ok(()) => {
                ownership.end();
                self.file.log.clear();
            }
            // Nothing is lost: the log stays beside the file, and the next opening reads it.
            Err(error) => {
                let tenant = &self.file.name;
                tracing::warn!(%tenant, "the last checkpoint of the write-ahead log failed: {error}");
            }
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

fn append_all(
    transaction: &Connection,
    arrivals: &mut ArrivalClock,
    batch: &[Append],
) -> rusqlite::Result<Vec<Vec<Appended>>> {
    let mut appending = Appending::start(transaction, arrivals)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut events = 0;
    for append in batch {
        let mut outcome = Vec::with_capacity(append.events.len());
        for event in &append.events {
            outcome.push(appending.append(event)?);
            events += 1;
            if events % YIELD_AFTER_EVENTS == 0 {
                std::thread::yield_now();
            }
        }
        outcomes.push(outcome);
    }
    index::follow(transaction, &appending.finish()?)?;
    Ok(outcomes)
}
