//! Stored objects and the parts of uploads, as a storage reports them.

use jiff::Timestamp;

use crate::domain::{ContentType, FileName, FileRecord, FileSha256, ObjectKey};

/// The metadata of a stored object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectInfo {
    pub size_bytes: u64,
    /// The ETag, without its quotes.
    pub etag: Option<String>,
    /// The ETag is not a digest of the bytes, as for objects that are encrypted with keys of a key management service or of
    /// the uploader.
    pub has_opaque_etag: bool,
    /// As computed by the storage over the whole object, if it was.
    pub sha256: Option<FileSha256>,
    /// As declared by the uploader.
    pub declared_sha256: Option<FileSha256>,
    pub content_type: Option<ContentType>,
    pub version_id: Option<String>,
    pub file_name: Option<FileName>,
    pub modified_at: Option<Timestamp>,
}

impl ObjectInfo {
    /// Returns what is recorded with an event that references the object.
    pub fn record(&self) -> FileRecord {
        let Self {
            size_bytes,
            etag,
            has_opaque_etag: _,
            sha256,
            declared_sha256,
            content_type,
            version_id,
            file_name,
            modified_at: _,
        } = self.clone();
        FileRecord {
            size_bytes,
            content_type,
            sha256: sha256.or(declared_sha256),
            etag,
            version_id,
            file_name,
        }
    }

    /// Returns the same with the SHA-256 that the uploader declared.
    pub fn declared(&self) -> FileRecord {
        FileRecord {
            sha256: self.declared_sha256,
            ..self.record()
        }
    }

    /// Tells whether the computed and the declared SHA-256 are the same, as far as both are known.
    pub fn is_consistent(&self) -> bool {
        match (self.sha256, self.declared_sha256) {
            (Some(computed), Some(declared)) => computed == declared,
            _ => true,
        }
    }
}

/// An uploaded part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u16,
    pub size_bytes: u64,
    /// Without its quotes.
    pub etag: String,
}

/// A page of the parts of an upload, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub parts: Vec<Part>,
    /// The `after` of the next page; `None` at the end.
    pub next: Option<u16>,
}

/// A part as named by its uploader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartTag {
    pub number: u16,
    /// The ETag from the response to its PUT, without the quotes.
    pub etag: String,
}

/// The behavior of an upload if the object exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    Yes,
    No,
}

/// A page of a storage's objects. It may be empty even if there are more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub objects: Vec<ListedObject>,
    /// Keys that are not those of tenants' files.
    pub unknown_keys: Vec<String>,
    /// Descriptions of objects that cannot be read.
    pub damaged: Vec<String>,
    /// The token of the next page; `None` at the end.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    pub key: ObjectKey,
    pub info: ObjectInfo,
}
