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
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::file::{self, Headers, Meta, PartFiles, Upload, damaged};
use super::folder::{Folder, PRIVATE_FOLDER, about, sync_folder};
use crate::domain::ObjectKey;
use crate::objects::Part;

/// Source: Amazon S3 user guide, "Amazon S3 multipart upload limits".
pub(super) const MAX_PART_NUMBER: u16 = 10_000;

const UPLOAD: &str = "upload.json";
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
    if made.is_err() {
        // Where this fails the next start's sweep does it.
        let _ = fs::remove_file(&temporary);
        let _ = fs::remove_dir(&path);
    }
    made?;
    sync_folder(&path)?;
    sync_parent(&path)?;
    Ok(upload_id)
}

/// An upload that goes on, and stays as it is while this is open.
#[derive(Debug)]
pub(super) struct Open {
    pub begun: Begun,
    /// Its object is there already: a crash came between that and the end of the upload.
    pub is_published: bool,
    path: PathBuf,
    _lock: File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// Others may add parts meanwhile.
    Shared,
    Exclusive,
}

impl Open {
    /// Waits for the lock and returns the upload; `None` if there is none of this id to this key.
    pub(super) fn find(
        folder: &Folder,
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
        let is_published = is_published(folder, key, upload_id);
        Ok(Some(Self {
            begun,
            is_published,
            path,
            _lock: file,
        }))
    }

    pub(super) fn part_path(&self, number: u16) -> PathBuf {
        self.path.join(part_name(number))
    }

    /// Ends the upload: from here on it is nobody's but its object's.
    pub(super) fn end(&self, folder: &Folder) -> io::Result<()> {
        move_to_ended(folder, &self.path)
    }

