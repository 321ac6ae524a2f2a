//! The rows of tenant entries.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use uuid::Uuid;

use crate::domain::{ClientId, DatabaseName, Tenant};

/// How far the making or the removal of a database has come. What is not ready when a process starts
/// was cut short by the end of the last one, and is removed: nobody was told that it is there, or
/// somebody was promised that it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Creating,
    Ready,
    Deleting,
}

/// Returns the id of the database that this is the registry of.
pub(super) fn database_id(connection: &Connection) -> rusqlite::Result<Uuid> {
    connection.query_row("SELECT id FROM database", [], |row| row.get(0))
}

/// Reads every entry, whatever its state.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<(Tenant, State)>> {
    let sql = "SELECT client_id, database_name, client_label, client_secret_sha256, created_at, \
               state FROM tenants";
    connection.prepare(sql)?.query_map([], from_row)?.collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(Tenant, State)> {
    Ok((tenant_from_row(row)?, state(row, 5)?))
}

/// Reads the entry in the first five columns, in the order of [`Tenant`].
pub(super) fn tenant_from_row(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    let created_at: String = row.get(4)?;
    Ok(Tenant {
        client_id: ClientId::from_uuid(row.get(0)?),
        database_name: database_name(row, 1)?,
        client_label: row.get(2)?,
        client_secret_sha256: row.get(3)?,
        created_at: Timestamp::from_str(&created_at).map_err(|error| bad_text(4, error))?,
    })
}

fn database_name(row: &Row<'_>, column: usize) -> rusqlite::Result<DatabaseName> {
    DatabaseName::parse(row.get_ref(column)?.as_str()?).map_err(|error| bad_text(column, error))
}

pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    match row.get_ref(column)?.as_str()? {
        "creating" => Ok(State::Creating),
        "ready" => Ok(State::Ready),
        "deleting" => Ok(State::Deleting),
        other => Err(bad_text(column, format!("'{other}' is not a state"))),
    }
}

fn bad_text(
    column: usize,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, problem.into())
}
