//! Counts of a tenant's events by spans of time and by kind.

use std::collections::{BTreeMap, HashMap};

use super::EventTime;

/// The most counts of one answer: as many as a chart can show, and a megabyte of JSON.
pub const MAX_CELLS: usize = 10_000;

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * 60 * MINUTE_US;

/// From Monday, 1969-12-29, to 1970-01-01.
const WEEK_OFFSET_US: i64 = 3 * DAY_US;

/// What events are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grouping {
    pub bucket: Option<Bucket>,
    pub dimension: Option<Dimension>,
}

/// Spans of the event time, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    Minute,
    Hour,
    Day,
    /// From Monday on.
    Week,
    Month,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    EventType,
    SourceType,
    /// A source has its id among those of its type.
    Source,
}

/// A span of fixed length, by which a backend counts: `(time_us + offset_us) / width_us`, rounded down, is its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Microseconds.
    pub width_us: i64,
    /// Microseconds.
    pub offset_us: i64,
}

/// The counts of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stats {
    /// At most [`MAX_CELLS`], in the order of times and kinds; none of them is 0.
    Cells(Vec<Cell>),
    TooMany,
}

impl Stats {
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Cells(cells) if cells.is_empty())
    }
}

/// The number of events of one span and one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Microseconds since 1970-01-01T00:00:00Z; `None` where time does not count.
    pub start_us: Option<i64>,
    pub kind: Kind,
    pub events: u64,
}

/// What the events of one count have in common, as the dimension says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Any,
    EventType(i32),
    SourceType(i32),
    Source { source_type_id: i32, source_id: i64 },
}

/// Adds up counts in bounded memory.
#[derive(Debug)]
pub struct Tally {
    grouping: Grouping,
    /// By the number of a span and the kind.
    counts: HashMap<(i64, Kind), u64>,
}

impl Bucket {
    /// Returns the span by which a backend counts. Months have no fixed length and are added up from days.
    pub const fn span(self) -> Span {
        let (width_us, offset_us) = match self {
            Self::Minute => (MINUTE_US, 0),
            Self::Hour => (60 * MINUTE_US, 0),
            Self::Day | Self::Month => (DAY_US, 0),
            Self::Week => (7 * DAY_US, WEEK_OFFSET_US),
        };
        Span {
            width_us,
            offset_us,
        }
    }

    /// Returns the beginning of the bucket that has the span with this number; that of the first week of the year 0 is
    /// the first instant of that year, since no earlier one can be written.
    fn start_us(self, number: i64) -> i64 {
        let Span {
            width_us,
            offset_us,
        } = self.span();
        let start_us = number.saturating_mul(width_us).saturating_sub(offset_us);
        let start = EventTime::clamped(start_us);
        match self {
            Self::Month => start.month_start().micros(),
            Self::Minute | Self::Hour | Self::Day | Self::Week => start.micros(),
        }
    }
}

impl Span {
    pub const fn number_of(self, time_us: i64) -> i64 {
        time_us
            .saturating_add(self.offset_us)
            .div_euclid(self.width_us)
    }
}

impl Grouping {
    /// Returns how many counts a backend may have to return: a month has up to 31 days.
    pub const fn max_counts(self) -> usize {
        match self.bucket {
            Some(Bucket::Month) => 31 * MAX_CELLS,
            _ => MAX_CELLS,
        }
    }
}

impl Tally {
    pub fn new(grouping: Grouping) -> Self {
        Self {
            grouping,
            counts: HashMap::new(),
        }
    }

    /// Adds events of the span with this number, which is ignored where time does not count. Returns whether there can
    /// still be an answer: if not, there are too many counts.
    #[must_use]
    pub fn add(&mut self, number: i64, kind: Kind, events: u64) -> bool {
        let number = self.grouping.bucket.map_or(0, |_| number);
        *self.counts.entry((number, kind)).or_default() += events;
        self.counts.len() <= self.grouping.max_counts()
    }

    pub fn finish(self) -> Stats {
        let Self { grouping, counts } = self;
        if counts.len() > grouping.max_counts() {
            return Stats::TooMany;
        }
        let mut cells: BTreeMap<(Option<i64>, Kind), u64> = BTreeMap::new();
        for ((number, kind), events) in counts {
            let start_us = grouping.bucket.map(|bucket| bucket.start_us(number));
            *cells.entry((start_us, kind)).or_default() += events;
        }
        if cells.len() > MAX_CELLS {
            return Stats::TooMany;
        }
        let cells = cells.into_iter().map(|((start_us, kind), events)| Cell {
            start_us,
            kind,
            events,
        });
        Stats::Cells(cells.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Cell, Grouping, Kind, MAX_CELLS, Stats, Tally};
    use crate::domain::EventTime;

    fn start(bucket: Bucket, time: &str) -> String {
        let time_us = EventTime::parse(time).unwrap().micros();
        let start_us = bucket.start_us(bucket.span().number_of(time_us));
        EventTime::from_parts(start_us, 0).unwrap().to_string()
    }

    #[test]
    fn buckets_begin_where_they_should() {
        for (bucket, time, expected) in [
            (
                Bucket::Minute,
                "2024-02-29T10:26:59.999999Z",
                "2024-02-29T10:26:00Z",
            ),
            (Bucket::Hour, "2024-02-29T10:26:12Z", "2024-02-29T10:00:00Z"),
            (
                Bucket::Hour,
                "1969-12-31T23:59:59.999999Z",
                "1969-12-31T23:00:00Z",
            ),
            (Bucket::Day, "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            (Bucket::Day, "1500-03-01T12:00:00Z", "1500-03-01T00:00:00Z"),
            (Bucket::Week, "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z"), // a Sunday
            (Bucket::Week, "2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z"),
            (Bucket::Week, "1969-12-28T00:00:00Z", "1969-12-22T00:00:00Z"),
            (
                Bucket::Month,
                "2024-02-29T23:59:59Z",
                "2024-02-01T00:00:00Z",
            ),
            (
                Bucket::Month,
                "1969-12-31T23:59:59Z",
                "1969-12-01T00:00:00Z",
            ),
            (
                Bucket::Month,
                "9999-12-31T23:59:59.999999Z",
                "9999-12-01T00:00:00Z",
            ),
            (
                Bucket::Month,
                "0000-01-01T00:00:00Z",
                "0000-01-01T00:00:00Z",
            ),
            (Bucket::Week, "0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"), // a Saturday
        ] {
            assert_eq!(start(bucket, time), expected, "{bucket:?} of {time}");
        }
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let cells = |bucket, count: usize| {
            let grouping = Grouping {
                bucket: Some(bucket),
                dimension: None,
            };
            let mut tally = Tally::new(grouping);
            for number in (0_i64..).take(count) {
                if !tally.add(number, Kind::Any, 2) {
                    return None;
                }
            }
            match tally.finish() {
                Stats::Cells(cells) => Some(cells),
                Stats::TooMany => None,
            }
        };
        assert_eq!(cells(Bucket::Hour, MAX_CELLS).unwrap().len(), MAX_CELLS);
        assert_eq!(cells(Bucket::Hour, MAX_CELLS + 1), None);
        let months = cells(Bucket::Month, 366).unwrap(); // of 1970 and one day
        assert_eq!(months.len(), 13);
        let january = Cell {
            start_us: Some(0),
            kind: Kind::Any,
            events: 62,
        };
        assert_eq!(months[0], january);
        assert_eq!(cells(Bucket::Month, 31 * MAX_CELLS + 1), None);
    }
}