    /// Removes the parts that `used` does not name.
    pub(super) fn remove_unused(&self, folder: &Folder, used: &[(u16, u64)]) -> io::Result<()> {
        let Some(name) = self.path.file_name() else {
            return Ok(());
        };
        let path = folder.parts(&name.to_string_lossy());
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

/// Makes `upload` part `number`, durable when this answers `true`; `false` if there is no such upload.
pub(super) fn put(
    folder: &Folder,
    key: &ObjectKey,
    upload_id: &str,
    number: u16,
    mut upload: Upload,
    meta: &Meta,
) -> io::Result<bool> {
    upload.seal(meta)?;
    match Open::find(folder, key, upload_id, Lock::Shared)? {
        Some(open) if !open.is_published => {
            upload.move_to(&open.part_path(number))?;
            sync_folder(&open.path)?;
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
    open.end(folder)?;
    if open.is_published {
        return Ok(false);
    }
    remove_ended(&folder.parts(upload_id))?;
    Ok(true)
}

/// Keeps the parts of an object while somebody reads it.
#[derive(Debug)]
pub(super) struct Hold {
    folder: Arc<Folder>,
    upload_id: String,
    path: PathBuf,
    /// The object's own file: it has no name any more once the object is removed.
    object: File,
    lock: Option<File>,
}

/// Takes hold of the parts `files` of the object in the file `object`, and sees that all are there.
pub(super) fn hold(folder: &Arc<Folder>, files: &PartFiles, object: &File) -> io::Result<Hold> {
    let PartFiles {
        upload_id,
        files: _,
    } = files;
    if !is_upload_id(upload_id) {
        return Err(damaged("its parts have no name of ours"));
    }
    let missing = || damaged("its parts are not there");
    let lock = open_upload(folder, upload_id)?.ok_or_else(missing)?;
    lock.lock_shared()?;
    if lock.metadata()?.nlink() == 0 {
        return Err(missing());
    }
    let path = check(folder, files)?;
    Ok(Hold {
        folder: Arc::clone(folder),
        upload_id: upload_id.clone(),
        path,
        object: object.try_clone()?,
        lock: Some(lock),
    })
}

/// Sees that the files with the parts are there, in their sizes, and returns the folder they are in.
pub(super) fn check(folder: &Folder, files: &PartFiles) -> io::Result<PathBuf> {
    let PartFiles { upload_id, files } = files;
    let mut path = folder.parts(upload_id);
    if !path.exists() {
        path = folder.multipart(upload_id);
    }
    for (number, size_bytes) in files {
        let part = path.join(part_name(*number));
        let found =
            fs::metadata(&part).map_err(|error| about("cannot find part", &part, &error))?;
        if found.len() <= *size_bytes {
            let error = damaged("it is too short");
            return Err(about("cannot use part", &part, &error));
        }
    }
    Ok(path)
}

impl Hold {
    /// Opens a part of the object at `key`, whose size is known, at its first byte.
    pub(super) fn open_part(&self, key: &str, number: u16, size_bytes: u64) -> io::Result<File> {
        let path = self.path.join(part_name(number));
        let (file, found_bytes) = file::open_content(&path, key)?;
        if found_bytes != size_bytes {
            let error = damaged("it is of another size");
            return Err(about("cannot read part", &path, &error));
        }
        Ok(file)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Before the look: whoever removes the object either sees the lock, or is seen here.
        self.lock = None;
        if self.object.metadata().is_ok_and(|it| it.nlink() > 0) {
            return;
        }
        let (folder, upload_id) = (
            Arc::clone(&self.folder),
            std::mem::take(&mut self.upload_id),
        );
        // Where it fails, the next start's sweep removes them.
        let remove = move || _ = retire(&folder, &upload_id);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Removes the parts of an object that is not there any more, unless somebody still reads it: then
/// the last reader does.
pub(super) fn retire(folder: &Folder, upload_id: &str) -> io::Result<()> {
    if !is_upload_id(upload_id) {
        return Ok(());
    }
    let Some(lock) = open_upload(folder, upload_id)? else {
        return Ok(());
    };
    if lock.try_lock().is_err() || lock.metadata()?.nlink() == 0 {
        return Ok(());
    }
    let begun = read(&lock)?;
    if let Some(key) = ObjectKey::parse(&begun.key)
        && is_published(folder, &key, upload_id)
    {
        return Ok(());
    }
    let open = folder.multipart(upload_id);
    if open.exists() {
        move_to_ended(folder, &open)?;
    }
    remove_ended(&folder.parts(upload_id))
}

/// Tells whether the object at `key` is the one that this upload has made.
pub(super) fn is_published(folder: &Folder, key: &ObjectKey, upload_id: &str) -> bool {
    let found = file::describe(&folder.object_path(key)).ok();
    let parts = found.and_then(|meta| meta.parts);
    parts.is_some_and(|parts| parts.upload_id == upload_id)
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
    Ok(serde_json::from_slice(&text)?)
}

pub(super) fn move_to_ended(folder: &Folder, path: &Path) -> io::Result<()> {
    let Some(upload_id) = path.file_name() else {
        return Ok(());
    };
    let ended = folder.parts(&upload_id.to_string_lossy());
    fs::rename(path, &ended).map_err(|error| about("cannot end upload", path, &error))?;
    sync_parent(&ended)?;
    sync_parent(path)
}

/// Removes the folder of an upload that has ended. Its lock goes last: a folder without one is what a
/// crash left of this.
pub(super) fn remove_ended(path: &Path) -> io::Result<()> {
    let failed = |error: io::Error| about("cannot remove upload", path, &error);
    let gone = |error: &io::Error| error.kind() == ErrorKind::NotFound;
    let remove = |path: &Path| match fs::remove_file(path) {
        Err(error) if !gone(&error) => Err(failed(error)),
        _ => Ok(()),
    };
    let entries = match fs::read_dir(path) {
        Err(error) if gone(&error) => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != UPLOAD {
            remove(&entry.path())?;
        }
    }
    remove(&path.join(UPLOAD))?;
    match fs::remove_dir(path) {
        Err(error) if !gone(&error) => Err(failed(error)),
        _ => Ok(()),
    }
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

fn part_name(number: u16) -> String {
    format!("{number:05}")
}

/// Tells whether it is an id of ours: no other may become a path.
fn is_upload_id(text: &str) -> bool {
    Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}
