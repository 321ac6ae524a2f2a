//! Bounds how much of a form the parser reads ahead.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use crate::objects::embedded::s3_api::request::body::BodyReader;

/// Bytes per piece before the file.
const PIECE_BYTES: usize = 256;
/// Limits what the parser reads before it finds the file. It takes a piece with every poll, about three a
/// field, so it is ahead of what it has parsed.
const MAX_AHEAD_BYTES: usize = 128 * 1024;

/// Hands a body to the parser in small pieces until it finds the file. The parser buffers all that is ready
/// before it parses, so it gets one piece and is then told to poll again; and what it may read ahead of the
/// file is limited.
pub(super) struct PacedBody {
    body: BodyReader,
    at_file: Arc<AtomicBool>,
    before_file_bytes: usize,
    rest: Bytes,
    pauses: bool,
}

impl PacedBody {
    pub(super) fn new(body: BodyReader, at_file: Arc<AtomicBool>) -> Self {
        Self {
            body,
            at_file,
            before_file_bytes: 0,
            rest: Bytes::new(),
            pauses: false,
        }
    }
}

impl Stream for PacedBody {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pauses) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            let frame = http_body::Body::poll_frame(Pin::new(&mut self.body), context);
            match std::task::ready!(frame) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
            }
        }
        self.pauses = true;
        if self.at_file.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        if self.before_file_bytes > MAX_AHEAD_BYTES {
            return Poll::Ready(Some(Err(io::Error::other("no file within the limit"))));
        }
        let piece_bytes = self.rest.len().min(PIECE_BYTES);
        self.before_file_bytes += piece_bytes;
        Poll::Ready(Some(Ok(self.rest.split_to(piece_bytes))))
    }
}
