//! An object as one file: its bytes, then what is known of it.
//!
//! ```text
//! content | meta (JSON) | SHA-256 of meta, 32 | meta's length, u32 | content's length, u64 | "EHOBJ\0\0\x01"
//! ```
//!
//! The numbers are little-endian, the last byte is the version. What is known is known only at the end
//! of an upload, so it stands there, and the file is written in one pass; and because it is in the same
//! file, one rename publishes both. Every function here blocks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::digests::{Digests, Finished};
use super::folder::{Folder, about, sync_folder};
use crate::domain::ObjectKey;

const MAGIC: &[u8; 8] = b"EHOBJ\0\0\x01";
const FOOTER_BYTES: usize = 32 + 4 + 8 + MAGIC.len();
/// The headers of a request are bounded well below this: whatever is larger is damage.
const MAX_META_BYTES: usize = 64 * 1024;

/// What is known of an object beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meta {
    pub key: String,
    pub size_bytes: u64,
    /// In hexadecimal: it is the entity tag.
    pub md5: String,
    /// In base64, as S3 shows it.
    pub sha256: String,
    /// Seconds since 1970: what `Last-Modified` can show.
    pub modified_at_s: u64,
    pub headers: Headers,
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
    /// The names without `x-amz-meta-`.
    pub user: BTreeMap<String, String>,
}

/// Opens the object at `key`, its file positioned at its first byte; `None` if there is none.
pub(super) fn open(folder: &Folder, key: &ObjectKey) -> io::Result<Option<(File, Meta)>> {
    let path = folder.object_path(key);
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| about("cannot open object", &path, &error))?,
    };
    let meta = read_meta(&file).map_err(|error| about("cannot read object", &path, &error))?;
    if meta.key != key.to_string() {
        return Err(about(
            "cannot use object",
            &path,
            &damaged("it is of another key"),
        ));
    }
    Ok(Some((file, meta)))
}

/// Returns what is known of the object in the file at `path`.
pub(super) fn describe(path: &Path) -> io::Result<Meta> {
    File::open(path)
        .and_then(|file| read_meta(&file))
        .map_err(|error| about("cannot read object", path, &error))
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
    let (meta_bytes, size_bytes) = (number(meta_bytes), number(size_bytes));
    if magic != MAGIC || size_bytes.checked_add(meta_bytes) != Some(footer_at) {
        return Err(damaged("its footer is none of ours"));
    }
    let meta_bytes = usize::try_from(meta_bytes)
        .ok()
        .filter(|bytes| *bytes <= MAX_META_BYTES)
        .ok_or_else(|| damaged("its meta data are too long"))?;
    let mut meta = vec![0; meta_bytes];
    file.read_exact_at(&mut meta, size_bytes)?;
    if Sha256::digest(&meta).as_slice() != sha256 {
        return Err(damaged("its meta data have changed"));
    }
    let meta: Meta = serde_json::from_slice(&meta)?;
    if meta.size_bytes != size_bytes {
        return Err(damaged("its sizes differ"));
    }
    Ok(meta)
}

fn damaged(how: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("the file is damaged: {how}"),
    )
}

/// Whether publishing may replace an object that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    Yes,
    No,
}

/// What became of [`Upload::publish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    Durable,
    /// An object was there, and was not to be replaced; nothing has changed.
    Taken,
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
}

impl Upload {
    pub(super) fn begin(folder: &Folder, digests: Digests) -> io::Result<Self> {
        let (path, file) = folder.temporary()?;
        Ok(Self {
            path,
            file,
            digests,
            size_bytes: 0,
            moved: false,
        })
    }

    pub(super) fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        for chunk in chunks {
            self.file
                .write_all(chunk)
                .map_err(|error| about("cannot write", &self.path, &error))?;
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
    /// [`Replace::No`] the first one.
    pub(super) fn publish(
        mut self,
        folder: &Folder,
        key: &ObjectKey,
        meta: &Meta,
        replace: Replace,
    ) -> io::Result<Published> {
        let target = folder.object_path(key);
        let published = self
            .file
            .write_all(&trailer(meta)?)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| match replace {
                Replace::Yes => fs::rename(&self.path, &target).map(|()| Published::Durable),
                Replace::No => link_new(&self.path, &target),
            })
            .map_err(|error| about("cannot publish", &target, &error))?;
        self.moved = published == Published::Durable && replace == Replace::Yes;
        if published == Published::Durable
            && let Some(shard) = target.parent()
        {
            sync_folder(shard)?;
        }
        Ok(published)
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

/// Gives the file a second name, which the file system does for one of many at once.
fn link_new(path: &Path, target: &Path) -> io::Result<Published> {
    match fs::hard_link(path, target) {
        Ok(()) => Ok(Published::Durable),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Published::Taken),
        Err(error) => Err(error),
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
    trailer.extend_from_slice(&meta.size_bytes.to_le_bytes());
    trailer.extend_from_slice(MAGIC);
    Ok(trailer)
}
