//! Whose database a file is: a row in it holds the tenant entry that it was made for.
//!
//! A file can come to stand in another's place (a copy, a link, a wrong restore), and what leads to it is
//! its name alone. So each database is asked before it is opened, and again by `check`.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::entries::tenant_from_row;
use super::errors::sql_failed;
use super::incarnation;
use super::names::log_of;
use super::recovery;
use crate::domain::Tenant;
use crate::store::Error;

/// Writes the row, once, into a database that was just made.
pub(super) fn write(connection: &Connection, tenant: &Tenant) -> rusqlite::Result<()> {
    let Tenant {
        client_id,
        database_name,
        client_label,
        client_secret_sha256,
        created_at,
    } = tenant;
    let sql = "INSERT INTO tenant (only_row, client_id, database_name, client_label, \
               client_secret_sha256, created_at) VALUES (1, ?, ?, ?, ?, ?)";
    connection.execute(
        sql,
        params![
            client_id.uuid(),
            database_name.as_str(),
            client_label,
            client_secret_sha256,
            created_at.to_string(),
        ],
    )?;
    Ok(())
}

/// Returns the tenant that the database at `path` was made for. [`Error::Damaged`] if the file does not
/// say. Changes and makes nothing, and locks nothing: fit for a file that somebody is using.
///
/// Reads the file alone, without its log. The row is in the file from the beginning, and no checkpoint
/// moves it, so it can be read even where a checkpoint was cut short or the log is another file's. Only
/// where the schema itself was on its way into the file, its log has to help.
pub(super) fn of_file(path: &Path) -> Result<Tenant, Error> {
    // Whoever has the file open may be writing the very page that is read: the next look finds it whole.
    let found = read_alone(path).or_else(|_| read_alone(path));
    match found.or_else(|error| read_with_log(path).unwrap_or(Err(error))) {
        Ok(Some(tenant)) => Ok(tenant),
        Ok(None) => Err(Error::Damaged(format!(
            "'{}' is not a tenant database: it does not say whose it is",
            path.display()
        ))),
        Err(error) => Err(sql_failed(path, error)),
    }
}

/// Refuses a database that was made for another tenant.
pub(super) fn require(path: &Path, tenant: &Tenant) -> Result<(), Error> {
    let found = of_file(path)?;
    if found.client_id == tenant.client_id && found.database_name == tenant.database_name {
        return Ok(());
    }
    Err(Error::Damaged(format!(
        "'{}' is the database of tenant '{}' ({}), not that of tenant '{}' ({})",
        path.display(),
        found.database_name,
        found.client_id,
        tenant.database_name,
        tenant.client_id
    )))
}

/// Tells whether there may be events in the database at `path`: in the file, or in a log beside it.
pub(super) fn has_events(path: &Path) -> Result<bool, Error> {
    if fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0) {
        return Ok(true);
    }
    let ask = |connection: Connection| {
        let sql = "SELECT EXISTS (SELECT 1 FROM events)";
        connection.query_row(sql, [], |row| row.get(0))
    };
    connect_to_file_alone(path)
        .and_then(ask)
        .map_err(|error| sql_failed(path, error))
}

/// A checkpoint begins with the first page, which says how long the file is to become: SQLite takes one that is
/// shorter for damaged, unless it is told that somebody is repairing it.
/// Source: `lockBtree` in SQLite's `btree.c`.
fn read_alone(path: &Path) -> rusqlite::Result<Option<Tenant>> {
    let connection = connect_to_file_alone(path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    read(&connection)
}

/// Returns `None` where there is no log to read with.
fn read_with_log(path: &Path) -> Option<rusqlite::Result<Option<Tenant>>> {
    let has_log = recovery::has_log(path).ok()?;
    if !has_log || incarnation::require_own_log(path).is_err() {
        return None;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    Some(recovery::leave_log_alone(&connection).and_then(|()| read(&connection)))
}

/// Returns `None` where there is no such row, or no table for it.
fn read(connection: &Connection) -> rusqlite::Result<Option<Tenant>> {
    let sql = "SELECT client_id, database_name, client_label, client_secret_sha256, created_at \
               FROM tenant";
    if !connection.table_exists(None, "tenant")? {
        return Ok(None);
    }
    connection.query_row(sql, [], tenant_from_row).optional()
}

/// Opens a database to read its file alone, without its log: makes and locks nothing.
pub(super) fn connect_to_file_alone(path: &Path) -> rusqlite::Result<Connection> {
    let path = percent_encode(path.as_os_str().as_bytes(), NON_ALPHANUMERIC);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)
}
