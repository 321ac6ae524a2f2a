//! The folder on disk: where things lie in it, and how a name in it becomes durable.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::aside::leave;
use super::is_damage;
use super::shard::Unsynced;
use crate::domain::{Entropy, Finding, ObjectKey};
use crate::write_health::WriteHealth;

/// Holds the objects, one file each, in [`SHARDS`] folders.
const OBJECTS: &str = "objects";
/// Holds the files being written. On the same file system as the objects, so that a rename publishes.
const UPLOADS: &str = "uploads";
/// Holds a folder for each upload in parts that goes on.
const MULTIPART: &str = "multipart";
/// Holds a folder for each object that came in parts, and those that are being removed.
const PARTS: &str = "parts";
/// The first byte of a key's hash chooses the folder, so that ten million objects are 40,000 a folder.
/// All are made when the folder is opened: an upload then never makes one, and never has to wonder
/// whether the one that another upload made is durable already.
const SHARDS: u8 = u8::MAX;

/// An object's file has the SHA-256 of its key for a name.
const HASH_DIGITS: usize = 64;

/// What nobody but the owner may read: files here are other people's.
pub(super) const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// An open folder. Every method blocks: call it where blocking is allowed.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    entropy: Arc<dyn Entropy>,
    /// When old uploads in parts were last looked for, in seconds by the clock that nobody sets.
    pub expired_at_s: AtomicU64,
    pub unsynced: Unsynced,
    pub writes: WriteHealth,
}

impl Folder {
    /// Makes what is missing, and removes what a crash left half written.
    pub(super) fn open(path: &Path, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        let objects = path.join(OBJECTS);
        create_folder(&objects)?;
        for name in [UPLOADS, MULTIPART, PARTS] {
            create_folder(&path.join(name))?;
        }
        for shard in 0..=SHARDS {
            let shard = objects.join(hex::encode([shard]));
            if let Err(error) = DirBuilder::new().mode(PRIVATE_FOLDER).create(&shard)
                && error.kind() != ErrorKind::AlreadyExists
            {
                return Err(about("cannot create folder", &shard, &error));
            }
        }
        // Always, and not just where a folder was new: the process that made it, or something in it,
        // may have been killed before it came to this.
        for name in [OBJECTS, MULTIPART, PARTS] {
            sync_folder(&path.join(name))?;
        }
        sync_folder(path)?;
        sync_ancestors(path)?;
        let folder = Self {
            path: path.to_owned(),
            entropy,
            expired_at_s: AtomicU64::new(0),
            unsynced: Unsynced::new(),
            writes: WriteHealth::of(path),
        };
        folder.sweep()?;
        folder.sync_shards();
        Ok(folder)
    }

