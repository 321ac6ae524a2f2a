//! Uploads in progress: creating one, adding and listing parts, aborting.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::cleanup;
use crate::domain::ObjectKey;
use crate::objects::Part;
use crate::objects::embedded::disk::folder::Folder;
use crate::objects::embedded::disk::folder::clock::FolderClock;
use crate::objects::embedded::disk::folder::directories::{self, sync_parent};
use crate::objects::embedded::disk::folder::io_errors::{if_found, with_path};
use crate::objects::embedded::disk::object::part_files::{
    self, UPLOAD, UploadRecord, is_upload_id, part_name,
};
use crate::objects::embedded::disk::object::{Headers, Metadata, ObjectWriter, read_metadata};

/// Source: Amazon S3 user guide, "Amazon S3 multipart upload limits".
pub(crate) const MAX_PART_NUMBER: u16 = 10_000;

/// Creates an upload to `key` and returns its id. Now and then this deletes expired uploads first.
pub(crate) fn create(
    folder: &Folder,
    clock: &FolderClock,
    key: &ObjectKey,
    headers: Headers,
) -> io::Result<String> {
    cleanup::expire_uploads(folder, clock)?;
    let record = UploadRecord {
        key: key.to_string(),
        headers,
        started_at_s: clock.now_s(),
    };
    let upload_id = folder.entropy().uuid_v4().to_string();
    let path = folder.multipart(&upload_id);
    // A cleanup removes a folder without a lock file.
    let _cleanup = folder.block_cleanup();
    let (temporary, mut file) = folder.create_temporary()?;
    let created = file
        .write_all(&serde_json::to_vec(&record)?)
        .and_then(|()| file.sync_all())
        .and_then(|()| directories::create_private(&path))
        .and_then(|()| fs::rename(&temporary, path.join(UPLOAD)))
        .map_err(|error| with_path("cannot begin upload", &path, &error))
        .and_then(|()| directories::sync(&path))
        .and_then(|()| sync_parent(&path));
    let created = folder.record_write(created);
    if created.is_err() {
        // If this fails, the next start cleans up.
        let _ = fs::remove_file(&temporary);
        let _ = fs::remove_file(path.join(UPLOAD));
        let _ = fs::remove_dir(&path);
    }
    created.map(|()| upload_id)
}

/// A locked upload in progress.
#[derive(Debug)]
pub(super) struct MultipartUpload<'a> {
    pub record: UploadRecord,
    /// Its object exists already: a crash came before the upload's end.
    pub is_published: bool,
    folder: &'a Folder,
    upload_id: String,
    pub path: PathBuf,
    lock: Option<File>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockMode {
    /// Others may add parts meanwhile.
    Shared,
    Exclusive,
}

impl<'a> MultipartUpload<'a> {
    /// Waits for the lock and returns the upload; `None` if there is none with this id and key.
    pub(super) fn lock(
        folder: &'a Folder,
        key: &ObjectKey,
        upload_id: &str,
        mode: LockMode,
    ) -> io::Result<Option<Self>> {
        if !is_upload_id(upload_id) {
            return Ok(None);
        }
        let path = folder.multipart(upload_id);
        let failed = |error: io::Error| with_path("cannot use upload", &path, &error);
        let Some(file) = if_found(File::open(path.join(UPLOAD))).map_err(failed)? else {
            return Ok(None);
        };
        match mode {
            LockMode::Shared => file.lock_shared().map_err(failed)?,
            LockMode::Exclusive => file.lock().map_err(failed)?,
        }
        // It may have ended while this waited.
        if !path.exists() {
            return Ok(None);
        }
        let record = UploadRecord::read(&file).map_err(failed)?;
        if record.key != key.to_string() {
            return Ok(None);
        }
        // A damaged object is not this upload's, and may be replaced.
        let is_published = part_files::is_published(folder, key, upload_id).unwrap_or(false);
        Ok(Some(Self {
            record,
            is_published,
            folder,
            upload_id: upload_id.to_owned(),
            path,
            lock: Some(file),
        }))
    }

    /// Returns the upload with a shared lock, unless its object exists already.
    fn lock_for_parts(
        folder: &'a Folder,
        key: &ObjectKey,
        upload_id: &str,
    ) -> io::Result<Option<Self>> {
        let upload = Self::lock(folder, key, upload_id, LockMode::Shared)?;
        Ok(upload.filter(|upload| !upload.is_published))
    }

