//! Going through a tenant's events from the oldest to the newest.

use crate::domain::query::Limit;
use crate::domain::{Event, Position, Tenant};
use crate::store::{self, Store};

use super::progress::Progress;
use super::retry::patiently;

/// The events of one scan: enough that the call costs little beside them.
pub const MAX_SCAN_EVENTS: u32 = 256;
/// The same where they are known to be large.
const MIN_SCAN_EVENTS: u32 = 4;
/// The same before anything is known of a tenant's events; a scan is at most `GROWTH` times the last.
const FIRST_SCAN_EVENTS: u32 = 16;
const GROWTH: u32 = 4;
/// What a scan should bring.
const SCAN_BYTES: usize = 4 * 1024 * 1024;

/// A walk in batches.
#[derive(Debug)]
pub struct Walk<'a> {
    store: &'a dyn Store,
    tenant: &'a Tenant,
    after: Option<Position>,
    limit: Limit,
    at_end: bool,
}

/// Events that follow one another.
#[derive(Debug)]
pub struct Batch {
    pub events: Vec<Event>,
    pub bytes: usize,
}

impl<'a> Walk<'a> {
    pub fn new(store: &'a dyn Store, tenant: &'a Tenant, after: Option<Position>) -> Self {
        Self {
            store,
            tenant,
            after,
            limit: Limit::clamped(FIRST_SCAN_EVENTS),
            at_end: false,
        }
    }

    /// Returns the next events; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Batch>, store::Error> {
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
        let bytes = events.iter().map(Event::weight_bytes).sum();
        self.limit = fitting(limit, events.len(), bytes);
        Ok(Some(Batch { events, bytes }))
    }

    /// The same, counted as progress.
    pub async fn next_counted(
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

impl Batch {
    /// Returns the same events in pieces of at most `max_bytes`, or of one event.
    pub fn split(self, max_bytes: usize) -> impl Iterator<Item = Self> {
        let mut events = self.events.into_iter().peekable();
        std::iter::from_fn(move || {
            let first = events.next()?;
            let mut bytes = first.weight_bytes();
            let mut piece = vec![first];
            while let Some(next) = events.next_if(|it| bytes + it.weight_bytes() <= max_bytes) {
                bytes += next.weight_bytes();
                piece.push(next);
            }
            let events = piece;
            Some(Self { events, bytes })
        })
    }
}

/// Returns how many events like those of the last scan come to [`SCAN_BYTES`].
fn fitting(last: Limit, events: usize, bytes: usize) -> Limit {
    let each = bytes / events.max(1);
    let fitting = u32::try_from(SCAN_BYTES / each.max(1)).unwrap_or(u32::MAX);
    let most = MAX_SCAN_EVENTS.min(GROWTH * last.get());
    Limit::clamped(fitting.clamp(MIN_SCAN_EVENTS, most))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Batch, SCAN_BYTES, fitting};
    use crate::domain::query::Limit;
    use crate::domain::{Event, EventData, EventId, EventTime};

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
        }
    }

    #[test]
    fn pieces_are_the_whole_in_its_order() {
        let events: Vec<Event> = (0..20).map(event).collect();
        let weight = events[0].weight_bytes();
        for max_bytes in [1, weight, 3 * weight, 1000 * weight] {
            let bytes = events.iter().map(Event::weight_bytes).sum();
            let events = events.clone();
            let batch = Batch { events, bytes };
            let expected = batch.events.clone();
            let pieces: Vec<Batch> = batch.split(max_bytes).collect();
            assert_eq!(pieces.iter().map(|it| it.bytes).sum::<usize>(), bytes);
            for piece in &pieces {
                assert!(piece.bytes <= max_bytes || piece.events.len() == 1);
            }
            let joined: Vec<_> = pieces.into_iter().flat_map(|it| it.events).collect();
            assert_eq!(joined, expected, "by {max_bytes}");
        }
    }

    #[test]
    fn scans_fit_what_the_last_one_brought() {
        let limit = |events| Limit::clamped(events);
        assert_eq!(fitting(limit(16), 16, 16 * 300), limit(64));
        assert_eq!(fitting(limit(64), 64, 64 * 300), limit(256));
        assert_eq!(fitting(limit(256), 256, 256 * 300), limit(256));
        let mebibyte = 1024 * 1024;
        assert_eq!(fitting(limit(256), 256, 256 * mebibyte), limit(4));
        assert_eq!(fitting(limit(4), 4, 4 * mebibyte), limit(4));
        assert_eq!(fitting(limit(4), 4, SCAN_BYTES / 2), limit(8));
    }
}