    /// Returns the folder as it is, for who only looks; `None` if there is no folder of objects.
    pub(super) fn as_found(path: &Path, entropy: Arc<dyn Entropy>) -> Option<Self> {
        path.join(OBJECTS).is_dir().then(|| Self {
            path: path.to_owned(),
            entropy,
            expired_at_s: AtomicU64::new(0),
            unsynced: Unsynced::new(),
            writes: WriteHealth::of(path),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// Returns the path of an object's file. The hash keeps names that differ by case alone apart on
    /// every file system, and no key can name a path.
    pub(super) fn object_path(&self, key: &ObjectKey) -> PathBuf {
        let name = hex::encode(Sha256::digest(key.to_string()));
        let objects = self.path.join(OBJECTS);
        objects.join(&name[..2]).join(name)
    }

    /// Returns the names of the files in one of the folders of objects.
    pub(super) fn object_names(&self, shard: u8) -> io::Result<Vec<String>> {
        let path = self.path.join(OBJECTS).join(hex::encode([shard]));
        let failed = |error: io::Error| about("cannot read folder", &path, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            // Whatever else is there was not put there by us, and no key leads to it.
            names.extend(name.into_string().ok().filter(|name| is_hash(name)));
        }
        Ok(names)
    }

    /// Returns the number of the folder in which the file called `name` is.
    pub(super) fn shard_of(name: &str) -> u8 {
        name.get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .unwrap_or(0)
    }

    /// Returns the path of the file called `name` in a folder of objects.
    pub(super) fn named(&self, shard: u8, name: &str) -> PathBuf {
        let objects = self.path.join(OBJECTS);
        objects.join(hex::encode([shard])).join(name)
    }

    /// Returns where an object's file is while its name is written again.
    pub(super) fn aside(&self, name: &str) -> PathBuf {
        self.path.join(UPLOADS).join(name)
    }

    /// Returns the folder of an upload in parts that goes on.
    pub(super) fn multipart(&self, upload_id: &str) -> PathBuf {
        self.path.join(MULTIPART).join(upload_id)
    }

    /// Returns the folder of an upload in parts that has ended.
    pub(super) fn parts(&self, upload_id: &str) -> PathBuf {
        self.path.join(PARTS).join(upload_id)
    }

    /// Notes what became of a write.
    pub(super) fn noted<T>(&self, written: io::Result<T>) -> io::Result<T> {
        note(&self.writes, written)
    }

    /// Keeps every sweep out while something is made that is not yet what it will be. A file system
    /// that cannot lock loses nothing but this protection.
    pub(super) fn keep_sweeps_out(&self) -> io::Result<File> {
        File::open(self.path.join(UPLOADS)).inspect(|uploads| _ = uploads.lock_shared())
    }

    /// Waits until nobody keeps sweeps out.
    pub(super) fn sweeping(&self) -> io::Result<File> {
        File::open(self.path.join(UPLOADS)).inspect(|uploads| _ = uploads.lock())
    }

    /// Makes an empty file that is not yet visible as anything. Its lock tells a sweep in another
    /// process that somebody is still writing it.
    pub(super) fn temporary(&self) -> io::Result<(PathBuf, File)> {
        let uploads = self.path.join(UPLOADS);
        let path = uploads.join(self.entropy.uuid_v4().to_string());
        // No sweep may see the file before it is locked.
        let sweeps = self.keep_sweeps_out();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(|error| about("cannot create file", &path, &error))?;
        let _ = file.try_lock();
        drop(sweeps);
        Ok((path, file))
    }

    /// Publishes `content` as `<folder>/<name>` unless something is there already, and answers whether
    /// it did. Either way a whole and durable file has that name afterwards.
    pub(super) fn create_file(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        let (temporary, mut file) = self.temporary()?;
        let target = self.path.join(name);
        let created = file
            .write_all(content)
            .and_then(|()| file.sync_all())
            .and_then(|()| match fs::hard_link(&temporary, &target) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
            })
            .map_err(|error| about("cannot write file", &target, &error));
        let _ = fs::remove_file(&temporary);
        let created = created?;
        sync_folder(&self.path)?;
        Ok(created)
    }

    /// Returns what `<folder>/<name>` holds.
    pub(super) fn read_file(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.path.join(name);
        fs::read(&path).map_err(|error| about("cannot read file", &path, &error))
    }

    /// Makes `<folder>/<name>` a file with this content, whatever is there; a crash leaves the one or the
    /// other.
    pub(super) fn replace_file(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let (temporary, mut file) = self.temporary()?;
        let target = self.path.join(name);
        let replaced = file
            .write_all(content)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, &target));
        if let Err(error) = replaced {
            let _ = fs::remove_file(&temporary);
            return Err(about("cannot write file", &target, &error));
        }
        sync_folder(&self.path)
    }

    /// Tells whether files can still be made here. Waits for the disk only where it failed before.
    pub(super) fn ping(&self) -> io::Result<()> {
        self.settle_all()?;
        let writes = self.writes.check(Instant::now());
        writes.map_err(|error| io::Error::new(ErrorKind::ResourceBusy, error))?;
        let objects = self.path.join(OBJECTS);
        fs::metadata(&objects).map_err(|error| about("cannot find folder", &objects, &error))?;
        let (path, _file) = self.temporary()?;
        // Another process's sweep may have been faster.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(about("cannot remove file", &path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Removes what a crash left in the uploads; a file that another process still writes is locked. What
    /// cannot be removed is in nobody's way.
    fn sweep(&self) -> io::Result<()> {
        let uploads = self.path.join(UPLOADS);
        let _creations = self.sweeping();
        let entries = fs::read_dir(&uploads)
            .map_err(|error| about("cannot read folder", &uploads, &error))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            let swept = if is_hash(name) {
                self.put_back(name)
            } else if Uuid::parse_str(name).is_ok() {
                sweep_one(&entry.path())
            } else {
                Err(io::Error::other("it was not put there by this service"))
            };
            if let Err(error) = swept {
                leave(&entry.path(), &error);
            }
        }
        Ok(())
    }

