//! Preparation of a write-ahead log before SQLite recovers it.
//!
//! Whoever opens a database that nobody has open lets SQLite rebuild the log's index from what the log file reads as,
//! and take every whole transaction in it for committed. But what reads as written need not be on the disk: a process
//! may have ended between a write and its fsync, and after an fsync that failed Linux counts the pages as clean, so
//! that the next fsync succeeds without having written them. (The index of an open database knows better: SQLite adds a
//! commit to it after the sync, so a database that stays open shows nothing that was not synced.)
//!
//! So before the first connection to a database its log is scanned for damage, and then its bytes are written
//! again, which makes the pages dirty, and synced. The database file needs no such thing: until all of the log is
//! in the file and synced, SQLite keeps the log, and recovery copies all of it again.
//!
//! Source: `walFrames`, `walCheckpoint` and `walIndexRecover` in SQLite's `wal.c`; fsync(2).

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{ErrorCode, ffi};

use super::scan;
use crate::store::Error;
use crate::store::sqlite::disk::access_lock::{AccessLock, ExclusiveAccess};
use crate::store::sqlite::disk::error_mapping::{io_failed, refused};
use crate::store::sqlite::{disk::file_names::wal_of, disk::file_system::sync};

/// The part of a log that is held in memory at a time.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The least time between two attempts to open a database again after a failure: each may write all of its log.
const MIN_REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// Makes durable what recovery would read of the database at `path`. Returns the lock that keeps external access
/// out where there was something to do: the caller holds it until a connection has read, and the index is built.
///
/// To be called before any process has the database open; an external process that has is waited for. If this
/// fails, the database must stay closed. Does disk I/O: it reads and writes a log as large as it is.
pub(crate) fn prepare(path: &Path, lock: &AccessLock) -> Result<Option<ExclusiveAccess>, Error> {
    if !has_wal(path)? {
        return Ok(None);
    }
    let exclusive = lock.exclusive()?;
    prepare_exclusively(path, &exclusive)?;
    Ok(Some(exclusive))
}

/// Does the same for a caller that has the lock already.
pub(crate) fn prepare_exclusively(path: &Path, _exclusive: &ExclusiveAccess) -> Result<(), Error> {
    if !has_wal(path)? {
        return Ok(());
    }
    let wal = wal_of(path);
    scan::require_sound(path)?; // of a damaged one SQLite would drop all that follows the damage
    write_again(&wal).map_err(|error| io_failed(&wal, error))?;
    // The name of the log may not be on the disk either.
    path.parent().map_or(Ok(()), sync)
}

/// Tells whether the database has a log with something in it.
pub(crate) fn has_wal(path: &Path) -> Result<bool, Error> {
    let wal = wal_of(path);
    match std::fs::metadata(&wal) {
        Ok(found) => Ok(found.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_failed(&wal, error)),
    }
}

/// Tells whether a database has to be closed and opened again after this failure of a commit or a checkpoint, since
/// what was written may not be on the disk. A disk that is full, or a file as large as it may be, refuses a write and
/// says so at once: nothing that was written before is lost by that.
pub(crate) fn is_due_after(error: &rusqlite::Error) -> bool {
    let io_failed = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
    let extended = error.sqlite_error().map(|it| it.extended_code);
    io_failed && extended != Some(ffi::SQLITE_IOERR_WRITE)
}

/// Tells whether the disk, or what it is mounted as, refused an operation.
pub(crate) fn is_disk_failure(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
        )
    )
}

/// Limits the rate at which a database that has failed, or failed to open, is opened again.
#[derive(Debug, Default)]
pub(crate) struct ReopenLimiter(Mutex<Option<Instant>>);

impl ReopenLimiter {
    /// Fails if the last attempt was a moment ago.
    pub(crate) fn check(&self, now: Instant) -> Result<(), Error> {
        match *self.last() {
            Some(last) if now.duration_since(last) < MIN_REOPEN_INTERVAL => Err(failed_before()),
            _ => Ok(()),
        }
    }

    /// Does the same, and counts as an attempt.
    pub(crate) fn begin(&self, now: Instant) -> Result<(), Error> {
        self.check(now)?;
        *self.last() = Some(now);
        Ok(())
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the error of a call that came when a database had failed and was not open again.
pub(crate) fn failed_before() -> Error {
    refused("a write to the database failed a moment ago, and it is not open again yet")
}

fn write_again(wal: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(wal)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let length = file.read_at(&mut chunk, offset)?;
        if length == 0 {
            return file.sync_all();
        }
        file.write_all_at(&chunk[..length], offset)?;
        offset += length as u64;
    }
}
