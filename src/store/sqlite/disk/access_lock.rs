//! The lock between the service and external access: other processes that look into its databases.
//!
//! External access shares the lock. The service takes it exclusively to remove a database, because SQLite would
//! create a log beside a database that is gone, and to recover a log (`wal/recovery.rs`).

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::error_mapping::{io_failed, refused};
use super::layout::Layout;
use crate::store::Error;

/// The time that an exclusive lock waits for external access, which takes a statement or two, and between attempts.
const MAX_WAIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);

/// The lock file.
#[derive(Debug, Clone)]
pub(crate) struct AccessLock(PathBuf);

/// While this lives, no database is removed.
#[derive(Debug)]
pub(crate) struct SharedAccess {
    _file: File,
}

/// While this lives, nobody holds a [`SharedAccess`].
#[derive(Debug)]
pub(crate) struct ExclusiveAccess(File);

impl AccessLock {
    pub(crate) fn of(layout: &Layout) -> Self {
        Self(layout.access_lock())
    }

    /// Waits while the lock is held exclusively. To be held shortly: removing a database waits for its end.
    pub(crate) fn shared(&self) -> Result<SharedAccess, Error> {
        let file = self.open()?;
        let locked = file.lock_shared();
        locked.map_err(|error| io_failed(&self.0, error))?;
        Ok(SharedAccess { _file: file })
    }

    /// Waits for the end of shared access. [`Error::Busy`] if it does not end.
    pub(crate) fn exclusive(&self) -> Result<ExclusiveAccess, Error> {
        let file = self.open()?;
        let begin = Instant::now();
        while let Err(refused) = file.try_lock() {
            match refused {
                TryLockError::WouldBlock if begin.elapsed() < MAX_WAIT => std::thread::sleep(PAUSE),
                TryLockError::WouldBlock => return Err(Error::Busy),
                TryLockError::Error(error) => return Err(io_failed(&self.0, error)),
            }
        }
        Ok(ExclusiveAccess(file))
    }

    /// Opens the lock file, which the service creates when it opens the folder.
    fn open(&self) -> Result<File, Error> {
        File::open(&self.0).map_err(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return io_failed(&self.0, error);
            }
            let folder = self.0.parent().unwrap_or(&self.0).display();
            refused(format!(
                "the folder '{folder}' was never opened by a service of this version"
            ))
        })
    }
}

impl ExclusiveAccess {
    /// Lets others share the lock.
    pub(crate) fn downgrade(self) -> io::Result<SharedAccess> {
        self.0.lock_shared()?;
        Ok(SharedAccess { _file: self.0 })
    }
}
