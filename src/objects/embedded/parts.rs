//! Uploads in parts, and the objects that come of them, on the disk. Every function here blocks.
//!
//! ```text
//! <folder>/multipart/<upload id>/upload.json   an upload that goes on: its key and what was said of it
//! <folder>/multipart/<upload id>/<number>      a part, in the format of an object's file
//! <folder>/parts/<upload id>/…                 the same, once the upload has ended
//! ```
//!
//! No byte of a part is ever copied: the object's own file says which parts it is made of, so completing
//! an upload takes as long for 5 TiB as for 5 MiB. The one step that counts is that file's rename. After
//! it the upload's folder moves to the ended ones, and if a crash comes between, the next start moves it.
//!
//! What lies below `parts` belongs to the object whose file names it, and if there is none, to nobody:
//! it is what is left of an object or of an upload that was removed.
//!
//! `upload.json` is also a lock. Shared: a part is given its name, or the object is read. Exclusive: the
//! upload is completed, or its files are removed. So no part changes under an object that is made of it,
//! and none goes away under a reader: the last reader of an object that was removed removes the parts.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ended::{move_to_ended, remove_ended, retire};
use super::file::{self, Headers, Meta, Upload, damaged};
use super::folder::{Folder, PRIVATE_FOLDER, about, sync_folder};
use crate::domain::ObjectKey;
use crate::objects::Part;

/// Source: Amazon S3 user guide, "Amazon S3 multipart upload limits".
pub(super) const MAX_PART_NUMBER: u16 = 10_000;

pub(super) const UPLOAD: &str = "upload.json";
/// Above the headers of any request: whatever is larger is damage.
const MAX_UPLOAD_BYTES: u64 = 256 * 1024;

/// What was said when the upload began.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begun {
    pub key: String,
    pub headers: Headers,
    /// Seconds since 1970.
    pub started_at_s: u64,
}

/// Begins an upload to `key` and returns its id.
pub(super) fn begin(
    folder: &Folder,
    key: &ObjectKey,
    headers: Headers,
    started_at_s: u64,
) -> io::Result<String> {
    let begun = Begun {
        key: key.to_string(),
        headers,
        started_at_s,
    };
    let upload_id = folder.entropy().uuid_v4().to_string();
    let path = folder.multipart(&upload_id);
    // A folder without its file is what a sweep removes.
    let _sweeps = folder.keep_sweeps_out();
    let (temporary, mut file) = folder.temporary()?;
    let made = file
        .write_all(&serde_json::to_vec(&begun)?)
        .and_then(|()| file.sync_all())
        .and_then(|()| DirBuilder::new().mode(PRIVATE_FOLDER).create(&path))
        .and_then(|()| fs::rename(&temporary, path.join(UPLOAD)))
        .map_err(|error| about("cannot begin upload", &path, &error));
    let made = made
        .and_then(|()| sync_folder(&path))
        .and_then(|()| sync_parent(&path));
    let made = folder.noted(made);
    if made.is_err() {
        // Where this fails the next start's sweep does it.
        let _ = fs::remove_file(&temporary);
        let _ = fs::remove_file(path.join(UPLOAD));
        let _ = fs::remove_dir(&path);
    }
    made.map(|()| upload_id)
}

/// An upload that goes on, and stays as it is while this is open.
#[derive(Debug)]
pub(super) struct Open<'a> {
    pub begun: Begun,
    /// Its object is there already: a crash came between that and the end of the upload.
    pub is_published: bool,
    folder: &'a Folder,
    upload_id: String,
    path: PathBuf,
    lock: Option<File>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// Others may add parts meanwhile.
    Shared,
    Exclusive,
}

impl<'a> Open<'a> {
    /// Waits for the lock and returns the upload; `None` if there is none of this id to this key.
    pub(super) fn find(
        folder: &'a Folder,
        key: &ObjectKey,
        upload_id: &str,
        lock: Lock,
    ) -> io::Result<Option<Self>> {
        if !is_upload_id(upload_id) {
            return Ok(None);
        }
        let path = folder.multipart(upload_id);
        let failed = |error: io::Error| about("cannot use upload", &path, &error);
        let file = match File::open(path.join(UPLOAD)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        match lock {
            Lock::Shared => file.lock_shared().map_err(failed)?,
            Lock::Exclusive => file.lock().map_err(failed)?,
        }
        // It may have ended while this waited.
        if !path.exists() {
            return Ok(None);
        }
        let begun = read(&file).map_err(failed)?;
        if begun.key != key.to_string() {
            return Ok(None);
        }
        // An object that is damaged is not this one's, and may be replaced.
        let is_published = is_published(folder, key, upload_id).unwrap_or(false);
        Ok(Some(Self {
            begun,
            is_published,
            folder,
            upload_id: upload_id.to_owned(),
            path,
            lock: Some(file),
        }))
    }

    pub(super) fn part_path(&self, number: u16) -> PathBuf {
        self.path.join(part_name(number))
    }

    /// Sees that the parts that are there stay there.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_folder(&self.path)
    }

