//! The data folder on disk: its layout, its locks, durable files, and the errors that they cause. Imports no other room.

pub(super) mod access_lock;
pub(super) mod error_mapping;
pub(super) mod file_names;
pub(super) mod file_system;
pub(super) mod in_use_lock;
pub(super) mod layout;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use self::access_lock::AccessLock;
use self::error_mapping::{io_failed, refused};
use self::file_names::{files_of, wal_owner_of};
use self::file_system::{create_folder, open_lock_file, sync};
use self::in_use_lock::InUseLocks;
use self::layout::Layout;
use crate::domain::DatabaseName;
use crate::store::{Error, closed};
use crate::write_health::WriteHealth;

/// The removed databases of one name, at most: more is a mistake that repeats itself.
const MAX_REMOVED: u32 = 10_000;

/// A folder that no other service works in. Other processes may look into it: see `access_lock.rs`.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) layout: Layout,
    /// Of what is written in the folder of databases.
    pub(super) writes: WriteHealth,
    pub(super) in_use: InUseLocks,
    lock: Mutex<Option<ServiceLock>>,
}

/// Keeps other services out of the folder while a clone of it lives.
pub(super) type ServiceLock = Arc<File>;

impl Folder {
    /// Creates the folder where it is missing, and locks it. The folder of databases is created with it and not
    /// later: where there is a registry, its absence is a loss.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let layout = Layout::absolute(path)?;
        let unfinished = layout.unfinished_restore();
        if unfinished.exists() {
            return Err(refused(format!(
                "a restore into this folder is unfinished, as '{}' says: run `event-history restore` again, or remove \
                 the folder",
                unfinished.display()
            )));
        }
        create_folder(layout.path())?;
        let lock = lock(&layout)?;
        let registry = layout.registry();
        let has_registry = registry.try_exists();
        if !has_registry.map_err(|error| io_failed(&registry, error))? {
            create_folder(layout.tenants())?;
        }
        open_lock_file(&layout.access_lock())?;
        open_lock_file(&layout.access_turnstile())?;
        let in_use = InUseLocks::open(&layout)?;
        sync(layout.path())?;
        Ok(Self {
            writes: WriteHealth::of(layout.tenants()),
            in_use,
            layout,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Creates the folder of databases where it is missing.
    pub(super) fn create_tenants(&self) -> Result<(), Error> {
        create_folder(self.layout.tenants())
    }

    /// Moves a tenant's database out of the folder of databases, durably, with its companions. This process must not
    /// have it open. Returns the folder that it is in now.
    pub(super) fn move_to_removed(&self, name: &DatabaseName) -> Result<PathBuf, Error> {
        let _exclusive = self.access_lock().exclusive()?;
        let removed = self.layout.removed();
        create_folder(&removed)?;
        let database = self.layout.database(name);
        let stem = database.file_stem().unwrap_or_default().to_string_lossy();
        let place = (1..=MAX_REMOVED)
            .map(|number| removed.join(format!("{stem}.{number}")))
            .find(|place| !place.exists())
            .ok_or(Error::Busy)?;
        create_folder(&place)?;
        // The database comes last: until then the next attempt finds it, and its companions are with it.
        for path in files_of(&database).iter().rev() {
            let Some(file) = path.file_name() else {
                continue;
            };
            ignore_missing(fs::rename(path, place.join(file)), path)?;
        }
        sync(&place)?;
        self.sync_tenants()?;
        Ok(place)
    }

    /// Returns the first file that is in the place of a new database of this name.
    pub(super) fn blocking_file(&self, name: &DatabaseName) -> Result<Option<PathBuf>, Error> {
        let database = self.layout.database(name);
        let owner = wal_owner_of(&database); // has no meaning without a log
        for path in files_of(&database).into_iter().filter(|it| *it != owner) {
            if path.try_exists().map_err(|error| io_failed(&path, error))? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Removes a tenant's database for good. This process must not have it open. Waits for external access to end,
    /// and then it is [`Error::Busy`].
    pub(super) fn remove_database(&self, name: &DatabaseName) -> Result<(), Error> {
        let _exclusive = self.access_lock().exclusive()?;
        for path in files_of(&self.layout.database(name)) {
            ignore_missing(fs::remove_file(&path), &path)?;
        }
        self.sync_tenants()
    }

    pub(super) fn access_lock(&self) -> AccessLock {
        AccessLock::of(&self.layout)
    }

    /// Makes the names of the tenants' files durable.
    pub(super) fn sync_tenants(&self) -> Result<(), Error> {
        sync(self.layout.tenants())
    }

    /// Fails when the folder of databases was taken away under the running process.
    pub(super) fn ping(&self) -> Result<(), Error> {
        let tenants = self.layout.tenants();
        match fs::metadata(tenants) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(refused(format!("'{}' is not a folder", tenants.display()))),
            Err(error) => Err(io_failed(tenants, error)),
        }
    }

    /// Returns a share of the lock, for whoever keeps a file of the folder open.
    pub(super) fn lock(&self) -> Result<ServiceLock, Error> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.clone().ok_or_else(closed)
    }

    /// Drops this share of the lock: other services may open the folder once the other shares are gone.
    pub(super) fn close(&self) {
        self.in_use.close();
        self.lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

fn ignore_missing(outcome: io::Result<()>, path: &Path) -> Result<(), Error> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_failed(path, error)),
        _ => Ok(()),
    }
}

fn lock(layout: &Layout) -> Result<ServiceLock, Error> {
    let path = layout.service_lock();
    let file = open_lock_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => Err(refused(format!(
            "the folder '{}' is in use by another process",
            layout.path().display()
        ))),
        Err(TryLockError::Error(error)) => Err(io_failed(&path, error)),
    }
}
