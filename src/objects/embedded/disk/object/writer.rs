//! Writes, publishes, seals and deletes objects. Every function blocks.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::format::{Metadata, PartFiles, read_metadata};
use super::part_files;
use crate::domain::ObjectKey;
use crate::objects::embedded::disk::folder::io_errors::{if_found, with_path};
use crate::objects::embedded::disk::folder::quarantine::log_skipped;
use crate::objects::embedded::disk::folder::shard::Shard;
use crate::objects::embedded::disk::folder::{Folder, record_write};
use crate::objects::{ObjectInfo, Replace};
use crate::write_health::WriteHealth;

/// The permissions of a sealed object's file. They are durable once the file is synced, and a backup
/// includes them. A rename would ignore them, so `publish` checks.
const SEALED: u32 = 0o400;
const OWNER_MAY_WRITE: u32 = 0o200;

/// Which object may be replaced.
pub(crate) enum Overwrite {
    /// Any that is not sealed.
    Any,
    None,
    /// Only one whose entity tag satisfies the condition; there has to be one.
    Matching(Box<dyn Fn(&str) -> bool + Send>),
}

impl fmt::Debug for Overwrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "Any",
            Self::None => "None",
            Self::Matching(_) => "Matching",
        })
    }
}

impl From<Replace> for Overwrite {
    fn from(replace: Replace) -> Self {
        match replace {
            Replace::Yes => Self::Any,
            Replace::No => Self::None,
        }
    }
}

impl Overwrite {
    /// Tells what stands in the way of an upload to the object at `path`.
    pub(crate) fn refusal(&self, path: &Path) -> io::Result<Option<Published>> {
        Ok(match self {
            Self::Any => None,
            Self::None => path.exists().then_some(Published::AlreadyExists),
            Self::Matching(matches) => match if_found(read_metadata(path))? {
                None => Some(Published::Missing),
                Some(found) => (!matches(&found.md5)).then_some(Published::AlreadyExists),
            },
        })
    }
}

/// The result of [`ObjectWriter::publish`]. Only `Durable` changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    Durable,
    /// There is an object, which was not to be replaced.
    AlreadyExists,
    /// There is no object, and one was to be replaced.
    Missing,
    /// There is a sealed object with the same bytes.
    SameContent,
    /// There is a sealed object with other bytes.
    Sealed,
}

/// An object that is being written. It is invisible until it is published; dropping it removes its file.
#[derive(Debug)]
pub(crate) struct ObjectWriter {
    path: PathBuf,
    file: File,
    size_bytes: u64,
    /// The file was renamed: there is nothing to remove.
    moved: bool,
    writes: WriteHealth,
}

impl ObjectWriter {
    pub(crate) fn create(folder: &Folder) -> io::Result<Self> {
        let (path, file) = folder.record_write(folder.create_temporary())?;
        Ok(Self {
            path,
            file,
            size_bytes: 0,
            moved: false,
            writes: folder.writes.clone(),
        })
    }

    pub(crate) fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        for chunk in chunks {
            if let Err(error) = self.file.write_all(chunk) {
                let error = with_path("cannot write", &self.path, &error);
                return record_write(&self.writes, Err(error));
            }
            self.size_bytes += chunk.len() as u64;
        }
        Ok(())
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Publishes this as the object at `key`. On [`Published::Durable`] it is complete and survives a
    /// crash. Of concurrent uploads to one key the last one stays, or with [`Overwrite::None`] the first; a
    /// sealed object always stays.
    pub(crate) fn publish(
        mut self,
        folder: &Folder,
        key: &ObjectKey,
        metadata: &Metadata,
        overwrite: &Overwrite,
    ) -> io::Result<Published> {
        let target = folder.object_path(key);
        self.finish(metadata)?;
        let mut shard = Shard::lock(folder, &target)?;
        let replaced = match overwrite {
            Overwrite::Any | Overwrite::Matching(_) => {
                if let Some(refusal) = overwrite.refusal(&target)? {
                    shard.make_durable(&target)?;
                    return Ok(refusal);
                }
                if let Some(sealed) = sealed_metadata(&target)? {
                    shard.make_durable(&target)?;
                    return Ok(if sealed.has_same_content(metadata) {
                        Published::SameContent
                    } else {
                        Published::Sealed
                    });
                }
                let replaced = part_files_of(&target);
                let renamed = shard.rename(&self.path, &target);
                // If only the sync failed, the file was renamed all the same.
                self.moved = !self.path.exists();
                renamed?;
                replaced
            }
            Overwrite::None if !shard.link(&self.path, &target)? => {
                return Ok(Published::AlreadyExists);
            }
            Overwrite::None => None,
        };
        drop(shard);
        delete_parts(folder, replaced);
        Ok(Published::Durable)
    }

