//! Databases that no tenant entry leads to: the entry was lost, or an operator put a file there.
//!
//! Until somebody restores the entry or puts the file away, nobody can say that there is no such tenant.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::beside;
use super::folder::{Folder, Outside};
use super::identity;
use super::names::tenant_of;
use super::registry::Registry;
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::Error;

/// A database file without an entry.
#[derive(Debug)]
pub(super) struct Orphan {
    pub(super) path: PathBuf,
    /// The tenant that the file is called by; `None` if no tenant's is called so.
    pub(super) name: Option<DatabaseName>,
    /// Whose it says it is, or why it does not say.
    pub(super) tenant: Result<Tenant, String>,
}

/// What a lookup asks before it answers that there is no such tenant.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    by_name: HashMap<DatabaseName, PathBuf>,
    by_client_id: HashMap<ClientId, PathBuf>,
    /// They do not say whose they are, so they may be anybody's.
    nameless: Vec<PathBuf>,
}

/// Finds the orphans in a folder that this process has open, in order.
pub(super) fn find(folder: &Folder, registry: &Registry) -> Result<Vec<Orphan>, Error> {
    let databases = folder.databases()?;
    let entries = registry.entries()?;
    let known = entries
        .iter()
        .map(|it| folder.database(&it.0.database_name));
    Ok(without_entry(databases, &known.collect()))
}

/// Finds the orphans in a folder that another process may be using.
pub(super) fn find_outside(outside: &Outside) -> Result<Vec<Orphan>, Error> {
    // In this order: an entry is there before its database is made.
    let databases = outside.databases()?;
    let entries = beside::entries(outside)?;
    let known = entries
        .iter()
        .map(|it| outside.database(&it.0.database_name));
    Ok(without_entry(databases, &known.collect()))
}

/// Returns what tells that the entry of the database at `path` was lost.
pub(super) fn entry_missing(path: &Path) -> Error {
    Error::EntryMissing(format!(
        "the database '{}' has no tenant entry: see `event-history tenants --help`",
        path.display()
    ))
}

fn without_entry(mut databases: Vec<PathBuf>, known: &HashSet<PathBuf>) -> Vec<Orphan> {
    databases.retain(|path| !known.contains(path));
    databases.sort();
    let orphan = |path: PathBuf| Orphan {
        name: tenant_of(&path),
        tenant: identity::of_file(&path).map_err(|error| error.to_string()),
        path,
    };
    let orphans = databases.into_iter().map(orphan);
    // One that was deleted meanwhile is none.
    orphans.filter(|orphan| orphan.path.exists()).collect()
}

impl Orphan {
    /// Says what is known of it, in one line.
    pub(super) fn describe(&self) -> String {
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

impl Orphans {
    pub(super) fn of(found: Vec<Orphan>) -> Self {
        let mut orphans = Self::default();
        for Orphan { path, name, tenant } in found {
            // Not called like a tenant's: nobody's database was ever there.
            let Some(name) = name else { continue };
            match tenant {
                Ok(tenant) => _ = orphans.by_client_id.insert(tenant.client_id, path.clone()),
                Err(_) => orphans.nameless.push(path.clone()),
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
        refuse_if_there(self.nameless.iter().find(|path| path.exists()))
    }
}

/// Somebody may have put the file away since the start.
fn refuse_if_there(path: Option<&PathBuf>) -> Result<(), Error> {
    match path {
        Some(path) if path.exists() => Err(entry_missing(path)),
        _ => Ok(()),
    }
}
