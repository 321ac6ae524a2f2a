//! Creation and deletion of tenants. An entry passes through the states creating, ready and deleting, so that a crash
//! or a failed write between two steps leaves what the next call, or [`recover`] at the next start, finishes or undoes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::Folder;
use super::disk::error_mapping::blocking;
use super::pool::TenantPool;
use super::registry::Registry;
use super::registry::orphaned_databases::{self, OrphanIndex};
use super::tables::tenant_rows::State;
use super::tenant::{identity, open_database};
use crate::domain::{DatabaseName, Tenant};
use crate::store::{Created, Error};

/// The time for which a deletion waits for other processes that look into the folder.
const MAX_REMOVAL: Duration = Duration::from_secs(30);

/// Creates a tenant's entry and database. The caller holds the lock of the name. Does disk I/O.
pub(super) fn create(
    folder: &Folder,
    registry: &Registry,
    tenant: &Tenant,
) -> Result<Created, Error> {
    let name = &tenant.database_name;
    let database = folder.layout.database(name);
    match registry.state(name)? {
        // If the entry is ready on disk alone and has no events, its caller was told that the creation failed.
        Some((_, State::Ready)) if registry.knows(name) || identity::has_events(&database)? => {
            return Ok(Created::NameTaken);
        }
        Some((_, State::Hidden)) => return Ok(Created::NameTaken),
        Some((_, State::Creating | State::Ready | State::Deleting)) => {
            remove(name, folder, registry)?;
        }
        None => {}
    }
    if database.exists() {
        return Err(orphaned_databases::entry_missing(&database));
    }
    if let Some(path) = folder.blocking_file(name)? {
        let path = path.display();
        let message = format!("'{path}' is in the way of a new tenant '{name}'");
        return Err(Error::Damaged(message));
    }
    registry.begin_creation(tenant)?;
    let created = open_database::create(folder, tenant)
        .and_then(|()| registry.finish_creation(tenant.clone()));
    created.inspect_err(|_| {
        if let Err(error) = remove(name, folder, registry) {
            // The next creation of that name, or the next start, does it.
            tracing::warn!(tenant = %name, "a failed creation was not undone: {error}");
        }
    })?;
    Ok(Created::New)
}

/// Deletes a tenant's database and entry, and ends the calls under way first. The caller holds the lock of the name.
pub(super) async fn delete(
    folder: &Arc<Folder>,
    registry: &Arc<Registry>,
    pool: &TenantPool,
    tenant: &Tenant,
) -> Result<(), Error> {
    let known = registry.by_client_id(tenant.client_id)?;
    let (in_registry, hidden) = (Arc::clone(registry), tenant.clone());
    let hidden = blocking(move || in_registry.begin_deletion(&hidden)).await;
    if hidden.is_err()
        && let Some(handle) = known
        && !matches!(registry.by_client_id(tenant.client_id), Ok(Some(_)))
    {
        // The next start may remove it, so it must take no more events.
        pool.delete(&handle).await?;
    }
    if let Some(handle) = hidden? {
        pool.delete(&handle).await?;
    }
    finish_once_unread(folder, registry, tenant).await
}

/// Deletes a hidden tenant's database and entry, if it is due. Returns false if it is not. The caller holds the lock of the
/// name.
pub(super) async fn delete_hidden(
    folder: &Arc<Folder>,
    registry: &Arc<Registry>,
    tenant: &Tenant,
) -> Result<bool, Error> {
    let (in_registry, hidden) = (Arc::clone(registry), tenant.clone());
    let is_due = blocking(move || in_registry.begin_hidden_deletion(&hidden)).await?;
    if is_due {
        finish_once_unread(folder, registry, tenant).await?;
    }
    Ok(is_due)
}

