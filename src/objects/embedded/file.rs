//! An object as one file: its bytes, then what is known of it.
//!
//! ```text
//! content | meta (JSON) | SHA-256 of meta, 32 | meta's length, u32 | content's length, u64 | "EHOBJ\0\0\x01"
//! ```
//!
//! The numbers are little-endian, the last byte is the version. What is known is known only at the end
//! of an upload, so it stands there, and the file is written in one pass; and because it is in the same
//! file, one rename publishes both. Every function here blocks.
//!
//! The file of an object that came in parts has version 2 and no bytes of its own: what is known of it
//! says in which files they are (see [`parts`](super::parts)).

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::aside::leave;
use super::digests::{Digests, Finished};
use super::ended::{self, Hold};
use super::folder::{Folder, about, note};
use super::shard::Shard;
use crate::domain::{ContentType, FileName, FileSha256, ObjectKey};
use crate::objects::ObjectInfo;
pub(super) use crate::objects::Replace;
use crate::objects::signer::{FILE_NAME_HEADER, SHA256_HEADER};
use crate::write_health::WriteHealth;

const MAGIC: &[u8; 8] = b"EHOBJ\0\0\x01";
const MAGIC_OF_PARTS: &[u8; 8] = b"EHOBJ\0\0\x02";
/// The permissions of an object's file whose bytes have to stay: a mark that is in the file itself, is
/// durable once the file is synced, and goes along with a backup. No rename asks for it; `publish` does.
const SEALED: u32 = 0o400;
const OWNER_MAY_WRITE: u32 = 0o200;
const FOOTER_BYTES: usize = 32 + 4 + 8 + MAGIC.len();
/// Room for 10,000 parts, 18 bytes each, and more than the headers of a request can have: whatever is
/// larger is damage.
const MAX_META_BYTES: usize = 512 * 1024;
/// What the names of user metadata start with, in a request and in an answer.
pub(super) const USER: &str = "x-amz-meta-";

/// What is known of an object beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meta {
    pub key: String,
    pub size_bytes: u64,
    /// In hexadecimal: it is the entity tag. Of an object in parts it is the MD5 of the parts' MD5s, and
    /// `-` and their count.
    pub md5: String,
    /// In base64, as S3 shows it. Of an object in parts nobody has computed it.
    pub sha256: Option<String>,
    /// Seconds since 1970: what `Last-Modified` can show.
    pub modified_at_s: u64,
    pub headers: Headers,
    /// Where the bytes are, if not in the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartFiles>,
}

/// The files with the bytes of an object that came in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartFiles {
    pub upload_id: String,
    /// Number and size in bytes, in the order in which they make the object.
    pub files: Vec<(u16, u64)>,
}

impl Meta {
    /// Tells whether two objects have the same bytes. Of one in parts and one in a piece nobody can tell.
    fn has_bytes_of(&self, other: &Self) -> bool {
        self.size_bytes == other.size_bytes
            && self.md5 == other.md5
            && self.sha256 == other.sha256
            && self.parts.is_some() == other.parts.is_some()
    }

    pub(super) fn info(self) -> ObjectInfo {
        let Self {
            key: _,
            size_bytes,
            md5,
            sha256,
            modified_at_s,
            headers,
            parts: _,
        } = self;
        let said = |header: &str| headers.user.get(header.strip_prefix(USER)?);
        let modified_at_s = i64::try_from(modified_at_s).ok();
        ObjectInfo {
            size_bytes,
            etag: Some(md5),
            has_opaque_etag: false,
            sha256: sha256.and_then(|text| FileSha256::from_base64(&text).ok()),
            declared_sha256: said(SHA256_HEADER).and_then(|text| FileSha256::from_hex(text)),
            file_name: said(FILE_NAME_HEADER).and_then(|text| FileName::from_header(text)),
            content_type: headers
                .content_type
                .as_deref()
                .and_then(|text| ContentType::parse(text).ok()),
            version_id: None,
            modified_at: modified_at_s.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        }
    }
}

/// What the uploader said of the object, to be said again to whoever downloads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Headers {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_disposition: Option<String>,
    pub cache_control: Option<String>,
    /// The names without [`USER`].
    pub user: BTreeMap<String, String>,
}

/// An object that is there, and stays readable while this is open.
#[derive(Debug)]
pub(super) struct Object {
    pub meta: Meta,
    /// Positioned at its first byte.
    pub file: File,
    /// Keeps the files of its parts, if it has any.
    pub parts: Option<Hold>,
}

