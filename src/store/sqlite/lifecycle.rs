//! How tenants come and go: an entry passes through states, so that a crash or a failed write between two
//! steps leaves what the next call or the next start finishes or undoes.

use std::path::Path;
use std::sync::Arc;

use super::entries::State;
use super::errors::blocking;
use super::folder::Folder;
use super::orphans::{self, Orphans};
use super::registry::Registry;
use super::{Inner, database, identity};
use crate::domain::{DatabaseName, Tenant};
use crate::store::{Created, Error};

impl Inner {
    /// Under the lock of the name. Does disk I/O.
    pub(super) fn create(&self, tenant: &Tenant) -> Result<Created, Error> {
        let name = &tenant.database_name;
        self.require_databases()?;
        match self.registry.state(name)? {
            Some((_, State::Ready)) if self.registry.knows(name) => return Ok(Created::NameTaken),
            // Nobody was told of one that is ready on disk alone and empty: the call that made it failed.
            Some((_, State::Ready)) if identity::has_events(&self.folder.database(name))? => {
                return Ok(Created::NameTaken);
            }
            Some((_, State::Creating | State::Ready | State::Deleting)) => {
                remove(name, &self.folder, &self.registry)?;
            }
            None => {}
        }
        let database = self.folder.database(name);
        if database.exists() {
            return Err(orphans::entry_missing(&database));
        }
        if let Some(path) = self.folder.in_the_way(name)? {
            let message = format!(
                "'{}' is in the way of a new tenant '{name}'",
                path.display()
            );
            return Err(Error::Damaged(message));
        }
        self.registry.begin_creation(tenant)?;
        if let Err(error) = database::create(&self.folder, tenant) {
            if let Err(undoing) = remove(name, &self.folder, &self.registry) {
                // The next creation of that name, or the next start, does it.
                tracing::warn!(tenant = %name, "a failed creation was not undone: {undoing}");
            }
            return Err(error);
        }
        if let Err(error) = self.registry.finish_creation(tenant.clone()) {
            if let Err(undoing) = remove(name, &self.folder, &self.registry) {
                tracing::warn!(tenant = %name, "a failed creation was not undone: {undoing}");
            }
            return Err(error);
        }
        Ok(Created::New)
    }

    pub(super) async fn delete(self: &Arc<Self>, tenant: &Tenant) -> Result<(), Error> {
        let _name = self.lock_name(&tenant.database_name).await;
        let (inner, hidden) = (Arc::clone(self), tenant.clone());
        let known = self.registry.by_client_id(tenant.client_id)?;
        let hidden = blocking(move || inner.registry.begin_deletion(&hidden)).await;
        if hidden.is_err()
            && let Some(entry) = known
            && !matches!(self.registry.by_client_id(tenant.client_id), Ok(Some(_)))
        {
            // It may be removed by the next start, and takes no event any more.
            self.open_tenants.delete(&entry).await?;
        }
        if let Some(entry) = hidden? {
            self.open_tenants.delete(&entry).await?;
        }
        let (inner, tenant) = (Arc::clone(self), tenant.clone());
        blocking(move || {
            let name = &tenant.database_name;
            match inner.registry.state(name)? {
                Some((id, State::Deleting)) if id == tenant.client_id => {
                    remove(name, &inner.folder, &inner.registry)
                }
                _ => Ok(()), // not there, or another tenant's by now
            }
        })
        .await
    }
}

pub(super) fn open_folder(path: &Path) -> Result<(Folder, Registry), Error> {
    let folder = Folder::open(path)?;
    let (registry, unfinished) = Registry::open(&folder)?;
    if registry.count() == 0 && unfinished.is_empty() {
        folder.make_tenants()?; // backups leave out folders that are empty
    }
    if folder.ping().is_ok() {
        for (tenant, state) in unfinished {
            finish(&tenant, state, &folder, &registry)?;
        }
    }
    let orphans = orphans::find(&folder, &registry)?;
    for orphan in &orphans {
        let name = orphan.name.as_ref().map(ToString::to_string);
        tracing::error!(tenant = name, "{}", orphan.describe());
    }
    registry.set_orphans(Orphans::of(orphans));
    Ok((folder, registry))
}

/// Finishes or undoes what the end of the last process cut short. The registry may come from a backup, and
/// its word may be old: a database that is another tenant's by now, or has events, is not removed.
fn finish(
    tenant: &Tenant,
    state: State,
    folder: &Folder,
    registry: &Registry,
) -> Result<(), Error> {
    let name = &tenant.database_name;
    let path = folder.database(name);
    if path.exists() {
        match identity::of_file(&path) {
            Ok(found) if found.client_id != tenant.client_id => {
                tracing::warn!(tenant = %name, "an unfinished entry is dropped: the database is not its own");
                return registry.forget(name);
            }
            Ok(_) if state == State::Creating && identity::has_events(&path)? => {
                tracing::warn!(tenant = %name, "a tenant whose creation was cut short has events, and is kept");
                return registry.finish_creation(tenant.clone());
            }
            Ok(_) | Err(Error::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    tracing::warn!(tenant = %name, "removing a tenant whose creation or deletion was cut short");
    remove(name, folder, registry)
}

/// Removes a database that nobody has open and then its entry, so that a crash in between leaves an
/// entry which says that there is work to finish.
fn remove(name: &DatabaseName, folder: &Folder, registry: &Registry) -> Result<(), Error> {
    folder.remove_database(name)?;
    registry.forget(name)
}
