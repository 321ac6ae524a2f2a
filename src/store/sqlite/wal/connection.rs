//! Connections whose checkpoints are run by the service alone, when it says so.
//!
//! After a checkpoint whose sync failed, the next one need not copy again what an earlier one copied without a
//! sync, and would then remove the log. So no connection runs a checkpoint at a commit or when it is closed.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::recovery::has_wal;
use crate::store::Error;
use crate::store::sqlite::disk::error_mapping::sql_failed;

/// Opens a database that is there, to read and write.
pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_CREATE: a database that is missing stays missing.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    disable_checkpoint_on_close(&connection, true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // What is deleted is overwritten, so that what was redacted is in no page that was freed or moved before.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    Ok(connection)
}

/// Opens a database to read its file without its log. Creates and locks nothing.
pub(crate) fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let path = percent_encode(path.as_os_str().as_bytes(), NON_ALPHANUMERIC);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)
}

/// Closes a connection after all of its log has been copied into the database, and lets SQLite remove the log.
/// If that fails, the log stays, and the next opening prepares it.
pub(crate) fn close_with_checkpoint(connection: Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    disable_checkpoint_on_close(&connection, false)?;
    connection.close().map_err(|(_, error)| error)
}

/// Closes an external connection to the database at `path`, and removes a log that has nothing in it.
pub(crate) fn close_as_found(connection: Connection, path: &Path) -> Result<(), Error> {
    let failed = |error| sql_failed(path, error);
    if !has_wal(path)? {
        disable_checkpoint_on_close(&connection, false).map_err(failed)?;
    }
    connection.close().map_err(|(_, error)| failed(error))
}

fn disable_checkpoint_on_close(connection: &Connection, disabled: bool) -> rusqlite::Result<()> {
    let setting = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(setting, disabled).map(drop)
}
