//! Presigned URLs and forms, and their constraints.

use std::fmt::{self, Debug};

use jiff::Timestamp;

use crate::domain::{ContentType, FileName, FileSha256};

/// Constraints on a form upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormConstraints {
    pub min_bytes: u64,
    pub max_bytes: u64,
    pub content_type: Option<FormContentType>,
    pub sha256: Option<FileSha256>,
    pub file_name: Option<FileName>,
}

/// The content types that a form may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormContentType {
    Exactly(ContentType),
    /// Every type with this prefix, as in `image/`.
    StartsWith(String),
}

/// The version of an object to download, and the headers of the response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DownloadOptions {
    pub version_id: Option<String>,
    /// Overrides the header `Content-Type` of the response.
    pub content_type: Option<String>,
    /// Overrides the header `Content-Disposition` of the response.
    pub content_disposition: Option<String>,
}

/// A URL that carries its own permission. It is a secret and must not be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedUrl {
    pub url: String,
    /// The signed headers, which have to be sent; names in lower case.
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

/// A form (RFC 7578, `multipart/form-data`) that carries its own permission. It is a secret too.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedForm {
    pub url: String,
    /// The fields to send before the field `file`, in this order.
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
