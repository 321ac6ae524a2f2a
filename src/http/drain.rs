//! Reading on after an answer that came before the end of a request's body.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
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

/// How much, and for how long, is still read of a body that nobody wants: enough for whoever sends a
/// file by mistake to learn so, and not enough to be of use to an attacker.
const MAX_BYTES: usize = 16 * 1024 * 1024;
const MAX_TIME: Duration = Duration::from_secs(5);

/// Lets a client that is refused in the middle of its body see the answer. Closing the connection
/// under it would reset it, and what it then reports is a broken pipe instead of our 401 or 413.
pub(super) async fn drain(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let origin = request.extensions().get::<RequestOrigin>();
    let capacity = origin.map_or(Capacity::Ample, |origin| origin.capacity);
    let (parts, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body)));
    let request = Request::from_parts(parts, Body::new(body.clone()));
    let response = next.run(request).await;
    read_on(body, capacity);
    response
}

/// Reads what is left of a body, for a while, behind the answer's back. Where connections are scarce nobody
/// keeps one by sending what is not wanted.
pub(super) fn read_on<B>(mut body: B, capacity: Capacity)
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

/// A body that the handler reads, and we after it.
#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<Body>>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .size_hint()
    }
}
