//! Deletes expired uploads, and finishes what a crash interrupted. Every function blocks.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::domain::{Clock, ObjectKey};
use crate::objects::MAX_URL_LIFE;
use crate::objects::embedded::disk::folder::clock::FolderClock;
use crate::objects::embedded::disk::folder::io_errors::{
    damaged, if_found, is_damage, unknown_file, with_path,
};
use crate::objects::embedded::disk::folder::quarantine::{log_skipped, quarantine};
use crate::objects::embedded::disk::folder::{Folder, directories};
use crate::objects::embedded::disk::object::part_files::{
    UploadRecord, delete_all, delete_unused, is_published, is_upload_id, move_to_parts, open_lock,
};

/// No URL for a part lives longer, so an older upload was abandoned or needs a new URL for every part.
const MAX_UPLOAD_AGE: Duration = MAX_URL_LIFE;
/// The time between checks for expired uploads: rare enough to cost nothing.
const CHECK_EVERY: Duration = Duration::from_hours(1);

/// Deletes expired uploads and finishes ends that a crash interrupted, at the start.
pub(crate) fn recover_uploads(folder: &Folder, clock: &FolderClock) -> io::Result<()> {
    let _creations = folder.lock_for_cleanup();
    let cutoff_s = clock.cutoff_s(MAX_UPLOAD_AGE);
    for (upload_id, path) in entries(&folder.multipart(""))? {
        match recover_upload(folder, &upload_id, &path, cutoff_s) {
            Ok(()) => {}
            Err(error) if is_damage(&error) => quarantine(folder, &path, &error),
            Err(error) => log_skipped(&path, &error),
        }
    }
    let now_s = clock.elapsed().as_secs();
    folder.expiry_checked_at_s.store(now_s, Ordering::Relaxed);
    Ok(())
}

/// Deletes expired uploads, unless this was done within the last hour.
pub(super) fn expire_uploads(folder: &Folder, clock: &FolderClock) -> io::Result<()> {
    let now_s = clock.elapsed().as_secs();
    let last_s = folder.expiry_checked_at_s.load(Ordering::Relaxed);
    if now_s < last_s.saturating_add(CHECK_EVERY.as_secs()) {
        return Ok(());
    }
    folder.expiry_checked_at_s.store(now_s, Ordering::Relaxed);
    let cutoff_s = clock.cutoff_s(MAX_UPLOAD_AGE);
    for (upload_id, path) in entries(&folder.multipart(""))? {
        // An upload that is just being created has no lock yet.
        if let Ok(Some(_)) = open_lock(folder, &upload_id)
            && let Err(error) = recover_upload(folder, &upload_id, &path, cutoff_s)
        {
            log_skipped(&path, &error);
        }
    }
    Ok(())
}

/// Deletes the parts that belong to no object. Reads every object in parts, so a start does not wait for it.
pub(crate) fn delete_orphaned_parts(folder: &Folder) -> io::Result<()> {
    for (upload_id, path) in entries(&folder.parts(""))? {
        // On an error their owner is unknown, so they stay.
        if let Err(error) = delete_if_orphaned(folder, &upload_id, &path) {
            log_skipped(&path, &error);
        }
    }
    Ok(())
}

fn delete_if_orphaned(folder: &Folder, upload_id: &str, path: &Path) -> io::Result<()> {
    if !is_upload_id(upload_id) {
        return Err(unknown_file());
    }
    match open_lock(folder, upload_id)? {
        Some(_) => delete_unused(folder, upload_id),
        None => remove_empty(path),
    }
}

fn recover_upload(folder: &Folder, upload_id: &str, path: &Path, cutoff_s: u64) -> io::Result<()> {
    if !is_upload_id(upload_id) {
        return Err(unknown_file());
    }
    let Some(lock) = open_lock(folder, upload_id)? else {
        return remove_empty(path); // its creation was interrupted
    };
    // In use.
    if lock.try_lock().is_err() || !path.exists() {
        return Ok(());
    }
    let record =
        UploadRecord::read(&lock).map_err(|error| with_path("cannot read upload", path, &error))?;
    let key = ObjectKey::parse(&record.key).ok_or_else(|| damaged("its key is invalid"))?;
    // A process may have been killed between naming a part and syncing its folder.
    directories::sync(path)?;
    match is_published(folder, &key, upload_id) {
        Ok(true) => return move_to_parts(folder, path),
        Ok(false) => {}
        // The object may be made of these parts, so they stay.
        Err(error) => {
            log_skipped(path, &error);
            return Ok(());
        }
    }
    if record.started_at_s >= cutoff_s {
        return Ok(());
    }
    move_to_parts(folder, path)?;
    delete_all(&folder.parts(upload_id))
}

/// Removes the folder of an upload without a lock: a crash leaves only an empty one.
fn remove_empty(path: &Path) -> io::Result<()> {
    match if_found(fs::remove_dir(path)) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
            Err(damaged("it has parts but no 'upload.json'"))
        }
        removed => removed.map(drop),
    }
}

/// Returns the names and paths in a folder of uploads.
fn entries(path: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let failed = |error: io::Error| with_path("cannot read folder", path, &error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        if let Some(entry) = if_found(entry).map_err(failed)?
            && let Ok(name) = entry.file_name().into_string()
        {
            entries.push((name, entry.path()));
        }
    }
    Ok(entries)
}
