//! Drains what is left of a request's body after an early response.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use crate::objects::{Capacity, RequestOrigin};

/// The limits for reading an unwanted body: enough for a client that sends a file by mistake to learn so,
/// and not enough to be of use to an attacker.
const MAX_BYTES: usize = 16 * 1024 * 1024;
const MAX_TIME: Duration = Duration::from_secs(5);

/// Lets a client that is refused in the middle of its body see the response. Closing the connection
/// under it would reset it, and what it then reports is a broken pipe instead of our 401 or 413.
pub(super) async fn answer_and_drain(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let origin = request.extensions().get::<RequestOrigin>();
    let capacity = origin.map_or(Capacity::Ample, |origin| origin.capacity);
    let (parts, body) = request.into_parts();
    let body = SharedBody(Arc::new(Mutex::new(body)));
    let request = Request::from_parts(parts, Body::new(body.clone()));
    let response = next.run(request).await;
    drain_rest(body, capacity);
    response
}

/// Reads the rest of a body in the background, within limits. Where connections are scarce, none is kept open by an
/// unwanted body.
fn drain_rest<B>(mut body: B, capacity: Capacity)
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
{
    if body.is_end_stream() || capacity != Capacity::Ample {
        return;
    }
    let reading = async move {
        let mut read_bytes = 0;
        while read_bytes < MAX_BYTES {
            match body.frame().await {
                Some(Ok(frame)) => read_bytes += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) | None => return,
            }
        }
    };
    tokio::spawn(tokio::time::timeout(MAX_TIME, reading));
}

/// A body that the handler reads, and the drain after it.
#[derive(Debug, Clone)]
struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    fn lock(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}
