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
    /// Tells whether the current metadata is that of the same bytes. Of what is known on both sides, the strongest
    /// decides: the SHA-256, the ETag, the version. An ETag may be that of other parts or another encryption of the same
    /// bytes, and every storage has its own versions.
    pub fn same_bytes(&self, now: &Self) -> bool {
        self.size_bytes == now.size_bytes
            && self
                .same_digest(now)
                .or_else(|| equal(self.version_id.as_ref(), now.version_id.as_ref()))
                .unwrap_or(true)
    }

    /// Tells whether the digests are those of the same bytes; `None` if no kind of digest is known on both sides.
    pub fn same_digest(&self, now: &Self) -> Option<bool> {
        let Self {
            size_bytes,
            content_type: _, // does not describe the bytes themselves
            sha256,
            etag,
            version_id: _,
            file_name: _,
        } = self;
        let digests = equal(sha256.as_ref(), now.sha256.as_ref())
            .or_else(|| equal(etag.as_ref(), now.etag.as_ref()))?;
        Some(digests && *size_bytes == now.size_bytes)
    }
}

/// Returns `None` if one of the values is unknown.
fn equal<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> Option<bool> {
    one.zip(other).map(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::FileRecord;
    use crate::domain::FileSha256;

    fn record(sha256: Option<u8>, etag: Option<&str>, version_id: Option<&str>) -> FileRecord {
        FileRecord {
            size_bytes: 7,
            sha256: sha256.map(|byte| FileSha256::new([byte; 32])),
            etag: etag.map(str::to_owned),
            version_id: version_id.map(str::to_owned),
            ..FileRecord::default()
        }
    }

    #[test]
    fn the_strongest_common_evidence_decides() {
        let (a, b) = (Some("a"), Some("b"));
        for (one, other, expected) in [
            (record(Some(1), a, a), record(Some(1), b, b), true),
            (record(Some(1), a, a), record(Some(2), a, a), false),
            (record(None, a, a), record(Some(1), a, b), true),
            (record(Some(1), a, a), record(None, b, a), false),
            (record(None, None, a), record(None, a, a), true),
            (record(None, None, a), record(None, a, b), false),
            (record(Some(1), None, None), record(None, a, a), true),
        ] {
            assert_eq!(one.same_bytes(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.same_bytes(&one), expected, "{one:?} {other:?}");
            let longer = FileRecord {
                size_bytes: 8,
                ..other
            };
            assert!(!one.same_bytes(&longer), "{one:?}");
        }
        assert_eq!(
            record(None, a, a).same_digest(&record(Some(1), None, a)),
            None
        );
    }
}
