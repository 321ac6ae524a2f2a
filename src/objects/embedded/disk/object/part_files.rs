//! The files of an object that was uploaded in parts. Every function blocks.
//!
//! ```text
//! multipart/<upload id>/upload.json   an upload in progress: its key and headers
//! multipart/<upload id>/<number>      a part, in the format of an object's file
//! parts/<upload id>/…                 the same, once the upload was completed or aborted
//! ```
//!
//! A folder below `parts` belongs to the object whose metadata names it. If there is none, it is left over
//! from a deleted object or an aborted upload, and is deleted.
//!
//! `upload.json` is also a lock. Shared: for publishing a part, and for reading the object. Exclusive: for
//! completing the upload, and for deleting its files. So the parts of a completed object never change, and
//! the last reader of a deleted object deletes them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::format::{Headers, Metadata, PartFiles, read_metadata};
use super::verified_content::ExpectedContent;
use crate::domain::ObjectKey;
use crate::objects::embedded::disk::folder::Folder;
use crate::objects::embedded::disk::folder::directories::{self, sync_parent};
use crate::objects::embedded::disk::folder::io_errors::{damaged, if_found, with_path};

pub(crate) const UPLOAD: &str = "upload.json";
/// More than the headers of any request: a larger file is damaged.
const MAX_UPLOAD_BYTES: u64 = 256 * 1024;

/// The content of `upload.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadRecord {
    pub key: String,
    pub headers: Headers,
    /// Seconds since 1970.
    pub started_at_s: u64,
}

impl UploadRecord {
    pub(crate) fn read(file: &File) -> io::Result<Self> {
        let mut text = Vec::new();
        file.take(MAX_UPLOAD_BYTES).read_to_end(&mut text)?;
        serde_json::from_slice(&text).map_err(|error| damaged(&error.to_string()))
    }
}

/// Keeps the parts of an object while it is being read.
#[derive(Debug)]
pub(crate) struct PartsLock {
    folder: Arc<Folder>,
    upload_id: String,
    path: PathBuf,
    /// The object's own file: it has no link any more once the object is deleted.
    object: File,
    lock: Option<File>,
}

impl PartsLock {
    /// Locks the parts `files` of the open object file `object`, and checks that all exist.
    pub(super) fn acquire(
        folder: &Arc<Folder>,
        files: &PartFiles,
        object: &File,
    ) -> io::Result<Self> {
        let upload_id = &files.upload_id;
        if !is_upload_id(upload_id) {
            return Err(damaged("the id of its parts is invalid"));
        }
        let missing = || damaged("its parts are missing");
        let lock = open_lock(folder, upload_id)?.ok_or_else(missing)?;
        lock.lock_shared()?;
        if lock.metadata()?.nlink() == 0 {
            return Err(missing());
        }
        let path = check(folder, files)?;
        Ok(Self {
            folder: Arc::clone(folder),
            upload_id: upload_id.clone(),
            path,
            object: object.try_clone()?,
            lock: Some(lock),
        })
    }

    /// Opens a part of known size of the object at `key`. Returns its expected content, if that is known.
    pub(super) fn open_part(
        &self,
        key: &str,
        number: u16,
        size_bytes: u64,
    ) -> io::Result<(File, Option<ExpectedContent>)> {
        let path = self.path.join(part_name(number));
        let failed = |error: io::Error| with_path("cannot read part", &path, &error);
        let file = File::open(&path).map_err(failed)?;
        let metadata = Metadata::read(&file).map_err(failed)?;
        if metadata.key != key || metadata.parts.is_some() {
            return Err(failed(damaged("it is not a part of this object")));
        }
        if metadata.size_bytes != size_bytes {
            return Err(failed(damaged("its size differs")));
        }
        let expected = metadata.sha256.map(|sha256| ExpectedContent {
            path,
            size_bytes,
            sha256,
        });
        Ok((file, expected))
    }
}

impl Drop for PartsLock {
    fn drop(&mut self) {
        // Unlock before looking: whoever deletes the object either sees the lock or is seen here.
        self.lock = None;
        if self.object.metadata().is_ok_and(|it| it.nlink() > 0) {
            return;
        }
        let folder = Arc::clone(&self.folder);
        let upload_id = std::mem::take(&mut self.upload_id);
        // If this fails, the next start deletes them.
        let delete = move || _ = delete_unused(&folder, &upload_id);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(delete)),
            Err(_) => delete(),
        }
    }
}

