//! The storage folder: paths, temporary files, durable names, the clock and the key pair.
//!
//! ```text
//! key-pair.json         the endpoint's key pair, unless the settings give one
//! owner                 the id of the database whose files these are
//! clock.json            the clock's history, for the next process
//! objects/<xx>/<hash>   an object: its bytes and metadata
//! uploads/<uuid>        a file being written
//! multipart/<id>/…      an upload in parts in progress
//! parts/<id>/…          the parts of an object that was uploaded in parts
//! quarantine/…          damaged uploads in parts that a start found
//! ```
//!
//! Every method of [`Folder`] blocks.

pub(crate) mod clock;
pub(crate) mod directories;
pub(crate) mod io_errors;
pub(crate) mod key_pair;
pub(crate) mod quarantine;
pub(crate) mod shard;
mod unsynced;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use sha2::{Digest, Sha256};

use self::io_errors::{if_found, is_damage, with_path};
use self::unsynced::Unsynced;
use crate::domain::{Entropy, ObjectKey};
use crate::write_health::WriteHealth;

/// The file that holds the id of the database whose files these are.
pub(crate) const OWNER: &str = "owner";

/// The first byte of a key's hash chooses one of 256 folders: ten million objects are 40,000 a folder. All
/// are created when the storage folder is opened, so that an upload never has to make one durable.
const OBJECTS: &str = "objects";
/// On the same file system as the objects, so that a rename publishes a file.
const UPLOADS: &str = "uploads";
const MULTIPART: &str = "multipart";
const PARTS: &str = "parts";

/// An object's file is named after the SHA-256 of its key.
const HASH_DIGITS: usize = 64;
const PRIVATE_FILE: u32 = 0o600;

/// An open storage folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    entropy: Arc<dyn Entropy>,
    /// When uploads in parts were last checked for expiry, in seconds of monotonic time.
    pub expiry_checked_at_s: AtomicU64,
    pub writes: WriteHealth,
    unsynced: Unsynced,
}

impl Folder {
    /// Opens the folder at `path` and creates what is missing. Repairs nothing: see `recovery`.
    pub(crate) fn create_or_open(path: &Path, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        let objects = path.join(OBJECTS);
        directories::create_durably(&objects)?;
        for name in [UPLOADS, MULTIPART, PARTS] {
            directories::create_durably(&path.join(name))?;
        }
        for shard in 0..=u8::MAX {
            directories::ensure_private(&objects.join(hex::encode([shard])))?;
        }
        // Even if nothing was created now: an earlier process may have been killed before it synced.
        for name in [OBJECTS, MULTIPART, PARTS] {
            directories::sync(&path.join(name))?;
        }
        directories::sync(path)?;
        directories::sync_ancestors(path)?;
        Ok(Self::new(path, entropy))
    }

    /// Returns an existing folder for reading, without changing it; `None` if it holds no objects.
    pub(crate) fn open_read_only(path: &Path, entropy: Arc<dyn Entropy>) -> Option<Self> {
        exists(path).then(|| Self::new(path, entropy))
    }

