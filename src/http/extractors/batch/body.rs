//! Receives a body in blocks, whose memory is returned one by one as they are read.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use axum::body::{Body, HttpBody};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;

use super::{MAX_BATCH_BYTES, too_large};
use crate::domain::ClientId;
use crate::http::responses::{ApiError, ApiResult};
use crate::http::state::{AppState, MemoryPermit};

/// Bytes that are received outside the budget: all of an ordinary event.
pub(super) const UNBUDGETED_BYTES: usize = 16 * 1024;

/// The bytes that a body of unknown length reserves at a time.
const GROWTH_BYTES: usize = 1024 * 1024;

const BLOCK_BYTES: usize = 64 * 1024;

/// A body in memory.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) length: usize,
    blocks: VecDeque<Bytes>,
    permit: Option<MemoryPermit>,
}

/// Receives a body up to the limit, within the budget for bodies: one of unknown length fails if the budget has no more.
pub(super) async fn receive(
    mut body: Body,
    state: &AppState,
    tenant: ClientId,
) -> ApiResult<Received> {
    let declared = body.size_hint().exact();
    let declared = declared.map(|it| usize::try_from(it).unwrap_or(usize::MAX));
    let mut reserved = declared.unwrap_or(0).max(UNBUDGETED_BYTES);
    if reserved > MAX_BATCH_BYTES {
        return Err(too_large());
    }
    let budget = &state.batch_body_budget;
    let mut permit = None;
    if reserved > UNBUDGETED_BYTES {
        permit = Some(budget.acquire_for(tenant, bytes_u32(reserved)).await);
    }
    let mut blocks = Blocks::default();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ApiError::BodyCutShort)?.into_data() else {
            continue; // trailers
        };
        let length = blocks.length + data.len();
        if length > MAX_BATCH_BYTES {
            return Err(too_large());
        }
        // A request never waits for more while it has some, so no two wait for each other.
        while length > reserved {
            let more = budget.try_acquire_for(tenant, bytes_u32(GROWTH_BYTES));
            let more = more.ok_or(ApiError::BatchesBusy)?;
            match &mut permit {
                None => permit = Some(more),
                Some(permit) => permit.merge(more),
            }
            reserved += GROWTH_BYTES;
        }
        blocks.push(&data);
    }
    Ok(Received {
        length: blocks.length,
        blocks: blocks.finish(),
        permit,
    })
}

fn bytes_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Received {
    /// Returns a reader that leaves the body in memory.
    pub(super) fn reader(&self) -> BlockReader {
        BlockReader(self.blocks.clone())
    }

    /// Returns a reader that frees what it has read, and the memory of the whole.
    pub(super) fn into_reader(self) -> (BlockReader, Option<MemoryPermit>) {
        (BlockReader(self.blocks), self.permit)
    }
}

/// Collects a body in blocks of one size, however small the frames are that it comes in.
#[derive(Debug, Default)]
struct Blocks {
    length: usize,
    full: VecDeque<Bytes>,
    last: BytesMut,
}

impl Blocks {
    fn push(&mut self, mut data: &[u8]) {
        self.length += data.len();
        while !data.is_empty() {
            if self.last.len() == BLOCK_BYTES {
                self.full.push_back(std::mem::take(&mut self.last).freeze());
            }
            let (fits, rest) = data.split_at(data.len().min(BLOCK_BYTES - self.last.len()));
            if self.last.is_empty() && !(self.full.is_empty() && rest.is_empty()) {
                self.last.reserve(BLOCK_BYTES);
            }
            self.last.extend_from_slice(fits);
            data = rest;
        }
    }

    fn finish(mut self) -> VecDeque<Bytes> {
        self.full.push_back(self.last.freeze());
        self.full
    }
}

/// Reads blocks, and drops those that it has read.
#[derive(Debug)]
pub(super) struct BlockReader(VecDeque<Bytes>);

impl BufRead for BlockReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.0.front().is_some_and(Bytes::is_empty) {
            self.0.pop_front();
        }
        Ok(self.0.front().map_or(&[], |block| &block[..]))
    }

    fn consume(&mut self, amount: usize) {
        if let Some(block) = self.0.front_mut() {
            block.advance(amount);
        }
    }
}

impl Read for BlockReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{BLOCK_BYTES, BlockReader, Blocks};

    #[test]
    fn blocks_are_read_as_they_were_received() {
        for frame in [1, 7, 1000, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES] {
            let body: Vec<u8> = (0..=250).cycle().take(5 * BLOCK_BYTES / 2).collect();
            let mut blocks = Blocks::default();
            for data in body.chunks(frame) {
                blocks.push(data);
            }
            assert_eq!(blocks.length, body.len());
            let blocks = blocks.finish();
            assert_eq!(blocks.len(), 3);
            let mut read = Vec::new();
            BlockReader(blocks).read_to_end(&mut read).unwrap();
            assert_eq!(read, body, "frames of {frame}");
        }
    }
}
