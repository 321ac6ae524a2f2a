//! Files and folders: durable creation, syncing, and cheap checks that a file is still in its place.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::error_mapping::io_failed;
use crate::durable_file;
use crate::store::Error;

const FILE_MODE: u32 = 0o600; // histories are private to the user of the service

/// The file that a path led to at some moment, whatever becomes of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    /// Returns `None` if there is no file at `path`. Takes microseconds, so fit for an async task.
    pub(crate) fn at(path: &Path) -> Result<Option<Self>, io::Error> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(metadata.is_file().then(|| Self {
                device: metadata.dev(),
                number: metadata.ino(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) const fn number(self) -> u64 {
        self.number
    }
}

/// Returns when the file at `path` was created, in nanoseconds since 1970; `None` if the file system does not say.
pub(crate) fn created_ns(path: &Path) -> Option<i64> {
    let created = fs::metadata(path).and_then(|file| file.created()).ok()?;
    let since = created.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

/// The time for which a file that was seen is assumed to be there.
const SIGHTING_LASTS: Duration = Duration::from_millis(100);

/// When a file was last seen in its place. A system call for each request was a tenth of what the row
/// "upload-url" costs (docs/benchmarks.md).
#[derive(Debug, Default)]
pub(crate) struct RecentSighting(AtomicU64);

impl RecentSighting {
    /// Tells whether the file is there: it was seen a moment ago, or `look` finds it.
    pub(crate) fn or_look<E>(&self, look: impl FnOnce() -> Result<bool, E>) -> Result<bool, E> {
        // Milliseconds since the first look of the process; never 0, which stands for never.
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        let now = 1 + u64::try_from(FIRST.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        let seen = self.0.load(Ordering::Relaxed);
        let age = Duration::from_millis(now.saturating_sub(seen));
        if seen != 0 && age < SIGHTING_LASTS {
            return Ok(true);
        }
        let is_there = look()?;
        self.0
            .store(if is_there { now } else { 0 }, Ordering::Relaxed);
        Ok(is_there)
    }
}

/// Creates an empty file for its owner alone; fails if one is there.
pub(crate) fn create_file(path: &Path) -> Result<(), Error> {
    let created = options().create_new(true).open(path);
    created.map(drop).map_err(|error| io_failed(path, error))
}

/// Opens a file to lock it, and creates it where it is missing.
pub(crate) fn open_lock_file(path: &Path) -> Result<File, Error> {
    let opened = options().create(true).truncate(false).open(path);
    opened.map_err(|error| io_failed(path, error))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(FILE_MODE);
    options
}

/// Makes the content of a closed file durable, or the names in a folder.
pub(crate) fn sync(path: &Path) -> Result<(), Error> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| io_failed(path, error))
}

/// Creates a folder and its missing parents, durably and for the user of the service only.
pub(crate) fn create_folder(path: &Path) -> Result<(), Error> {
    durable_file::create_folder(path).map_err(|error| io_failed(path, error))
}
