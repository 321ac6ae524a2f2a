//! What an operator does about entries and databases that have lost each other, while no service runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::folder::Folder;
use super::identity;
use super::orphans;
use super::registry::Registry;
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::Error;

/// A folder of SQLite that no service has open, for as long as this lives.
#[derive(Debug)]
pub struct Repair {
    folder: Folder,
    registry: Registry,
    /// The names that have an entry, whatever its state, and the client ids.
    names: HashMap<DatabaseName, ClientId>,
    client_ids: HashMap<ClientId, DatabaseName>,
}

/// What [`Repair::remove`] has removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A database, which is in this folder now.
    Database(PathBuf),
    /// An entry whose database was missing.
    Entry,
}

#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] Error),
}

impl Repair {
    /// Takes the folder's lock. Makes the registry where it is missing, and never the folder.
    pub fn open(folder: &Path) -> Result<Self, RepairError> {
        if !folder.join("tenants").is_dir() {
            let message = format!("'{}' has no folder 'tenants'", folder.display());
            return Err(RepairError::Refused(message));
        }
        let folder = Folder::open(folder)?;
        let (registry, _) = Registry::open_or_make(&folder)?;
        let mut repair = Self {
            names: HashMap::new(),
            client_ids: HashMap::new(),
            folder,
            registry,
        };
        for (tenant, _) in repair.registry.entries()? {
            repair.note(&tenant);
        }
        Ok(repair)
    }

    /// Returns the names of the databases that have no entry, in order.
    pub fn orphans(&self) -> Result<Vec<DatabaseName>, RepairError> {
        let found = orphans::find(&self.folder, &self.registry)?;
        Ok(found.into_iter().filter_map(|it| it.name).collect())
    }

    /// Restores the entry of a database, from what the database itself holds: callers go on with the client
    /// id and the secret that they have.
    pub fn adopt(&mut self, name: &DatabaseName) -> Result<Tenant, RepairError> {
        let path = self.folder.database(name);
        if self.names.contains_key(name) {
            return refuse(format!("tenant '{name}' has an entry already"));
        }
        if !path.exists() {
            return refuse(format!("there is no '{}'", path.display()));
        }
        let tenant = identity::of_file(&path)?;
        let of = &tenant.database_name;
        if of != name {
            let path = path.display();
            return refuse(format!("'{path}' is the database of tenant '{of}'"));
        }
        if let Some(other) = self.client_ids.get(&tenant.client_id) {
            let id = tenant.client_id;
            return refuse(format!("its client id {id} is that of tenant '{other}'"));
        }
        self.registry.adopt(&tenant)?;
        self.note(&tenant);
        Ok(tenant)
    }

    /// Puts a database without an entry away, or removes an entry without a database.
    pub fn remove(&mut self, name: &DatabaseName) -> Result<Removed, RepairError> {
        let has_database = self.folder.database(name).exists();
        match (self.names.contains_key(name), has_database) {
            (true, true) => refuse(format!(
                "tenant '{name}' has an entry and a database: DELETE /api/delete-tenant removes it"
            )),
            (true, false) => {
                self.registry.forget(name)?;
                if let Some(id) = self.names.remove(name) {
                    self.client_ids.remove(&id);
                }
                Ok(Removed::Entry)
            }
            (false, true) => Ok(Removed::Database(self.folder.put_away(name)?)),
            (false, false) => refuse(format!("there is no tenant '{name}'")),
        }
    }

    /// Closes every file.
    pub fn close(self) -> Result<(), RepairError> {
        self.registry.close()?;
        self.folder.close();
        Ok(())
    }

    fn note(&mut self, tenant: &Tenant) {
        let (name, id) = (tenant.database_name.clone(), tenant.client_id);
        self.client_ids.insert(id, name.clone());
        self.names.insert(name, id);
    }
}

fn refuse<T>(reason: String) -> Result<T, RepairError> {
    Err(RepairError::Refused(reason))
}
