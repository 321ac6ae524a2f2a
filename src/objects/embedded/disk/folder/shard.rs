//! One folder of objects: locks it while a name changes, and tracks the names that may not be on disk.
//!
//! An object's file is synced before it gets its name, and its folder is synced after. If the second sync
//! fails, the name may be in memory alone, and a later sync that succeeds need not write it: the kernel
//! may count pages as clean that it could not write. The name is therefore withheld from readers until it
//! was written again and synced. Every function blocks.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;

use super::directories;
use super::io_errors::{if_found, with_path};
use super::unsynced::ShardNames;
use super::{Folder, shard_of};

/// Exclusive access to the names in a folder of objects.
#[derive(Debug)]
pub(crate) struct Shard<'a> {
    folder: &'a Folder,
    path: PathBuf,
    /// Locked as well, to keep other processes out.
    file: File,
    unsynced: MutexGuard<'a, ShardNames>,
}

impl<'a> Shard<'a> {
    /// Waits for exclusive access to the names in the folder of `object`.
    pub(crate) fn lock(folder: &'a Folder, object: &Path) -> io::Result<Self> {
        let path = object.parent().unwrap_or(object).to_owned();
        let unsynced = folder.unsynced.lock(shard_of(name_of(object)));
        let file =
            File::open(&path).map_err(|error| with_path("cannot open folder", &path, &error))?;
        // On a file system without locks, only the protection from other processes is missing.
        let _ = file.lock();
        Ok(Self {
            folder,
            path,
            file,
            unsynced,
        })
    }

    /// Renames a file to `object`, replacing what has that name; durable on return.
    pub(crate) fn rename(&mut self, file: &Path, object: &Path) -> io::Result<()> {
        fs::rename(file, object).map_err(|error| with_path("cannot publish", object, &error))?;
        self.sync(name_of(object))
    }

    /// Links a file to `object` unless the name is taken. The file is durable if this returns `true`; so
    /// is the name's present owner if it returns `false`.
    pub(crate) fn link(&mut self, file: &Path, object: &Path) -> io::Result<bool> {
        match fs::hard_link(file, object) {
            Ok(()) => self.sync(name_of(object)).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.make_durable(object).map(|()| false)
            }
            Err(error) => Err(with_path("cannot publish", object, &error)),
        }
    }

    /// Removes the name `object` durably. A missing name is not an error.
    pub(crate) fn remove(&mut self, object: &Path) -> io::Result<()> {
        if_found(fs::remove_file(object))
            .map_err(|error| with_path("cannot remove object", object, &error))?;
        // Even if the name was missing: whoever removed it may not have synced.
        self.sync(name_of(object))
    }

    /// Makes sure that the existing name `object` is on disk.
    pub(crate) fn make_durable(&mut self, object: &Path) -> io::Result<()> {
        let name = name_of(object);
        if self.unsynced.names.contains(name) {
            self.write_again(object)?;
        } else if !self.unsynced.all {
            return Ok(());
        }
        self.sync(name)
    }

    /// Takes the name away and gives it back. A crash in between leaves the file where the next start
    /// finds it (see `recovery`).
    fn write_again(&self, object: &Path) -> io::Result<()> {
        let failed = |error: io::Error| with_path("cannot write name again", object, &error);
        let detached = self.folder.detached_path(name_of(object));
        // An earlier attempt may have got this far.
        if_found(fs::rename(object, &detached)).map_err(failed)?;
        // The object may have been deleted, or its name restored by another process.
        let restored = if_found(fs::rename(&detached, object));
        restored.map(drop).map_err(failed)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        match self.folder.record_write(self.file.sync_all()) {
            Ok(()) => {
                self.folder.unsynced.remove(&mut self.unsynced, name);
                Ok(())
            }
            Err(error) => {
                self.folder.unsynced.add(&mut self.unsynced, name);
                Err(with_path("cannot sync folder", &self.path, &error))
            }
        }
    }
}

/// Makes sure that the existing name `object` is on disk. Call this before anything relies on the object.
pub(crate) fn make_durable(folder: &Folder, object: &Path) -> io::Result<()> {
    // A failed sync is counted before its caller is answered.
    if folder.unsynced.is_empty() {
        return Ok(());
    }
    Shard::lock(folder, object)?.make_durable(object)
}

/// Retries every sync that failed.
pub(crate) fn make_all_durable(folder: &Folder) -> io::Result<()> {
    if folder.unsynced.is_empty() {
        return Ok(());
    }
    for shard in 0..=u8::MAX {
        let unsynced = folder.unsynced.lock(shard);
        let (names, all) = (unsynced.names.clone(), unsynced.all);
        drop(unsynced);
        for name in &names {
            make_durable(folder, &folder.path_in_shard(shard, name))?;
        }
        if all {
            // Any name will do: this syncs the whole folder.
            make_durable(folder, &folder.path_in_shard(shard, &hex::encode([shard])))?;
        }
    }
    Ok(())
}

/// Syncs every folder of objects: a process may have been killed between naming a file and syncing. If
/// one cannot be synced, only its objects are withheld.
pub(crate) fn sync_all(folder: &Folder) {
    for shard in 0..=u8::MAX {
        if let Err(error) = directories::sync(&folder.path_in_shard(shard, "")) {
            tracing::error!(%error, "withholding the objects of a folder until it can be synced");
            folder.unsynced.add_all(shard);
        }
    }
}

fn name_of(object: &Path) -> &str {
    let name = object.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}
