//! Blobs: named bytes in a folder or a bucket, for backups. They are no tenant's files, and nobody else uploads any.
//!
//! `folder` keeps them on a disk, [`S3`](super::s3) in a bucket; [`open_blobs`](super::open_blobs) chooses.

mod blob_location;
mod folder;

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use super::Error;

pub use blob_location::BlobLocation;
pub use folder::BlobFolder;

/// The size of a blob, at most: it is held in memory.
pub const MAX_BLOB_BYTES: u64 = 256 * 1024 * 1024;

/// A storage of blobs. A name is path segments of ASCII letters, digits, `.`, `-` and `_`, with `/` between them.
#[async_trait]
pub trait Blobs: Debug + Send + Sync {
    /// Stores a blob of at most [`MAX_BLOB_BYTES`], in place of one with that name. It appears whole or not at all, and is
    /// durable after the next [`Blobs::sync`].
    async fn put(&self, name: &str, content: Bytes) -> Result<(), Error>;

    /// Returns a blob; `None` if there is none. [`Error::Damaged`] if it is larger than [`MAX_BLOB_BYTES`].
    async fn get(&self, name: &str) -> Result<Option<Bytes>, Error>;

    /// Returns the size of a blob in bytes; `None` if there is none.
    async fn size(&self, name: &str) -> Result<Option<u64>, Error>;

    /// Returns the names of the blobs below `folder`, in order.
    async fn list(&self, folder: &str) -> Result<Vec<String>, Error>;

    /// Makes durable whatever was stored before this call.
    async fn sync(&self) -> Result<(), Error>;
}

/// Returns true for the name of a blob. No other text becomes a path.
fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    text.split('/').all(|segment| {
        !segment.is_empty() && !segment.starts_with('.') && segment.bytes().all(is_allowed)
    })
}

fn require_name(name: &str) -> Result<(), Error> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "'{name}' is not the name of a blob"
    )))
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_stay_in_their_folder() {
        for name in [
            "a",
            "chunks/0f/0fa3",
            "backups/20261127T223300Z-0a/manifest.json",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "", "/a", "a/", "a//b", "..", "a/../b", "a/.b", "a b", "ä", "a\\b",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
