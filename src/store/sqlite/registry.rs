//! The tenant entries: in `registry.db`, and in memory for lookups.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::entries::{State, database_id, load, state};
use super::errors::{io_failed, refused};
use super::folder::{Folder, Sighting};
use super::open_tenants::Slot;
use super::orphans::Orphans;
use super::registry_file::RegistryFile;
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::{Error, closed};

/// Every method but the lookups does disk I/O: not for an async task.
#[derive(Debug)]
pub(super) struct Registry {
    file: RegistryFile,
    ready: RwLock<Ready>,
}

/// A tenant whose database is ready, and where its open database is kept.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) tenant: Arc<Tenant>,
    pub(super) slot: Slot,
    /// Of the database file.
    pub(super) seen: Sighting,
}

/// The entries that lookups find, and the databases whose entries were lost.
#[derive(Debug, Default)]
struct Ready {
    by_client_id: HashMap<ClientId, Arc<Entry>>,
    by_name: HashMap<DatabaseName, Arc<Entry>>,
    orphans: Orphans,
    closed: bool,
}

impl Registry {
    /// Opens the registry of a folder, or makes one in a folder that has no databases yet: starting with no
    /// entries would tell every sender that its tenant does not exist, for good. Returns the entries whose
    /// creation or deletion was cut short, too.
    pub(super) fn open(folder: &Folder) -> Result<(Self, Vec<(Tenant, State)>), Error> {
        let refuse = |problem| match folder.databases()?.first() {
            Some(database) => Err(Error::Damaged(format!(
                "'{}' is there, and the registry '{}' {problem}: restore it from a backup, or restore the \
                 entries from the databases with `event-history tenants adopt --all`",
                database.display(),
                folder.registry().display()
            ))),
            None => Ok(()),
        };
        let path = folder.registry();
        if !path.try_exists().map_err(|error| io_failed(&path, error))? {
            refuse("is missing")?;
        }
        let (registry, unfinished) = Self::open_or_make(folder)?;
        if registry.count() == 0 && unfinished.is_empty() {
            refuse("has no tenant entries")?;
        }
        Ok((registry, unfinished))
    }

