//! Removing what nobody will come for: uploads in parts that were given up, and what crashes left.
//! Every function here blocks.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::ages::Ages;
use super::aside::{leave, set_aside};
use super::ended::{move_to_ended, remove_ended, retire};
use super::file::damaged;
use super::folder::{Folder, about, sync_folder};
use super::is_damage;
use super::parts::{is_published, is_upload_id, open_upload, read};
use crate::domain::{Clock, ObjectKey};
use crate::objects::MAX_URL_LIFE;

/// How long an upload in parts may take. No URL for a part lives longer than this, so whoever has not
/// come to an end by then has given it up or has to ask again for every part.
const MAX_UPLOAD_LIFE: Duration = MAX_URL_LIFE;
/// How often new uploads look for old ones: seldom enough to cost nothing, often enough that an upload
/// outlives its time by an hour at most while others begin.
const EXPIRY_PAUSE: Duration = Duration::from_hours(1);

/// Removes uploads that are too old, and finishes the end of those that a crash has interrupted. To be
/// called at the start.
pub(super) fn settle(folder: &Folder, ages: &Ages) -> io::Result<()> {
    let _creations = folder.sweeping();
    let before_s = ages.before_s(MAX_UPLOAD_LIFE);
    for (upload_id, path) in entries(&folder.multipart(""))? {
        // One that cannot be settled is in nobody's way: the others go on.
        match settle_one(folder, &upload_id, &path, before_s) {
            Ok(()) => {}
            Err(error) if is_damage(&error) => set_aside(folder, &path, &error),
            Err(error) => leave(&path, &error),
        }
    }
    let now_s = ages.elapsed().as_secs();
    folder.expired_at_s.store(now_s, Ordering::Relaxed);
    Ok(())
}

/// Removes uploads that are too old, if that was not done a while ago.
pub(super) fn expire(folder: &Folder, ages: &Ages) -> io::Result<()> {
    let now_s = ages.elapsed().as_secs();
    let last_s = folder.expired_at_s.load(Ordering::Relaxed);
    if now_s < last_s.saturating_add(EXPIRY_PAUSE.as_secs()) {
        return Ok(());
    }
    folder.expired_at_s.store(now_s, Ordering::Relaxed);
    let before_s = ages.before_s(MAX_UPLOAD_LIFE);
    for (upload_id, path) in entries(&folder.multipart(""))? {
        // An upload that begins just now has no lock yet.
        if let Ok(Some(_)) = open_upload(folder, &upload_id)
            && let Err(error) = settle_one(folder, &upload_id, &path, before_s)
        {
            leave(&path, &error);
        }
    }
    Ok(())
}

/// Removes the parts that belong to no object. It looks at every object in parts, so it is not for a
/// start to wait for.
pub(super) fn remove_orphans(folder: &Folder) -> io::Result<()> {
    for (upload_id, path) in entries(&folder.parts(""))? {
        // Whose they are cannot be told, so they stay.
        if let Err(error) = remove_orphan(folder, &upload_id, &path) {
            leave(&path, &error);
        }
    }
    Ok(())
}

fn remove_orphan(folder: &Folder, upload_id: &str, path: &Path) -> io::Result<()> {
    if !is_upload_id(upload_id) {
        return Err(not_ours());
    }
    match open_upload(folder, upload_id)? {
        Some(_) => retire(folder, upload_id),
        None => remove_empty(path),
    }
}

fn settle_one(folder: &Folder, upload_id: &str, path: &Path, before_s: u64) -> io::Result<()> {
    if !is_upload_id(upload_id) {
        return Err(not_ours());
    }
    let Some(lock) = open_upload(folder, upload_id)? else {
        return remove_empty(path); // it never began
    };
    // Somebody is at it.
    if lock.try_lock().is_err() || !path.exists() {
        return Ok(());
    }
    let begun = read(&lock).map_err(|error| about("cannot read upload", path, &error))?;
    let key = ObjectKey::parse(&begun.key).ok_or_else(|| damaged("its key is none of ours"))?;
    // A process that was killed may have named a part, and not have come to this.
    sync_folder(path)?;
    match is_published(folder, &key, upload_id) {
        Ok(true) => return move_to_ended(folder, path),
        Ok(false) => {}
        // Whether the object is made of these parts cannot be told, so they stay.
        Err(error) => {
            leave(path, &error);
            return Ok(());
        }
    }
    if begun.started_at_s >= before_s {
        return Ok(());
    }
    move_to_ended(folder, path)?;
    remove_ended(&folder.parts(upload_id))
}

/// Removes the folder of an upload that has no lock: a crash leaves none but an empty one.
fn remove_empty(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
            Err(damaged("it has parts and says nothing of them"))
        }
        removed => removed,
    }
}

fn not_ours() -> io::Error {
    io::Error::other("it was not put there by this service")
}

/// Returns the names and paths of what is in a folder of uploads.
fn entries(path: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let failed = |error: io::Error| about("cannot read folder", path, &error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = match entry {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entry => entry.map_err(failed)?,
        };
        let name = entry.file_name().into_string();
        entries.extend(name.ok().map(|name| (name, entry.path())));
    }
    Ok(entries)
}
