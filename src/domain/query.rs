//! Queries of a tenant's history, and the pages that answer them.

use super::{Event, EventId, Invalid, Position, Words};

/// Filters, order and range of a query.
///
/// A list matches any of its values; an empty list does not filter. All filters have to match.
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
    pub words: Option<Words>,
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

/// The maximum number of events on a page: 1 to 1000.
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

    /// Returns the nearest valid limit.
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
    /// Tells whether every event matches.
    pub fn is_unfiltered(&self) -> bool {
        let paging = Self {
            ordering: self.ordering,
            limit: self.limit,
            offset: self.offset,
            ..Self::default()
        };
        *self == paging
    }

    /// Tells whether the filters match an event.
    ///
    /// This defines the meaning of a query. Backends use indexes, and the conformance suite compares them with this.
    pub fn matches(&self, event: &Event) -> bool {
        let Self {
            record_ids,
            event_type_ids,
            source_ids,
            source_type_ids,
            event_ids,
            from_us,
            to_us,
            words,
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
            && words.as_ref().is_none_or(|it| it.are_in(event))
    }
}

fn any_of<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

/// The size at which one read of a page ends. The event that reaches it is included, so a read is at most one event (1 MiB)
/// larger. Ordinary pages are a tenth of this.
pub const READ_BYTES: usize = 256 * 1024;

/// One page of a tenant's history, and its counts. They are read in one snapshot if the backend supports that, and
/// otherwise concurrently, so that a new event may be in one and not in another.
///
/// A page of large events may be too large for memory: it contains its first events, and the positions of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The first events of the page; all of them if they are small.
    pub events: Vec<Event>,
    /// The positions of the page's other events, in its order.
    pub rest: Vec<Position>,
    /// The number of all events of the tenant.
    pub total_count: u64,
    /// The number of events that match the filters, regardless of limit and offset.
    pub filtered_count: u64,
}

/// The next events of a query behind a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub events: Vec<Event>,
    /// Others may follow.
    pub has_more: bool,
}