    fn new(path: &Path, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            path: path.to_owned(),
            entropy,
            expiry_checked_at_s: AtomicU64::new(0),
            writes: WriteHealth::of(path),
            unsynced: Unsynced::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// Returns the path of an object's file. The hash separates keys that differ only by case on every
    /// file system, and no key can escape the folder.
    pub(crate) fn object_path(&self, key: &ObjectKey) -> PathBuf {
        let name = hex::encode(Sha256::digest(key.to_string()));
        let objects = self.path.join(OBJECTS);
        objects.join(&name[..2]).join(name)
    }

    /// Returns the names of the object files in one shard, in no order. Ignores other files.
    pub(crate) fn object_names(&self, shard: u8) -> io::Result<Vec<String>> {
        let path = self.path_in_shard(shard, "");
        let failed = |error: io::Error| with_path("cannot read folder", &path, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            names.extend(name.into_string().ok().filter(|name| is_hash(name)));
        }
        Ok(names)
    }

    pub(crate) fn path_in_shard(&self, shard: u8, name: &str) -> PathBuf {
        let objects = self.path.join(OBJECTS);
        objects.join(hex::encode([shard])).join(name)
    }

    /// Returns where an object's file is while its name is written again.
    pub(crate) fn detached_path(&self, name: &str) -> PathBuf {
        self.uploads().join(name)
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.path.join(UPLOADS)
    }

    /// Returns the folder of an upload in parts that is in progress.
    pub(crate) fn multipart(&self, upload_id: &str) -> PathBuf {
        self.path.join(MULTIPART).join(upload_id)
    }

    /// Returns the folder of an upload in parts that was completed or aborted.
    pub(crate) fn parts(&self, upload_id: &str) -> PathBuf {
        self.path.join(PARTS).join(upload_id)
    }

    /// Records the result of a write for the health check.
    pub(crate) fn record_write<T>(&self, result: io::Result<T>) -> io::Result<T> {
        record_write(&self.writes, result)
    }

    /// Keeps cleanups out while a new file or folder is incomplete. On a file system without locks, only
    /// this protection is missing.
    pub(crate) fn block_cleanup(&self) -> io::Result<File> {
        File::open(self.uploads()).inspect(|uploads| _ = uploads.lock_shared())
    }

    /// Waits until no cleanup is blocked.
    pub(crate) fn lock_for_cleanup(&self) -> io::Result<File> {
        File::open(self.uploads()).inspect(|uploads| _ = uploads.lock())
    }

    /// Creates an empty file under a temporary name. Its lock tells a cleanup in another process that the
    /// file is still being written.
    pub(crate) fn create_temporary(&self) -> io::Result<(PathBuf, File)> {
        let path = self.uploads().join(self.entropy.uuid_v4().to_string());
        // No cleanup may see the file before it is locked.
        let cleanup = self.block_cleanup();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(|error| with_path("cannot create file", &path, &error))?;
        let _ = file.try_lock();
        drop(cleanup);
        Ok((path, file))
    }

    /// Creates `<folder>/<name>` with `content` unless it exists, and returns whether it did. Either way
    /// a complete and durable file has that name afterwards.
    pub(crate) fn create_file(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        self.write_file(name, content, |temporary, target| {
            match fs::hard_link(temporary, target) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                linked => linked.map(|()| true),
            }
        })
    }

    /// Creates or replaces `<folder>/<name>`; a crash leaves the old content or the new.
    pub(crate) fn replace_file(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.write_file(name, content, |temporary, target| {
            fs::rename(temporary, target)
        })
    }

    fn write_file<T>(
        &self,
        name: &str,
        content: &[u8],
        publish: impl FnOnce(&Path, &Path) -> io::Result<T>,
    ) -> io::Result<T> {
        let (temporary, mut file) = self.create_temporary()?;
        let target = self.path.join(name);
        let published = file
            .write_all(content)
            .and_then(|()| file.sync_all())
            .and_then(|()| publish(&temporary, &target))
            .map_err(|error| with_path("cannot write file", &target, &error));
        let _ = fs::remove_file(&temporary); // fails after a rename
        let published = published?;
        directories::sync(&self.path)?;
        Ok(published)
    }

    pub(crate) fn read_file(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.path.join(name);
        fs::read(&path).map_err(|error| with_path("cannot read file", &path, &error))
    }

    /// Fails if the folder of the object at `path` is missing: the storage was moved away, or its file system is not
    /// mounted, and an object that is not found is not gone.
    pub(crate) fn require_shard(&self, path: &Path) -> io::Result<()> {
        let shard = path.parent().unwrap_or(&self.path);
        let found = fs::metadata(shard);
        found
            .map(drop)
            .map_err(|error| with_path("cannot find folder", shard, &error))
    }

    /// Checks that files can still be created. Waits for the disk only if a write failed before. See also
    /// [`shard::make_all_durable`].
    pub(crate) fn ping(&self) -> io::Result<()> {
        let writes = self.writes.check(Instant::now());
        writes.map_err(|error| io::Error::new(ErrorKind::ResourceBusy, error))?;
        let objects = self.path.join(OBJECTS);
        fs::metadata(&objects)
            .map_err(|error| with_path("cannot find folder", &objects, &error))?;
        let (path, _file) = self.create_temporary()?;
        // Another process's cleanup may have been faster.
        let removed = if_found(fs::remove_file(&path));
        removed
            .map(drop)
            .map_err(|error| with_path("cannot remove file", &path, &error))
    }
}

/// Records the result of a write for the health check. An error that only concerns one file does not count.
pub(crate) fn record_write<T>(writes: &WriteHealth, result: io::Result<T>) -> io::Result<T> {
    match &result {
        Ok(_) => writes.succeeded(),
        Err(error) if is_damage(error) || error.kind() == ErrorKind::InvalidInput => {}
        Err(error) => writes.failed(error),
    }
    result
}

/// Returns true if a storage folder exists at `path`.
pub(crate) fn exists(path: &Path) -> bool {
    path.join(OBJECTS).is_dir()
}

/// Returns the number of the shard in which the object file called `name` is.
pub(crate) fn shard_of(name: &str) -> u8 {
    name.get(..2)
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

/// Returns true for the name of an object's file.
pub(crate) fn is_hash(name: &str) -> bool {
    name.len() == HASH_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
