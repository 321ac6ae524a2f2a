//! Bytes on their way to a reader, held against what was computed when they came in.

use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use super::file::damaged;
use super::folder::about;

/// The content of one file.
#[derive(Debug)]
pub(super) struct Expected {
    /// Names it in the log.
    pub path: PathBuf,
    pub size_bytes: u64,
    /// In base64.
    pub sha256: String,
}

/// Passes all blocks of a file's content on, the last one only if all of them together are what was stored.
/// Otherwise the body breaks off there: the answer has begun, and a reader that gets fewer bytes than it was
/// told of knows that something is wrong.
pub(super) fn verified(
    blocks: impl Stream<Item = io::Result<Bytes>> + Send + Sync,
    expected: Expected,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
    let (mut hasher, mut left) = (Sha256::new(), expected.size_bytes);
    blocks.map(move |block| {
        let block = block?;
        hasher.update(&block);
        left = left.saturating_sub(block.len() as u64);
        if left == 0 && STANDARD.encode(hasher.finalize_reset()) != expected.sha256 {
            let error = damaged("its bytes are not those that were stored");
            let error = about("cannot send", &expected.path, &error);
            tracing::error!(%error, "the embedded object storage failed");
            return Err(error);
        }
        Ok(block)
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use sha2::{Digest, Sha256};

    use super::{Expected, verified};

    /// Returns what comes through of these blocks where `stored` was stored.
    async fn sent(blocks: &[&'static str], stored: &str) -> Vec<Result<Bytes, io::ErrorKind>> {
        let expected = Expected {
            path: "object".into(),
            size_bytes: stored.len() as u64,
            sha256: STANDARD.encode(Sha256::digest(stored)),
        };
        let blocks = blocks
            .iter()
            .map(|block| Ok(Bytes::from_static(block.as_bytes())));
        let sent = verified(stream::iter(blocks.collect::<Vec<_>>()), expected);
        sent.map(|block| block.map_err(|error| error.kind()))
            .collect()
            .await
    }

    #[tokio::test]
    async fn the_last_block_of_other_bytes_is_kept_back() {
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