    pub(super) fn part_path(&self, number: u16) -> PathBuf {
        self.path.join(part_name(number))
    }

    /// Ends the upload: from here on its files belong to the object, if there is one.
    pub(super) fn end(&self) -> io::Result<()> {
        part_files::move_to_parts(self.folder, &self.path)
    }

    /// Deletes the parts that are not in `used`, after the upload's end.
    pub(super) fn delete_other_parts(&self, used: &[(u16, u64)]) -> io::Result<()> {
        let path = self.folder.parts(&self.upload_id);
        for number in part_numbers(&path)? {
            let found = used.binary_search_by_key(&number, |(used, _)| *used);
            if found.is_err() {
                fs::remove_file(path.join(part_name(number)))?;
            }
        }
        Ok(())
    }
}

impl Drop for MultipartUpload<'_> {
    fn drop(&mut self) {
        // Unlock before looking: whoever deletes the object either sees the lock or is seen here.
        self.lock = None;
        if self.folder.parts(&self.upload_id).exists() {
            // If this fails, the next start deletes them.
            let _ = part_files::delete_unused(self.folder, &self.upload_id);
        }
    }
}

/// Publishes a part, durably if this returns `true`; `false` if there is no such upload.
pub(crate) fn put_part(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    number: u16,
    mut writer: ObjectWriter,
    metadata: &Metadata,
) -> io::Result<bool> {
    writer.finish(metadata)?;
    let Some(upload) = MultipartUpload::lock_for_parts(folder, key, upload_id)? else {
        return Ok(false);
    };
    let part = upload.part_path(number);
    writer.rename(&part)?;
    folder
        .record_write(directories::sync(&upload.path))
        .inspect_err(|_| {
            // The name may not be on disk, so no object may be made of the part.
            let _ = fs::remove_file(&part);
        })?;
    Ok(true)
}

/// Returns true if the upload accepts parts.
pub(crate) fn accepts_parts(folder: &Folder, key: &ObjectKey, upload_id: &str) -> io::Result<bool> {
    let upload = MultipartUpload::lock_for_parts(folder, key, upload_id)?;
    Ok(upload.is_some())
}

/// Parts in the order of their numbers, each with the time of its PUT in seconds since 1970.
#[derive(Debug)]
pub(crate) struct PartPage {
    pub parts: Vec<(Part, u64)>,
    /// The number after which the next page starts; `None` at the end.
    pub next: Option<u16>,
}

/// Returns up to `max_parts` parts after number `after`; `None` if there is no such upload.
pub(crate) fn list_parts(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    after: u16,
    max_parts: usize,
) -> io::Result<Option<PartPage>> {
    let Some(upload) = MultipartUpload::lock_for_parts(folder, key, upload_id)? else {
        return Ok(None);
    };
    let mut numbers = part_numbers(&upload.path)?;
    numbers.retain(|number| *number > after);
    let next = (numbers.len() > max_parts && max_parts > 0).then(|| numbers[max_parts - 1]);
    numbers.truncate(max_parts);
    let mut parts = Vec::with_capacity(numbers.len());
    for number in numbers {
        let metadata = read_metadata(&upload.part_path(number))?;
        let part = Part {
            number,
            size_bytes: metadata.size_bytes,
            etag: metadata.md5,
        };
        parts.push((part, metadata.modified_at_s));
    }
    Ok(Some(PartPage { parts, next }))
}

/// Ends an upload and deletes its parts; returns whether it existed.
pub(crate) fn abort(folder: &Folder, key: &ObjectKey, upload_id: &str) -> io::Result<bool> {
    let Some(upload) = MultipartUpload::lock(folder, key, upload_id, LockMode::Exclusive)? else {
        return Ok(false);
    };
    upload.end()?;
    if upload.is_published {
        return Ok(false);
    }
    part_files::delete_all(&folder.parts(upload_id))?;
    Ok(true)
}

/// Returns the numbers of the parts in a folder, in order.
fn part_numbers(path: &Path) -> io::Result<Vec<u16>> {
    let failed = |error: io::Error| with_path("cannot read folder", path, &error);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| name.parse::<u16>().ok());
        numbers.extend(number.filter(|number| part_name(*number).as_str() == name));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
