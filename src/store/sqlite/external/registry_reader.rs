//! The registry as another process reads it.

use rusqlite::Connection;
use uuid::Uuid;

use super::access::connect;
use crate::domain::{ClientId, DatabaseName, Tenant, TenantSecrets};
use crate::store::Error;
use crate::store::sqlite::disk::error_mapping::{io_failed, refused, sql_failed};
use crate::store::sqlite::disk::file_names::wal_index_of;
use crate::store::sqlite::disk::layout::Layout;
use crate::store::sqlite::registry::consistency::{self, Inconsistency};
use crate::store::sqlite::registry::secrets;
use crate::store::sqlite::tables::tenant_rows::{self, State};
use crate::store::sqlite::wal::{connection, ownership, recovery};
use crate::store::sqlite::{
    disk::file_system::Inode, registry::registry_file, tables::schema::REGISTRY,
};

/// Compares the entries with the databases of a folder that a service may be using. Does disk I/O.
pub(crate) fn inspect(layout: &Layout) -> Result<Vec<Inconsistency>, Error> {
    let path = layout.registry();
    ownership::require_own_wal(&path)?;
    if let Some(connection) = open(layout)? {
        registry_file::require_integrity(&connection, &path)?;
    }
    consistency::inspect(layout, || entries(layout))
}

/// Returns the tenants that are ready, ordered by name.
pub(crate) fn ready(layout: &Layout) -> Result<Vec<Tenant>, Error> {
    Ok(tenant_rows::ready(entries(layout)?))
}

/// Returns every entry, whatever its state; none where there is no registry yet and no database either.
/// Leaves nothing behind.
pub(super) fn entries(layout: &Layout) -> Result<Vec<(Tenant, State)>, Error> {
    Ok(with(layout, tenant_rows::load)?.unwrap_or_default())
}

/// Returns the tenants whose databases are complete, ordered by name: also those that are hidden.
pub(super) fn complete(layout: &Layout) -> Result<Vec<Tenant>, Error> {
    Ok(tenant_rows::complete(entries(layout)?))
}

/// Tells whether the tenant has an entry, and its database is complete.
pub(super) fn is_complete(layout: &Layout, tenant: &Tenant) -> Result<bool, Error> {
    let found = with(layout, |it| tenant_rows::find(it, &tenant.database_name))?;
    let id = tenant.client_id;
    Ok(matches!(found.flatten(), Some((found, State::Ready | State::Hidden)) if found == id))
}

/// Tells whether there is an entry with this name, whatever its state.
pub(super) fn is_name_taken(layout: &Layout, name: &DatabaseName) -> Result<bool, Error> {
    let found = with(layout, |it| tenant_rows::find(it, name))?;
    Ok(found.flatten().is_some())
}

/// Returns the id of the store.
pub(super) fn database_id(layout: &Layout) -> Result<Uuid, Error> {
    let id = with(layout, tenant_rows::database_id)?;
    id.ok_or_else(|| missing(layout))
}

/// Returns the secrets of those of these tenants that are ready.
pub(super) fn secrets(layout: &Layout, ids: &[ClientId]) -> Result<Vec<TenantSecrets>, Error> {
    Ok(with(layout, |it| secrets::find(it, ids))?.unwrap_or_default())
}

/// Returns the error of a folder that has no registry.
pub(super) fn missing(layout: &Layout) -> Error {
    refused(format!("there is no '{}'", layout.registry().display()))
}

/// Returns `None` where nothing was ever written.
fn with<T>(
    layout: &Layout,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<Option<T>, Error> {
    let Some(connection) = open(layout)? else {
        return Ok(None);
    };
    let path = layout.registry();
    let done = work(&connection).map_err(|error| sql_failed(&path, error))?;
    connection::close_as_found(connection, &path)?;
    Ok(Some(done))
}

fn open(layout: &Layout) -> Result<Option<Connection>, Error> {
    let path = layout.registry();
    let found = Inode::at(&path).map_err(|error| io_failed(&path, error))?;
    if found.is_none() {
        return match layout.databases()?.first() {
            Some(database) => Err(Error::Damaged(format!(
                "'{}' is there, and the registry '{}' is missing",
                database.display(),
                path.display()
            ))),
            None => Ok(None),
        };
    }
    let failed = |error| sql_failed(&path, error);
    // Its log is there while a service uses it, or after one was killed. Without one, the file is complete.
    let connection = if wal_index_of(&path).exists() || recovery::has_wal(&path)? {
        connect(&path)
    } else {
        connection::open_immutable(&path)
    };
    let connection = connection.map_err(failed)?;
    let pages: i64 = connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .map_err(failed)?;
    if pages == 0 {
        return Ok(None); // the last process ended while it created the file
    }
    REGISTRY.require(&connection, &path)?;
    Ok(Some(connection))
}
