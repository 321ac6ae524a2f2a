//! Bodies that are made of a tenant's feed, and may outlast the time limit of a request by far.

mod csv;
mod event_stream;
mod export_body;

pub(crate) use event_stream::EventStream;
pub(crate) use export_body::{Export, ExportFormat};

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{Instant, sleep, timeout_at};

use super::chunked_body::{ChunkedBody, NextChunk, Segments, Truncated};
use super::{ApiError, ApiResult, EventBody, acquire_for_read, request_id};
use crate::domain::query::Limit;
use crate::domain::{Cursor, Event, Feed, Query};
use crate::http::state::{AppState, MemoryPermit};
use crate::service::{self, Access};

/// The limit for one read, waiting for memory and for an unavailable store included.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a read that failed, or that found nothing new.
pub(crate) const READ_PAUSE: Duration = Duration::from_millis(250);

/// Events up to this size are written in place, which takes a fraction of a millisecond.
const SMALL_BYTES: usize = 64 * 1024;

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

    /// Reads once, with the memory of the events and of what is written of them.
    pub(crate) async fn read(&self, after: Option<&Cursor>) -> ApiResult<(Feed, MemoryPermit)> {
        let permit = acquire_for_read(&self.state, &self.access).await;
        let feed = self.access.feed(after, &self.query).await?;
        Ok((feed, permit))
    }

    /// Reads, and retries while the store is unavailable: it is too late to answer with a status.
    async fn read_patiently(&self, after: &Cursor) -> ApiResult<(Feed, MemoryPermit)> {
        let deadline = Instant::now() + READ_TIMEOUT;
        loop {
            let read = timeout_at(deadline, self.read(Some(after)));
            match read.await.map_err(|_| ApiError::TimedOut)? {
                Err(ApiError::Service(service::Error::Unavailable(error))) => {
                    tracing::debug!(id = self.request_id, %error, "a response waits for the store");
                    sleep(READ_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Writes events one after the other, on the CPU pool if they are large.
    async fn write(
        &self,
        start: Vec<u8>,
        events: Vec<Event>,
        write: impl FnMut(&mut Segments, Event, &AppState) -> ApiResult<()> + Send + 'static,
    ) -> ApiResult<VecDeque<Bytes>> {
        let bytes: usize = events.iter().map(Event::weight_bytes).sum();
        let state = Arc::clone(&self.state);
        let mut write = write;
        let write_all = move || {
            let mut text = Segments::new(start);
            for event in events {
                write(&mut text, event, &state)?;
            }
            Ok(text.finish())
        };
        if bytes <= SMALL_BYTES {
            write_all()
        } else {
            self.state.cpu_pool.run(write_all).await?
        }
    }

    /// Returns the future of a chunk. Its failure is logged here, once.
    fn chunk(
        request_id: String,
        next: impl Future<Output = ApiResult<ChunkedBody>> + Send + 'static,
    ) -> NextChunk {
        let truncated = move |error| {
            tracing::error!(id = request_id, ?error, "a response was truncated");
            Truncated
        };
        async { next.await.map_err(truncated) }.boxed()
    }
}

/// Writes an event as the lists show it, on one line.
fn write_json(text: &mut Segments, event: Event, state: &AppState) -> ApiResult<()> {
    let id = event.id;
    let body = EventBody::new(event, &state.service.settings.catalogue)?;
    serde_json::to_writer(text, &body).map_err(|error| ApiError::damaged(id, error))
}