    /// Gives an object back its name, which a crash left off while it was written again.
    fn put_back(&self, name: &str) -> io::Result<()> {
        let object = self.named(Self::shard_of(name), name);
        match fs::hard_link(self.aside(name), object) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => fs::remove_file(self.aside(name)),
        }
    }
}

/// Notes what became of a write: what fails for the sake of the disk concerns every upload.
pub(super) fn note<T>(writes: &WriteHealth, written: io::Result<T>) -> io::Result<T> {
    match &written {
        Ok(_) => writes.succeeded(),
        Err(error) if is_damage(error) || error.kind() == ErrorKind::InvalidInput => {}
        Err(error) => writes.failed(error),
    }
    written
}

fn is_hash(name: &str) -> bool {
    name.len() == HASH_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn sweep_one(path: &Path) -> io::Result<()> {
    match File::open(path).map(|file| file.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => Ok(()),
        _ => match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// Tells whether nothing has been kept in `folder` so far.
pub(super) fn is_new(folder: &Path) -> bool {
    !folder.join(OBJECTS).exists()
}

/// Says whether objects can be kept in `folder`, which need not be there yet. Leaves nothing behind.
pub fn check_folder(folder: &Path) -> Finding {
    let remedy = "name another folder with --files, or let this user write to that one";
    let mut nearest = folder;
    while !nearest.exists()
        && let Some(parent) = parent(nearest)
    {
        nearest = parent;
    }
    if !nearest.is_dir() {
        let message = format!("'{}' is not a folder", nearest.display());
        return Finding::wrong("bucket", message, remedy);
    }
    match probe(nearest) {
        Ok(()) if nearest == folder => {
            let message = format!("folder '{}' takes files", folder.display());
            Finding::good("bucket", message)
        }
        Ok(()) => {
            let message = format!("folder '{}' can be created", folder.display());
            Finding::good("bucket", message)
        }
        Err(error) => {
            let message = format!(
                "folder '{}' does not take files: {error}",
                nearest.display()
            );
            Finding::wrong("bucket", message, remedy)
        }
    }
}

/// Does once what publishing an object does: write, wait for the disk, link.
fn probe(folder: &Path) -> io::Result<()> {
    let probe = tempfile::Builder::new()
        .prefix(".probe-")
        .tempdir_in(folder)?;
    let path = probe.path().join("probe");
    let mut file = File::create_new(&path)?;
    file.write_all(b"probe")?;
    file.sync_all()?;
    fs::hard_link(&path, probe.path().join("link"))?;
    sync_folder(probe.path())?;
    probe.close()
}

/// Makes `path` a durable folder, and those above it. One that is there is left as it is.
fn create_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent(path).unwrap_or(Path::new("."));
    create_folder(parent)?;
    match DirBuilder::new().mode(PRIVATE_FOLDER).create(path) {
        Err(error) if !path.is_dir() => Err(about("cannot create folder", path, &error)),
        _ => sync_folder(parent),
    }
}

/// Syncs the folders above `path`: a process that made some of them may have been killed before it did.
fn sync_ancestors(path: &Path) -> io::Result<()> {
    let mut child = path;
    while let Some(parent) = parent(child) {
        match sync_folder(parent) {
            // Those that this user may not read were not made by it.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(()),
            synced => synced?,
        }
        child = parent;
    }
    Ok(())
}

/// Returns the folder that `path` is in; `None` for a root and for the working folder.
fn parent(path: &Path) -> Option<&Path> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() && path != Path::new(".") => {
            Some(Path::new("."))
        }
        Some(parent) if parent.as_os_str().is_empty() => None,
        parent => parent,
    }
}

/// Waits until the names in `path` are on the disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| about("cannot sync folder", path, &error))
}

/// Names the thing that an I/O error is about; the kind stays.
pub(super) fn about(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("{what} '{}': {error}", path.display()),
    )
}
