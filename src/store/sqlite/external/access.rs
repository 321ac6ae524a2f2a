//! Access to databases that the service may have open.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};

use crate::store::Error;
use crate::store::sqlite::disk::access_lock::{AccessLock, ExclusiveAccess, SharedAccess};
use crate::store::sqlite::disk::error_mapping::{io_failed, sql_failed};
use crate::store::sqlite::disk::file_system::Inode;
use crate::store::sqlite::disk::in_use_lock::is_in_use;
use crate::store::sqlite::disk::layout::Layout;
use crate::store::sqlite::tables::query_filters::functions;
use crate::store::sqlite::tables::schema::Schema;
use crate::store::sqlite::wal::{connection, ownership, recovery};

/// The time that an external process waits for its turn to write: longer than any transaction of the service takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The lock that is held until a connection has read.
pub(crate) enum Access {
    Shared(SharedAccess),
    /// A log may have to be recovered: until that is done, nobody else may try.
    Exclusive(ExclusiveAccess),
}

impl Access {
    /// Takes the lock to look into these databases. The logs of those that nobody has open are made durable first.
    pub(crate) fn begin(layout: &Layout, databases: &[&Path]) -> Result<Self, Error> {
        let mut any_wal = false;
        for path in databases {
            ownership::require_own_wal(path)?;
            any_wal |= recovery::has_wal(path)?;
        }
        let lock = AccessLock::of(layout);
        if !any_wal {
            return Ok(Self::Shared(lock.shared()?));
        }
        let exclusive = lock.exclusive_from_outside()?;
        for path in databases {
            if recovery::has_wal(path)? && !is_in_use(layout, path)? {
                recovery::prepare_exclusively(path, &exclusive)?;
            }
        }
        Ok(Self::Exclusive(exclusive))
    }

    /// Works on the database at `path`, which has to be of this schema.
    pub(crate) fn work<T>(
        self,
        path: &Path,
        schema: Option<&Schema>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let failed = |error| sql_failed(path, error);
        let mut connection = connect(path).map_err(failed)?;
        schema.map_or(Ok(()), |it| it.require(&connection, path))?;
        let shared = match self {
            Self::Shared(shared) => Ok(shared),
            // The connection has read, so the log's index is built.
            Self::Exclusive(exclusive) => exclusive.downgrade(),
        };
        let _shared = shared.map_err(|error| io_failed(path, error))?; // outlives what `work` does
        let outcome = work(&mut connection).map_err(failed);
        connection::close_as_found(connection, path)?;
        outcome
    }
}

impl Access {
    /// Copies the database at `path` into the new file `to`, which is not synced, as of one instant. `before` is called just
    /// before that instant. From then on nobody waits for the lock: a copy may take minutes, and needs no more than the
    /// files that it has open.
    pub(super) fn copy(
        self,
        layout: &Layout,
        path: &Path,
        to: &Path,
        before: impl FnOnce(),
    ) -> Result<(), Error> {
        let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => sql_failed(to, error),
            _ => sql_failed(path, error),
        };
        let inode = |path| Inode::at(path).map_err(|error| io_failed(path, error));
        let opened = inode(path)?;
        let connection = connect(path).map_err(failed)?;
        let read = |connection: &Connection| {
            let sql = "SELECT count(*) FROM sqlite_schema";
            connection.query_row(sql, [], |row| row.get::<_, i64>(0))
        };
        read(&connection).map_err(failed)?;
        let shared = match self {
            Self::Shared(shared) => Ok(shared),
            // The connection has read, so the log's index is built.
            Self::Exclusive(exclusive) => exclusive.downgrade(),
        };
        let shared = shared.map_err(|error| io_failed(path, error))?;
        before();
        let begun = connection.execute_batch("BEGIN");
        begun.and_then(|()| read(&connection)).map_err(failed)?;
        drop(shared);
        let copied = copy_pages(&connection, to).map_err(failed);
        let ended = connection.execute_batch("COMMIT").map_err(failed);
        // Closing may remove an empty log, but not one that is another database's by now.
        let _shared = AccessLock::of(layout).shared()?;
        if inode(path)? == opened {
            connection::close_as_found(connection, path)?;
        } else {
            connection.close().map_err(|(_, error)| failed(error))?;
        }
        copied.and(ended)
    }
}

/// Copies all pages within the transaction that `from` is in.
fn copy_pages(from: &Connection, to: &Path) -> rusqlite::Result<()> {
    let mut copy = Connection::open(to)?;
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let backup = Backup::new(from, &mut copy)?;
    let done = backup.step(-1)?;
    drop(backup);
    if done != StepResult::Done {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(code, None));
    }
    copy.close().map_err(|(_, error)| error)
}

/// Opens a database that the service may have open. A connection that only reads could not create the log's index where
/// the service has closed the file.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    functions::add_to(&connection)?;
    Ok(connection)
}