/// Opens the object at `key`; `None` if there is none.
pub(super) fn open(folder: &Arc<Folder>, key: &ObjectKey) -> io::Result<Option<Object>> {
    let path = folder.object_path(key);
    loop {
        folder.settle(&path)?;
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| about("cannot open object", &path, &error))?,
        };
        let failed =
            |error: io::Error| about(&format!("cannot use object '{key}' in"), &path, &error);
        folder.settle(&path)?;
        let meta = read_meta(&file).map_err(failed)?;
        if meta.key != key.to_string() {
            return Err(failed(damaged("it is of another key")));
        }
        let Some(files) = &meta.parts else {
            let parts = None;
            return Ok(Some(Object { meta, file, parts }));
        };
        match ended::hold(folder, files, &file) {
            Ok(parts) => {
                let parts = Some(parts);
                return Ok(Some(Object { meta, file, parts }));
            }
            // Removed or replaced after it was opened here: another look tells which.
            Err(_) if file.metadata().map_err(failed)?.nlink() == 0 => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Returns what is known of the object in the file at `path`; its bytes are not looked for.
pub(super) fn describe(path: &Path) -> io::Result<Meta> {
    File::open(path)
        .and_then(|file| read_meta(&file))
        .map_err(|error| about("cannot read object", path, &error))
}

/// Opens a file of `key` that has content of its own, and returns it and what is known of it.
pub(super) fn open_content(path: &Path, key: &str) -> io::Result<(File, Meta)> {
    let failed = |error: io::Error| about("cannot read part", path, &error);
    let file = File::open(path).map_err(failed)?;
    let meta = read_meta(&file).map_err(failed)?;
    if meta.parts.is_some() {
        return Err(failed(damaged("it has no content")));
    }
    if meta.key != key {
        return Err(failed(damaged("it is of another key")));
    }
    Ok((file, meta))
}

/// Removes the object at `key`, for good when this returns. One that is not there is removed.
pub(super) fn remove(folder: &Folder, key: &ObjectKey) -> io::Result<()> {
    let path = folder.object_path(key);
    let mut shard = Shard::lock(folder, &path)?;
    let parts = parts_at(&path);
    shard.remove(&path)?;
    drop(shard);
    retire(folder, parts);
    Ok(())
}

/// Removes the parts of an object that is not there any more. Where it fails, what is left is in nobody's
/// way, and the next start removes or names it.
fn retire(folder: &Folder, parts: Option<PartFiles>) {
    if let Some(PartFiles { upload_id, .. }) = parts
        && let Err(error) = ended::retire(folder, &upload_id)
    {
        leave(&folder.parts(&upload_id), &error);
    }
}

/// Returns where the parts of the object in the file at `path` are. Nobody can follow what is damaged.
fn parts_at(path: &Path) -> Option<PartFiles> {
    describe(path).ok().and_then(|meta| meta.parts)
}

fn read_meta(file: &File) -> io::Result<Meta> {
    let file_bytes = file.metadata()?.len();
    let footer_at = file_bytes
        .checked_sub(FOOTER_BYTES as u64)
        .ok_or_else(|| damaged("it is too short"))?;
    let mut footer = [0; FOOTER_BYTES];
    file.read_exact_at(&mut footer, footer_at)?;
    let (sha256, rest) = footer.split_at(32);
    let (meta_bytes, rest) = rest.split_at(4);
    let (size_bytes, magic) = rest.split_at(8);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (meta_bytes, content_bytes) = (number(meta_bytes), number(size_bytes));
    let is_known = magic == MAGIC || magic == MAGIC_OF_PARTS;
    if !is_known || content_bytes.checked_add(meta_bytes) != Some(footer_at) {
        return Err(damaged("its footer is none of ours"));
    }
    let meta_bytes = usize::try_from(meta_bytes)
        .ok()
        .filter(|bytes| *bytes <= MAX_META_BYTES)
        .ok_or_else(|| damaged("its meta data are too long"))?;
    let mut meta = vec![0; meta_bytes];
    file.read_exact_at(&mut meta, content_bytes)?;
    if Sha256::digest(&meta).as_slice() != sha256 {
        return Err(damaged("its meta data have changed"));
    }
    let meta: Meta = serde_json::from_slice(&meta)?;
    let whole = match &meta.parts {
        None => (magic == MAGIC).then_some(content_bytes),
        Some(_) if magic == MAGIC || content_bytes != 0 => None,
        Some(PartFiles { files, .. }) => files
            .iter()
            .try_fold(0_u64, |sum, (_, size_bytes)| sum.checked_add(*size_bytes)),
    };
    if whole != Some(meta.size_bytes) {
        return Err(damaged("its sizes differ"));
    }
    Ok(meta)
}

pub(super) fn damaged(how: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("the file is damaged: {how}"),
    )
}

/// Keeps the bytes of the object at `key` as they are, whatever is uploaded to it, durably when this
/// answers `true`; `false` if it is not, or no longer, the object that `info` tells of.
pub(super) fn seal(folder: &Folder, key: &ObjectKey, info: &ObjectInfo) -> io::Result<bool> {
    let path = folder.object_path(key);
    let failed = |error: io::Error| about(&format!("cannot seal object '{key}' in"), &path, &error);
    let mut shard = Shard::lock(folder, &path)?;
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        file => file.map_err(failed)?,
    };
    shard.settle(&path)?;
    let meta = read_meta(&file).map_err(failed)?;
    let found = meta.info();
    if (&found.etag, found.size_bytes, found.sha256) != (&info.etag, info.size_bytes, info.sha256) {
        return Ok(false);
    }
    // Always, whatever it has already: a sync before this one may have failed, or not have been reached.
    file.set_permissions(Permissions::from_mode(SEALED))
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    Ok(true)
}

