//! What comes before SQLite recovers a write-ahead log.
//!
//! Whoever opens a database that nobody has open lets SQLite rebuild the log's index from what the log file
//! reads as, and take every whole transaction in it for committed. But what reads as written need not be on the
//! disk: a process may have ended between a write and its fsync, and after an fsync that failed Linux counts
//! the pages as clean, so that the next fsync succeeds without having written them. (The index of an open
//! database knows better: SQLite adds a commit to it after the sync, so a database that stays open shows
//! nothing that was not synced.)
//!
//! So before the first connection to a database its log is scanned for damage, and then its bytes are written
//! again, which makes the pages dirty, and synced. The database file needs no such thing: until all of the log is in the file
//! and synced, SQLite keeps the log, and recovery copies all of it again.
//!
//! Source: `walFrames`, `walCheckpoint` and `walIndexRecover` in SQLite's `wal.c`; fsync(2).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, ffi};

use super::errors::{io_failed, sql_failed};
use super::folder::{Alone, Guests, sync_folder};
use super::names::log_of;
use super::wal;
use crate::store::Error;

/// How much of a log is held in memory at a time.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Makes durable what recovery would read of the database at `path`. Returns the lock that keeps guests out
/// where there was something to do: the caller holds it until a connection has read, and the index is built.
///
/// To be called before any process has the database open; whether a guest has is found out here. If this
/// fails, the database must stay closed. Does disk I/O: it reads and writes a log as large as it is.
pub(super) fn prepare(path: &Path, guests: &Guests) -> Result<Option<Alone>, Error> {
    if !has_log(path)? {
        return Ok(None);
    }
    let alone = guests.keep_out()?;
    prepare_alone(path, &alone)?;
    Ok(Some(alone))
}

/// The same, for a caller that has the lock already.
pub(super) fn prepare_alone(path: &Path, _alone: &Alone) -> Result<(), Error> {
    if !has_log(path)? {
        return Ok(());
    }
    let log = log_of(path);
    wal::require_sound(path)?; // of a damaged one SQLite would drop all that follows the damage
    write_again(&log).map_err(|error| io_failed(&log, error))?;
    // The name of the log may not be on the disk either.
    path.parent().map_or(Ok(()), sync_folder)
}

/// Tells whether the database has a log with something in it.
pub(super) fn has_log(path: &Path) -> Result<bool, Error> {
    let log = log_of(path);
    match std::fs::metadata(&log) {
        Ok(found) => Ok(found.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_failed(&log, error)),
    }
}

/// Says to other processes that somebody has the database open, for as long as this lives: recovery is not
/// theirs then.
#[derive(Debug)]
pub(super) struct InUse {
    _log: File,
}

impl InUse {
    /// Takes the lock of a database whose log is there: a connection has read.
    pub(super) fn mark(path: &Path) -> Result<Self, Error> {
        let log = log_of(path);
        let marked = File::open(&log).and_then(|file| file.lock_shared().map(|()| file));
        let file = marked.map_err(|error| io_failed(&log, error))?;
        Ok(Self { _log: file })
    }

    /// Tells whether another process has said so. To be asked with guests kept out, since it takes the lock
    /// for a moment.
    pub(super) fn is_marked(path: &Path) -> Result<bool, Error> {
        let log = log_of(path);
        let failed = |error| io_failed(&log, error);
        let file = match File::open(&log) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Tells whether a database has to be opened anew after this failure of a commit or a checkpoint: what was
/// written may not be on the disk. A disk that is full, or a file as large as it may be, refuses a write and
/// says so at once: nothing that was written before is lost by that.
pub(super) fn is_due_after(error: &rusqlite::Error) -> bool {
    let io_failed = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
    let extended = error.sqlite_error().map(|it| it.extended_code);
    io_failed && extended != Some(ffi::SQLITE_IOERR_WRITE)
}

/// Tells whether the disk, or what it is mounted as, refused to do what it was told to.
pub(super) fn is_of_disk(error: &rusqlite::Error) -> bool {
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

/// Closes a connection after all of its log has been copied into the database, and lets SQLite remove the log.
/// If that fails, the log stays, and the next opening prepares it.
pub(super) fn close_with_checkpoint(connection: Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    keep_log_at_close(&connection, false)?;
    connection.close().map_err(|(_, error)| error)
}

/// Makes a connection leave the log alone when it is closed, and at commits. After a checkpoint whose sync
/// failed, the next one need not copy again what an earlier one copied without a sync, and would then remove
/// the log.
pub(super) fn leave_log_alone(connection: &Connection) -> rusqlite::Result<()> {
    keep_log_at_close(connection, true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))
}

/// Closes a guest's connection to the database at `path`, and removes a log that has nothing in it.
pub(super) fn close_as_found(connection: Connection, path: &Path) -> Result<(), Error> {
    if !has_log(path)? {
        keep_log_at_close(&connection, false).map_err(|error| sql_failed(path, error))?;
    }
    let closed = connection.close();
    closed.map_err(|(_, error)| sql_failed(path, error))
}

fn keep_log_at_close(connection: &Connection, keeps: bool) -> rusqlite::Result<()> {
    let setting = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(setting, keeps).map(drop)
}

fn write_again(log: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(log)?;
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
