//! The rows of tenant entries: all in the registry, and in each database the one that it was made for.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use uuid::Uuid;

use crate::domain::{ClientId, DatabaseName, Tenant};

/// The columns of an entry, in the order of [`Tenant`]: see [`tenant_from_row`].
pub(crate) const COLUMNS: &str =
    "client_id, database_name, client_label, client_secret_sha256, created_at";

/// The state of a tenant's database. One that is being created or deleted when a process starts was interrupted by the end of
/// the last process, and is removed: nobody was told that it exists, or somebody was told that it will be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Creating,
    Ready,
    /// It was deleted, and can be restored.
    Hidden,
    Deleting,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Hidden => "hidden",
            Self::Deleting => "deleting",
        }
    }
}

/// Returns the id of the database that this is the registry of.
pub(crate) fn database_id(connection: &Connection) -> rusqlite::Result<Uuid> {
    connection.query_row("SELECT id FROM database", [], |row| row.get(0))
}

/// Returns every entry, whatever its state.
pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Vec<(Tenant, State)>> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS}, state FROM tenants"))?;
    statement.query_map([], from_row)?.collect()
}

/// Returns the entries that are ready, ordered by name.
pub(crate) fn ready(entries: Vec<(Tenant, State)>) -> Vec<Tenant> {
    in_states(entries, &[State::Ready])
}

/// Returns the entries whose databases are complete, ordered by name: also those of hidden tenants.
pub(crate) fn complete(entries: Vec<(Tenant, State)>) -> Vec<Tenant> {
    in_states(entries, &[State::Ready, State::Hidden])
}

fn in_states(entries: Vec<(Tenant, State)>, states: &[State]) -> Vec<Tenant> {
    let found = entries.into_iter().filter(|it| states.contains(&it.1));
    let mut tenants: Vec<Tenant> = found.map(|(tenant, _)| tenant).collect();
    tenants.sort_unstable_by(|one, other| one.database_name.cmp(&other.database_name));
    tenants
}

/// Returns the client id and the state of the entry with this name.
pub(crate) fn find(
    connection: &Connection,
    name: &DatabaseName,
) -> rusqlite::Result<Option<(ClientId, State)>> {
    let sql = "SELECT client_id, state FROM tenants WHERE database_name = ?";
    let read = |row: &Row<'_>| Ok((ClientId::from_uuid(row.get(0)?), state(row, 1)?));
    connection.query_row(sql, [name.as_str()], read).optional()
}

/// Returns the name of the entry with this client id.
pub(crate) fn name_of(
    connection: &Connection,
    id: ClientId,
) -> rusqlite::Result<Option<DatabaseName>> {
    let sql = "SELECT database_name FROM tenants WHERE client_id = ?";
    let read = |row: &Row<'_>| database_name(row, 0);
    connection.query_row(sql, [id.uuid()], read).optional()
}

/// Adds an entry to the registry.
pub(crate) fn insert(
    connection: &Connection,
    tenant: &Tenant,
    state: State,
) -> rusqlite::Result<()> {
    write(connection, "tenants", tenant, "state", &state.as_str())
}

/// Changes the state of the entry with this client id so that its deletion is finished.
pub(crate) fn begin_deletion(connection: &Connection, id: ClientId) -> rusqlite::Result<()> {
    let sql = "UPDATE tenants SET state = ? WHERE client_id = ?";
    let state = State::Deleting.as_str();
    connection.execute(sql, params![state, id.uuid()]).map(drop)
}

/// Writes into a new database the tenant that it is made for.
pub(crate) fn insert_owner(connection: &Connection, tenant: &Tenant) -> rusqlite::Result<()> {
    write(connection, "tenant", tenant, "only_row", &1)
}

/// Returns the tenant that a database was made for; `None` where there is no such row, or no table for it.
pub(crate) fn owner(connection: &Connection) -> rusqlite::Result<Option<Tenant>> {
    if !connection.table_exists(None, "tenant")? {
        return Ok(None);
    }
    connection
        .query_row(
            &format!("SELECT {COLUMNS} FROM tenant"),
            [],
            tenant_from_row,
        )
        .optional()
}

fn write(
    connection: &Connection,
    table: &str,
    tenant: &Tenant,
    last_column: &str,
    last_value: &dyn ToSql,
) -> rusqlite::Result<()> {
    let Tenant {
        client_id,
        database_name,
        client_label,
        client_secret_sha256,
        created_at,
    } = tenant;
    let sql = format!("INSERT INTO {table} ({COLUMNS}, {last_column}) VALUES (?, ?, ?, ?, ?, ?)");
    connection.execute(
        &sql,
        params![
            client_id.uuid(),
            database_name.as_str(),
            client_label,
            client_secret_sha256,
            created_at.to_string(),
            last_value,
        ],
    )?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(Tenant, State)> {
    Ok((tenant_from_row(row)?, state(row, 5)?))
}

/// Reads the entry in the first five columns.
pub(crate) fn tenant_from_row(row: &Row<'_>) -> rusqlite::Result<Tenant> {
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
    DatabaseName::parse_stored(row.get_ref(column)?.as_str()?)
        .map_err(|error| bad_text(column, error))
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    match row.get_ref(column)?.as_str()? {
        "creating" => Ok(State::Creating),
        "ready" => Ok(State::Ready),
        "hidden" => Ok(State::Hidden),
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
