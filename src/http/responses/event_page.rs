//! Streams a page of events: reads and writes it in chunks, so that a large page takes no more memory than a small one.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use super::chunked_body::{ChunkedBody, NextChunk, Segments, next_chunk, read_patiently};
use super::{ApiError, ApiResult, EventBody, request_id};
use crate::domain::query::READ_BYTES;
use crate::domain::{Catalogue, Event, Position};
use crate::http::state::{AppState, MemoryPermit};
use crate::service::{self, Access};

/// The memory of one read: its events, the last of which may be large, and that one's JSON.
const READ_BUDGET_BYTES: u32 = 256 * 1024 + 2 * 1024 * 1024;

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
    /// Answers with a page. `head` has the members before its results, `permit` is for the memory of `events`.
    pub(crate) async fn respond(
        state: Arc<AppState>,
        access: Access,
        head: &impl Serialize,
        (events, rest): (Vec<Event>, Vec<Position>),
        permit: MemoryPermit,
    ) -> ApiResult<Response> {
        let rest = Rest {
            state,
            access,
            request_id: request_id::current(),
            positions: rest.into(),
            read_size: 0,
        };
        let mut start = serde_json::to_string(head).unwrap_or_default(); // numbers and strings never fail
        start.pop(); // the closing brace
        start += ",\"results\":[";
        let body = Self::chunk(rest, start, events, permit).await?;
        let json = HeaderValue::from_static("application/json");
        Ok(([(CONTENT_TYPE, json)], Body::new(body)).into_response())
    }

    async fn chunk(
        mut rest: Rest,
        start: String,
        events: Vec<Event>,
        permit: MemoryPermit,
    ) -> ApiResult<ChunkedBody> {
        let is_last = rest.positions.is_empty();
        let bytes: usize = events.iter().map(Event::weight_bytes).sum();
        rest.read_size = READ_BYTES * events.len() / bytes.max(1) + 1;
        let catalogue = rest.access.catalogue();
        let write = move || write(&catalogue, start, events, is_last);
        let ready = rest.state.cpu_pool.write_events(bytes, write).await??;
        let next = (!is_last).then(|| rest.read());
        Ok(ChunkedBody::new(ready, Some(permit), next))
    }
}

/// Writes events as the results of a page; the last chunk ends it.
fn write(
    catalogue: &Catalogue,
    start: String,
    events: Vec<Event>,
    is_last: bool,
) -> ApiResult<VecDeque<Bytes>> {
    let mut text = Segments::new(start);
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
        next_chunk("a page", request_id, self.read_on())
    }

    async fn read_on(mut self) -> ApiResult<ChunkedBody> {
        let wanted = self.positions.iter().take(self.read_size);
        let wanted: Vec<Position> = wanted.copied().collect();
        let (rest, wanted) = (&self, &wanted);
        let read = || async move {
            let permit = acquire_for_read(&rest.state, &rest.access).await;
            let events = rest.access.events_at(wanted).await?;
            Ok((events, permit))
        };
        let (events, permit) = read_patiently(&self.request_id, read).await?;
        if events.is_empty() {
            let cause = "an event of the page no longer exists";
            return Err(ApiError::Service(service::Error::Broken(cause.into())));
        }
        self.positions
            .drain(..events.len().min(self.positions.len()));
        EventPage::chunk(self, String::new(), events, permit).await
    }
}