    /// Appends the metadata and syncs the file. Nothing may be written after it.
    pub(crate) fn finish(&mut self, metadata: &Metadata) -> io::Result<()> {
        let synced = metadata
            .encode()
            .and_then(|encoded| self.file.write_all(&encoded))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| with_path("cannot write", &self.path, &error));
        record_write(&self.writes, synced)
    }

    /// Renames the finished file to `target`, replacing what has that name. Does not sync the name.
    pub(crate) fn rename(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)
            .map_err(|error| with_path("cannot publish", target, &error))?;
        self.moved = true;
        Ok(())
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if !self.moved {
            // If this fails, the next start removes the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Seals the object at `key`: no upload replaces its bytes any more. Durable on `true`; `false` if the
/// object is missing or is no longer the one that `info` describes.
pub(crate) fn seal(folder: &Folder, key: &ObjectKey, info: &ObjectInfo) -> io::Result<bool> {
    let path = folder.object_path(key);
    let failed =
        |error: io::Error| with_path(&format!("cannot seal object '{key}' in"), &path, &error);
    let mut shard = Shard::lock(folder, &path)?;
    let Some(file) = if_found(File::open(&path)).map_err(failed)? else {
        return Ok(false);
    };
    shard.make_durable(&path)?;
    let found = Metadata::read(&file).map_err(failed)?.into_info();
    if (&found.etag, found.size_bytes, found.sha256) != (&info.etag, info.size_bytes, info.sha256) {
        return Ok(false);
    }
    // Even if it is sealed already: the sync before may have failed.
    file.set_permissions(Permissions::from_mode(SEALED))
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    Ok(true)
}

/// Returns the metadata of the object file at `path` if it is sealed; `None` if it is not or is missing.
pub(crate) fn sealed_metadata(path: &Path) -> io::Result<Option<Metadata>> {
    let found = if_found(fs::metadata(path))
        .map_err(|error| with_path("cannot use object", path, &error))?;
    let is_sealed = found.is_some_and(|it| it.permissions().mode() & OWNER_MAY_WRITE == 0);
    is_sealed.then(|| read_metadata(path)).transpose()
}

/// Deletes the object at `key` durably. A missing object is not an error.
pub(crate) fn delete(folder: &Folder, key: &ObjectKey) -> io::Result<()> {
    let path = folder.object_path(key);
    let mut shard = Shard::lock(folder, &path)?;
    let parts = part_files_of(&path);
    shard.remove(&path)?;
    drop(shard);
    delete_parts(folder, parts);
    Ok(())
}

/// Deletes the parts of an object that no longer exists. What a failure leaves is never read, and the next
/// start deletes or logs it.
fn delete_parts(folder: &Folder, parts: Option<PartFiles>) {
    if let Some(PartFiles { upload_id, .. }) = parts
        && let Err(error) = part_files::delete_unused(folder, &upload_id)
    {
        log_skipped(&folder.parts(&upload_id), &error);
    }
}

/// Returns the parts of the object file at `path`. Those of a damaged file are unknown.
fn part_files_of(path: &Path) -> Option<PartFiles> {
    read_metadata(path).ok().and_then(|found| found.parts)
}
