//! Streams a page of events: reads and writes it in chunks, so that a large page takes no more memory than a small one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{Instant, sleep, timeout_at};

use super::chunked_body::{ChunkedBody, NextChunk, Segments, Truncated};
use super::{ApiError, ApiResult, EventBody, request_id};
use crate::domain::query::READ_BYTES;
use crate::domain::{Event, Position};
use crate::http::state::{AppState, MemoryPermit};
use crate::service::{self, Access};

/// The limit for the next chunk, waiting for memory included. After it the response is truncated, in a way that its reader
/// notices.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a failed read.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The memory of one read: its events, the last of which may be large, and that one's JSON.
const READ_BUDGET_BYTES: u32 = 256 * 1024 + 2 * 1024 * 1024;

/// Events up to this size are written in place, which takes a fraction of a millisecond.
const SMALL_BYTES: usize = 64 * 1024;

/// Makes the bodies of pages: the JSON of their first events, and then of the others by their positions.
#[derive(Debug)]
pub(crate) struct EventPage;

/// The rest of a page, and who reads it.
struct Rest {
    state: Arc<AppState>,
    access: Access,
    request_id: String,
    positions: VecDeque<Position>,
    /// The number of events of the next read.
    read_size: usize,
}

/// Waits for the memory of one read, and of `more` bytes that are made of what it reads.
pub(crate) async fn acquire_for_read_and(
    state: &AppState,
    access: &Access,
    more: u32,
) -> MemoryPermit {
    let budget = &state.page_budget;
    budget
        .acquire_for(access.client_id(), READ_BUDGET_BYTES + more)
        .await
}

/// Waits for the memory of one read.
pub(crate) async fn acquire_for_read(state: &AppState, access: &Access) -> MemoryPermit {
    acquire_for_read_and(state, access, 0).await
}

impl EventPage {
    /// Makes the body of a page. `head` is its beginning up to the first event, `permit` for the memory of `events`.
    pub(crate) async fn body(
        state: Arc<AppState>,
        access: Access,
        head: String,
        (events, rest): (Vec<Event>, Vec<Position>),
        permit: MemoryPermit,
    ) -> ApiResult<ChunkedBody> {
        let rest = Rest {
            state,
            access,
            request_id: request_id::current(),
            positions: rest.into(),
            read_size: 0,
        };
        Self::chunk(rest, head, events, permit).await
    }

    async fn chunk(
        mut rest: Rest,
        start: String,
        events: Vec<Event>,
        permit: MemoryPermit,
    ) -> ApiResult<ChunkedBody> {
        let (state, is_last) = (Arc::clone(&rest.state), rest.positions.is_empty());
        let bytes: usize = events.iter().map(Event::weight_bytes).sum();
        rest.read_size = READ_BYTES * events.len() / bytes.max(1) + 1;
        let write = move || write(&state, start, events, is_last);
        let ready = if bytes <= SMALL_BYTES {
            write()?
        } else {
            rest.state.cpu_pool.run(write).await??
        };
        let next = (!is_last).then(|| rest.read());
        Ok(ChunkedBody::new(ready, Some(permit), next))
    }
}

/// Writes events as the results of a page; the last chunk ends it.
fn write(
    state: &AppState,
    start: String,
    events: Vec<Event>,
    is_last: bool,
) -> ApiResult<VecDeque<Bytes>> {
    let mut text = Segments::new(start);
    let catalogue = &state.service.settings.catalogue;
    for (index, event) in events.into_iter().enumerate() {
        if index > 0 {
            text.extend(b",");
        }
        let id = event.id;
        serde_json::to_writer(&mut text, &EventBody::new(event, catalogue)?)
            .map_err(|error| ApiError::damaged(id, error))?;
    }
    text.extend(if is_last { b"]}" } else { b"," });
    Ok(text.finish())
}

impl Rest {
    fn read(self) -> NextChunk {
        let request_id = self.request_id.clone();
        let truncated = move |error| {
            tracing::error!(id = request_id, ?error, "a page was truncated");
            Truncated
        };
        async { self.try_read().await.map_err(truncated) }.boxed()
    }

    async fn try_read(mut self) -> ApiResult<ChunkedBody> {
        let deadline = Instant::now() + CHUNK_TIMEOUT;
        let late = |_| ApiError::TimedOut;
        let permit = timeout_at(deadline, acquire_for_read(&self.state, &self.access));
        let permit = permit.await.map_err(late)?;
        let wanted = self.positions.iter().take(self.read_size);
        let wanted: Vec<Position> = wanted.copied().collect();
        let events = timeout_at(deadline, self.events_at(&wanted));
        let events = events.await.map_err(late)??;
        if events.is_empty() {
            let cause = "an event of the page no longer exists";
            return Err(ApiError::Service(service::Error::Broken(cause.into())));
        }
        self.positions
            .drain(..events.len().min(self.positions.len()));
        EventPage::chunk(self, String::new(), events, permit).await
    }

    /// Retries while the store is unavailable: it is too late to answer with a status.
    async fn events_at(&self, positions: &[Position]) -> ApiResult<Vec<Event>> {
        loop {
            match self.access.events_at(positions).await {
                Err(service::Error::Unavailable(error)) => {
                    tracing::debug!(id = self.request_id, %error, "a page waits for the store");
                    sleep(RETRY_PAUSE).await;
                }
                outcome => return Ok(outcome?),
            }
        }
    }
}
