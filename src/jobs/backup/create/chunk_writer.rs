//! Stores files as chunks, those that the target does not have.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use crate::jobs::backup::format::{ChunkId, Content, Kind};
use crate::jobs::backup::target::Target;
use crate::jobs::backup::{Error, blocking};

/// The chunks of one file that are stored at once.
const CONCURRENT_CHUNKS: usize = 4;

/// The memory of all chunks that are being stored, in units of [`UNIT_BYTES`]; one larger chunk may exceed it.
const MEMORY_UNITS: u32 = 64 * 1024;
const UNIT_BYTES: u64 = 1024;

#[derive(Debug)]
pub(super) struct ChunkWriter {
    target: Target,
    /// Store everything again, whatever the target has.
    is_full: bool,
    memory: Semaphore,
    stored_bytes: AtomicU64,
}

/// A file that was stored.
#[derive(Debug)]
pub(super) struct StoredFile {
    pub(super) content: Content,
    pub(super) mode: u32,
}

impl ChunkWriter {
    pub(super) fn new(target: Target, is_full: bool) -> Self {
        Self {
            target,
            is_full,
            memory: Semaphore::new(MEMORY_UNITS as usize),
            stored_bytes: AtomicU64::new(0),
        }
    }

    /// Returns how many bytes were sent to the target.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.stored_bytes.load(Ordering::Relaxed)
    }

    /// Stores the file at `path`, which does not change meanwhile. `known` are chunks that the target has.
    pub(super) async fn store(
        &self,
        path: &Path,
        kind: Kind,
        known: &[ChunkId],
    ) -> Result<StoredFile, Error> {
        let opened = path.to_owned();
        let opening = blocking(move || {
            let failed = |error| Error::file("read", &opened, error);
            let file = File::open(&opened).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            Ok((Arc::new(file), metadata.size(), metadata.mode() & 0o777))
        });
        let (file, size_bytes, mode) = opening.await?;
        let known: HashSet<ChunkId> = known.iter().copied().collect();
        let chunk_bytes = kind.chunk_bytes(size_bytes);
        let offsets = (0..size_bytes.div_ceil(chunk_bytes)).map(|index| index * chunk_bytes);
        let chunks = stream::iter(offsets)
            .map(|offset| {
                let bytes = chunk_bytes.min(size_bytes - offset);
                self.store_part(path, &file, offset, bytes, &known)
            })
            .buffered(CONCURRENT_CHUNKS)
            .try_collect();
        let content = Content {
            size_bytes,
            chunk_bytes,
            chunks: chunks.await?,
        };
        Ok(StoredFile { content, mode })
    }

    async fn store_part(
        &self,
        path: &Path,
        file: &Arc<File>,
        offset: u64,
        bytes: u64,
        known: &HashSet<ChunkId>,
    ) -> Result<ChunkId, Error> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(MEMORY_UNITS);
        let permit = self.memory.acquire_many(units.min(MEMORY_UNITS)).await;
        let _permit = permit.map_err(|error| Error::Refused(error.to_string()))?;
        let (file, owned) = (Arc::clone(file), path.to_owned());
        let reading = blocking(move || {
            let mut chunk = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
            let read = file.read_exact_at(&mut chunk, offset);
            read.map_err(|error| Error::file("read", &owned, error))?;
            Ok((ChunkId::of(&chunk), Bytes::from(chunk)))
        });
        let (id, chunk) = reading.await?;
        if !self.is_full && (known.contains(&id) || self.target.has_chunk(id, bytes).await?) {
            return Ok(id);
        }
        self.target.put_chunk(id, chunk).await?;
        self.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(id)
    }
}