/// Checks that the files of all parts exist in their sizes, and returns the folder that they are in.
pub(crate) fn check(folder: &Folder, files: &PartFiles) -> io::Result<PathBuf> {
    let PartFiles { upload_id, files } = files;
    let mut path = folder.parts(upload_id);
    if !path.exists() {
        path = folder.multipart(upload_id);
    }
    for (number, size_bytes) in files {
        let part = path.join(part_name(*number));
        let failed = |error: io::Error| with_path("cannot use part", &part, &error);
        match if_found(fs::metadata(&part)).map_err(failed)? {
            None => return Err(failed(damaged("it is missing"))),
            Some(found) if found.len() <= *size_bytes => {
                return Err(failed(damaged("it is too short")));
            }
            Some(_) => {}
        }
    }
    Ok(path)
}

/// Deletes the parts of an upload unless an object is made of them. If one is still being read, the last
/// reader deletes them instead.
pub(crate) fn delete_unused(folder: &Folder, upload_id: &str) -> io::Result<()> {
    if !is_upload_id(upload_id) {
        return Ok(());
    }
    loop {
        let Some(lock) = open_lock(folder, upload_id)? else {
            return Ok(());
        };
        if lock.try_lock().is_err() || lock.metadata()?.nlink() == 0 {
            return Ok(());
        }
        let record = UploadRecord::read(&lock)?;
        // An error here means a damaged object, which may be made of these parts.
        let key = ObjectKey::parse(&record.key);
        let is_used = || match &key {
            Some(key) => is_published(folder, key, upload_id),
            None => Ok(false),
        };
        if !is_used()? {
            let multipart = folder.multipart(upload_id);
            if multipart.exists() {
                move_to_parts(folder, &multipart)?;
            }
            return delete_all(&folder.parts(upload_id));
        }
        // Unlock before looking again: whoever deleted the object meanwhile saw the lock and left the parts here.
        drop(lock);
        if is_used()? {
            return Ok(());
        }
    }
}

/// Returns true if the object at `key` was made by this upload.
pub(crate) fn is_published(folder: &Folder, key: &ObjectKey, upload_id: &str) -> io::Result<bool> {
    let found = if_found(read_metadata(&folder.object_path(key)))?;
    let parts = found.and_then(|metadata| metadata.parts);
    Ok(parts.is_some_and(|parts| parts.upload_id == upload_id))
}

/// Opens the file that locks an upload in either folder.
pub(crate) fn open_lock(folder: &Folder, upload_id: &str) -> io::Result<Option<File>> {
    // It may move from the second to the first meanwhile.
    let [parts, multipart] = [folder.parts(upload_id), folder.multipart(upload_id)];
    for path in [&parts, &multipart, &parts] {
        let lock = if_found(File::open(path.join(UPLOAD)))
            .map_err(|error| with_path("cannot open upload", path, &error))?;
        if lock.is_some() {
            return Ok(lock);
        }
    }
    Ok(None)
}

/// Moves the folder of an upload in progress to `parts`, durably.
pub(crate) fn move_to_parts(folder: &Folder, path: &Path) -> io::Result<()> {
    let Some(upload_id) = path.file_name() else {
        return Ok(());
    };
    let target = folder.parts(&upload_id.to_string_lossy());
    fs::rename(path, &target).map_err(|error| with_path("cannot end upload", path, &error))?;
    sync_parent(&target)?;
    sync_parent(path)
}

/// Deletes a folder of parts. Its lock goes last: a folder without one is what a crash left of this.
pub(crate) fn delete_all(path: &Path) -> io::Result<()> {
    let failed = |error: io::Error| with_path("cannot remove upload", path, &error);
    let Some(entries) = if_found(fs::read_dir(path)).map_err(failed)? else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != UPLOAD {
            if_found(fs::remove_file(entry.path())).map_err(failed)?;
        }
    }
    // A crash must not leave parts without their lock, which names their object.
    if_found(directories::sync(path))?;
    if_found(fs::remove_file(path.join(UPLOAD))).map_err(failed)?;
    if_found(fs::remove_dir(path)).map_err(failed).map(drop)
}

pub(crate) fn part_name(number: u16) -> String {
    format!("{number:05}")
}

/// Returns true for an id that this service generates. No other text may become a path.
pub(crate) fn is_upload_id(text: &str) -> bool {
    Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text)
}
