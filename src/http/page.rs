//! A page of events on its way out: read and written a piece at a time, so that it takes as little memory as a small one.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep, timeout_at};

use super::Api;
use super::error::{ApiError, ApiResult};
use super::events::EventBody;
use super::observe;
use super::room::Room;
use crate::domain::query::READ_BYTES;
use crate::domain::{Event, Position};
use crate::service::{self, Access};

/// How long the next piece may take to come, memory for it included. Then the answer is cut short, and whoever
/// reads it sees that it is.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// After a failed read the next try comes after this.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The memory that a read takes up, and the event with which it ends, and that event's text.
const READ_ROOM_BYTES: u32 = 256 * 1024 + 2 * 1024 * 1024;

/// Pieces of text are this long at most: each is memory of its own, and is given back when it is sent.
const SEGMENT_BYTES: usize = 64 * 1024;

/// Events up to this size are written at once; it takes a fraction of a millisecond.
const SMALL_BYTES: usize = 64 * 1024;

/// The body of a page: the text of its first events, and where the others are.
pub(super) struct PageBody {
    ready: VecDeque<Bytes>,
    /// What `ready` takes up.
    room: Option<Room>,
    /// The next piece; asked for when everything before it is sent.
    next: Option<BoxFuture<'static, Result<Self, CutShort>>>,
}

/// Why the rest of a page does not come. The reason is in the log.
#[derive(Debug, thiserror::Error)]
#[error("the page was cut short")]
pub(super) struct CutShort;

/// What is still to be read of a page.
struct Rest {
    source: Source,
    positions: VecDeque<Position>,
    /// How many events a read should ask for.
    at_a_time: usize,
}

/// Where a page comes from, and who asked for it.
struct Source {
    api: Api,
    access: Arc<Access>,
    request_id: String,
}

/// Waits for the memory that a read takes up.
pub(super) async fn read_room(api: &Api, access: &Access) -> Room {
    let client_id = access.client_id();
    api.answers.room_of(client_id, READ_ROOM_BYTES).await
}

impl PageBody {
    /// Makes the body of a page: `head` is its beginning up to the first event. `room` is what the events take up.
    pub(super) async fn new(
        api: Api,
        access: Access,
        head: String,
        (events, rest): (Vec<Event>, Vec<Position>),
        room: Room,
    ) -> ApiResult<Self> {
        let source = Source {
            api,
            access: Arc::new(access),
            request_id: observe::current_id(),
        };
        let at_a_time = at_a_time(&events);
        Self::piece(source, head, events, rest.into(), at_a_time, room).await
    }

    async fn piece(
        source: Source,
        start: String,
        events: Vec<Event>,
        positions: VecDeque<Position>,
        at_a_time: usize,
        mut room: Room,
    ) -> ApiResult<Self> {
        let (api, is_last) = (source.api.clone(), positions.is_empty());
        let is_small = events.iter().map(Event::weight_bytes).sum::<usize>() <= SMALL_BYTES;
        let write = move || write(&api, start, events, is_last);
        let ready = if is_small {
            write()?
        } else {
            source.api.offload.run(write).await?
        };
        room.shrink(ready.iter().map(Bytes::len).sum());
        let rest = Rest {
            source,
            positions,
            at_a_time,
        };
        Ok(Self {
            ready,
            room: Some(room),
            next: (!is_last).then(|| rest.read()),
        })
    }
}

/// Returns how many events like these come to one read.
fn at_a_time(events: &[Event]) -> usize {
    let bytes: usize = events.iter().map(Event::weight_bytes).sum();
    READ_BYTES * events.len() / bytes.max(1) + 1
}

/// Writes events as the results of a page; the last ones end it.
fn write(
    api: &Api,
    start: String,
    events: Vec<Event>,
    is_last: bool,
) -> ApiResult<VecDeque<Bytes>> {
    let mut text = Segments {
        written: VecDeque::new(),
        open: start.into_bytes(),
    };
    let catalogue = &api.service.settings.catalogue;
    for (index, event) in events.into_iter().enumerate() {
        if index > 0 {
            text.open.push(b',');
        }
        let id = event.id;
        serde_json::to_writer(&mut text, &EventBody::new(event, catalogue)?)
            .map_err(|error| ApiError::damaged(id, error))?;
    }
    text.open
        .extend_from_slice(if is_last { b"]}" } else { b"," });
    text.close();
    Ok(text.written)
}

/// Text in pieces.
struct Segments {
    written: VecDeque<Bytes>,
    open: Vec<u8>,
}

impl Segments {
    fn close(&mut self) {
        let mut last = std::mem::take(&mut self.open);
        last.shrink_to_fit();
        self.written.push_back(last.into());
    }
}

impl io::Write for Segments {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open.len() >= SEGMENT_BYTES {
            self.close();
        }
        let room = SEGMENT_BYTES - self.open.len();
        let fitting = &bytes[..bytes.len().min(room)];
        self.open.extend_from_slice(fitting);
        Ok(fitting.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Rest {
    fn read(self) -> BoxFuture<'static, Result<PageBody, CutShort>> {
        let request_id = self.source.request_id.clone();
        let cut_short = move |error| {
            tracing::error!(id = request_id, ?error, "a page was cut short");
            CutShort
        };
        async { self.try_read().await.map_err(cut_short) }.boxed()
    }

    async fn try_read(self) -> ApiResult<PageBody> {
        let Self {
            source,
            mut positions,
            at_a_time,
        } = self;
        let deadline = Instant::now() + PIECE_TIMEOUT;
        let late = |_| ApiError::TimedOut;
        let room = timeout_at(deadline, read_room(&source.api, &source.access));
        let room = room.await.map_err(late)?;
        let wanted: Vec<Position> = positions.iter().take(at_a_time).copied().collect();
        let events = timeout_at(deadline, source.events_at(&wanted));
        let events = events.await.map_err(late)??;
        if events.is_empty() {
            let cause = "an event of the page is not there any more";
            return Err(ApiError::Service(service::Error::Broken(cause.into())));
        }
        positions.drain(..events.len().min(positions.len()));
        let at_a_time = self::at_a_time(&events);
        PageBody::piece(source, String::new(), events, positions, at_a_time, room).await
    }
}

impl Source {
    /// Reads again what could not be read for now: too late to say so by a status.
    async fn events_at(&self, positions: &[Position]) -> ApiResult<Vec<Event>> {
        loop {
            match self.access.events_at(positions).await {
                Err(service::Error::Unavailable(error)) => {
                    tracing::debug!(id = self.request_id, %error, "a page waits");
                    sleep(RETRY_PAUSE).await;
                }
                outcome => return Ok(outcome?),
            }
        }
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            self.room = None; // who waits for room has none
            let Some(next) = &mut self.next else {
                return Poll::Ready(None);
            };
            match ready!(next.as_mut().poll(context)) {
                Ok(piece) => *self = piece,
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

    /// Exact for a page that is all here: it is sent with its length.
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
