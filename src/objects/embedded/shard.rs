//! One of the folders of objects: who changes the names in it, and which of them are not on the disk yet.
//!
//! An object's file is synced before it gets its name, and its folder is synced behind that. Where the
//! second fails, nobody knows whether the name is on the disk: what is seen then may be in memory alone,
//! and a later sync that succeeds need not write it again (the kernel may take what it could not write
//! for written). So the name is held back until it was written, and synced, once more. Every function
//! here blocks.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::folder::{Folder, about};

/// What is not known to be on the disk, in all folders of objects.
#[derive(Debug)]
pub(super) struct Unsynced {
    shards: Vec<Mutex<State>>,
    /// How many names and whole folders there are, so that a look need not lock where there are none.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeSet<String>,
    /// Nothing in the folder is known to be on the disk.
    all: bool,
}

impl Unsynced {
    pub(super) fn new() -> Self {
        let shards = (0..=u8::MAX).map(|_| Mutex::default());
        Self {
            shards: shards.collect(),
            count: AtomicUsize::new(0),
        }
    }
}

/// A folder of objects in which nobody else changes a name while this is there.
#[derive(Debug)]
pub(super) struct Shard<'a> {
    folder: &'a Folder,
    path: PathBuf,
    /// Locked too, for the sake of other processes.
    file: File,
    state: MutexGuard<'a, State>,
}

impl<'a> Shard<'a> {
    /// Waits until nobody else changes names in the folder of the object's file `object`.
    pub(super) fn lock(folder: &'a Folder, object: &Path) -> io::Result<Self> {
        let path = object.parent().unwrap_or(object).to_owned();
        let unsynced = &folder.unsynced.shards[usize::from(Folder::shard_of(name_of(object)))];
        let state = unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        let file = File::open(&path).map_err(|error| about("cannot open folder", &path, &error))?;
        // A file system that cannot lock loses nothing but the protection from other processes.
        let _ = file.lock();
        Ok(Self {
            folder,
            path,
            file,
            state,
        })
    }

    /// Gives a file the name `object`, whatever has it now; durable when this answers.
    pub(super) fn rename(&mut self, file: &Path, object: &Path) -> io::Result<()> {
        fs::rename(file, object).map_err(|error| about("cannot publish", object, &error))?;
        self.sync(name_of(object))
    }

    /// Gives a file the second name `object`, unless something has it; durable when this answers `true`.
    pub(super) fn link(&mut self, file: &Path, object: &Path) -> io::Result<bool> {
        match fs::hard_link(file, object) {
            Ok(()) => self.sync(name_of(object)).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.settle(object).map(|()| false)
            }
            Err(error) => Err(about("cannot publish", object, &error)),
        }
    }

    /// Removes the name `object`, for good when this answers. One that is not there is removed.
    pub(super) fn remove(&mut self, object: &Path) -> io::Result<()> {
        match fs::remove_file(object) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(about("cannot remove object", object, &error))
            }
            // Always: whoever removed it before may not have come to this.
            _ => self.sync(name_of(object)),
        }
    }

    /// Sees that the name `object`, which is there, is on the disk.
    pub(super) fn settle(&mut self, object: &Path) -> io::Result<()> {
        let name = name_of(object);
        if self.state.names.contains(name) {
            self.write_again(object)?;
        } else if !self.state.all {
            return Ok(());
        }
        self.sync(name)
    }

    /// Takes the name away and gives it again. A crash between the two leaves the file where the next
    /// start finds it (see [`Folder::put_back`]).
    fn write_again(&self, object: &Path) -> io::Result<()> {
        let failed = |error: io::Error| about("cannot write name again", object, &error);
        let aside = self.folder.aside(name_of(object));
        match fs::rename(object, &aside) {
            // An attempt before this one came so far.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            moved => moved.map_err(failed)?,
        }
        match fs::rename(&aside, object) {
            // It was removed, or another process has put it back.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            moved => moved.map_err(failed),
        }
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let synced = self.folder.noted(self.file.sync_all());
        let count = &self.folder.unsynced.count;
        match synced {
            Ok(()) => {
                let was_whole = std::mem::take(&mut self.state.all);
                let was_held = self.state.names.remove(name);
                let fewer = usize::from(was_whole) + usize::from(was_held);
                count.fetch_sub(fewer, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                let is_new = self.state.names.insert(name.to_owned());
                count.fetch_add(usize::from(is_new), Ordering::Relaxed);
                Err(about("cannot sync folder", &self.path, &error))
            }
        }
    }
}

impl Folder {
    /// Sees that the name of an object that is there is on the disk: whatever rests on it has to wait for
    /// this.
    pub(super) fn settle(&self, object: &Path) -> io::Result<()> {
        // Whoever could not sync the name has counted it before that was answered to anybody.
        if self.unsynced.count.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        Shard::lock(self, object)?.settle(object)
    }

    /// Tries again to sync what could not be; to be called now and then while something could not.
    pub(super) fn settle_all(&self) -> io::Result<()> {
        if self.unsynced.count.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        for shard in 0..=u8::MAX {
            let state = &self.unsynced.shards[usize::from(shard)];
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let (names, all) = (state.names.clone(), state.all);
            drop(state);
            for name in &names {
                self.settle(&self.named(shard, name))?;
            }
            if all {
                // Any name of the folder does: it is the folder that is synced.
                self.settle(&self.named(shard, &hex::encode([shard])))?;
            }
        }
        Ok(())
    }

    /// Syncs every folder of objects: a process that was killed may have named a file, and not have come
    /// to that. One that cannot be synced holds back what is in it, and nothing else.
    pub(super) fn sync_shards(&self) {
        for shard in 0..=u8::MAX {
            let path = self.named(shard, "");
            if let Err(error) = super::folder::sync_folder(&path) {
                tracing::error!(%error, "objects in this folder are held back until it can be synced");
                let state = &self.unsynced.shards[usize::from(shard)];
                state.lock().unwrap_or_else(PoisonError::into_inner).all = true;
                self.unsynced.count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn name_of(object: &Path) -> &str {
    let name = object.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}
