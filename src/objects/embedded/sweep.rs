//! Removing what nobody will come for: uploads in parts that were given up, and what crashes left.
//! Every function here blocks.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::ages::Ages;
use super::folder::{Folder, about};
use super::parts::{is_published, move_to_ended, open_upload, read, remove_ended, retire};
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
        if open_upload(folder, &upload_id)?.is_some() {
            settle_one(folder, &upload_id, &path, before_s)?;
        } else {
            remove_ended(&path)?; // it never began
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
        settle_one(folder, &upload_id, &path, before_s)?;
    }
    Ok(())
}

/// Removes the parts that belong to no object. It looks at every object in parts, so it is not for a
/// start to wait for.
pub(super) fn remove_orphans(folder: &Folder) -> io::Result<()> {
    for (upload_id, path) in entries(&folder.parts(""))? {
        if open_upload(folder, &upload_id)?.is_some() {
            retire(folder, &upload_id)?;
        } else {
            remove_ended(&path)?;
        }
    }
    Ok(())
}

fn settle_one(folder: &Folder, upload_id: &str, path: &Path, before_s: u64) -> io::Result<()> {
    let Some(lock) = open_upload(folder, upload_id)? else {
        return Ok(());
    };
    // Somebody is at it.
    if lock.try_lock().is_err() || !path.exists() {
        return Ok(());
    }
    let begun = read(&lock).map_err(|error| about("cannot read upload", path, &error))?;
    let key = ObjectKey::parse(&begun.key);
    if key.is_some_and(|key| is_published(folder, &key, upload_id)) {
        return move_to_ended(folder, path);
    }
    if begun.started_at_s >= before_s {
        return Ok(());
    }
    move_to_ended(folder, path)?;
    remove_ended(&folder.parts(upload_id))
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
