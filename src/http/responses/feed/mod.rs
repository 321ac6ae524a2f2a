//! Bodies that are made of a tenant's feed, and may outlast the time limit of a request by far.

mod csv;
mod event_stream;
mod export_body;

pub(crate) use event_stream::EventStream;
pub(crate) use export_body::{Export, ExportFormat};

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::chunked_body::{Segments, read_patiently};
use super::{ApiError, ApiResult, EventBody, acquire_for_read, request_id};
use crate::domain::query::Limit;
use crate::domain::{Catalogue, Cursor, Event, Feed, Query};
use crate::http::state::{AppState, MemoryPermit};
use crate::service::Access;

/// Reads a tenant's feed, and holds nothing of the store in between.
pub(crate) struct FeedReader {
    state: Arc<AppState>,
    access: Access,
    request_id: String,
    query: Query,
}

impl FeedReader {
    /// `query` has the filters; its limit is ignored.
    pub(crate) fn new(state: Arc<AppState>, access: Access, query: Query) -> Self {
        let query = Query {
            limit: Limit::clamped(Limit::MAX),
            ..query
        };
        Self {
            state,
            access,
            request_id: request_id::current(),
            query,
        }
    }

    /// Tells whether the credential was revoked or has expired.
    async fn has_ended(&self) -> bool {
        self.access.has_ended().await
    }

    /// Reads once, with the memory of the events and of what is written of them.
    pub(crate) async fn read(&self, after: Option<&Cursor>) -> ApiResult<(Feed, MemoryPermit)> {
        let permit = acquire_for_read(&self.state, &self.access).await;
        let feed = self.access.feed(after, &self.query).await?;
        Ok((feed, permit))
    }

    /// Does the same, and retries while the store is unavailable.
    async fn read_patiently(&self, after: &Cursor) -> ApiResult<(Feed, MemoryPermit)> {
        read_patiently(&self.request_id, || self.read(Some(after))).await
    }

    /// Writes events one after the other, on the CPU pool if they are large.
    async fn write(
        &self,
        start: Vec<u8>,
        events: Vec<Event>,
        write: impl FnMut(&mut Segments, Event, &Catalogue) -> ApiResult<()> + Send + 'static,
    ) -> ApiResult<VecDeque<Bytes>> {
        let bytes: usize = events.iter().map(Event::weight_bytes).sum();
        let catalogue = self.access.catalogue();
        let mut write = write;
        let write_all = move || {
            let mut text = Segments::new(start);
            for event in events {
                write(&mut text, event, &catalogue)?;
            }
            Ok(text.finish())
        };
        self.state.cpu_pool.write_events(bytes, write_all).await?
    }
}

/// Writes an event as the lists show it, on one line.
fn write_json(text: &mut Segments, event: Event, catalogue: &Catalogue) -> ApiResult<()> {
    let id = event.id;
    let body = EventBody::new(event, catalogue)?;
    serde_json::to_writer(text, &body).map_err(|error| ApiError::damaged(id, error))
}
