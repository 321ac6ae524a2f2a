//! The registry of tenants: their entries in `registry.db`, and in memory for lookups.
//!
//! [`consistency`] compares entries with databases, [`orphaned_databases`] finds those without an entry, and [`repair`]
//! is for operators. Imports `pool/` for the handles that lookups return, and `tenant/identity.rs`.

pub(super) mod consistency;
mod hidden_tenants;
mod keys;
pub(super) mod orphaned_databases;
pub(super) mod registry_file;
pub(super) mod repair;
pub(super) mod secrets;
mod tenant_directory;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::params;
use uuid::Uuid;

use self::orphaned_databases::OrphanIndex;
use self::registry_file::{RegistryFile, Withdrawal};
use super::disk::Folder;
use super::disk::error_mapping::{io_failed, refused};
use super::pool::TenantHandle;
use super::tables::tenant_rows::{self, State};
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::{Error, closed};

/// The tenant entries. Every method but the lookups does disk I/O: not for an async task.
#[derive(Debug)]
pub(super) struct Registry {
    file: RegistryFile,
    ready: RwLock<Ready>,
}

/// The entries that lookups find, and the databases whose entries were lost.
#[derive(Debug, Default)]
struct Ready {
    by_client_id: HashMap<ClientId, Arc<TenantHandle>>,
    by_name: HashMap<DatabaseName, Arc<TenantHandle>>,
    /// Tenants that lookups no longer find, and that are not gone from the disk yet.
    deleting: HashMap<ClientId, Arc<Tenant>>,
    orphans: OrphanIndex,
    closed: bool,
}

impl Registry {
    /// Opens the registry of a folder, or creates one in a folder that has no databases yet: starting with no
    /// entries would tell every sender that its tenant does not exist. Returns the entries whose
    /// creation or deletion was interrupted, too.
    pub(super) fn open(folder: &Folder) -> Result<(Self, Vec<(Tenant, State)>), Error> {
        let refuse = |problem| match folder.layout.databases()?.first() {
            Some(database) => Err(Error::Damaged(format!(
                "'{}' is there, and the registry '{}' {problem}: restore it from a backup, or restore the \
                 entries from the databases with `event-history tenants adopt --all`",
                database.display(),
                folder.layout.registry().display()
            ))),
            None => Ok(()),
        };
        let path = folder.layout.registry();
        if !path.try_exists().map_err(|error| io_failed(&path, error))? {
            refuse("is missing")?;
        }
        let (registry, unfinished) = Self::open_or_create(folder)?;
        if registry.entries()?.is_empty() {
            refuse("has no tenant entries")?;
        }
        Ok((registry, unfinished))
    }

    /// Does the same for an operator's repairs, whatever databases there are.
    pub(super) fn open_or_create(folder: &Folder) -> Result<(Self, Vec<(Tenant, State)>), Error> {
        let file = RegistryFile::open(folder)?;
        let mut ready = Ready::default();
        let mut unfinished = Vec::new();
        for (tenant, state) in file.with(tenant_rows::load)? {
            match state {
                State::Ready => ready.insert(tenant),
                State::Hidden => {}
                State::Creating | State::Deleting => unfinished.push((tenant, state)),
            }
        }
        let registry = Self {
            file,
            ready: RwLock::new(ready),
        };
        Ok((registry, unfinished))
    }

    /// [`Error::EntryMissing`] if it may be the id of a tenant whose entry was lost.
    pub(super) fn by_client_id(&self, id: ClientId) -> Result<Option<Arc<TenantHandle>>, Error> {
        self.lookup(
            |ready| ready.by_client_id.get(&id),
            |orphans| orphans.of_client_id(id),
        )
    }

    /// [`Error::EntryMissing`] if it is the name of a tenant whose entry was lost.
    pub(super) fn by_name(&self, name: &DatabaseName) -> Result<Option<Arc<TenantHandle>>, Error> {
        self.lookup(
            |ready| ready.by_name.get(name),
            |orphans| orphans.of_name(name),
        )
    }

