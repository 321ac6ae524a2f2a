//! What a reader asks of a tenant's history.

use super::{Event, EventId, Invalid};

/// Which events, in which order, and which part of them.
///
/// Each list means "any of"; an empty one means no filter. Filters of different members all hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    pub record_ids: Vec<i64>,
    pub event_type_ids: Vec<i32>,
    pub source_ids: Vec<i64>,
    pub source_type_ids: Vec<i32>,
    pub event_ids: Vec<EventId>,
    /// Microseconds since 1970-01-01T00:00:00Z, inclusive.
    pub from_us: Option<i64>,
    /// Microseconds since 1970-01-01T00:00:00Z, exclusive.
    pub to_us: Option<i64>,
    pub ordering: Ordering,
    pub limit: Limit,
    pub offset: u32,
}

/// The total order of events is (`event_time`, `event_id`), so that pages never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ordering {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// How many events one page holds: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    pub const MAX: u32 = 1000; // a page of ordinary events stays under a megabyte

    pub fn new(limit: u32) -> Result<Self, Invalid> {
        if limit == 0 {
            return Err(Invalid::new(
                "greater_than_equal",
                "Input should be greater than or equal to 1",
            ));
        }
        if limit > Self::MAX {
            return Err(Invalid::at_most(Self::MAX));
        }
        Ok(Self(limit))
    }

    /// Returns the nearest limit that there is.
    pub fn clamped(limit: u32) -> Self {
        Self(limit.clamp(1, Self::MAX))
    }

    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl Query {
    /// Tells whether the filters let `event` through.
    ///
    /// This is the meaning of a query in its plainest form: backends answer the same with indexes,
    /// and the conformance suite holds them to it.
    pub fn matches(&self, event: &Event) -> bool {
        let Self {
            record_ids,
            event_type_ids,
            source_ids,
            source_type_ids,
            event_ids,
            from_us,
            to_us,
            ordering: _,
            limit: _,
            offset: _,
        } = self;
        any_of(record_ids, &event.record_id)
            && any_of(event_type_ids, &event.event_type_id)
            && any_of(source_ids, &event.source_id)
            && any_of(source_type_ids, &event.source_type_id)
            && any_of(event_ids, &event.id)
            && from_us.is_none_or(|from| event.time.micros() >= from)
            && to_us.is_none_or(|to| event.time.micros() < to)
    }
}

/// Where an event stands in the total order of its tenant's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
    /// Ids are compared as their 16 bytes.
    pub event_id: EventId,
}

fn any_of<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

/// What one read of a page brings. The event with which it comes to this is in it, so that it is at most one event
/// (1 MiB) more; ordinary pages are a tenth of it.
pub const READ_BYTES: usize = 256 * 1024;

/// One page of a tenant's history, and the counts that go with it: read at one instant where the backend
/// can, and else at once, so that an event which is stored meanwhile may be in one and not in another.
///
/// A page of large events is larger than memory should hold: it comes with its first events, and with the places of
/// the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The first events of the page; all of them where they are small.
    pub events: Vec<Event>,
    /// Where the page's other events stand, in its order.
    pub rest: Vec<Position>,
    /// All events of the tenant.
    pub total_count: u64,
    /// The events that the query's filters let through, whatever its limit and offset.
    pub filtered_count: u64,
}
