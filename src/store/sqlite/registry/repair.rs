//! Repairs by an operator, while no service runs: restoring lost entries, removing what has no counterpart.

use std::path::{Path, PathBuf};

use super::{Registry, orphaned_databases};
use crate::domain::{DatabaseName, Tenant};
use crate::store::Error;
use crate::store::sqlite::tenant::{identity, open_database};
use crate::store::sqlite::{disk::Folder, disk::layout::Layout};

/// A folder of SQLite that no service has open, for as long as this lives.
#[derive(Debug)]
pub struct Repair {
    folder: Folder,
    registry: Registry,
}

/// The outcome of [`Repair::remove`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A database, which has been moved to this folder.
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
    /// Takes the folder's lock. Creates the registry where it is missing, and never the folder.
    pub fn open(folder: &Path) -> Result<Self, RepairError> {
        if !Layout::of(folder).tenants().is_dir() {
            let message = format!("'{}' has no folder 'tenants'", folder.display());
            return Err(RepairError::Refused(message));
        }
        let folder = Folder::open(folder)?;
        let (registry, _) = Registry::open_or_create(&folder)?;
        Ok(Self { folder, registry })
    }

    /// Returns the names of the databases that have no entry, in order.
    pub fn orphans(&self) -> Result<Vec<DatabaseName>, RepairError> {
        let found = orphaned_databases::find(&self.folder.layout, || self.registry.entries())?;
        Ok(found.into_iter().filter_map(|it| it.name).collect())
    }

    /// Restores the entry of a database, from what the database itself holds: callers keep their client id and secret.
    /// Cursors of its arrival order are refused from then on, since the file may be an older one.
    pub fn adopt(&mut self, name: &DatabaseName) -> Result<Tenant, RepairError> {
        let path = self.folder.layout.database(name);
        if self.registry.state(name)?.is_some() {
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
        let id = tenant.client_id;
        if let Some(other) = self.registry.name_of(id)? {
            return refuse(format!("its client id {id} is that of tenant '{other}'"));
        }
        match open_database::renew_epoch(&self.folder, &tenant) {
            // Nobody can follow a database that cannot be read.
            Ok(()) | Err(Error::Damaged(_)) => {}
            Err(error) => return Err(error.into()),
        }
        self.registry.adopt(&tenant)?;
        Ok(tenant)
    }

    /// Moves a database without an entry to the folder `removed`, or removes an entry without a database.
    pub fn remove(&mut self, name: &DatabaseName) -> Result<Removed, RepairError> {
        let has_database = self.folder.layout.database(name).exists();
        match (self.registry.state(name)?.is_some(), has_database) {
            (true, true) => refuse(format!(
                "tenant '{name}' has an entry and a database: DELETE /api/delete-tenant removes it"
            )),
            (true, false) => {
                self.registry.forget(name)?;
                Ok(Removed::Entry)
            }
            (false, true) => Ok(Removed::Database(self.folder.move_to_removed(name)?)),
            (false, false) => refuse(format!("there is no tenant '{name}'")),
        }
    }

    /// Closes every file.
    pub fn close(self) -> Result<(), RepairError> {
        self.registry.close()?;
        self.folder.close();
        Ok(())
    }
}

fn refuse<T>(reason: String) -> Result<T, RepairError> {
    Err(RepairError::Refused(reason))
}
