//! Request bodies that stream a range of a file and verify it against an earlier reading.

use std::error::Error as StdError;
use std::io::{self, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use futures_util::Stream;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::Error;
use super::error::failed;
use super::local_file::{CHUNK_BYTES, finish};
use crate::domain::FileSha256;

/// A range of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileRange {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) sha256: FileSha256,
}

/// A body ended early because the file had changed.
#[derive(Debug, thiserror::Error)]
#[error("the file changed while it was being read")]
pub(super) struct FileChanged;

struct Reading<F> {
    file: File,
    left: u64,
    sha256: Sha256,
    expected: FileSha256,
    count: F,
}

/// Returns the bytes of a range. The last chunk is only returned if all bytes match, so that storage never accepts
/// others.
pub(super) async fn stream(
    path: &Path,
    range: FileRange,
    count: impl Fn(u64) + Send + Sync + 'static,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Error> {
    let mut file = File::open(path).await.map_err(failed("open", path))?;
    let start = SeekFrom::Start(range.offset);
    file.seek(start).await.map_err(failed("read", path))?;
    let reading = Reading {
        file,
        left: range.bytes,
        sha256: Sha256::new(),
        expected: range.sha256,
        count,
    };
    Ok(futures_util::stream::try_unfold(reading, next))
}

async fn next<F: Fn(u64)>(mut reading: Reading<F>) -> io::Result<Option<(Bytes, Reading<F>)>> {
    if reading.left == 0 {
        return Ok(None);
    }
    let room = usize::try_from(reading.left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
    let mut chunk = vec![0; room];
    let read = reading.file.read_exact(&mut chunk).await;
    read.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::other(FileChanged),
        _ => error,
    })?;
    reading.sha256.update(&chunk);
    reading.left -= room as u64;
    if reading.left == 0 && finish(reading.sha256.clone()) != reading.expected {
        return Err(io::Error::other(FileChanged));
    }
    (reading.count)(room as u64);
    Ok(Some((chunk.into(), reading)))
}

/// Tells whether a request failed because of [`FileChanged`].
pub(super) fn is_file_changed(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if inner.is_some_and(<dyn StdError + Send + Sync>::is::<FileChanged>) {
            return true;
        }
        cause = error.source();
    }
    false
}
