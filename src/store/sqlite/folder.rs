//! The folder of the store: which file is where, who may use it, and how it becomes durable.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::errors::{io_failed, refused};
use super::names::{TENANTS, database_in, databases_in, file_stem, files_of, record_of, tenant_of};
use crate::domain::DatabaseName;
use crate::store::{Error, closed};
use crate::write_health::WriteHealth;

const FOLDER_MODE: u32 = 0o700; // histories are nobody else's business
const FILE_MODE: u32 = 0o600;

/// Whoever looks into a database from another process holds this file's lock in common, and whoever removes
/// one holds it alone: SQLite would make files anew beside a database that is gone. So does whoever writes a
/// log again (`recovery.rs`).
const GUESTS: &str = "guests";

/// Locked by the service for as long as it runs.
pub(super) const LOCK: &str = "lock";

/// Where the databases go that an operator removes: to delete them is a second step, by hand.
const PUT_AWAY: &str = "removed";

/// How many databases of one name may have been put away: more is a mistake that repeats itself.
const MAX_PUT_AWAY: u32 = 10_000;

/// How long a removal waits for guests, who stay for a statement or two, and how often it looks.
const MAX_GUEST_WAIT: Duration = Duration::from_secs(2);
const GUEST_PAUSE: Duration = Duration::from_millis(10);

/// A folder that this process alone works in: `registry.db`, `tenants/<database name>.db`, `lock`. Guests
/// may look in all the same: see [`Visit`].
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    tenants: PathBuf,
    /// Of what is written in `tenants`.
    pub(super) writes: WriteHealth,
    lock: Mutex<Option<Lock>>,
}

/// Keeps other processes out of the folder for as long as a clone of it lives.
pub(super) type Lock = Arc<File>;

