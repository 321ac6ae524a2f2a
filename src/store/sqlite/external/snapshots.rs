//! Copies of the databases in a folder that a service may be using, each as of one instant, for backups.
//!
//! What was acknowledged before a copy began is in it: a commit is in the log's index, which every process reads, before
//! its caller is answered.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::access::Access;
use super::registry_reader;
use crate::domain::Tenant;
use crate::store::Error;
use crate::store::sqlite::disk::error_mapping::{io_failed, sql_failed};
use crate::store::sqlite::disk::file_names::{files_of, wal_of};
use crate::store::sqlite::disk::file_system::Inode;
use crate::store::sqlite::disk::layout::Layout;
use crate::store::sqlite::tables::tenant_rows;
use crate::store::sqlite::tenant::identity;
use crate::store::sqlite::wal::connection;

/// The databases of a folder, to be copied. Every method does disk I/O.
#[derive(Debug, Clone)]
pub struct Snapshots(Arc<Layout>);

impl Snapshots {
    /// [`Error::Unavailable`] if there is no store in `folder`.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let layout = Layout::absolute(folder)?;
        if !layout.registry().exists() {
            return Err(registry_reader::missing(&layout));
        }
        Ok(Self(Arc::new(layout)))
    }

    /// Returns the id of the store.
    pub fn id(&self) -> Result<Uuid, Error> {
        let _access = Access::begin(&self.0, &[&self.0.registry()])?;
        registry_reader::database_id(&self.0)
    }

    /// Returns the path of the registry, relative to the folder.
    pub fn registry_name(&self) -> String {
        self.relative(&self.0.registry())
    }

    /// Returns the path of a tenant's database, relative to the folder.
    pub fn database_name(&self, tenant: &Tenant) -> String {
        self.relative(&self.0.database(&tenant.database_name))
    }

    /// Returns the files that change whenever a tenant's database does: the database, and its log, which need not exist.
    pub fn files(&self, tenant: &Tenant) -> [PathBuf; 2] {
        let database = self.0.database(&tenant.database_name);
        let wal = wal_of(&database);
        [database, wal]
    }

    /// Returns the tenants whose databases are complete, ordered by name: also those that were deleted and can be restored.
    pub fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        let _access = Access::begin(&self.0, &[&self.0.registry()])?;
        registry_reader::complete(&self.0)
    }

    /// Copies the registry into the new file `to`. Returns the tenants that [`Self::tenants`] would, of the copy.
    pub fn copy_registry(&self, to: &Path) -> Result<Vec<Tenant>, Error> {
        let path = self.0.registry();
        let access = Access::begin(&self.0, &[&path])?;
        access.copy(&self.0, &path, to, || ())?;
        let read = connection::open_immutable(to).and_then(|it| tenant_rows::load(&it));
        Ok(tenant_rows::complete(
            read.map_err(|error| sql_failed(to, error))?,
        ))
    }

    /// Copies a tenant's database into the new file `to`. `before` is called just before the instant that the copy is of,
    /// and only the service changes the files from then on. [`Error::DatabaseMissing`] if the tenant or its database is
    /// gone.
    pub fn copy(&self, tenant: &Tenant, to: &Path, before: impl FnOnce()) -> Result<(), Error> {
        let name = &tenant.database_name;
        let missing = || Error::DatabaseMissing(name.clone());
        let path = self.0.database(name);
        let access = Access::begin(&self.0, &[&self.0.registry(), &path])?;
        if !registry_reader::is_complete(&self.0, tenant)? {
            return Err(missing());
        }
        let found = Inode::at(&path).map_err(|error| io_failed(&path, error))?;
        found.ok_or_else(missing)?;
        identity::require(&path, tenant)?;
        access.copy(&self.0, &path, to, before)
    }

    fn relative(&self, path: &Path) -> String {
        let relative = path.strip_prefix(self.0.path()).unwrap_or(path);
        relative.display().to_string()
    }
}

/// Changes entries in a copy of the registry so that the next start finishes the deletion of these tenants, whose
/// databases were not copied.
pub fn mark_as_deleting(registry: &Path, tenants: &[Tenant]) -> Result<(), Error> {
    let mark = || {
        let connection = connection::open(registry)?;
        for tenant in tenants {
            tenant_rows::begin_deletion(&connection, tenant.client_id)?;
        }
        connection::close_with_checkpoint(connection)
    };
    mark().map_err(|error| sql_failed(registry, error))
}

/// Removes the logs beside the databases of a folder that nobody uses, and was restored: what is in them is of other
/// databases. Returns what is wrong in the folder: a database that is another tenant's or has no entry, an entry without a
/// database, or a damaged registry.
pub fn check_restored(folder: &Path) -> Result<Vec<String>, Error> {
    let layout = Layout::absolute(folder)?;
    let mut databases = layout.databases()?;
    databases.push(layout.registry());
    for database in &databases {
        let [_, companions @ ..] = files_of(database);
        for path in companions {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_failed(&path, error));
                }
                _ => {}
            }
        }
    }
    let found = registry_reader::inspect(&layout)?;
    Ok(found
        .iter()
        .map(|it| it.finding("database").message)
        .collect())
}