    /// Ends the upload: from here on it is nobody's but its object's.
    pub(super) fn end(&self) -> io::Result<()> {
        move_to_ended(self.folder, &self.path)
    }

    /// Removes the parts that `used` does not name.
    pub(super) fn remove_unused(&self, used: &[(u16, u64)]) -> io::Result<()> {
        let path = self.folder.parts(&self.upload_id);
        for number in numbers(&path)? {
            if used
                .binary_search_by_key(&number, |(used, _)| *used)
                .is_err()
            {
                fs::remove_file(path.join(part_name(number)))?;
            }
        }
        Ok(())
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // Before the look: whoever removes the object either sees the lock, or is seen here.
        self.lock = None;
        if self.folder.parts(&self.upload_id).exists() {
            // Where it fails, the next start's sweep removes them.
            let _ = retire(self.folder, &self.upload_id);
        }
    }
}

/// Makes `upload` part `number`, durable when this answers `true`; `false` if there is no such upload.
pub(super) fn put(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    number: u16,
    mut upload: Upload,
    meta: &Meta,
) -> io::Result<bool> {
    upload.sync(meta)?;
    match Open::find(folder, key, upload_id, Lock::Shared)? {
        Some(open) if !open.is_published => {
            let part = open.part_path(number);
            upload.move_to(&part)?;
            folder.noted(sync_folder(&open.path)).inspect_err(|_| {
                // Nobody knows whether it is on the disk, so nothing may be made of it.
                let _ = fs::remove_file(&part);
            })?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Tells whether parts may be put to this upload.
pub(super) fn goes_on(folder: &Folder, key: &ObjectKey, upload_id: &str) -> io::Result<bool> {
    let open = Open::find(folder, key, upload_id, Lock::Shared)?;
    Ok(open.is_some_and(|open| !open.is_published))
}

/// Parts in the order of their numbers, each with the time of its PUT in seconds since 1970.
#[derive(Debug)]
pub(super) struct Page {
    pub parts: Vec<(Part, u64)>,
    /// The number to go on behind; `None` at the end.
    pub next: Option<u16>,
}

/// Returns up to `max_parts` parts behind number `after`; `None` if there is no such upload.
pub(super) fn list(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    after: u16,
    max_parts: usize,
) -> io::Result<Option<Page>> {
    let Some(open) = Open::find(folder, key, upload_id, Lock::Shared)? else {
        return Ok(None);
    };
    if open.is_published {
        return Ok(None);
    }
    let mut numbers = numbers(&open.path)?;
    numbers.retain(|number| *number > after);
    let next = (numbers.len() > max_parts && max_parts > 0).then(|| numbers[max_parts - 1]);
    numbers.truncate(max_parts);
    let mut parts = Vec::with_capacity(numbers.len());
    for number in numbers {
        let meta = file::describe(&open.part_path(number))?;
        let part = Part {
            number,
            size_bytes: meta.size_bytes,
            etag: meta.md5,
        };
        parts.push((part, meta.modified_at_s));
    }
    Ok(Some(Page { parts, next }))
}

/// Ends an upload and removes what it has; answers whether it was there.
pub(super) fn abort(folder: &Folder, key: &ObjectKey, upload_id: &str) -> io::Result<bool> {
    let Some(open) = Open::find(folder, key, upload_id, Lock::Exclusive)? else {
        return Ok(false);
    };
    open.end()?;
    if open.is_published {
        return Ok(false);
    }
    remove_ended(&folder.parts(upload_id))?;
    Ok(true)
}

/// Tells whether the object at `key` is the one that this upload has made.
pub(super) fn is_published(folder: &Folder, key: &ObjectKey, upload_id: &str) -> io::Result<bool> {
    let parts = match file::describe(&folder.object_path(key)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        found => found?.parts,
    };
    Ok(parts.is_some_and(|parts| parts.upload_id == upload_id))
}

/// Returns the file that locks an upload, whether it goes on or has ended.
pub(super) fn open_upload(folder: &Folder, upload_id: &str) -> io::Result<Option<File>> {
    // It moves from the second to the first.
    let [ended, open] = [folder.parts(upload_id), folder.multipart(upload_id)];
    for path in [&ended, &open, &ended] {
        match File::open(path.join(UPLOAD)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(about("cannot open upload", path, &error)),
            Ok(file) => return Ok(Some(file)),
        }
    }
    Ok(None)
}

/// Reads what was said when the upload began.
pub(super) fn read(file: &File) -> io::Result<Begun> {
    let mut text = Vec::new();
    file.take(MAX_UPLOAD_BYTES).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(|error| damaged(&error.to_string()))
}

/// Returns the numbers of the parts that are in the folder, in order.
fn numbers(path: &Path) -> io::Result<Vec<u16>> {
    let failed = |error: io::Error| about("cannot read folder", path, &error);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| name.parse::<u16>().ok());
        numbers.extend(number.filter(|number| part_name(*number).as_str() == name));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn part_name(number: u16) -> String {
    format!("{number:05}")
}

/// Tells whether it is an id of ours: no other may become a path.
pub(super) fn is_upload_id(text: &str) -> bool {
    Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text)
}

pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}
