//! A piece of a file on its way out, held against what was read before.

use std::error::Error as StdError;
use std::io::{self, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use futures_util::Stream;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::Error;
use super::file::{CHUNK_BYTES, failed, finished};
use crate::domain::FileSha256;

/// A range of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) sha256: FileSha256,
}

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
#[error("the file changed while it was being read")]
pub(super) struct Changed;

struct Reading<F> {
    file: File,
    left: u64,
    sha256: Sha256,
    expected: FileSha256,
    count: F,
}

/// Returns the bytes of a piece. The last of them are only given when all are what they were, so that no
/// storage ever takes other ones for whole.
pub(super) async fn stream(
    path: &Path,
    piece: Piece,
    count: impl Fn(u64) + Send + Sync + 'static,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Error> {
    let mut file = File::open(path).await.map_err(failed("open", path))?;
    let start = SeekFrom::Start(piece.offset);
    file.seek(start).await.map_err(failed("read", path))?;
    let reading = Reading {
        file,
        left: piece.bytes,
        sha256: Sha256::new(),
        expected: piece.sha256,
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
        io::ErrorKind::UnexpectedEof => io::Error::other(Changed),
        _ => error,
    })?;
    reading.sha256.update(&chunk);
    reading.left -= room as u64;
    if reading.left == 0 && finished(reading.sha256.clone()) != reading.expected {
        return Err(io::Error::other(Changed));
    }
    (reading.count)(room as u64);
    Ok(Some((chunk.into(), reading)))
}

/// Tells whether [`Changed`] is why a request failed.
pub(super) fn is_changed(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if inner.is_some_and(<dyn StdError + Send + Sync>::is::<Changed>) {
            return true;
        }
        cause = error.source();
    }
    false
}
