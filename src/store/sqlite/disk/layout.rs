//! The layout of the data folder: which file is where.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error_mapping::io_failed;
use super::file_names::{TENANTS, file_stem, tenant_of};
use crate::domain::DatabaseName;
use crate::store::Error;

/// The file that a restore creates before all others, and removes after them.
pub const UNFINISHED_RESTORE: &str = "restore-unfinished.json";

/// The paths in a data folder, whether anything is there or not.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    path: PathBuf,
    tenants: PathBuf,
}

impl Layout {
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            path: folder.to_owned(),
            tenants: folder.join(TENANTS),
        }
    }

    /// Returns paths that stay right when the process changes its working directory.
    pub(crate) fn absolute(folder: &Path) -> Result<Self, Error> {
        let path = std::path::absolute(folder).map_err(|error| io_failed(folder, error))?;
        Ok(Self::of(&path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the tenants' databases.
    pub(crate) fn tenants(&self) -> &Path {
        &self.tenants
    }

    pub(crate) fn registry(&self) -> PathBuf {
        self.path.join("registry.db")
    }

    /// The file that is there while a restore is unfinished.
    pub(crate) fn unfinished_restore(&self) -> PathBuf {
        self.path.join(UNFINISHED_RESTORE)
    }

    /// The file that says when the last backup began.
    pub(crate) fn last_backup(&self) -> PathBuf {
        self.path.join("last-backup.json")
    }

    /// The file that the service locks while it runs.
    pub(crate) fn service_lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The file of the lock between the service and external access.
    pub(crate) fn access_lock(&self) -> PathBuf {
        self.path.join("external-access.lock")
    }

    /// The file of the lock that is passed on the way to that lock.
    pub(crate) fn access_turnstile(&self) -> PathBuf {
        self.path.join("external-access.turnstile")
    }

    /// The file whose locked bytes are the databases that the service has open.
    pub(crate) fn in_use_lock(&self) -> PathBuf {
        self.path.join("in-use.lock")
    }

    /// The folder of databases that an operator removed: deleting them is a second step, by hand.
    pub(crate) fn removed(&self) -> PathBuf {
        self.path.join("removed")
    }

    /// The file of a tenant's database.
    pub(crate) fn database(&self, name: &DatabaseName) -> PathBuf {
        self.tenants.join(format!("{}.db", file_stem(name)))
    }

    /// Returns the database files of tenants, in no order, whether they have an entry or not.
    pub(crate) fn databases(&self) -> Result<Vec<PathBuf>, Error> {
        self.iter_databases()?.collect()
    }

    /// Tells whether there is a database whose name fits. Looks no further than the first.
    pub(crate) fn has_database(&self, fits: impl Fn(&DatabaseName) -> bool) -> Result<bool, Error> {
        for path in self.iter_databases()? {
            if tenant_of(&path?).is_some_and(|name| fits(&name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn iter_databases(&self) -> Result<impl Iterator<Item = Result<PathBuf, Error>>, Error> {
        let failed = |error| io_failed(&self.tenants, error);
        let files = match fs::read_dir(&self.tenants) {
            Ok(files) => Some(files),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let files = files.into_iter().flatten();
        let paths = files.map(move |file| file.map(|it| it.path()).map_err(failed));
        let is_database = |path: &PathBuf| path.extension().is_some_and(|end| end == "db");
        Ok(paths.filter(move |path| path.as_ref().map_or(true, is_database)))
    }
}
