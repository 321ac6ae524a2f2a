//! Bounds the answering of a request: its time, its panics and the body that it leaves unread.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::body_drain;
use crate::http::handlers::event_batch::EVENTS_PATH;
use crate::http::handlers::feed::poll::{FEED_PATH, MAX_WAIT};
use crate::http::handlers::multipart_uploads::COMPLETE_PATH;
use crate::http::responses::ApiError;

/// Storage may take minutes to make a file out of its parts.
/// Source: Amazon S3 API reference, "`CompleteMultipartUpload`".
const COMPLETE_UPLOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// The time that a batch may take in addition to that of any request: 32 MiB at 10 Mbit/s, or the look-up of 10,000 files.
const BATCH_TIME: Duration = Duration::from_secs(26);

/// No limits by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestLimits {
    /// The limit for a response; `None`: another layer limits it.
    pub(crate) timeout: Option<Duration>,
    /// Drains a body after a response that came before its end.
    drains_bodies: bool,
}

impl RequestLimits {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            drains_bodies: true,
        }
    }

    pub(super) async fn answer(&self, request: Request, next: Next) -> Response {
        let timeout = self.timeout.map(|timeout| timeout_of(&request, timeout));
        let answer = async {
            if self.drains_bodies {
                body_drain::answer_and_drain(request, next).await
            } else {
                next.run(request).await
            }
        };
        within(timeout, answer).await
    }
}

/// Waits for a response; a timeout and a panic have one too.
async fn within(timeout: Option<Duration>, answer: impl Future<Output = Response>) -> Response {
    let answer = AssertUnwindSafe(limit_time(timeout, answer)).catch_unwind();
    answer
        .await
        .unwrap_or_else(|_| ApiError::Panicked.into_response())
}

pub(super) fn timeout_of(request: &Request, timeout: Duration) -> Duration {
    let matched = request.extensions().get::<MatchedPath>();
    if matched.is_some_and(|it| it.as_str() == COMPLETE_PATH) {
        return COMPLETE_UPLOAD_TIMEOUT;
    }
    if matched.is_some_and(|it| it.as_str() == EVENTS_PATH) {
        return timeout + BATCH_TIME;
    }
    if matched.is_some_and(|it| it.as_str() == FEED_PATH) {
        return timeout + MAX_WAIT;
    }
    timeout
}

pub(super) async fn limit_time(
    timeout: Option<Duration>,
    answer: impl Future<Output = Response>,
) -> Response {
    let Some(timeout) = timeout else {
        return answer.await;
    };
    let mut answer = std::pin::pin!(answer);
    // A response that is ready at once needs no timer.
    let first_poll = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context)));
    if let Poll::Ready(response) = first_poll.await {
        return response;
    }
    match tokio::time::timeout(timeout, answer).await {
        Ok(response) => response,
        Err(_) => ApiError::TimedOut.into_response(),
    }
}
