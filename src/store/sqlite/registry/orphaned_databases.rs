//! Databases without a tenant entry: the entry was lost, or an operator put a file there.
//!
//! Until somebody restores the entry or moves the file away, no lookup may report that there is no such tenant.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::Error;
use crate::store::sqlite::disk::file_names::tenant_of;
use crate::store::sqlite::disk::layout::Layout;
use crate::store::sqlite::{tables::tenant_rows::State, tenant::identity};

/// A database file without an entry.
#[derive(Debug)]
pub(crate) struct OrphanedDatabase {
    pub(crate) path: PathBuf,
    /// The tenant of the file's name; `None` if no tenant's database has such a name.
    pub(crate) name: Option<DatabaseName>,
    /// The tenant that it was created for, or why that cannot be read.
    pub(crate) tenant: Result<Tenant, String>,
}

/// The index that a lookup asks before it reports that there is no such tenant.
#[derive(Debug, Default)]
pub(crate) struct OrphanIndex {
    by_name: HashMap<DatabaseName, PathBuf>,
    by_client_id: HashMap<ClientId, PathBuf>,
    /// Those whose tenant cannot be read, so that they may be anybody's.
    unreadable: Vec<PathBuf>,
}

/// Finds the databases without an entry, in order. Changes nothing, and another process may be using the folder.
pub(crate) fn find(
    layout: &Layout,
    entries: impl FnOnce() -> Result<Vec<(Tenant, State)>, Error>,
) -> Result<Vec<OrphanedDatabase>, Error> {
    // In this order: an entry is there before its database is created.
    let mut databases = layout.databases()?;
    let entries = entries()?;
    let known = entries
        .iter()
        .map(|it| layout.database(&it.0.database_name));
    let known: HashSet<PathBuf> = known.collect();
    databases.retain(|path| !known.contains(path));
    databases.sort();
    let orphan = |path: PathBuf| OrphanedDatabase {
        name: tenant_of(&path),
        tenant: identity::of_file(&path).map_err(|error| error.to_string()),
        path,
    };
    let orphans = databases.into_iter().map(orphan);
    // One that was deleted meanwhile is none.
    Ok(orphans.filter(|orphan| orphan.path.exists()).collect())
}

/// Returns the error of a lookup whose tenant has the database at `path`, and no entry.
pub(crate) fn entry_missing(path: &Path) -> Error {
    Error::EntryMissing(format!(
        "the database '{}' has no tenant entry: see `event-history tenants --help`",
        path.display()
    ))
}

impl OrphanedDatabase {
    /// Describes it, in one line.
    pub(crate) fn describe(&self) -> String {
        let path = self.path.display();
        match &self.tenant {
            Ok(tenant) => format!(
                "the database '{path}' of tenant '{}' ({}) has no tenant entry",
                tenant.database_name, tenant.client_id
            ),
            Err(problem) => {
                format!("the database '{path}' has no tenant entry, and cannot be read: {problem}")
            }
        }
    }
}

impl OrphanIndex {
    pub(crate) fn of(found: Vec<OrphanedDatabase>) -> Self {
        let mut orphans = Self::default();
        for OrphanedDatabase { path, name, tenant } in found {
            // Without such a name it never was a tenant's database.
            let Some(name) = name else { continue };
            match tenant {
                Ok(tenant) => _ = orphans.by_client_id.insert(tenant.client_id, path.clone()),
                Err(_) => orphans.unreadable.push(path.clone()),
            }
            orphans.by_name.insert(name, path);
        }
        orphans
    }

    /// [`Error::EntryMissing`] if the name is an orphan's.
    pub(super) fn of_name(&self, name: &DatabaseName) -> Result<(), Error> {
        refuse_if_there(self.by_name.get(name))
    }

    /// [`Error::EntryMissing`] if the client id is an orphan's, or may be.
    pub(super) fn of_client_id(&self, id: ClientId) -> Result<(), Error> {
        refuse_if_there(self.by_client_id.get(&id))?;
        refuse_if_there(self.unreadable.iter().find(|path| path.exists()))
    }
}

/// Somebody may have moved the file away since the start.
fn refuse_if_there(path: Option<&PathBuf>) -> Result<(), Error> {
    match path {
        Some(path) if path.exists() => Err(entry_missing(path)),
        _ => Ok(()),
    }
}
