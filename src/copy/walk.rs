//! Going through a tenant's events from the oldest to the newest.

use crate::domain::query::Limit;
use crate::domain::{Event, Position, Tenant};
use crate::store::{self, Store};

use super::progress::Progress;
use super::retry::patiently;

/// The events of one scan: enough that the call costs little beside them, few enough that the largest
/// there are (1 MiB each) fit into memory.
pub(super) const MAX_SCAN_EVENTS: u32 = 256;
/// The same where they are known to be large.
const MIN_SCAN_EVENTS: u32 = 4;
/// What a scan should bring.
const SCAN_BYTES: usize = 4 * 1024 * 1024;

/// What an event takes up beside its texts.
const EVENT_OVERHEAD_BYTES: usize = 256;

/// A walk in batches.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    store: &'a dyn Store,
    tenant: &'a Tenant,
    after: Option<Position>,
    limit: Limit,
    at_end: bool,
}

/// Events that follow one another.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    pub(super) bytes: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a dyn Store, tenant: &'a Tenant, after: Option<Position>) -> Self {
        Self {
            store,
            tenant,
            after,
            limit: Limit::clamped(MAX_SCAN_EVENTS),
            at_end: false,
        }
    }

    /// Returns the next events; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Batch>, store::Error> {
        if self.at_end {
            return Ok(None);
        }
        let (store, tenant, after, limit) = (self.store, self.tenant, self.after, self.limit);
        let scan = || store.scan(tenant, after, limit);
        let events = patiently("read events", scan).await?;
        let Some(last) = events.last() else {
            self.at_end = true;
            return Ok(None);
        };
        self.after = Some(last.position());
        self.at_end = events.len() < limit.get() as usize;
        let bytes = events.iter().map(weight_bytes).sum();
        self.limit = fitting(events.len(), bytes);
        Ok(Some(Batch { events, bytes }))
    }

    /// The same, counted as progress.
    pub(super) async fn next_counted(
        &mut self,
        progress: &Progress,
    ) -> Result<Option<Batch>, store::Error> {
        let batch = self.next().await?;
        if let Some(batch) = &batch {
            progress.advance(batch.events.len());
        }
        Ok(batch)
    }
}

/// Returns how many events like those of the last scan come to [`SCAN_BYTES`].
fn fitting(events: usize, bytes: usize) -> Limit {
    let each = bytes / events.max(1);
    let fitting = u32::try_from(SCAN_BYTES / each.max(1)).unwrap_or(u32::MAX);
    Limit::clamped(fitting.clamp(MIN_SCAN_EVENTS, MAX_SCAN_EVENTS))
}

fn weight_bytes(event: &Event) -> usize {
    let texts = event.data.as_str().len() + event.source_name.len() + event.source_info.len();
    texts + EVENT_OVERHEAD_BYTES
}
