//! Ownership of a write-ahead log: which database file it belongs to.
//!
//! SQLite takes a log for that of whatever file is beside it. A backup that is put in the place of a database while
//! the log of a killed process is there would be changed by that log, or corrupted. So while a database is in use, a
//! small file records which database and which log belong together, how large the database was, and when it was
//! last written. Only a checkpoint writes to the database, and only this program runs one.
//!
//! A missed replacement costs what it always did; refusing a database that was not replaced would keep all of it
//! from its tenant. So the record does not count where something else may have happened:
//!
//! - The log is not the one in the record: a folder was copied, or put back as a whole.
//! - The database is the same file, and the machine was started since: after a power cut the times and sizes
//!   of files are arbitrary. (Another file in its place is still detected.)
//! - A checkpoint was under way, or the record itself was copied: its own modification time is then not the one
//!   that it holds.
//! - Another program has run a checkpoint, as the log's index shows.
//!
//! No sync is needed: within one run of the machine everybody sees what was written, and another file has
//! another inode whatever of the record was lost.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::ownership_record::{FileIdentity, Record, Verdict};
use crate::store::Error;
use crate::store::sqlite::disk::error_mapping::io_failed;
use crate::store::sqlite::disk::file_names::{wal_of, wal_owner_of};

pub(crate) use super::ownership_record::Checkpointed;

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;

/// The attempts to read a record that somebody changes meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// The record of a database that is open, kept up to date. Every checkpoint goes through this.
#[derive(Debug)]
pub(crate) struct WalOwnership {
    database: PathBuf,
    /// The file that was opened: another one may have come into its place.
    file: FileIdentity,
    /// No checkpoint is under way.
    is_clean: Mutex<bool>,
    has_salts: AtomicBool,
}

impl WalOwnership {
    /// Begins the record of a database that was just opened, and whose log is there. Where it cannot be
    /// written (a full disk, say) there is none.
    pub(crate) fn begin(database: &Path) -> Result<Self, Error> {
        let failed = |error| io_failed(database, error);
        let ownership = Self {
            file: FileIdentity::of(&fs::metadata(database).map_err(failed)?),
            database: fs::canonicalize(database).map_err(failed)?,
            is_clean: Mutex::new(true), // as a record that was left behind may say
            has_salts: AtomicBool::new(false),
        };
        ownership.mark_dirty().map_err(failed)?;
        ownership.mark_clean(Checkpointed::default());
        Ok(ownership)
    }

    /// Runs a checkpoint. `work` returns how much of the log is in the database now. Fails before the checkpoint if
    /// the record cannot be made to say that one is under way.
    pub(crate) fn checkpoint(
        &self,
        work: impl FnOnce() -> rusqlite::Result<Checkpointed>,
    ) -> rusqlite::Result<()> {
        self.begin_checkpoint()?;
        let done = work()?;
        if done.is_complete && done.frames == 0 {
            self.has_salts.store(false, Ordering::Relaxed); // the log is empty
        }
        self.mark_clean(done);
        Ok(())
    }

    /// Makes the record say that a checkpoint is under way, until the end of the next [`Self::checkpoint`].
    pub(crate) fn begin_checkpoint(&self) -> rusqlite::Result<()> {
        self.mark_dirty().map_err(|error| {
            let record = wal_owner_of(&self.database);
            let message = format!("'{}' cannot be changed: {error}", record.display());
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
            rusqlite::Error::SqliteFailure(code, Some(message))
        })
    }

    /// Tells whether the record says that no checkpoint is under way.
    pub(crate) fn is_clean(&self) -> bool {
        *self.lock()
    }

    /// To be called after each commit: the first one gives the log its salts.
    pub(crate) fn note_commit(&self) {
        if !self.has_salts.swap(true, Ordering::Relaxed) {
            self.mark_clean(Checkpointed::default());
        }
    }

    /// Removes the record of a database that was closed, and whose log is gone.
    pub(crate) fn end(&self) {
        // One that stays does not count, since it names a log that is gone.
        let _ = fs::remove_file(wal_owner_of(&self.database));
    }

    fn mark_dirty(&self) -> io::Result<()> {
        let mut is_clean = self.lock();
        if !*is_clean {
            return Ok(());
        }
        let path = wal_owner_of(&self.database);
        let marked = File::options().write(true).open(&path);
        match marked.and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => fs::remove_file(&path)?,
        }
        *is_clean = false;
        Ok(())
    }

    /// If that fails, the record still says that a checkpoint is under way, or there is none.
    fn mark_clean(&self, done: Checkpointed) {
        let mut is_clean = self.lock();
        *is_clean = true;
        if let Err(error) = Record::take(&self.database, self.file, done) {
            let path = self.database.display();
            tracing::debug!("no record of which write-ahead log belongs to '{path}': {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_clean.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses a log that belongs to another file than the one beside it. To be called before this process opens the
/// database at `path`, and not while it has it open: it reads the index of the log past SQLite. Changes nothing.
pub(crate) fn require_own_wal(path: &Path) -> Result<(), Error> {
    match foreign_wal(path) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(Error::Damaged(reason)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_failed(path, error)),
    }
}

/// Tells whether the log of the database at `path` was taken away since a process was killed, and with it what only
/// that log held. To be called before the database is opened.
///
/// A log is taken away to put a backup in the place of the database. That the record was left behind shows it: the
/// service removes both or neither when it closes a database. It does not count after a power cut, or if the end came while a checkpoint was under way.
pub(crate) fn has_lost_wal(path: &Path) -> bool {
    let lost = || -> io::Result<bool> {
        let database = fs::canonicalize(path)?;
        let Some((record, is_clean)) = Record::read(&wal_owner_of(&database))? else {
            return Ok(false);
        };
        let has_wal = fs::exists(wal_of(&database))?;
        Ok(is_clean && !has_wal && record.held_commits() && record.is_of_this_boot())
    };
    lost().unwrap_or(false)
}

/// Returns why the log is another file's.
fn foreign_wal(path: &Path) -> io::Result<Option<String>> {
    let database = fs::canonicalize(path)?;
    let wal = wal_of(&database);
    // Another process may be using the database: only what was seen under one record counts.
    for _ in 0..MAX_ATTEMPTS {
        let Some((record, is_clean)) = Record::read(&wal_owner_of(&database))? else {
            return Ok(None);
        };
        let of_wal = fs::metadata(&wal)?;
        if of_wal.len() == 0 {
            return Ok(None);
        }
        let of_database = fs::metadata(&database)?;
        let verdict = match record.judge(is_clean, &of_database, &of_wal) {
            Verdict::Changed if record.may_miss_a_checkpoint(&database)? => Verdict::Own,
            verdict => verdict,
        };
        if Record::read(&wal_owner_of(&database))? != Some((record, is_clean)) {
            continue;
        }
        let (path, wal) = (path.display(), wal.display());
        return Ok(match verdict {
            Verdict::Own => None,
            Verdict::Replaced => Some(format!(
                "'{wal}' is the log of another file than '{path}', which was put in its place since"
            )),
            Verdict::Changed => Some(format!(
                "'{path}' was overwritten since its log '{wal}' was last in use"
            )),
        });
    }
    Ok(None)
}
