//! What is recorded of a file when an event references it.

use super::{ContentType, FileName, FileSha256};
use crate::domain::FileId;

/// A file that an event references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFile {
    pub id: FileId,
    /// What storage said of it when the event was stored; `None` on an event that is older than the
    /// record itself.
    pub record: Option<FileRecord>,
}

/// What storage said of a file, once and for all; `None` where it did not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRecord {
    pub size_bytes: u64,
    pub content_type: Option<ContentType>,
    /// Of the whole file: computed by the storage, or else as the uploader declared it.
    pub sha256: Option<FileSha256>,
    /// The entity tag, without its quotes.
    pub etag: Option<String>,
    /// The version, in a bucket that keeps them.
    pub version_id: Option<String>,
    pub file_name: Option<FileName>,
}

impl FileRecord {
    /// Tells whether what storage says now is about the same bytes: nothing that both tell differs.
    pub fn same_bytes(&self, now: &Self) -> bool {
        let Self {
            size_bytes,
            content_type: _, // how the bytes are called, not what they are
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
