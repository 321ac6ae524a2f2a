//! Queries of a tenant's history, and the pages that answer them.

use super::{Event, EventId, FileId, Invalid, Position, ReceivedAt, WantedChanges, Words};

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
    pub source_names: Vec<String>,
    pub source_infos: Vec<String>,
    /// An event matches by any of its files.
    pub file_ids: Vec<FileId>,
    pub has_file: Option<bool>,
    /// Microseconds since 1970-01-01T00:00:00Z, inclusive.
    pub received_from_us: Option<i64>,
    /// Microseconds since 1970-01-01T00:00:00Z, exclusive.
    pub received_to_us: Option<i64>,
    pub changes: WantedChanges,
    pub ordering: Ordering,
    pub limit: Limit,
    pub offset: u32,
    /// The page begins behind this position, which need not be that of an event, and has no offset.
    pub after: Option<Position>,
    pub count: Count,
}

/// The total order of events is (`event_time`, `event_id`), so that pages never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ordering {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// The counts that a page comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    #[default]
    Exact,
    /// Nothing is counted.
    None,
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
            after: self.after,
            count: self.count,
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
            source_names,
            source_infos,
            file_ids,
            has_file,
            received_from_us,
            received_to_us,
            changes,
            ordering: _,
            limit: _,
            offset: _,
            after: _,
            count: _,
        } = self;
        // An event that was not received yet is in no range.
        let received_us = event.received_at.map(ReceivedAt::micros);
        any_of(record_ids, &event.record_id)
            && any_of(event_type_ids, &event.event_type_id)
            && any_of(source_ids, &event.source_id)
            && any_of(source_type_ids, &event.source_type_id)
            && any_of(event_ids, &event.id)
            && from_us.is_none_or(|from| event.time.micros() >= from)
            && to_us.is_none_or(|to| event.time.micros() < to)
            && words.as_ref().is_none_or(|it| it.are_in(event))
            && any_of(source_names, &event.source_name)
            && any_of(source_infos, &event.source_info)
            && (file_ids.is_empty() || event.files.iter().any(|it| file_ids.contains(&it.id)))
            && has_file.is_none_or(|it| it != event.files.is_empty())
            && received_from_us.is_none_or(|from| received_us.is_some_and(|it| it >= from))
            && received_to_us.is_none_or(|to| received_us.is_some_and(|it| it < to))
            && (changes.is_empty() || changes.are_in(event.data.as_str()))
    }
}

fn any_of<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

/// The size at which one read of a page ends. The event that reaches it is included, so a read is at most one event (1 MiB)
/// larger. Ordinary pages are a tenth of this.
pub const READ_BYTES: usize = 256 * 1024;

/// The numbers of a tenant's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// All events of the tenant.
    pub total: u64,
    /// The events that match the filters, regardless of limit and offset.
    pub filtered: u64,
}

/// One page of a tenant's history, and its counts if the query asks for them. They are read in one snapshot if the backend supports that, and
/// otherwise concurrently, so that a new event may be in one and not in another.
///
/// A page of large events may be too large for memory: it contains its first events, and the positions of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The first events of the page; all of them if they are small.
    pub events: Vec<Event>,
    /// The positions of the page's other events, in its order.
    pub rest: Vec<Position>,
    /// Events that match follow the page.
    pub has_more: bool,
    /// `None` with [`Count::None`].
    pub counts: Option<Counts>,
}

/// The next events of a query behind a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub events: Vec<Event>,
    /// Others may follow.
    pub has_more: bool,
}
