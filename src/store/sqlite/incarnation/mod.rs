//! Which file a write-ahead log belongs to: of the database file in use there is a record beside it.
//!
//! SQLite takes a log for that of whatever file stands beside it. A backup that is put in the place of a
//! database while the log of a killed process is there would be changed by that log, or come apart. So while
//! a database is in use, a small file says which database and which log belong together, and how large the
//! database was, and when it was last written. Only a checkpoint writes to it, and only this program makes one.
//!
//! A missed replacement costs what it always did; a refusal without one would keep a whole database from its
//! tenant. So whatever else may have happened, the record does not count:
//!
//! - The log is another one than the record names: a folder was copied, or put back as a whole.
//! - The database is the same file, and the machine was started since: after a power cut the times and sizes
//!   of files are what they happen to be. (Another file in its place is still seen.)
//! - A checkpoint was under way, or the record itself was copied: its own time of change is then not the one
//!   that it holds.
//! - Another program has made a checkpoint, as the log's index shows.
//!
//! No sync is needed: within one run of the machine everybody sees what was written, and another file has
//! another inode whatever of the record was lost.

mod record;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use record::{FileId, Record, Verdict};

use super::errors::io_failed;
use super::names::{log_of, record_of};
use crate::store::Error;

pub(super) use record::Copied;

/// How often a record is read again that somebody changed meanwhile.
const MAX_LOOKS: usize = 5;

/// The record of a database that is open, kept up to date.
#[derive(Debug)]
pub(super) struct Incarnation {
    database: PathBuf,
    /// The file that was opened: another one may have come into its place.
    file: FileId,
    /// The record may say that nobody is writing to the database.
    is_settled: Mutex<bool>,
    has_salts: AtomicBool,
}

impl Incarnation {
    /// Begins the record of a database that was just opened, and whose log is there. Where it cannot be
    /// written (a full disk, say) there is none.
    pub(super) fn begin(database: &Path) -> Result<Self, Error> {
        let failed = |error| io_failed(database, error);
        let incarnation = Self {
            file: FileId::of(&fs::metadata(database).map_err(failed)?),
            database: fs::canonicalize(database).map_err(failed)?,
            is_settled: Mutex::new(true), // one that was left behind
            has_salts: AtomicBool::new(false),
        };
        incarnation.unsettle().map_err(failed)?;
        incarnation.settle(Copied::default());
        Ok(incarnation)
    }

    /// Runs a checkpoint, which answers what of the log is in the database now. There is none unless the record can be made to say that one is under way.
    pub(super) fn checkpoint(
        &self,
        work: impl FnOnce() -> rusqlite::Result<Copied>,
    ) -> rusqlite::Result<()> {
        self.begin_checkpoint()?;
        self.settle(work()?);
        Ok(())
    }

    /// Makes the record say that a checkpoint is under way, until the end of the next [`Self::checkpoint`].
    pub(super) fn begin_checkpoint(&self) -> rusqlite::Result<()> {
        self.unsettle().map_err(|error| {
            let record = record_of(&self.database);
            let message = format!("'{}' cannot be changed: {error}", record.display());
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
            rusqlite::Error::SqliteFailure(code, Some(message))
        })
    }

    /// To be called after each commit: the first one gives the log its salts.
    pub(super) fn note_commit(&self) {
        if !self.has_salts.swap(true, Ordering::Relaxed) {
            self.settle(Copied::default());
        }
    }

    /// Removes the record of a database that was closed, and whose log is gone.
    pub(super) fn end(&self) {
        // One that stays does not count, since it names a log that is gone.
        let _ = fs::remove_file(record_of(&self.database));
    }

    fn unsettle(&self) -> io::Result<()> {
        let mut is_settled = self
            .is_settled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !*is_settled {
            return Ok(());
        }
        let path = record_of(&self.database);
        let marked = File::options().write(true).open(&path);
        match marked.and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => fs::remove_file(&path)?,
        }
        *is_settled = false;
        Ok(())
    }

    /// If that fails, the record goes on saying that a checkpoint is under way, or is none at all.
    fn settle(&self, copied: Copied) {
        let mut is_settled = self
            .is_settled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *is_settled = true;
        if let Err(error) = Record::take(&self.database, self.file, copied) {
            let path = self.database.display();
            tracing::debug!("no record of which log is that of '{path}': {error}");
        }
    }
}

/// Refuses a log that belongs to another file than the one beside it. To be called before the database at
/// `path` is opened by a process that has it not open: it reads the index of the log past SQLite. Changes
/// nothing.
pub(super) fn require_own_log(path: &Path) -> Result<(), Error> {
    match foreign_log(path) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(Error::Damaged(reason)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_failed(path, error)),
    }
}

fn foreign_log(path: &Path) -> io::Result<Option<String>> {
    let database = fs::canonicalize(path)?;
    let log = log_of(&database);
    // Another process may be using the database: what counts is what was seen under one record.
    for _ in 0..MAX_LOOKS {
        let Some((record, is_settled)) = Record::read(&record_of(&database))? else {
            return Ok(None);
        };
        let of_log = fs::metadata(&log)?;
        if of_log.len() == 0 {
            return Ok(None);
        }
        let of_database = fs::metadata(&database)?;
        let verdict = record.judge(is_settled, &of_database, &of_log);
        let verdict = match verdict {
            Verdict::Changed if record.progress.may_be_anothers(&database)? => Verdict::Own,
            verdict => verdict,
        };
        if Record::read(&record_of(&database))? != Some((record, is_settled)) {
            continue;
        }
        let (path, log) = (path.display(), log.display());
        return Ok(match verdict {
            Verdict::Own => None,
            Verdict::Replaced => Some(format!(
                "'{log}' is the log of another file than '{path}', which was put in its place since"
            )),
            Verdict::Changed => Some(format!(
                "'{path}' was overwritten since its log '{log}' was last in use"
            )),
        });
    }
    Ok(None)
}
