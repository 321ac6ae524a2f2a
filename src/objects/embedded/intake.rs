//! A request's body on its way in, where the guard can still see it while s3s and the adapter read it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::transfers::Transfer;

/// How long an upload may go without a byte. A connection that died without a word would hold its half
/// written file for ever.
const IDLE: Duration = Duration::from_secs(30);
/// What has to come within this much waiting: 2 KiB a second, which the slowest of mobile networks carry. An
/// upload takes a connection and a place among the transfers, and sends a byte now and then for nothing.
const WINDOW: Duration = Duration::from_secs(30);
const WINDOW_BYTES: u64 = 60 * 1024;
/// How much, and for how long, is still read of an upload that is refused. Closing the connection under
/// a client that is still sending resets it, and the client may never see the answer.
const DRAIN_BYTES: u64 = 16 * 1024 * 1024;
const DRAIN: Duration = Duration::from_secs(5);

/// A request's body, and what the guard and the adapter tell each other about the request.
#[derive(Debug)]
pub(super) struct Intake {
    /// Why the storage failed, for the log: an answer does not say.
    pub failure: OnceLock<io::Error>,
    body: Mutex<Watched>,
    received_bytes: AtomicU64,
    broke_off: AtomicBool,
    timed_out: AtomicBool,
}

#[derive(Debug)]
struct Watched {
    body: Body,
    idle: Pin<Box<Sleep>>,
    /// Since when a byte is awaited; `None` while we are slow to take one.
    waiting_since: Option<Instant>,
    /// How long bytes were awaited in this window, and how many came.
    waited: Duration,
    window_bytes: u64,
}

impl Watched {
    /// Counts what came, and returns whether it came too slowly.
    fn has_come(&mut self, bytes: u64) -> bool {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.window_bytes += bytes;
        self.is_too_slow()
    }

    fn is_too_slow(&mut self) -> bool {
        if self.waited < WINDOW {
            return false;
        }
        self.waited = Duration::ZERO;
        std::mem::take(&mut self.window_bytes) < WINDOW_BYTES
    }
}

impl Intake {
    pub(super) fn new(body: Body) -> Arc<Self> {
        let watched = Watched {
            body,
            idle: Box::pin(tokio::time::sleep(IDLE)),
            waiting_since: None,
            waited: Duration::ZERO,
            window_bytes: 0,
        };
        Arc::new(Self {
            failure: OnceLock::new(),
            body: Mutex::new(watched),
            received_bytes: AtomicU64::new(0),
            broke_off: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
        })
    }

    pub(super) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }

    /// Tells whether the connection broke before the body's end.
    pub(super) fn broke_off(&self) -> bool {
        self.broke_off.load(Ordering::Relaxed)
    }

    /// Tells whether there is nothing more to read.
    pub(super) fn at_end(&self) -> bool {
        let watched = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        http_body::Body::is_end_stream(&watched.body)
    }

    pub(super) fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Relaxed)
    }

    /// Reads on for a while what nobody will use; the request counts as long.
    pub(super) async fn drain(self: Arc<Self>, _transfer: Option<Arc<Transfer>>) {
        let limit = self.received_bytes().saturating_add(DRAIN_BYTES);
        let read = async {
            let mut body = Reader(Arc::clone(&self));
            while self.received_bytes() < limit {
                let frame = std::future::poll_fn(|context| {
                    http_body::Body::poll_frame(Pin::new(&mut body), context)
                });
                if !matches!(frame.await, Some(Ok(_))) {
                    return;
                }
            }
        };
        // Whether it came to an end matters to nobody.
        let _ = tokio::time::timeout(DRAIN, read).await;
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut watched = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = match http_body::Body::poll_frame(Pin::new(&mut watched.body), context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                if watched.waiting_since.is_none() {
                    let now = Instant::now();
                    watched.waiting_since = Some(now);
                    watched.idle.as_mut().reset(now + IDLE);
                }
                ready!(watched.idle.as_mut().poll(context));
                return Poll::Ready(Some(Err(self.give_up(Broken::Idle))));
            }
        };
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len) as u64,
            Some(Err(_)) => {
                self.broke_off.store(true, Ordering::Relaxed);
                0
            }
            None => return Poll::Ready(None),
        };
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
        if watched.has_come(bytes) {
            return Poll::Ready(Some(Err(self.give_up(Broken::Slow))));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Broken::Connection)))
    }

    fn give_up(&self, broken: Broken) -> Broken {
        self.timed_out.store(true, Ordering::Relaxed);
        broken
    }
}

