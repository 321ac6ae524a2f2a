//! A request's body: bounds idle and slow senders, and counts what arrives.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use s3s::{S3Error, S3ErrorCode};
use tokio::time::{Instant, Sleep};

use super::s3_errors::{error, with_message};

/// The longest pause of an upload. Otherwise a dead connection would hold its half-written file forever.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// A sender must deliver this much per window of waiting: 2 KiB/s, which the slowest mobile networks carry.
/// Otherwise an upload could hold its connection and its permit with an occasional byte.
const WINDOW: Duration = Duration::from_secs(30);
const WINDOW_BYTES: u64 = 60 * 1024;
/// Limits what is read of a rejected upload. Closing the connection while the client is sending resets it,
/// and the client may never see the response.
const DRAIN_BYTES: u64 = 16 * 1024 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// s3s holds a signed chunk of AWS's chunked encoding until its signature is verified, and the client chooses its size.
/// Only clients with the key pair can send one: a presigned URL does not allow it.
pub(super) const MAX_SIGNED_CHUNK_BYTES: u64 = 16 * 1024 * 1024;

/// A request's body, shared by the server, which observes it, and the operation, which reads it.
#[derive(Debug)]
pub(crate) struct RequestBody {
    /// Why the storage failed, for the log: the response does not say.
    pub failure: OnceLock<io::Error>,
    source: Mutex<Source>,
    received_bytes: AtomicU64,
    disconnected: AtomicBool,
    timed_out: AtomicBool,
    refused_chunk: AtomicBool,
}

#[derive(Debug)]
struct Source {
    body: Body,
    idle: Pin<Box<Sleep>>,
    /// When waiting for the next byte began; `None` while nobody reads.
    waiting_since: Option<Instant>,
    /// The time spent waiting in this window, and the bytes that arrived.
    waited: Duration,
    window_bytes: u64,
}

impl Source {
    /// Counts received bytes, and returns true if they came too slowly.
    fn record(&mut self, bytes: u64) -> bool {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.window_bytes += bytes;
        if self.waited < WINDOW {
            return false;
        }
        self.waited = Duration::ZERO;
        std::mem::take(&mut self.window_bytes) < WINDOW_BYTES
    }
}

impl RequestBody {
    pub(crate) fn new(body: Body) -> Arc<Self> {
        let source = Source {
            body,
            idle: Box::pin(tokio::time::sleep(IDLE_TIMEOUT)),
            waiting_since: None,
            waited: Duration::ZERO,
            window_bytes: 0,
        };
        Arc::new(Self {
            failure: OnceLock::new(),
            source: Mutex::new(source),
            received_bytes: AtomicU64::new(0),
            disconnected: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            refused_chunk: AtomicBool::new(false),
        })
    }

    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }

    /// Returns true if the sender was idle or too slow.
    pub(crate) fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Relaxed)
    }

    /// Returns the error for the sender of a body that could not be read to its end; `None` if the body itself
    /// is to blame.
    pub(crate) fn read_error(&self) -> Option<S3Error> {
        if self.timed_out() {
            return Some(error(S3ErrorCode::RequestTimeout));
        }
        if self.refused_chunk.load(Ordering::Relaxed) {
            let message = format!(
                "A signed chunk of more than {MAX_SIGNED_CHUNK_BYTES} bytes is not implemented."
            );
            return Some(with_message(S3ErrorCode::NotImplemented, message));
        }
        let disconnected = self.disconnected.load(Ordering::Relaxed);
        disconnected.then(|| error(S3ErrorCode::IncompleteBody))
    }

    /// Records that the body has a chunk of a size that is not accepted.
    pub(super) fn refuse_chunk(&self) {
        self.refused_chunk.store(true, Ordering::Relaxed);
    }

    pub(crate) fn at_end(&self) -> bool {
        http_body::Body::is_end_stream(&self.source().body)
    }

    /// Reads and discards the rest of the body, within limits.
    pub(crate) async fn drain(self: Arc<Self>) {
        let limit = self.received_bytes().saturating_add(DRAIN_BYTES);
        let read = async {
            let mut body = BodyReader(Arc::clone(&self));
            while self.received_bytes() < limit {
                if !matches!(body.frame().await, Some(Ok(_))) {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, read).await;
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut source = self.source();
        let frame = match http_body::Body::poll_frame(Pin::new(&mut source.body), context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                if source.waiting_since.is_none() {
                    let now = Instant::now();
                    source.waiting_since = Some(now);
                    source.idle.as_mut().reset(now + IDLE_TIMEOUT);
                }
                ready!(source.idle.as_mut().poll(context));
                return Poll::Ready(Some(Err(self.time_out(BodyError::Idle))));
            }
        };
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len) as u64,
            Some(Err(_)) => {
                self.disconnected.store(true, Ordering::Relaxed);
                0
            }
            None => return Poll::Ready(None),
        };
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
        if source.record(bytes) {
            return Poll::Ready(Some(Err(self.time_out(BodyError::Slow))));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Connection)))
    }

    fn time_out(&self, error: BodyError) -> BodyError {
        self.timed_out.store(true, Ordering::Relaxed);
        error
    }
}

