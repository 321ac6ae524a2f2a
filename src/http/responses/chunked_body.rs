//! A response body that is read and written in chunks, so that a large one takes no more memory than a small one.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep, timeout_at};

use super::{ApiError, ApiResult};
use crate::http::state::MemoryPermit;
use crate::service;

/// The longest segment of text: each is an allocation of its own, freed when it is sent.
const SEGMENT_BYTES: usize = 64 * 1024;

/// The limit for the next chunk, waiting for memory and for an unavailable store included. After it the response is
/// truncated, in a way that its reader notices.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a read that failed, or that found nothing new.
pub(crate) const READ_PAUSE: Duration = Duration::from_millis(250);

/// A body: the chunk that is ready, and the future of the next.
pub(crate) struct ChunkedBody {
    ready: VecDeque<Bytes>,
    /// The memory of `ready`.
    permit: Option<MemoryPermit>,
    /// The next chunk, read once everything before it is sent.
    next: Option<NextChunk>,
}

/// The future of the rest of a body.
pub(crate) type NextChunk = BoxFuture<'static, Result<ChunkedBody, Truncated>>;

/// Ends a body whose rest could not be read, in a way that its reader notices. The cause is in the log.
#[derive(Debug, thiserror::Error)]
#[error("the response was truncated")]
pub(crate) struct Truncated;

impl ChunkedBody {
    /// Makes a chunk of a body. `permit` is for its memory, until it is sent; without `next` it is the last.
    pub(crate) fn new(
        ready: VecDeque<Bytes>,
        mut permit: Option<MemoryPermit>,
        next: Option<NextChunk>,
    ) -> Self {
        if let Some(permit) = &mut permit {
            permit.shrink(ready.iter().map(Bytes::len).sum());
        }
        Self {
            ready,
            permit,
            next,
        }
    }

    /// Makes the body of a text that is complete. `permit` is for its memory, until it is sent.
    pub(crate) fn complete(text: Vec<u8>, permit: MemoryPermit) -> Self {
        let mut text = Bytes::from(text);
        let mut ready = VecDeque::new();
        while !text.is_empty() {
            ready.push_back(text.split_to(text.len().min(SEGMENT_BYTES)));
        }
        Self::new(ready, Some(permit), None)
    }
}

impl Body for ChunkedBody {
    type Data = Bytes;
    type Error = Truncated;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Truncated>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            self.permit = None; // returned before another is awaited
            let Some(next) = &mut self.next else {
                return Poll::Ready(None);
            };
            match ready!(next.as_mut().poll(context)) {
                Ok(chunk) => *self = chunk,
                Err(error) => {
                    self.next = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.next.is_none()
    }

    /// Exact for a body of one chunk, which is sent with its length.
    fn size_hint(&self) -> SizeHint {
        let bytes = self.ready.iter().map(Bytes::len).sum::<usize>() as u64;
        if self.next.is_none() {
            return SizeHint::with_exact(bytes);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(bytes);
        hint
    }
}

/// Returns the future of a chunk of `what`. Its failure is logged here, once.
pub(super) fn next_chunk(
    what: &'static str,
    request_id: String,
    next: impl Future<Output = ApiResult<ChunkedBody>> + Send + 'static,
) -> NextChunk {
    let truncated = move |error| {
        tracing::error!(id = request_id, ?error, "{what} was truncated");
        Truncated
    };
    async { next.await.map_err(truncated) }.boxed()
}

/// Reads, and retries while the store is unavailable: it is too late to answer with a status.
pub(super) async fn read_patiently<T, F: Future<Output = ApiResult<T>>>(
    request_id: &str,
    read: impl Fn() -> F,
) -> ApiResult<T> {
    let deadline = Instant::now() + READ_TIMEOUT;
    loop {
        let outcome = timeout_at(deadline, read()).await;
        match outcome.map_err(|_| ApiError::TimedOut)? {
            Err(ApiError::Service(service::Error::Unavailable(error))) => {
                tracing::debug!(id = request_id, %error, "a response waits for the store");
                sleep(READ_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Text in segments.
#[derive(Debug)]
pub(super) struct Segments {
    written: VecDeque<Bytes>,
    open: Vec<u8>,
}

impl Segments {
    /// Begins with a short text.
    pub(super) fn new(start: impl Into<Vec<u8>>) -> Self {
        Self {
            written: VecDeque::new(),
            open: start.into(),
        }
    }

    pub(super) fn extend(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            text = &text[self.take(text)..];
        }
    }

    /// Takes as many bytes as fit into the segment, and returns their number.
    fn take(&mut self, bytes: &[u8]) -> usize {
        if self.open.len() >= SEGMENT_BYTES {
            self.close();
        }
        let left = SEGMENT_BYTES - self.open.len();
        let fitting = &bytes[..bytes.len().min(left)];
        self.open.extend_from_slice(fitting);
        fitting.len()
    }

    pub(super) fn finish(mut self) -> VecDeque<Bytes> {
        if !self.open.is_empty() {
            self.close();
        }
        self.written
    }

    fn close(&mut self) {
        let mut last = std::mem::take(&mut self.open);
        last.shrink_to_fit();
        self.written.push_back(last.into());
    }
}

impl io::Write for Segments {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.take(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