/// The body of an [`Intake`], for s3s to read.
#[derive(Debug)]
pub(super) struct Reader(pub Arc<Intake>);

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.0.poll(context)
    }

    fn size_hint(&self) -> SizeHint {
        let watched = self.0.body.lock().unwrap_or_else(PoisonError::into_inner);
        http_body::Body::size_hint(&watched.body)
    }

    fn is_end_stream(&self) -> bool {
        self.0.at_end()
    }
}

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("no byte came for {} s", IDLE.as_secs())]
    Idle,
    #[error("fewer than {WINDOW_BYTES} bytes came in {} s", WINDOW.as_secs())]
    Slow,
    #[error("the connection broke")]
    Connection(#[source] axum::Error),
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::stream;
    use http_body::Body as _;

    use super::*;

    async fn next(reader: &mut Reader) -> Option<Result<Frame<Bytes>, Broken>> {
        poll_fn(|context| Pin::new(&mut *reader).poll_frame(context)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_given_up() {
        let silent = stream::pending::<Result<Bytes, io::Error>>();
        let intake = Intake::new(Body::from_stream(silent));
        let started = Instant::now();
        let frame = next(&mut Reader(Arc::clone(&intake))).await;
        assert!(matches!(frame, Some(Err(Broken::Idle))));
        assert!(started.elapsed() >= IDLE && intake.timed_out());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_a_byte_now_and_then_is_given_up() {
        let bytes = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b"x")), ()))
        });
        let intake = Intake::new(Body::from_stream(bytes));
        let mut reader = Reader(Arc::clone(&intake));
        let started = Instant::now();
        let broken = loop {
            match next(&mut reader).await {
                Some(Ok(_)) => {}
                Some(Err(broken)) => break broken,
                None => panic!("it never ends"),
            }
        };
        assert!(matches!(broken, Broken::Slow), "{broken}");
        assert_eq!(started.elapsed(), WINDOW);
        assert!(intake.timed_out());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_network_is_fast_enough() {
        let bytes = stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let block = Bytes::from_static(&[0; 2048]);
            (sent < 300).then_some((Ok::<_, io::Error>(block), sent + 1))
        });
        let intake = Intake::new(Body::from_stream(bytes));
        let mut reader = Reader(Arc::clone(&intake));
        while let Some(frame) = next(&mut reader).await {
            assert!(frame.is_ok());
        }
        assert_eq!(intake.received_bytes(), 300 * 2048);
    }

    #[tokio::test(start_paused = true)]
    async fn our_own_slowness_is_not_held_against_a_client() {
        // A block every 20 s, taken a minute later each.
        let bytes = stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            let block = Bytes::from(vec![0; 64 * 1024]);
            (sent < 5).then_some((Ok::<_, io::Error>(block), sent + 1))
        });
        let intake = Intake::new(Body::from_stream(bytes));
        let mut reader = Reader(Arc::clone(&intake));
        for _ in 0..5 {
            assert!(matches!(next(&mut reader).await, Some(Ok(_))));
            tokio::time::sleep(2 * IDLE).await;
        }
        assert!(next(&mut reader).await.is_none());
        assert!(!intake.timed_out());
        assert_eq!(intake.received_bytes(), 5 * 64 * 1024);
    }
}
