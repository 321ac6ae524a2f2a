//! The file format of an object: its bytes, then its metadata.
//!
//! ```text
//! content | metadata (JSON) | SHA-256 of metadata, 32 | metadata's length, u32 | content's length, u64 | "EHOBJ\0\0\x01"
//! ```
//!
//! Numbers are little-endian, the last byte is the version. The metadata is known only at the end of an
//! upload, so a file is written in one pass; and one rename publishes both.
//!
//! The file of an object that was uploaded in parts has version 2 and no content: its metadata lists the
//! parts' files (see [`part_files`](super::part_files)).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{ContentType, FileName, FileSha256, UploadConstraints};
use crate::objects::ObjectInfo;
use crate::objects::embedded::disk::folder::io_errors::{damaged, with_path};

const MAGIC: &[u8; 8] = b"EHOBJ\0\0\x01";
const MAGIC_OF_PARTS: &[u8; 8] = b"EHOBJ\0\0\x02";
const FOOTER_BYTES: usize = 32 + 4 + 8 + MAGIC.len();
/// Enough for 10,000 parts of 18 bytes each and the headers of any request: anything larger is damage.
const MAX_METADATA_BYTES: usize = 512 * 1024;
/// The user metadata that holds the file's name, in the form of [`FileName::to_header`].
const FILE_NAME: &str = "file-name";
/// The user metadata that holds the SHA-256 that the uploader declared, in hexadecimal.
const SHA256: &str = "sha256";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata {
    pub key: String,
    pub size_bytes: u64,
    /// In hexadecimal: it is the entity tag. For an object in parts, the MD5 of the parts' MD5s, followed
    /// by `-` and their count.
    pub md5: String,
    /// In base64. Unknown for an object in parts.
    pub sha256: Option<String>,
    /// The other checksums that the uploader sent, all verified: in base64, by the end of their headers' names, such as
    /// `crc32`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checksums: BTreeMap<String, String>,
    /// In seconds since 1970, the precision of `Last-Modified`.
    pub modified_at_s: u64,
    pub headers: Headers,
    /// The files with the bytes, unless they are in this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartFiles>,
}

/// The files with the bytes of an object that was uploaded in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartFiles {
    pub upload_id: String,
    /// Number and size in bytes of each part, in the object's order.
    pub files: Vec<(u16, u64)>,
}

/// Headers that were sent with the upload and are returned with each download.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Headers {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_disposition: Option<String>,
    pub cache_control: Option<String>,
    /// As it was sent, which need not be a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// User metadata, by names without their prefix.
    pub user: BTreeMap<String, String>,
}

impl Headers {
    pub(crate) fn from_constraints(constraints: &UploadConstraints) -> Self {
        let UploadConstraints {
            content_type,
            size_bytes: _,
            sha256,
            file_name,
            once: _,
        } = constraints;
        let file_name = file_name.as_ref().map(FileName::to_header);
        let sha256 = sha256.map(|sha256| sha256.to_string());
        let user = [(FILE_NAME, file_name), (SHA256, sha256)];
        let user = user
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)));
        Self {
            content_type: content_type.as_ref().map(ToString::to_string),
            user: user.collect(),
            ..Self::default()
        }
    }
}

impl Metadata {
    /// Returns true if both objects are known to have the same bytes. One in parts and one in a single
    /// file cannot be compared.
    pub(super) fn has_same_content(&self, other: &Self) -> bool {
        self.size_bytes == other.size_bytes
            && self.md5 == other.md5
            && self.sha256 == other.sha256
            && self.parts.is_some() == other.parts.is_some()
    }

    pub(crate) fn into_info(self) -> ObjectInfo {
        let Self {
            key: _,
            size_bytes,
            md5,
            sha256,
            checksums: _,
            modified_at_s,
            headers,
            parts: _,
        } = self;
        let content_type = headers.content_type.as_deref();
        let user = |name: &str| headers.user.get(name);
        let modified_at_s = i64::try_from(modified_at_s).ok();
        ObjectInfo {
            size_bytes,
            etag: Some(md5),
            has_opaque_etag: false,
            sha256: sha256.and_then(|text| FileSha256::from_base64(&text).ok()),
            declared_sha256: user(SHA256).and_then(|text| FileSha256::from_hex(text)),
            file_name: user(FILE_NAME).and_then(|text| FileName::from_header(text)),
            content_type: content_type.and_then(|text| ContentType::parse(text).ok()),
            version_id: None,
            modified_at: modified_at_s.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        }
    }

    /// Encodes what follows the content in a file.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut encoded = serde_json::to_vec(self)?;
        let metadata_bytes = u32::try_from(encoded.len())
            .ok()
            .filter(|bytes| *bytes as usize <= MAX_METADATA_BYTES)
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "the metadata is too long"))?;
        let sha256 = Sha256::digest(&encoded);
        let (content_bytes, magic) = match self.parts {
            None => (self.size_bytes, MAGIC),
            Some(_) => (0, MAGIC_OF_PARTS),
        };
        encoded.extend_from_slice(&sha256);
        encoded.extend_from_slice(&metadata_bytes.to_le_bytes());
        encoded.extend_from_slice(&content_bytes.to_le_bytes());
        encoded.extend_from_slice(magic);
        Ok(encoded)
    }

    /// Reads the metadata of an object's file, and verifies it and the file's length.
    pub(super) fn read(file: &File) -> io::Result<Self> {
        let footer_at = file.metadata()?.len().checked_sub(FOOTER_BYTES as u64);
        let footer_at = footer_at.ok_or_else(|| damaged("it is too short"))?;
        let mut footer = [0; FOOTER_BYTES];
        file.read_exact_at(&mut footer, footer_at)?;
        let (sha256, rest) = footer.split_at(32);
        let (metadata_bytes, rest) = rest.split_at(4);
        let (content_bytes, magic) = rest.split_at(8);
        let (metadata_bytes, content_bytes) = (number(metadata_bytes), number(content_bytes));
        let is_known = magic == MAGIC || magic == MAGIC_OF_PARTS;
        if !is_known || content_bytes.checked_add(metadata_bytes) != Some(footer_at) {
            return Err(damaged("its footer is invalid"));
        }
        let metadata_bytes = usize::try_from(metadata_bytes)
            .ok()
            .filter(|bytes| *bytes <= MAX_METADATA_BYTES)
            .ok_or_else(|| damaged("its metadata is too long"))?;
        let mut encoded = vec![0; metadata_bytes];
        file.read_exact_at(&mut encoded, content_bytes)?;
        if Sha256::digest(&encoded).as_slice() != sha256 {
            return Err(damaged("its metadata does not match its checksum"));
        }
        let metadata: Self = serde_json::from_slice(&encoded)?;
        let size_bytes = match &metadata.parts {
            None => (magic == MAGIC).then_some(content_bytes),
            Some(_) if magic == MAGIC || content_bytes != 0 => None,
            Some(PartFiles { files, .. }) => files
                .iter()
                .try_fold(0_u64, |sum, (_, size_bytes)| sum.checked_add(*size_bytes)),
        };
        if size_bytes != Some(metadata.size_bytes) {
            return Err(damaged("its sizes differ"));
        }
        Ok(metadata)
    }
}

/// Decodes a little-endian number of up to 8 bytes.
fn number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Reads the metadata of the object file at `path`, without looking for its bytes. Blocks.
pub(crate) fn read_metadata(path: &Path) -> io::Result<Metadata> {
    File::open(path)
        .and_then(|file| Metadata::read(&file))
        .map_err(|error| with_path("cannot read object", path, &error))
}
