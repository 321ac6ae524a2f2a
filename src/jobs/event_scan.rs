//! A walk through a tenant's events, in the total order or in the order of their arrival, in bounded memory.

use std::time::Duration;

use super::backend_errors::{TenantError, retry_tenant};
use crate::domain::query::Limit;
use crate::domain::{Cursor, Event, Position, Query, Tenant};
use crate::store::Store;

/// Events per call at most: enough to make the overhead of a call small.
const MAX_SCAN_EVENTS: u32 = 256;
/// Events per call at least, where events are large.
const MIN_SCAN_EVENTS: u32 = 4;
/// Events of the first call, before their size is known. Each further call reads at most `GROWTH` times as many.
const FIRST_SCAN_EVENTS: u32 = 16;
const GROWTH: u32 = 4;
/// The size that a call should return.
const SCAN_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct EventScan<'a> {
    store: &'a dyn Store,
    tenant: &'a Tenant,
    after: Option<Position>,
    limit: Limit,
    at_end: bool,
}

/// The events of a tenant in the order of their arrival, in bounded memory.
#[derive(Debug)]
pub(super) struct EventFeed<'a> {
    store: &'a dyn Store,
    tenant: &'a Tenant,
    after: Option<Cursor>,
    /// The number of events that are still to come, which a backend may hold back for a moment.
    expected: u64,
}

/// The times that events which were not shown yet are waited for, and the pause between them: several seconds, longer than
/// any backend holds back what was stored before.
const MAX_PAUSES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

impl<'a> EventFeed<'a> {
    /// Starts at the first event, or behind `after`. `expected` events are known to follow.
    pub(super) fn new(
        store: &'a dyn Store,
        tenant: &'a Tenant,
        after: Option<Cursor>,
        expected: u64,
    ) -> Self {
        Self {
            store,
            tenant,
            after,
            expected,
        }
    }

    /// Returns the next events; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<EventBatch>, TenantError> {
        let query = Query {
            limit: Limit::clamped(Limit::MAX),
            ..Query::default()
        };
        let mut pauses = 0;
        loop {
            let (store, tenant, after) = (self.store, self.tenant, self.after);
            let read = || store.feed(tenant, after.as_ref(), &query);
            let feed = retry_tenant(store, "read events", read).await?;
            self.after = Some(feed.cursor);
            if !feed.events.is_empty() {
                let events = feed.events;
                self.expected = self.expected.saturating_sub(events.len() as u64);
                let bytes = events.iter().map(Event::weight_bytes).sum();
                return Ok(Some(EventBatch { events, bytes }));
            }
            if feed.has_more {
                continue;
            }
            if self.expected == 0 || pauses == MAX_PAUSES {
                return Ok(None);
            }
            pauses += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Consecutive events.
#[derive(Debug)]
pub(super) struct EventBatch {
    pub(super) events: Vec<Event>,
    pub(super) bytes: usize,
}

impl<'a> EventScan<'a> {
    /// Starts at the oldest event, or behind `after`.
    pub(super) fn new(store: &'a dyn Store, tenant: &'a Tenant, after: Option<Position>) -> Self {
        Self {
            store,
            tenant,
            after,
            limit: Limit::clamped(FIRST_SCAN_EVENTS),
            at_end: false,
        }
    }

    /// Returns the next events; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<EventBatch>, TenantError> {
        if self.at_end {
            return Ok(None);
        }
        let (store, tenant, after, limit) = (self.store, self.tenant, self.after, self.limit);
        let scan = || store.scan(tenant, after, limit);
        let events = retry_tenant(store, "read events", scan).await?;
        let Some(last) = events.last() else {
            self.at_end = true;
            return Ok(None);
        };
        self.after = Some(last.position());
        let bytes = events.iter().map(Event::weight_bytes).sum();
        self.limit = next_limit(limit, events.len(), bytes);
        Ok(Some(EventBatch { events, bytes }))
    }
}

impl EventBatch {
    /// Splits the batch into batches of at most `max_bytes`, or of one event.
    pub(super) fn split(self, max_bytes: usize) -> impl Iterator<Item = Self> {
        let mut events = self.events.into_iter().peekable();
        std::iter::from_fn(move || {
            let first = events.next()?;
            let mut bytes = first.weight_bytes();
            let mut part = vec![first];
            while let Some(next) = events.next_if(|it| bytes + it.weight_bytes() <= max_bytes) {
                bytes += next.weight_bytes();
                part.push(next);
            }
            let events = part;
            Some(Self { events, bytes })
        })
    }
}

/// Returns how many events of the average size of the last call make up [`SCAN_BYTES`].
fn next_limit(last: Limit, events: usize, bytes: usize) -> Limit {
    let each = bytes / events.max(1);
    let fitting = u32::try_from(SCAN_BYTES / each.max(1)).unwrap_or(u32::MAX);
    let most = MAX_SCAN_EVENTS.min(GROWTH * last.get());
    Limit::clamped(fitting.clamp(MIN_SCAN_EVENTS, most))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{EventBatch, SCAN_BYTES, next_limit};
    use crate::domain::query::Limit;
    use crate::domain::{Event, EventData, EventId, EventTime, Redactions};

    fn event(number: u128) -> Event {
        Event {
            id: EventId::from_uuid(Uuid::from_u128(number)),
            time: EventTime::from_parts(0, 0).unwrap(),
            event_type_id: 1,
            record_id: 0,
            source_id: 0,
            source_type_id: 0,
            source_name: String::new(),
            source_info: String::new(),
            data: EventData::from_stored("x".repeat(100 * usize::try_from(number % 7).unwrap())),
            files: Vec::new(),
            received_at: None,
            redactions: Redactions::default(),
        }
    }

    #[test]
    fn a_split_batch_keeps_all_events_in_order() {
        let events: Vec<Event> = (0..20).map(event).collect();
        let weight = events[0].weight_bytes();
        for max_bytes in [1, weight, 3 * weight, 1000 * weight] {
            let bytes = events.iter().map(Event::weight_bytes).sum();
            let events = events.clone();
            let batch = EventBatch { events, bytes };
            let expected = batch.events.clone();
            let parts: Vec<EventBatch> = batch.split(max_bytes).collect();
            assert_eq!(parts.iter().map(|it| it.bytes).sum::<usize>(), bytes);
            for part in &parts {
                assert!(part.bytes <= max_bytes || part.events.len() == 1);
            }
            let joined: Vec<_> = parts.into_iter().flat_map(|it| it.events).collect();
            assert_eq!(joined, expected, "by {max_bytes}");
        }
    }

    #[test]
    fn the_limit_follows_the_size_of_events() {
        let limit = |events| Limit::clamped(events);
        assert_eq!(next_limit(limit(16), 16, 16 * 300), limit(64));
        assert_eq!(next_limit(limit(64), 64, 64 * 300), limit(256));
        assert_eq!(next_limit(limit(256), 256, 256 * 300), limit(256));
        let mebibyte = 1024 * 1024;
        assert_eq!(next_limit(limit(256), 256, 256 * mebibyte), limit(4));
        assert_eq!(next_limit(limit(4), 4, 4 * mebibyte), limit(4));
        assert_eq!(next_limit(limit(4), 4, SCAN_BYTES / 2), limit(8));
    }
}