/// Reads a [`RequestBody`].
#[derive(Debug)]
pub(crate) struct BodyReader(pub Arc<RequestBody>);

impl http_body::Body for BodyReader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll(context)
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.0.source().body)
    }

    fn is_end_stream(&self) -> bool {
        self.0.at_end()
    }
}

/// The reason why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("no byte came for {} s", IDLE_TIMEOUT.as_secs())]
    Idle,
    #[error("fewer than {WINDOW_BYTES} bytes came in {} s", WINDOW.as_secs())]
    Slow,
    #[error("a signed chunk has more than {MAX_SIGNED_CHUNK_BYTES} bytes")]
    ChunkTooLarge,
    #[error("the connection broke")]
    Connection(#[source] axum::Error),
}

/// Returns true if the body comes in chunks of AWS's own encoding.
pub(crate) fn is_chunked(headers: &HeaderMap) -> bool {
    let sha256 = headers.get("x-amz-content-sha256");
    sha256.is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_times_out() {
        let silent = stream::pending::<Result<Bytes, io::Error>>();
        let body = RequestBody::new(Body::from_stream(silent));
        let started = Instant::now();
        let frame = BodyReader(Arc::clone(&body)).frame().await;
        assert!(matches!(frame, Some(Err(BodyError::Idle))));
        assert!(started.elapsed() >= IDLE_TIMEOUT && body.timed_out());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_an_occasional_byte_times_out() {
        let bytes = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b"x")), ()))
        });
        let body = RequestBody::new(Body::from_stream(bytes));
        let mut reader = BodyReader(Arc::clone(&body));
        let started = Instant::now();
        let error = loop {
            match reader.frame().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("it never ends"),
            }
        };
        assert!(matches!(error, BodyError::Slow), "{error}");
        assert_eq!(started.elapsed(), WINDOW);
        assert!(body.timed_out());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_network_is_fast_enough() {
        let bytes = stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let block = Bytes::from_static(&[0; 2048]);
            (sent < 300).then_some((Ok::<_, io::Error>(block), sent + 1))
        });
        let body = RequestBody::new(Body::from_stream(bytes));
        let mut reader = BodyReader(Arc::clone(&body));
        while let Some(frame) = reader.frame().await {
            assert!(frame.is_ok());
        }
        assert_eq!(body.received_bytes(), 300 * 2048);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_server_does_not_time_out_a_client() {
        // A block every 20 s, each read a minute later.
        let bytes = stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            let block = Bytes::from(vec![0; 64 * 1024]);
            (sent < 5).then_some((Ok::<_, io::Error>(block), sent + 1))
        });
        let body = RequestBody::new(Body::from_stream(bytes));
        let mut reader = BodyReader(Arc::clone(&body));
        for _ in 0..5 {
            assert!(matches!(reader.frame().await, Some(Ok(_))));
            tokio::time::sleep(2 * IDLE_TIMEOUT).await;
        }
        assert!(reader.frame().await.is_none());
        assert!(!body.timed_out());
        assert_eq!(body.received_bytes(), 5 * 64 * 1024);
    }
}
