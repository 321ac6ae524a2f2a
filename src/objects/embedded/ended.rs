//! What belongs to uploads in parts that have ended: the bytes of objects, and what is to be removed. Every
//! function here blocks.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{self, PartFiles, damaged};
use super::folder::{Folder, about, sync_folder};
use super::parts::{UPLOAD, is_published, is_upload_id, open_upload, part_name, read, sync_parent};
use super::verified::Expected;
use crate::domain::ObjectKey;

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
        let found = match fs::metadata(&part) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(about("cannot use part", &part, &damaged("it is not there")));
            }
            found => found.map_err(|error| about("cannot find part", &part, &error))?,
        };
        if found.len() <= *size_bytes {
            let error = damaged("it is too short");
            return Err(about("cannot use part", &part, &error));
        }
    }
    Ok(path)
}

impl Hold {
    /// Opens a part of the object at `key`, whose size is known, at its first byte. Returns what its content
    /// has to be, too.
    pub(super) fn open_part(
        &self,
        key: &str,
        number: u16,
        size_bytes: u64,
    ) -> io::Result<(File, Option<Expected>)> {
        let path = self.path.join(part_name(number));
        let (file, meta) = file::open_content(&path, key)?;
        if meta.size_bytes != size_bytes {
            let error = damaged("it is of another size");
            return Err(about("cannot read part", &path, &error));
        }
        let expected = meta.sha256.map(|sha256| Expected {
            path,
            size_bytes,
            sha256,
        });
        Ok((file, expected))
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
    // Of an object that is damaged nobody knows whether it is made of these.
    if let Some(key) = ObjectKey::parse(&begun.key)
        && is_published(folder, &key, upload_id)?
    {
        return Ok(());
    }
    let open = folder.multipart(upload_id);
    if open.exists() {
        move_to_ended(folder, &open)?;
    }
    remove_ended(&folder.parts(upload_id))
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
    // A crash must not leave parts without it: nobody would know whose they are.
    match sync_folder(path) {
        Err(error) if !gone(&error) => return Err(error),
        _ => {}
    }
    remove(&path.join(UPLOAD))?;
    match fs::remove_dir(path) {
        Err(error) if !gone(&error) => Err(failed(error)),
        _ => Ok(()),
    }
}