/// Finishes a deletion that has begun, once no other process looks into the folder.
async fn finish_once_unread(
    folder: &Arc<Folder>,
    registry: &Arc<Registry>,
    tenant: &Tenant,
) -> Result<(), Error> {
    let (folder, registry, tenant) = (Arc::clone(folder), Arc::clone(registry), tenant.clone());
    blocking(move || {
        let begin = Instant::now();
        loop {
            match finish_deletion(&folder, &registry, &tenant) {
                // The caller may be gone by then. The tenant is hidden already, so nobody else is waiting.
                Err(Error::Busy) if begin.elapsed() < MAX_REMOVAL => {}
                outcome => return outcome,
            }
        }
    })
    .await
}

fn finish_deletion(folder: &Folder, registry: &Registry, tenant: &Tenant) -> Result<(), Error> {
    let name = &tenant.database_name;
    match registry.state(name)? {
        Some((id, State::Deleting)) if id == tenant.client_id => remove(name, folder, registry),
        _ => Ok(()), // not there, or another tenant's by now
    }
}

/// Opens the folder and its registry, and recovers what the end of the last process interrupted.
pub(super) fn recover(path: &Path) -> Result<(Folder, Registry), Error> {
    let folder = Folder::open(path)?;
    let (registry, unfinished) = Registry::open(&folder)?;
    if registry.entries()?.is_empty() {
        folder.create_tenants()?; // backups leave out folders that are empty
    }
    if folder.ping().is_ok() {
        for (tenant, state) in unfinished {
            finish(&tenant, state, &folder, &registry)?;
        }
    }
    let orphans = orphaned_databases::find(&folder.layout, || registry.entries())?;
    for orphan in &orphans {
        let name = orphan.name.as_ref().map(ToString::to_string);
        tracing::error!(tenant = name, "{}", orphan.describe());
    }
    registry.set_orphans(OrphanIndex::of(orphans));
    Ok((folder, registry))
}

/// Finishes or undoes an interrupted creation or deletion. The registry may come from a backup, and its entries be old:
/// a database that is another tenant's by now, or has events, is not removed.
fn finish(
    tenant: &Tenant,
    state: State,
    folder: &Folder,
    registry: &Registry,
) -> Result<(), Error> {
    let name = &tenant.database_name;
    let path = folder.layout.database(name);
    if path.exists() {
        match identity::of_file(&path) {
            Ok(found) if found.client_id != tenant.client_id => {
                tracing::warn!(tenant = %name, "dropping an unfinished entry: the database is another tenant's");
                return registry.forget(name);
            }
            Ok(_) if state == State::Creating => match identity::has_events(&path) {
                Ok(false) => {}
                has_events => return keep_database(tenant, has_events, folder, registry),
            },
            Ok(_) | Err(Error::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    tracing::warn!(tenant = %name, "removing a tenant whose creation or deletion was interrupted");
    remove(name, folder, registry)
}

/// Keeps the database of an interrupted creation that has events, or may have: a power cut leaves it half written, and an
/// old registry entry says the same of a database in use.
fn keep_database(
    tenant: &Tenant,
    has_events: Result<bool, Error>,
    folder: &Folder,
    registry: &Registry,
) -> Result<(), Error> {
    let name = &tenant.database_name;
    match has_events {
        Err(Error::Damaged(problem)) => {
            let place = folder.move_to_removed(name)?;
            let place = place.display();
            tracing::warn!(tenant = %name, "removing a tenant whose creation was interrupted; its database is in \
                                            '{place}': {problem}");
            registry.forget(name)
        }
        Err(error) => Err(error),
        Ok(_) => {
            tracing::warn!(tenant = %name, "keeping a tenant whose creation was interrupted: it has events");
            registry.finish_creation(tenant.clone())
        }
    }
}

/// Removes a database that nobody has open and then its entry, so that a crash in between leaves an
/// entry that says what to finish.
fn remove(name: &DatabaseName, folder: &Folder, registry: &Registry) -> Result<(), Error> {
    registry.begin_removal(name)?;
    folder.remove_database(name)?;
    registry.forget(name)
}