/// Returns what is known of the object in the file at `path` if its bytes have to stay; `None` if they
/// need not, or if there is none.
pub(super) fn sealed_at(path: &Path) -> io::Result<Option<Meta>> {
    let failed = |error: io::Error| about("cannot use object", path, &error);
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(failed)?,
    };
    let is_sealed = found.permissions().mode() & OWNER_MAY_WRITE == 0;
    is_sealed.then(|| describe(path)).transpose()
}

/// What became of [`Upload::publish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    Durable,
    /// An object was there, and was not to be replaced; nothing has changed.
    Taken,
    /// An object was there whose bytes have to stay, and they are the same; nothing has changed.
    Same,
    /// An object was there whose bytes have to stay, and they are others; nothing has changed.
    Sealed,
}

/// An object being written: nobody sees it before it is published, and dropping it removes it.
#[derive(Debug)]
pub(super) struct Upload {
    path: PathBuf,
    file: File,
    digests: Digests,
    size_bytes: u64,
    /// The file has left the uploads: there is nothing to remove.
    moved: bool,
    writes: WriteHealth,
}

impl Upload {
    pub(super) fn begin(folder: &Folder, digests: Digests) -> io::Result<Self> {
        let (path, file) = folder.noted(folder.temporary())?;
        Ok(Self {
            path,
            file,
            digests,
            size_bytes: 0,
            moved: false,
            writes: folder.writes.clone(),
        })
    }

    pub(super) fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        for chunk in chunks {
            if let Err(error) = self.file.write_all(chunk) {
                return note(&self.writes, Err(about("cannot write", &self.path, &error)));
            }
            self.digests.update(chunk);
            self.size_bytes += chunk.len() as u64;
        }
        Ok(())
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the digests of what was written; nothing may be written after it.
    pub(super) fn finish(&mut self) -> Finished {
        std::mem::take(&mut self.digests).finish()
    }

    /// Makes this the object that `meta` tells of. When it answers [`Published::Durable`] the object is
    /// there, whole, after a crash too. Of several uploads to one key at once the last one stays, or with
    /// [`Replace::No`] the first one, or the one that was sealed.
    pub(super) fn publish(
        mut self,
        folder: &Folder,
        key: &ObjectKey,
        meta: &Meta,
        replace: Replace,
    ) -> io::Result<Published> {
        let target = folder.object_path(key);
        self.sync(meta)?;
        let mut shard = Shard::lock(folder, &target)?;
        let replaced = match replace {
            Replace::Yes => {
                if let Some(sealed) = sealed_at(&target)? {
                    shard.settle(&target)?;
                    return Ok(if sealed.has_bytes_of(meta) {
                        Published::Same
                    } else {
                        Published::Sealed
                    });
                }
                let replaced = parts_at(&target);
                let renamed = shard.rename(&self.path, &target);
                // Where the name could not be synced, the file has it all the same.
                self.moved = !self.path.exists();
                renamed?;
                replaced
            }
            Replace::No if !shard.link(&self.path, &target)? => return Ok(Published::Taken),
            Replace::No => None,
        };
        drop(shard);
        retire(folder, replaced);
        Ok(Published::Durable)
    }

    /// Writes what is known, and waits until all of the file is on the disk; nothing may be written
    /// after it.
    pub(super) fn sync(&mut self, meta: &Meta) -> io::Result<()> {
        let synced = trailer(meta)
            .and_then(|trailer| self.file.write_all(&trailer))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| about("cannot write", &self.path, &error));
        note(&self.writes, synced)
    }

    /// Gives the synced file the name `target`, whatever has it now. The name is not yet on the disk.
    pub(super) fn move_to(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target).map_err(|error| about("cannot publish", target, &error))?;
        self.moved = true;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.moved {
            // Where this fails the next start's sweep removes it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn trailer(meta: &Meta) -> io::Result<Vec<u8>> {
    let mut trailer = serde_json::to_vec(meta)?;
    let meta_bytes = u32::try_from(trailer.len())
        .ok()
        .filter(|bytes| *bytes as usize <= MAX_META_BYTES)
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "the meta data are too long"))?;
    let sha256 = Sha256::digest(&trailer);
    trailer.extend_from_slice(&sha256);
    trailer.extend_from_slice(&meta_bytes.to_le_bytes());
    let (content_bytes, magic) = match meta.parts {
        None => (meta.size_bytes, MAGIC),
        Some(_) => (0, MAGIC_OF_PARTS),
    };
    trailer.extend_from_slice(&content_bytes.to_le_bytes());
    trailer.extend_from_slice(magic);
    Ok(trailer)
}
