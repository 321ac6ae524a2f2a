//! The identity of a database file: a row in it holds the tenant entry that it was created for.
//!
//! A file can come into another's place (a copy, a link, a wrong restore), and only its name leads to it. So each
//! database is asked before it is opened, and again by `check`.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::domain::Tenant;
use crate::store::Error;
use crate::store::sqlite::wal::connection::{open, open_immutable};
use crate::store::sqlite::wal::{ownership, recovery};
use crate::store::sqlite::{
    disk::error_mapping::sql_failed, disk::file_names::wal_of, tables::tenant_rows,
};

/// Returns the tenant that the database at `path` was created for. [`Error::Damaged`] if the file does not
/// say. Changes, creates and locks nothing: fit for a file that somebody is using.
///
/// Reads the file without its log. The row is in the file from the beginning, and no checkpoint
/// moves it, so it can be read even where a checkpoint was cut short or the log is another file's. Only
/// where the schema itself was on its way into the file, the log has to help.
pub(crate) fn of_file(path: &Path) -> Result<Tenant, Error> {
    // Whoever has the file open may be writing the very page that is read: the second attempt finds it whole.
    let found = read_immutable(path).or_else(|_| read_immutable(path));
    match found.or_else(|error| read_with_wal(path).unwrap_or(Err(error))) {
        Ok(Some(tenant)) => Ok(tenant),
        Ok(None) => Err(Error::Damaged(format!(
            "'{}' is not a tenant database: it does not say whose it is",
            path.display()
        ))),
        Err(error) => Err(sql_failed(path, error)),
    }
}

/// Refuses a database that was created for another tenant.
pub(crate) fn require(path: &Path, tenant: &Tenant) -> Result<(), Error> {
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

/// Tells whether there may be events in the database at `path`: in the file or in its log.
pub(crate) fn has_events(path: &Path) -> Result<bool, Error> {
    if fs::metadata(wal_of(path)).is_ok_and(|wal| wal.len() > 0) {
        return Ok(true);
    }
    let ask = |connection: Connection| {
        let sql = "SELECT EXISTS (SELECT 1 FROM events)";
        connection.query_row(sql, [], |row| row.get(0))
    };
    open_immutable(path)
        .and_then(ask)
        .map_err(|error| sql_failed(path, error))
}

/// Reads the file alone. A checkpoint begins with the first page, which says how long the file is to become: SQLite
/// reports one that is shorter as damaged, unless it is told that somebody is repairing it.
/// Source: `lockBtree` in SQLite's `btree.c`.
fn read_immutable(path: &Path) -> rusqlite::Result<Option<Tenant>> {
    let connection = open_immutable(path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    tenant_rows::owner(&connection)
}

/// Returns `None` where there is no log to read with.
fn read_with_wal(path: &Path) -> Option<rusqlite::Result<Option<Tenant>>> {
    let has_wal = recovery::has_wal(path).ok()?;
    if !has_wal || ownership::require_own_wal(path).is_err() {
        return None;
    }
    Some(tenant_rows::owner(&open(path).ok()?))
}
