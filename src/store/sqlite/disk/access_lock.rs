//! The lock between the service and external access: other processes that look into its databases.
//!
//! External access shares the lock. The service takes it exclusively to remove a database, because SQLite would
//! create a log beside a database that is gone, and to recover a log (`wal/recovery.rs`).
//!
//! External access may hold the lock without a gap, shared or exclusively, one process after the other, and the service
//! would never get it. So everybody passes a turnstile first, a lock on another file, and the service alone keeps the
//! turnstile until it has the lock: those who come later wait there.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error_mapping::{io_failed, refused};
use super::layout::Layout;
use crate::store::Error;

/// The time that an exclusive lock waits for external access, which takes a statement or two, and between attempts.
const MAX_WAIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);

/// The files of the lock.
#[derive(Debug, Clone)]
pub(crate) struct AccessLock {
    path: PathBuf,
    turnstile: PathBuf,
}

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
        Self {
            path: layout.access_lock(),
            turnstile: layout.access_turnstile(),
        }
    }

    /// Waits while the lock is held exclusively, or the service wants it. To be held shortly: removing a database waits
    /// for its end.
    pub(crate) fn shared(&self) -> Result<SharedAccess, Error> {
        let file = self.open()?;
        self.pass_turnstile()?;
        file.lock_shared()
            .map_err(|error| io_failed(&self.path, error))?;
        Ok(SharedAccess { _file: file })
    }

    /// Waits for the end of other access, and for the service if it wants the lock too. [`Error::Busy`] if that takes
    /// too long.
    pub(crate) fn exclusive_from_outside(&self) -> Result<ExclusiveAccess, Error> {
        let file = self.open()?;
        self.pass_turnstile()?;
        wait_for(&file, &self.path, Instant::now())?;
        Ok(ExclusiveAccess(file))
    }

    /// Waits for the end of external access that has begun, and lets none begin. [`Error::Busy`] if it does not end.
    pub(crate) fn exclusive(&self) -> Result<ExclusiveAccess, Error> {
        let file = self.open()?;
        let turnstile = self.open_turnstile()?;
        let begin = Instant::now();
        if let Some(turnstile) = &turnstile {
            wait_for(turnstile, &self.turnstile, begin)?;
        }
        wait_for(&file, &self.path, begin)?;
        Ok(ExclusiveAccess(file))
    }

    /// Waits while the service waits for the lock.
    fn pass_turnstile(&self) -> Result<(), Error> {
        let Some(turnstile) = self.open_turnstile()? else {
            return Ok(());
        };
        let locked = turnstile.lock_shared();
        locked.map_err(|error| io_failed(&self.turnstile, error))
    }

    /// Opens the lock file, which the service creates when it opens the folder.
    fn open(&self) -> Result<File, Error> {
        File::open(&self.path).map_err(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return io_failed(&self.path, error);
            }
            let folder = self.path.parent().unwrap_or(&self.path).display();
            refused(format!(
                "the folder '{folder}' was never opened by a service of this version"
            ))
        })
    }

    /// Returns `None` in a folder that only an older version has opened.
    fn open_turnstile(&self) -> Result<Option<File>, Error> {
        match File::open(&self.turnstile) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_failed(&self.turnstile, error)),
        }
    }
}

/// Locks a file exclusively within [`MAX_WAIT`] of `begin`.
fn wait_for(file: &File, path: &Path, begin: Instant) -> Result<(), Error> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begin.elapsed() < MAX_WAIT => {
                std::thread::sleep(PAUSE);
            }
            Err(TryLockError::WouldBlock) => return Err(Error::Busy),
            Err(TryLockError::Error(error)) => return Err(io_failed(path, error)),
        }
    }
}

impl ExclusiveAccess {
    /// Lets others share the lock.
    pub(crate) fn downgrade(self) -> io::Result<SharedAccess> {
        self.0.lock_shared()?;
        Ok(SharedAccess { _file: self.0 })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use super::AccessLock;
    use crate::store::Error;
    use crate::store::sqlite::disk::Folder;

    #[test]
    fn many_readers_do_not_keep_the_service_out() {
        external_access_does_not_keep_the_service_out(16, |lock| {
            let _shared = lock.shared().unwrap();
            std::thread::sleep(Duration::from_millis(20));
        });
    }

    /// One that comes back at once finds the lock free more often than one that looks now and then.
    #[test]
    fn exclusive_external_access_does_not_keep_the_service_out() {
        external_access_does_not_keep_the_service_out(16, |lock| {
            let exclusive = lock.exclusive_from_outside();
            std::thread::sleep(Duration::from_millis(20));
            drop(exclusive);
        });
    }

    fn external_access_does_not_keep_the_service_out(count: u32, visit: fn(&AccessLock)) {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let (lock, is_over) = (folder.access_lock(), AtomicBool::new(false));
        let visits = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        visit(&lock);
                        visits.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let mut slowest = Duration::ZERO;
            for _ in 0..20 {
                let begin = Instant::now();
                let exclusive = lock.exclusive();
                slowest = slowest.max(begin.elapsed());
                if exclusive.is_err() {
                    is_over.store(true, Ordering::Relaxed);
                }
                drop(exclusive.unwrap());
                std::thread::sleep(Duration::from_millis(30));
            }
            is_over.store(true, Ordering::Relaxed);
            assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        });
        assert!(
            visits.load(Ordering::Relaxed) > count,
            "they get their turn"
        );
    }

    #[test]
    fn a_reader_that_stays_is_not_waited_for_forever() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let lock: AccessLock = folder.access_lock();
        let shared = lock.shared().unwrap();
        assert!(matches!(lock.exclusive(), Err(Error::Busy)));
        drop(shared);
        drop(lock.exclusive().unwrap());
        drop(lock.shared().unwrap());
    }
}