    /// Returns how many tenants are ready.
    pub(super) fn count(&self) -> usize {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.by_name.len()
    }

    /// Returns how many tenants are ready, without the system tenant.
    pub(super) fn customers(&self) -> usize {
        let system = self.knows(&DatabaseName::system());
        self.count() - usize::from(system)
    }

    /// Tells whether a tenant of this name is ready.
    pub(super) fn knows(&self, name: &DatabaseName) -> bool {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.by_name.contains_key(name)
    }

    /// Returns the tenant with this client id if its deletion has begun and has not ended.
    pub(super) fn deleting(&self, id: ClientId) -> Option<Arc<Tenant>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.deleting.get(&id).cloned()
    }

    /// From now on lookups report these databases as ones whose entries were lost.
    pub(super) fn set_orphans(&self, orphans: OrphanIndex) {
        self.write_ready().orphans = orphans;
    }

    /// Returns the tenants that are ready, without the system tenant, ordered by name.
    pub(super) fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if ready.closed {
            return Err(closed());
        }
        let handles = ready.by_name.values();
        let handles = handles.filter(|it| !it.tenant.is_system());
        let mut tenants: Vec<_> = handles.map(|it| Arc::clone(&it.tenant)).collect();
        tenants.sort_unstable_by(|one, other| one.database_name.cmp(&other.database_name));
        Ok(tenants)
    }

    /// Returns the tenants whose databases are ready, in no order.
    pub(super) fn handles(&self) -> Vec<Arc<TenantHandle>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.by_name.values().map(Arc::clone).collect()
    }

    /// Returns the id of the store.
    pub(super) fn database_id(&self) -> Result<Uuid, Error> {
        self.file.with(tenant_rows::database_id)
    }

    /// Returns the client id and the state of the entry with this name, on disk.
    pub(super) fn state(&self, name: &DatabaseName) -> Result<Option<(ClientId, State)>, Error> {
        self.file
            .with(|connection| tenant_rows::find(connection, name))
    }

    /// Returns the name of the entry with this client id, on disk, whatever its state.
    fn name_of(&self, id: ClientId) -> Result<Option<DatabaseName>, Error> {
        self.file
            .with(|connection| tenant_rows::name_of(connection, id))
    }

    /// Returns all entries on disk, whatever their state.
    pub(super) fn entries(&self) -> Result<Vec<(Tenant, State)>, Error> {
        self.file.with(tenant_rows::load)
    }

    /// Reserves the name, before anything is created on disk.
    pub(super) fn begin_creation(&self, tenant: &Tenant) -> Result<(), Error> {
        self.insert(tenant, State::Creating)
    }

    /// Restores the entry of a database that is there.
    pub(super) fn adopt(&self, tenant: &Tenant) -> Result<(), Error> {
        self.insert(tenant, State::Ready)
    }

    fn insert(&self, tenant: &Tenant, state: State) -> Result<(), Error> {
        self.file
            .change(|connection| tenant_rows::insert(connection, tenant, state))
    }

    /// Makes the entry one that lookups find. After a failure no later lookup finds it either: its caller was told that
    /// it is not there, and never learned its client id.
    pub(super) fn finish_creation(&self, tenant: Tenant) -> Result<(), Error> {
        let changed = self.set_state(&tenant, State::Ready);
        changed.inspect_err(|_| self.file.withdraw(&tenant, Withdrawal::Deleting))?;
        self.write_ready().insert(tenant);
        Ok(())
    }

    /// Hides the entry from lookups, before anything is removed from disk. Returns `None` if the
    /// tenant has no entry, or one that is hidden already. It is hidden after a failure too if it is, or may be,
    /// to be deleted on disk: nothing is stored that the next start would remove.
    pub(super) fn begin_deletion(
        &self,
        tenant: &Tenant,
    ) -> Result<Option<Arc<TenantHandle>>, Error> {
        if self.by_client_id(tenant.client_id)?.is_none() {
            return Ok(None);
        }
        if let Err(error) = self.set_state(tenant, State::Deleting) {
            match self.state(&tenant.database_name) {
                Ok(Some((_, State::Ready))) => return Err(error),
                Ok(_) => {} // the change is durable all the same
                Err(_) => {
                    self.write_ready().remove(tenant.client_id);
                    self.file.withdraw(tenant, Withdrawal::Deleting);
                    return Err(error);
                }
            }
        }
        Ok(self.write_ready().remove(tenant.client_id))
    }

    /// Makes sure that the entry is not ready on disk, before anything is removed: a failed change may have left it so,
    /// and a ready entry must not outlive its database.
    pub(super) fn begin_removal(&self, name: &DatabaseName) -> Result<(), Error> {
        // After a failure the file is opened again first, so that what is read is on the disk.
        if !matches!(self.state(name)?, Some((_, State::Ready))) {
            return Ok(());
        }
        let sql = "UPDATE tenants SET state = 'deleting' WHERE database_name = ?";
        let changed = self.file.change(|it| it.execute(sql, [name.as_str()]));
        changed.map(drop)
    }

    /// Frees the name, after everything is gone from disk.
    pub(super) fn forget(&self, name: &DatabaseName) -> Result<(), Error> {
        let sql = "DELETE FROM tenants WHERE database_name = ?";
        self.file.change(|connection| {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute(sql, [name.as_str()])?;
            secrets::forget(&transaction)?;
            transaction.commit()
        })?;
        let mut ready = self.write_ready();
        ready.deleting.retain(|_, it| it.database_name != *name);
        Ok(())
    }

    /// Reads from disk.
    pub(super) fn ping(&self) -> Result<(), Error> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM tenants LIMIT 1)";
        self.file.with(|it| it.query_row(sql, [], |_| Ok(())))
    }

    /// Closes the file; every later call fails.
    pub(super) fn close(&self) -> Result<(), Error> {
        *self.write_ready() = Ready {
            closed: true,
            ..Ready::default()
        };
        self.file.close()
    }

    fn set_state(&self, tenant: &Tenant, state: State) -> Result<(), Error> {
        let changed = self.file.change(|connection| {
            let sql = "UPDATE tenants SET state = ?, restorable_until_us = NULL \
                       WHERE database_name = ? AND client_id = ?";
            let (name, id) = (tenant.database_name.as_str(), tenant.client_id.uuid());
            connection.execute(sql, params![state.as_str(), name, id])
        })?;
        if changed == 1 {
            return Ok(());
        }
        Err(entry_gone(tenant))
    }

    fn lookup(
        &self,
        find: impl FnOnce(&Ready) -> Option<&Arc<TenantHandle>>,
        miss: impl FnOnce(&OrphanIndex) -> Result<(), Error>,
    ) -> Result<Option<Arc<TenantHandle>>, Error> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if ready.closed {
            return Err(closed());
        }
        let found = find(&ready).map(Arc::clone);
        if found.is_none() {
            miss(&ready.orphans)?;
        }
        Ok(found)
    }

    fn write_ready(&self) -> std::sync::RwLockWriteGuard<'_, Ready> {
        self.ready.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry_gone(tenant: &Tenant) -> Error {
    let name = &tenant.database_name;
    refused(format!(
        "the entry of tenant '{name}' is gone from the registry"
    ))
}

impl Ready {
    fn insert(&mut self, tenant: Tenant) {
        let handle = Arc::new(TenantHandle::new(tenant));
        let (id, name) = (handle.tenant.client_id, &handle.tenant.database_name);
        self.by_name.insert(name.clone(), Arc::clone(&handle));
        self.by_client_id.insert(id, handle);
    }

    fn take(&mut self, id: ClientId) -> Option<Arc<TenantHandle>> {
        let handle = self.by_client_id.remove(&id)?;
        self.by_name.remove(&handle.tenant.database_name);
        Some(handle)
    }

    fn remove(&mut self, id: ClientId) -> Option<Arc<TenantHandle>> {
        let handle = self.take(id)?;
        self.deleting.insert(id, Arc::clone(&handle.tenant));
        Some(handle)
    }
}
