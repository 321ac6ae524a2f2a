//! The scratch folder of a backup: a database is copied there at once, so that the service's log need not wait for the
//! target.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use crate::jobs::backup::Error;

const FOLDER: &str = "backup-scratch";
const LOCK: &str = "lock";

/// The space that is left free beside a copy: the service may be writing to the same disk.
const RESERVE_BYTES: u64 = 128 * 1024 * 1024;

/// A folder that only this backup uses. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Creates the folder inside `parent`, and removes what a killed backup left there.
    pub(super) fn create(parent: &Path) -> Result<Self, Error> {
        let path = parent.join(FOLDER);
        let failed = |error| Error::file("use", &path, error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(failed)?;
        let lock = File::create(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = path.display();
                return Err(Error::Refused(format!(
                    "another backup is running: it uses '{path}'"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() != LOCK {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Fails if a copy of so many bytes would leave too little space.
    pub(super) fn require_space(&self, bytes: u64) -> Result<(), Error> {
        let found =
            statvfs(&self.path).map_err(|error| Error::file("use", &self.path, error.into()))?;
        let free = found.blocks_available() * found.fragment_size();
        if free >= bytes.saturating_add(RESERVE_BYTES) {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "there are {free} bytes free for '{}', and a copy of a database needs {bytes}, besides {RESERVE_BYTES} that \
             stay free: name another folder with --scratch",
            self.path.display()
        )))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next backup.
        let _ = fs::remove_dir_all(&self.path);
    }
}
