//! What an upload has to be and how a download is shown: the terms that a URL is signed with.

use std::fmt::{self, Debug};

use jiff::Timestamp;

use crate::domain::{ContentType, FileName, FileRecord, FileSha256};

/// Whether an upload may replace an object that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    Yes,
    No,
}

/// What a form upload has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormConstraints {
    pub min_bytes: u64,
    pub max_bytes: u64,
    pub content_type: Option<FormContentType>,
    pub sha256: Option<FileSha256>,
    pub file_name: Option<FileName>,
}

/// The content types that a form may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormContentType {
    /// This one.
    Exactly(ContentType),
    /// Any that starts so, as in `image/`.
    StartsWith(String),
}

/// How a download is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DownloadOptions {
    /// Of an object that has versions: this one.
    pub version_id: Option<String>,
    /// What the answer says in `Content-Type`, whatever the object says.
    pub content_type: Option<String>,
    /// What the answer says in `Content-Disposition`, likewise.
    pub content_disposition: Option<String>,
}

/// A URL that carries its own permission. It is a secret: it never goes to a log.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedUrl {
    pub url: String,
    /// What has to be sent along, names in lower case: it is signed too.
    pub headers: Vec<(String, String)>,
    pub expires_at: Timestamp,
}

impl Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url: _,
            headers: _,
            expires_at,
        } = self;
        f.debug_struct("PresignedUrl")
            .field("expires_at", expires_at)
            .finish_non_exhaustive()
    }
}

/// A form (RFC 7578, `multipart/form-data`) that carries its own permission: a secret too.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedForm {
    /// Where to POST it.
    pub url: String,
    /// The fields that have to stand before the field `file`, in this order.
    pub fields: Vec<(String, String)>,
    pub expires_at: Timestamp,
}

impl Debug for PresignedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url: _,
            fields: _,
            expires_at,
        } = self;
        f.debug_struct("PresignedForm")
            .field("expires_at", expires_at)
            .finish_non_exhaustive()
    }
}

/// What storage knows of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectInfo {
    pub size_bytes: u64,
    /// The entity tag, without its quotes.
    pub etag: Option<String>,
    /// The storage says that the entity tag is no digest of the bytes, as of what it encrypts with keys of
    /// a key management service or of the uploader's.
    pub has_opaque_etag: bool,
    /// What the storage itself computed over the whole object, where it did.
    pub sha256: Option<FileSha256>,
    /// What the uploader said that it is, under a signature of ours.
    pub declared_sha256: Option<FileSha256>,
    pub content_type: Option<ContentType>,
    pub version_id: Option<String>,
    pub file_name: Option<FileName>,
    /// When the object was put there.
    pub modified_at: Option<Timestamp>,
}

impl ObjectInfo {
    /// Returns what is recorded of the object when an event references it.
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

    /// Returns what the object should be by its uploader's word.
    pub fn declared(&self) -> FileRecord {
        FileRecord {
            sha256: self.declared_sha256,
            ..self.record()
        }
    }

    /// Tells whether what the storage computed is what the uploader declared, as far as both are there.
    pub fn is_consistent(&self) -> bool {
        match (self.sha256, self.declared_sha256) {
            (Some(computed), Some(declared)) => computed == declared,
            _ => true,
        }
    }
}

/// A part of an upload that the storage holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// From 1 to 10,000.
    pub number: u16,
    pub size_bytes: u64,
    /// Without its quotes.
    pub etag: String,
}

/// The parts of an upload behind some number, in order; there may be more behind `next`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub parts: Vec<Part>,
    /// The number to go on behind; `None` at the end.
    pub next: Option<u16>,
}

/// A part as its uploader names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartTag {
    pub number: u16,
    /// What the answer to its PUT said in `ETag`, without the quotes.
    pub etag: String,
}
