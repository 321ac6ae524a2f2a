//! Opens the storage folder and repairs what a crash left behind. Every function blocks.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::folder::clock::FolderClock;
use super::folder::io_errors::{if_found, unknown_file, with_path};
use super::folder::quarantine::log_skipped;
use super::folder::{self, Folder, is_hash, shard, shard_of};
use super::multipart::cleanup::recover_uploads;
use crate::domain::{Clock, Entropy};

/// Opens the folder at `path`, creating it if necessary. See also
/// [`delete_orphaned_parts`](super::multipart::cleanup::delete_orphaned_parts), which takes longer.
pub(crate) fn open(
    path: &Path,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
) -> io::Result<(Arc<Folder>, Arc<FolderClock>)> {
    let is_new = !folder::exists(path);
    let folder = Arc::new(Folder::create_or_open(path, entropy)?);
    recover_uploads_folder(&folder)?;
    shard::sync_all(&folder);
    let clock = Arc::new(FolderClock::open(Arc::clone(&folder), clock, is_new));
    recover_uploads(&folder, &clock)?;
    Ok((folder, clock))
}

/// Removes half-written files, unless another process still writes them, and restores detached objects.
fn recover_uploads_folder(folder: &Folder) -> io::Result<()> {
    let uploads = folder.uploads();
    let _creations = folder.lock_for_cleanup();
    let entries = fs::read_dir(&uploads)
        .map_err(|error| with_path("cannot read folder", &uploads, &error))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let recovered = if is_hash(name) {
            restore_name(folder, name)
        } else if Uuid::parse_str(name).is_ok() {
            remove_unlocked(&path)
        } else {
            Err(unknown_file())
        };
        if let Err(error) = recovered {
            log_skipped(&path, &error);
        }
    }
    Ok(())
}

/// Restores an object's name, which was being written again when a crash came.
fn restore_name(folder: &Folder, name: &str) -> io::Result<()> {
    let detached = folder.detached_path(name);
    match fs::hard_link(&detached, folder.path_in_shard(shard_of(name), name)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => fs::remove_file(detached),
    }
}

fn remove_unlocked(path: &Path) -> io::Result<()> {
    match File::open(path).map(|file| file.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => Ok(()),
        _ => if_found(fs::remove_file(path)).map(drop),
    }
}
