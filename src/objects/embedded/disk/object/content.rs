//! Streams the bytes of an object from its own file or from those of its parts.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::format::{Metadata, PartFiles};
use super::part_files::PartsLock;
use super::verified_content::{ExpectedContent, verify};

/// Bytes per read or write: enough to make a trip to the blocking threads cheap, while a hundred concurrent
/// transfers take 25 MB.
pub(crate) const BLOCK_BYTES: usize = 256 * 1024;

/// The bytes of an open object.
#[derive(Debug)]
pub(crate) struct Content {
    pub(super) path: PathBuf,
    /// Positioned at its first byte.
    pub(super) file: File,
    pub(super) parts: Option<PartsLock>,
}

impl Content {
    /// Streams the bytes in `range`, or all of them, verified where that is possible.
    pub(crate) async fn stream(
        self,
        metadata: &Metadata,
        range: Option<&Range<u64>>,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync + use<>> {
        let Self { path, file, parts } = self;
        let is_whole = range.is_none();
        let range = range.cloned().unwrap_or(0..metadata.size_bytes);
        if let (Some(lock), Some(PartFiles { files, .. })) = (parts, &metadata.parts) {
            return Ok(stream_parts(lock, &metadata.key, files, &range).left_stream());
        }
        let size_bytes = range.end - range.start;
        let blocks = stream_file(file, range.start, size_bytes).await?;
        let sha256 = metadata.sha256.clone().filter(|_| is_whole);
        let expected = sha256.map(|sha256| ExpectedContent {
            path,
            size_bytes,
            sha256,
        });
        Ok(verify(blocks, expected).right_stream())
    }
}

async fn stream_file(
    file: File,
    start: u64,
    length: u64,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync> {
    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(BLOCK_BYTES);
    file.seek(io::SeekFrom::Start(start)).await?;
    let sent = metrics::counter!("event_history_embedded_sent_bytes_total");
    let blocks = ReaderStream::with_capacity(file.take(length), BLOCK_BYTES);
    Ok(blocks.inspect_ok(move |block| sent.increment(block.len() as u64)))
}

/// Streams the bytes `range` of an object in parts, opening one file at a time: there may be 10,000.
fn stream_parts(
    lock: PartsLock,
    key: &str,
    files: &[(u16, u64)],
    range: &Range<u64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + use<> {
    let (lock, key): (_, Arc<str>) = (Arc::new(lock), key.into());
    let slices = slices(files, range).into_iter().map(move |slice| {
        let (lock, key) = (Arc::clone(&lock), Arc::clone(&key));
        async move {
            let (reader, size_bytes) = (Arc::clone(&lock), slice.size_bytes);
            let open = move || reader.open_part(&key, slice.number, size_bytes);
            let opened = tokio::task::spawn_blocking(open).await;
            let opened = opened.unwrap_or_else(|panic| Err(io::Error::other(panic)));
            // The response has begun, so the error can only end it.
            let (file, expected) = opened.inspect_err(|error| {
                tracing::error!(%error, "the embedded object storage failed");
            })?;
            // The blocks hold the lock until the last one is sent.
            let blocks = stream_file(file, slice.start, slice.length).await?;
            let blocks = blocks.inspect_ok(move |_| _ = &lock);
            let is_whole = slice.length == size_bytes;
            Ok::<_, io::Error>(verify(blocks, expected.filter(|_| is_whole)))
        }
    });
    stream::iter(slices).then(|opened| opened).try_flatten()
}

/// The bytes to send of one part.
struct Slice {
    number: u16,
    size_bytes: u64,
    start: u64,
    length: u64,
}

fn slices(files: &[(u16, u64)], range: &Range<u64>) -> Vec<Slice> {
    let mut slices = Vec::new();
    let mut begin = 0;
    for (number, size_bytes) in files {
        let end = begin + size_bytes;
        let (from, to) = (range.start.max(begin), range.end.min(end));
        if from < to {
            slices.push(Slice {
                number: *number,
                size_bytes: *size_bytes,
                start: from - begin,
                length: to - from,
            });
        }
        begin = end;
    }
    slices
}
