//! Verifies content against its checksum while it is being read.

use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use crate::objects::embedded::disk::folder::io_errors::{damaged, with_path};

/// The content of one file, as it was stored.
#[derive(Debug)]
pub(crate) struct ExpectedContent {
    /// Identifies the file in the log.
    pub path: PathBuf,
    pub size_bytes: u64,
    /// In base64.
    pub sha256: String,
}

/// Passes on all blocks of a file, the last one only if together they are what was stored. Otherwise the
/// stream fails there: the response has begun, so only its missing bytes can tell the reader.
pub(super) fn verify(
    blocks: impl Stream<Item = io::Result<Bytes>> + Send + Sync,
    expected: Option<ExpectedContent>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
    let Some(expected) = expected else {
        return blocks.left_stream();
    };
    let (mut hasher, mut left) = (Sha256::new(), expected.size_bytes);
    let verified = blocks.map(move |block| {
        let block = block?;
        hasher.update(&block);
        left = left.saturating_sub(block.len() as u64);
        if left == 0 && STANDARD.encode(hasher.finalize_reset()) != expected.sha256 {
            let error = damaged("its bytes do not match their checksum");
            let error = with_path("cannot send", &expected.path, &error);
            tracing::error!(%error, "the embedded object storage failed");
            return Err(error);
        }
        Ok(block)
    });
    verified.right_stream()
}

#[cfg(test)]
mod tests {
    use std::io;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use sha2::{Digest, Sha256};

    use super::{ExpectedContent, verify};

    /// Returns what passes of these blocks if `stored` is expected.
    async fn sent(blocks: &[&'static str], stored: &str) -> Vec<Result<Bytes, io::ErrorKind>> {
        let expected = ExpectedContent {
            path: "object".into(),
            size_bytes: stored.len() as u64,
            sha256: STANDARD.encode(Sha256::digest(stored)),
        };
        let blocks = blocks
            .iter()
            .map(|block| Ok(Bytes::from_static(block.as_bytes())));
        let sent = verify(stream::iter(blocks.collect::<Vec<_>>()), Some(expected));
        sent.map(|block| block.map_err(|error| error.kind()))
            .collect()
            .await
    }

    #[tokio::test]
    async fn the_last_block_is_withheld_on_a_mismatch() {
        let whole = sent(&["ab", "cd", "e"], "abcde").await;
        assert!(
            whole.iter().all(Result::is_ok) && whole.len() == 3,
            "{whole:?}"
        );
        let other = sent(&["ab", "cX", "e"], "abcde").await;
        assert_eq!(other[2], Err(io::ErrorKind::InvalidData));
        assert!(other[..2].iter().all(Result::is_ok));
    }
}
