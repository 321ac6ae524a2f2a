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

/// How long an upload may go without a byte. A connection that died without a word would hold its half
/// written file for ever.
const IDLE: Duration = Duration::from_secs(30);
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
    /// Whether `idle` runs: it does while a byte is awaited, and not while we are slow to take one.
    waiting: bool,
}

impl Intake {
    pub(super) fn new(body: Body) -> Arc<Self> {
        let watched = Watched {
            body,
            idle: Box::pin(tokio::time::sleep(IDLE)),
            waiting: false,
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

    /// Reads on for a while what nobody will use.
    pub(super) async fn drain(self: Arc<Self>) {
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
        let Watched {
            body,
            idle,
            waiting,
        } = &mut *watched;
        let frame = match http_body::Body::poll_frame(Pin::new(body), context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                if !*waiting {
                    idle.as_mut().reset(Instant::now() + IDLE);
                    *waiting = true;
                }
                ready!(idle.as_mut().poll(context));
                self.timed_out.store(true, Ordering::Relaxed);
                return Poll::Ready(Some(Err(Broken::Idle)));
            }
        };
        *waiting = false;
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            Some(Err(_)) => self.broke_off.store(true, Ordering::Relaxed),
            None => {}
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Broken::Connection)))
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
    async fn our_own_slowness_is_not_held_against_a_client() {
        // A byte every 20 s, taken a minute later each.
        let bytes = stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            (sent < 5).then(|| (Ok::<_, io::Error>(Bytes::from_static(b"x")), sent + 1))
        });
        let intake = Intake::new(Body::from_stream(bytes));
        let mut reader = Reader(Arc::clone(&intake));
        for _ in 0..5 {
            assert!(matches!(next(&mut reader).await, Some(Ok(_))));
            tokio::time::sleep(2 * IDLE).await;
        }
        assert!(next(&mut reader).await.is_none());
        assert!(!intake.timed_out());
        assert_eq!(intake.received_bytes(), 5);
    }
}
