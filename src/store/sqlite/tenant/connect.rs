//! Connections to a tenant's database, and their settings.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::sqlite::tables::query_filters::functions;
use crate::store::sqlite::wal::connection;

/// The pages that a connection that writes keeps in memory: an event changes or reads some twenty of a large database. A
/// thousand of these caches together stay under 128 MiB.
pub(super) const CACHE_KIB: i64 = 112;

/// The pages that a connection that reads keeps in memory. There are some hundred of these at most.
const READER_CACHE_KIB: i64 = 256;

/// The time that a statement waits for an external process that writes to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The statements that a connection keeps prepared; the text of a page's SQL varies with its filters.
const STATEMENTS: usize = 10;

/// A write-ahead log that a burst has grown is truncated to this when it restarts. Above what it
/// usually grows to under load: space that is there already is faster to write to.
const MAX_WAL_BYTES: i64 = 64 * 1024 * 1024;

/// Opens a database that is there, for [`prepare_writing`] or the creation of its schema.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    limit_memory(&connection, CACHE_KIB)?;
    Ok(connection)
}

/// Makes commits durable when they return (`synchronous = FULL`), the last one included.
pub(super) fn prepare_writing(connection: &Connection) -> rusqlite::Result<()> {
    use_write_ahead_log(connection)?;
    prepare_commits(connection)
}

/// Does the same for a database that has a log already.
pub(super) fn prepare_commits(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", MAX_WAL_BYTES, |_| Ok(()))
}

/// Works without waiting for other connections.
pub(super) fn without_waiting<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = work(connection);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    done
}

pub(super) fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}

/// Opens a database that a writer has open, to read.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    functions::add_to(&connection)?;
    limit_memory(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

pub(super) fn limit_memory(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -cache_kib)
}