    /// The same for an operator's repairs, whatever databases there are.
    pub(super) fn open_or_make(folder: &Folder) -> Result<(Self, Vec<(Tenant, State)>), Error> {
        let file = RegistryFile::open(folder)?;
        let mut ready = Ready::default();
        let mut unfinished = Vec::new();
        for (tenant, state) in file.with(load)? {
            match state {
                State::Ready => ready.insert(tenant),
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
    pub(super) fn by_client_id(&self, id: ClientId) -> Result<Option<Arc<Entry>>, Error> {
        self.lookup(
            |ready| ready.by_client_id.get(&id),
            |orphans| orphans.of_client_id(id),
        )
    }

    /// [`Error::EntryMissing`] if it is the name of a tenant whose entry was lost.
    pub(super) fn by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Entry>>, Error> {
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

    /// Tells whether a tenant of this name is ready.
    pub(super) fn knows(&self, name: &DatabaseName) -> bool {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.by_name.contains_key(name)
    }

    /// From now on lookups tell of these databases that their entries were lost.
    pub(super) fn set_orphans(&self, orphans: Orphans) {
        self.write_ready().orphans = orphans;
    }

    /// Returns the tenants that are ready, ordered by name.
    pub(super) fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if ready.closed {
            return Err(closed());
        }
        let entries = ready.by_name.values();
        let mut tenants: Vec<_> = entries.map(|entry| Arc::clone(&entry.tenant)).collect();
        tenants.sort_unstable_by(|one, other| one.database_name.cmp(&other.database_name));
        Ok(tenants)
    }

    /// Returns the id of the database that this is the registry of.
    pub(super) fn database_id(&self) -> Result<Uuid, Error> {
        self.file.with(database_id)
    }

    /// Returns whose name it is and how far that one has come, on disk.
    pub(super) fn state(&self, name: &DatabaseName) -> Result<Option<(ClientId, State)>, Error> {
        self.file.with(|connection| {
            connection
                .prepare_cached("SELECT client_id, state FROM tenants WHERE database_name = ?")?
                .query_row([name.as_str()], |row| {
                    Ok((ClientId::from_uuid(row.get(0)?), state(row, 1)?))
                })
                .optional()
        })
    }

    /// Returns all entries on disk, whatever their state.
    pub(super) fn entries(&self) -> Result<Vec<(Tenant, State)>, Error> {
        self.file.with(load)
    }

    /// Takes the name, before anything is made on disk.
    pub(super) fn begin_creation(&self, tenant: &Tenant) -> Result<(), Error> {
        self.insert(tenant, "creating")
    }

    /// Restores the entry of a database that is there.
    pub(super) fn adopt(&self, tenant: &Tenant) -> Result<(), Error> {
        self.insert(tenant, "ready")
    }

    fn insert(&self, tenant: &Tenant, state: &str) -> Result<(), Error> {
        let Tenant {
            client_id,
            database_name,
            client_label,
            client_secret_sha256,
            created_at,
        } = tenant;
        self.file.change(|connection| {
            let sql = "INSERT INTO tenants (database_name, client_id, client_label, \
                       client_secret_sha256, created_at, state) VALUES (?, ?, ?, ?, ?, ?)";
            connection.prepare_cached(sql)?.execute(params![
                database_name.as_str(),
                client_id.uuid(),
                client_label,
                client_secret_sha256,
                created_at.to_string(),
                state,
            ])
        })?;
        Ok(())
    }

    /// Makes the entry one that lookups find. After a failure nobody finds it later either: whoever wanted it
    /// was told that it is not there, and never learned its client id.
    pub(super) fn finish_creation(&self, tenant: Tenant) -> Result<(), Error> {
        let changed = self.set_state(&tenant, "ready");
        changed.inspect_err(|_| self.file.withdraw(&tenant))?;
        self.write_ready().insert(tenant);
        Ok(())
    }

    /// Hides the entry from lookups, before anything is removed from disk. Returns `None` if the
    /// tenant has no entry, or one that is hidden already. It is hidden after a failure too if the disk
    /// says, or may say, that it is to go: nothing is stored that the next start would remove.
    pub(super) fn begin_deletion(&self, tenant: &Tenant) -> Result<Option<Arc<Entry>>, Error> {
        if self.by_client_id(tenant.client_id)?.is_none() {
            return Ok(None);
        }
        if let Err(error) = self.set_state(tenant, "deleting") {
            match self.state(&tenant.database_name) {
                Ok(Some((_, State::Ready))) => return Err(error),
                Ok(_) => {} // it says so all the same, durably
                Err(_) => {
                    self.write_ready().remove(tenant.client_id);
                    self.file.withdraw(tenant);
                    return Err(error);
                }
            }
        }
        Ok(self.write_ready().remove(tenant.client_id))
    }

    /// Frees the name, after everything is gone from disk.
    pub(super) fn forget(&self, name: &DatabaseName) -> Result<(), Error> {
        self.file.change(|connection| {
            connection
                .prepare_cached("DELETE FROM tenants WHERE database_name = ?")?
                .execute([name.as_str()])
        })?;
        Ok(())
    }

    /// Reads from disk.
    pub(super) fn ping(&self) -> Result<(), Error> {
        self.file.with(|connection| {
            connection
                .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM tenants LIMIT 1)")?
                .query_row([], |row| row.get::<_, i64>(0))
        })?;
        Ok(())
    }

    /// Closes the file; every later call fails.
    pub(super) fn close(&self) -> Result<(), Error> {
        *self.write_ready() = Ready {
            closed: true,
            ..Ready::default()
        };
        self.file.close()
    }

    fn set_state(&self, tenant: &Tenant, state: &str) -> Result<(), Error> {
        let changed = self.file.change(|connection| {
            let sql = "UPDATE tenants SET state = ? WHERE database_name = ? AND client_id = ?";
            connection.prepare_cached(sql)?.execute(params![
                state,
                tenant.database_name.as_str(),
                tenant.client_id.uuid(),
            ])
        })?;
        if changed == 1 {
            return Ok(());
        }
        let name = &tenant.database_name;
        Err(refused(format!(
            "the entry of tenant '{name}' is gone from the registry"
        )))
    }

    fn lookup(
        &self,
        find: impl FnOnce(&Ready) -> Option<&Arc<Entry>>,
        miss: impl FnOnce(&Orphans) -> Result<(), Error>,
    ) -> Result<Option<Arc<Entry>>, Error> {
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

impl Ready {
    fn insert(&mut self, tenant: Tenant) {
        let entry = Arc::new(Entry {
            tenant: Arc::new(tenant),
            slot: Slot::default(),
            seen: Sighting::default(),
        });
        let tenant = &entry.tenant;
        self.by_client_id
            .insert(tenant.client_id, Arc::clone(&entry));
        self.by_name
            .insert(tenant.database_name.clone(), Arc::clone(&entry));
    }

    fn remove(&mut self, id: ClientId) -> Option<Arc<Entry>> {
        let entry = self.by_client_id.remove(&id)?;
        self.by_name.remove(&entry.tenant.database_name);
        Some(entry)
    }
}