impl Folder {
    /// Makes the folder where it is missing, and locks it. The folder of databases is made with it and not
    /// later: where there is a registry, its absence is a loss and no beginning.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        // The process may change its working directory later.
        let path = std::path::absolute(path).map_err(|error| io_failed(path, error))?;
        let tenants = path.join(TENANTS);
        make_folder(&path)?;
        let lock = lock(&path)?;
        let registry = Self::registry_in(&path);
        if !registry
            .try_exists()
            .map_err(|error| io_failed(&registry, error))?
        {
            make_folder(&tenants)?;
        }
        open_lock(&path.join(GUESTS))?;
        sync_folder(&path)?;
        Ok(Self {
            path,
            writes: WriteHealth::of(&tenants),
            tenants,
            lock: Mutex::new(Some(lock)),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn registry_in(folder: &Path) -> PathBuf {
        folder.join("registry.db")
    }

    pub(super) fn registry(&self) -> PathBuf {
        Self::registry_in(&self.path)
    }

    /// Returns where a tenant's database is, or would be.
    pub(super) fn database(&self, name: &DatabaseName) -> PathBuf {
        database_in(&self.tenants, name)
    }

    /// Makes the folder of databases where it is missing.
    pub(super) fn make_tenants(&self) -> Result<(), Error> {
        make_folder(&self.tenants)
    }

    /// Returns the database files of tenants, in no order, whether they have an entry or not.
    pub(super) fn databases(&self) -> Result<Vec<PathBuf>, Error> {
        databases_in(&self.tenants)?.collect()
    }

    /// Tells whether there is a database for which `is_meant` holds. Looks no further than the first.
    pub(super) fn has_database(
        &self,
        is_meant: impl Fn(&DatabaseName) -> bool,
    ) -> Result<bool, Error> {
        for path in databases_in(&self.tenants)? {
            if tenant_of(&path?).is_some_and(|name| is_meant(&name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Moves a tenant's database out of the folder of databases, durably, with what SQLite keeps beside it.
    /// Nobody of this process may have it open. Returns where it is now.
    pub(super) fn put_away(&self, name: &DatabaseName) -> Result<PathBuf, Error> {
        let _alone = self.guests().keep_out()?;
        let aside = self.path.join(PUT_AWAY);
        make_folder(&aside)?;
        let stem = file_stem(name);
        let place = (1..=MAX_PUT_AWAY)
            .map(|number| aside.join(format!("{stem}.{number}")))
            .find(|place| !place.exists())
            .ok_or(Error::Busy)?;
        make_folder(&place)?;
        // The database comes last: until then the next attempt finds it, and its companions are with it.
        for path in files_of(&self.database(name)).iter().rev() {
            let Some(file) = path.file_name() else {
                continue;
            };
            match fs::rename(path, place.join(file)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_failed(path, error)),
            }
        }
        sync_folder(&place)?;
        self.sync_tenants()?;
        Ok(place)
    }

    /// Returns the first file that stands where a new database of this name would be.
    pub(super) fn in_the_way(&self, name: &DatabaseName) -> Result<Option<PathBuf>, Error> {
        let database = self.database(name);
        let record = record_of(&database); // says nothing without a log
        for path in files_of(&database).into_iter().filter(|it| *it != record) {
            if path.try_exists().map_err(|error| io_failed(&path, error))? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Removes a tenant's database for good. Nobody of this process may have it open; guests of others
    /// are waited for, and then it is [`Error::Busy`].
    pub(super) fn remove_database(&self, name: &DatabaseName) -> Result<(), Error> {
        let _alone = self.guests().keep_out()?;
        for path in files_of(&self.database(name)) {
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_failed(&path, error)),
            }
        }
        self.sync_tenants()
    }

    /// Returns the lock between this process and guests.
    pub(super) fn guests(&self) -> Guests {
        Guests(self.path.join(GUESTS))
    }

    /// Makes it durable which tenants' files there are.
    pub(super) fn sync_tenants(&self) -> Result<(), Error> {
        sync_folder(&self.tenants)
    }

    /// Fails when the folder was taken away under the running process.
    pub(super) fn ping(&self) -> Result<(), Error> {
        match fs::metadata(&self.tenants) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(refused(format!(
                "'{}' is not a folder",
                self.tenants.display()
            ))),
            Err(error) => Err(io_failed(&self.tenants, error)),
        }
    }

    /// Returns a share of the lock, for whoever keeps a file of the folder open.
    pub(super) fn lock(&self) -> Result<Lock, Error> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.clone().ok_or_else(closed)
    }

    /// Gives up this share of the lock: other processes get in once the other shares are gone.
    pub(super) fn close(&self) {
        self.lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

/// A folder as another process sees it, which may have it in use: nothing is made, mended or upgraded.
#[derive(Debug)]
pub(super) struct Outside {
    path: PathBuf,
    tenants: PathBuf,
}

/// For as long as this lives, no database is removed.
#[derive(Debug)]
pub(super) struct Visit {
    _guests: File,
}

/// The lock file that guests hold in common, and who has to be without them alone.
#[derive(Debug, Clone)]
pub(super) struct Guests(PathBuf);

/// For as long as this lives, there is no guest.
#[derive(Debug)]
pub(super) struct Alone {
    guests: File,
}

impl Guests {
    /// Waits for the guests to leave, and lets none in. [`Error::Busy`] if they stay.
    pub(super) fn keep_out(&self) -> Result<Alone, Error> {
        self.wait_for(open_lock(&self.0)?)
    }

    fn wait_for(&self, guests: File) -> Result<Alone, Error> {
        let begin = Instant::now();
        while let Err(refused) = guests.try_lock() {
            match refused {
                TryLockError::WouldBlock if begin.elapsed() < MAX_GUEST_WAIT => {
                    std::thread::sleep(GUEST_PAUSE);
                }
                TryLockError::WouldBlock => return Err(Error::Busy),
                TryLockError::Error(error) => return Err(io_failed(&self.0, error)),
            }
        }
        Ok(Alone { guests })
    }
}

impl Alone {
    /// Becomes a guest among others.
    pub(super) fn visit(self) -> io::Result<Visit> {
        self.guests.lock_shared()?;
        Ok(Visit {
            _guests: self.guests,
        })
    }
}

impl Outside {
    pub(super) fn new(path: &Path) -> Result<Self, Error> {
        let path = std::path::absolute(path).map_err(|error| io_failed(path, error))?;
        let tenants = path.join(TENANTS);
        Ok(Self { path, tenants })
    }

    pub(super) fn registry(&self) -> PathBuf {
        Folder::registry_in(&self.path)
    }

    pub(super) fn database(&self, name: &DatabaseName) -> PathBuf {
        database_in(&self.tenants, name)
    }

    /// Returns the database files of tenants, in no order, whether they have an entry or not.
    pub(super) fn databases(&self) -> Result<Vec<PathBuf>, Error> {
        databases_in(&self.tenants)?.collect()
    }

    /// Begins a visit. To be short: a removal waits for its end.
    pub(super) fn visit(&self) -> Result<Visit, Error> {
        let (path, guests) = self.open_guests()?;
        guests
            .lock_shared()
            .map_err(|error| io_failed(&path, error))?;
        Ok(Visit { _guests: guests })
    }

    /// Keeps other guests out, and the service from opening a database that was not closed properly.
    pub(super) fn keep_out(&self) -> Result<Alone, Error> {
        let (path, guests) = self.open_guests()?;
        Guests(path).wait_for(guests)
    }

    fn open_guests(&self) -> Result<(PathBuf, File), Error> {
        let path = self.path.join(GUESTS);
        match File::open(&path) {
            Ok(guests) => Ok((path, guests)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(refused(format!(
                "the folder '{}' was never opened by a service of this version",
                self.path.display()
            ))),
            Err(error) => Err(io_failed(&path, error)),
        }
    }
}

/// Which file it is that a path leads to, whatever becomes of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Returns `None` if there is no file at `path`. Microseconds, so fit for an async task.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(metadata.is_file().then(|| Self {
                device: metadata.dev(),
                inode: metadata.ino(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How long a file that was seen is taken to be there still.
const SIGHT_LASTS: Duration = Duration::from_millis(100);

/// When a file was last seen in its place: looking is a system call, and a request that neither reads nor
/// writes the file need not make one each time.
#[derive(Debug, Default)]
pub(super) struct Sighting(AtomicU64);

impl Sighting {
    /// Tells whether the file is there: it was seen a moment ago, or `look` finds it.
    pub(super) fn or_look<E>(&self, look: impl FnOnce() -> Result<bool, E>) -> Result<bool, E> {
        // Milliseconds since the first look of the process; never 0, which stands for never.
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        let now = 1 + u64::try_from(FIRST.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        let seen = self.0.load(Ordering::Relaxed);
        let age = Duration::from_millis(now.saturating_sub(seen));
        if seen != 0 && age < SIGHT_LASTS {
            return Ok(true);
        }
        let is_there = look()?;
        self.0
            .store(if is_there { now } else { 0 }, Ordering::Relaxed);
        Ok(is_there)
    }
}

/// Makes an empty file for its owner alone; fails if one is there.
pub(super) fn create_file(path: &Path) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(FILE_MODE);
    options
        .open(path)
        .map(drop)
        .map_err(|error| io_failed(path, error))
}

/// Makes the content of a closed file durable.
pub(super) fn sync_file(path: &Path) -> Result<(), Error> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| io_failed(path, error))
}

/// Makes it durable which files a folder holds.
pub(super) fn sync_folder(path: &Path) -> Result<(), Error> {
    sync_file(path)
}

/// Makes a folder and those above it, durably.
fn make_folder(path: &Path) -> Result<(), Error> {
    let missing: Vec<&Path> = path.ancestors().take_while(|it| !it.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(FOLDER_MODE);
    builder
        .create(path)
        .map_err(|error| io_failed(path, error))?;
    for parent in missing.into_iter().filter_map(Path::parent) {
        sync_folder(parent)?;
    }
    Ok(())
}

fn open_lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE);
    options.open(path).map_err(|error| io_failed(path, error))
}

fn lock(folder: &Path) -> Result<Lock, Error> {
    let path = folder.join(LOCK);
    let file = open_lock(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => Err(refused(format!(
            "the folder '{}' is in use by another process",
            folder.display()
        ))),
        Err(TryLockError::Error(error)) => Err(io_failed(&path, error)),
    }
}
