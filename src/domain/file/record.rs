//! The record of a file that an event references.

use super::{ContentType, FileName, FileSha256};
use crate::domain::FileId;

/// A file that an event references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFile {
    pub id: FileId,
    /// `None` for an event that was stored before files were recorded.
    pub record: Option<FileRecord>,
}

/// The metadata of a file when the event was stored; `None` where the storage reported none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRecord {
    pub size_bytes: u64,
    pub content_type: Option<ContentType>,
    /// Of the whole file: computed by the storage, or declared by the uploader.
    pub sha256: Option<FileSha256>,
    /// The ETag, without its quotes.
    pub etag: Option<String>,
    /// The version, in a bucket with versioning.
    pub version_id: Option<String>,
    pub file_name: Option<FileName>,
}

impl FileRecord {
    /// Tells whether the current metadata is that of the same bytes: fields that are known on both sides are equal.
    pub fn same_bytes(&self, now: &Self) -> bool {
        let Self {
            size_bytes,
            content_type: _, // does not describe the bytes themselves
            sha256,
            etag,
            version_id,
            file_name: _,
        } = self;
        *size_bytes == now.size_bytes
            && agree(sha256.as_ref(), now.sha256.as_ref())
            && agree(etag.as_ref(), now.etag.as_ref())
            && agree(version_id.as_ref(), now.version_id.as_ref())
    }
}

fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}
