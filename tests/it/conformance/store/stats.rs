//! Counts by time and kind, compared with a naive count of all events.

use std::collections::BTreeMap;

use event_history::domain::stats::{Bucket, Cell, Dimension, Grouping, Kind, MAX_CELLS, Stats};
use event_history::domain::{Event, EventTime, Query, Tenant};
use event_history::store::Store;
use jiff::civil::Date;

use super::{Opener, with_tenant};
use crate::samples::{Random, history};

const BUCKETS: [Option<Bucket>; 6] = [
    None,
    Some(Bucket::Minute),
    Some(Bucket::Hour),
    Some(Bucket::Day),
    Some(Bucket::Week),
    Some(Bucket::Month),
];

const DIMENSIONS: [Option<Dimension>; 4] = [
    None,
    Some(Dimension::EventType),
    Some(Dimension::SourceType),
    Some(Dimension::Source),
];

/// Returns events of which most are in a few weeks, some in other years, and some at the ends of time.
fn spread_history(seed: u64, length: usize) -> Vec<Event> {
    const EDGES: [&str; 8] = [
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "1969-12-28T23:59:59Z",
        "1500-02-28T12:00:00Z",
        "2024-02-29T23:59:59.999999Z",
        "2024-03-01T00:00:00Z",
    ];
    let mut random = Random::seeded(seed);
    let mut events = history(seed + 1, length);
    for (index, event) in events.iter_mut().enumerate() {
        let seconds = match index % 3 {
            0 => continue, // a moment that many share
            1 => random.below(40 * 24 * 3600),
            _ => random.below(100 * 365 * 24 * 3600),
        };
        let micros = 1_000_000 * i64::try_from(seconds).unwrap();
        event.time = match EDGES.get(index / 3) {
            Some(edge) => EventTime::parse(edge).unwrap(),
            None => EventTime::from_parts(1_600_000_000_000_000 + micros, 6).unwrap(),
        };
    }
    events
}

/// Returns the beginning of a bucket, by the text of the time.
fn start(bucket: Bucket, time: EventTime) -> i64 {
    let text = time.to_string();
    let start = match bucket {
        Bucket::Minute => format!("{}:00Z", &text[..16]),
        Bucket::Hour => format!("{}:00:00Z", &text[..13]),
        Bucket::Day => format!("{}T00:00:00Z", &text[..10]),
        Bucket::Month => format!("{}-01T00:00:00Z", &text[..7]),
        Bucket::Week => {
            let mut date: Date = text[..10].parse().unwrap();
            while date.weekday() != jiff::civil::Weekday::Monday
                && date != jiff::civil::date(0, 1, 1)
            {
                date = date.yesterday().unwrap();
            }
            format!("{date}T00:00:00Z")
        }
    };
    EventTime::parse(&start).unwrap().micros()
}

fn count(events: &[Event], query: &Query, grouping: Grouping) -> Stats {
    let mut counts: BTreeMap<(Option<i64>, Kind), u64> = BTreeMap::new();
    for event in events.iter().filter(|it| query.matches(it)) {
        let start_us = grouping.bucket.map(|bucket| start(bucket, event.time));
        let kind = match grouping.dimension {
            None => Kind::Any,
            Some(Dimension::EventType) => Kind::EventType(event.event_type_id),
            Some(Dimension::SourceType) => Kind::SourceType(event.source_type_id),
            Some(Dimension::Source) => Kind::Source {
                source_type_id: event.source_type_id,
                source_id: event.source_id,
            },
        };
        *counts.entry((start_us, kind)).or_default() += 1;
    }
    let cells = counts.into_iter().map(|((start_us, kind), events)| Cell {
        start_us,
        kind,
        events,
    });
    Stats::Cells(cells.collect())
}

/// Asserts that every grouping of these events is counted; returns how many of them count something.
pub(crate) async fn assert_counted(
    store: &dyn Store,
    tenant: &Tenant,
    events: &[Event],
    query: &Query,
) -> usize {
    let mut found = 0;
    for bucket in BUCKETS {
        for dimension in DIMENSIONS {
            let grouping = Grouping { bucket, dimension };
            let counted = store.stats(tenant, query, grouping).await.unwrap();
            assert_eq!(
                counted,
                count(events, query, grouping),
                "{query:?} {grouping:?}"
            );
            found += usize::from(!counted.is_empty());
        }
    }
    found
}

pub(crate) async fn counts_as_the_query_says(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "counted").await;
    let (all, total) = (Query::default(), Grouping::default());
    let none = store.stats(&tenant, &all, total).await.unwrap();
    assert_eq!(none, Stats::Cells(Vec::new()));
    let sent = spread_history(70, 600);
    store.append(&tenant, sent.clone()).await.unwrap();
    let mut random = Random::seeded(71);
    let mut queries = vec![Query::default()];
    let drawn = if opener.is_slow() { 2 } else { 20 };
    queries.extend((0..drawn).map(|_| random.query(&sent)));
    let mut found = 0;
    for query in &queries {
        found += assert_counted(&*store, &tenant, &sent, query).await;
    }
    assert!(
        found > queries.len() * 10,
        "the queries should find something: {found}"
    );
    store.close().await.unwrap();
}

pub(crate) async fn bounds_the_number_of_counts(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "counted-many").await;
    let mut events = history(72, MAX_CELLS + 1);
    for (event, source_id) in events.iter_mut().zip(0..) {
        (event.source_id, event.source_type_id) = (source_id, 0);
        event.files.clear();
    }
    let last = events.pop().unwrap();
    for batch in events.chunks(5_000) {
        store.append(&tenant, batch.to_vec()).await.unwrap();
    }
    let by_source = Grouping {
        bucket: None,
        dimension: Some(Dimension::Source),
    };
    let query = Query::default();
    let counted = store.stats(&tenant, &query, by_source).await.unwrap();
    assert_eq!(counted, count(&events, &query, by_source));
    store.append(&tenant, vec![last]).await.unwrap();
    for bucket in BUCKETS {
        let by_source = Grouping {
            bucket,
            ..by_source
        };
        let counted = store.stats(&tenant, &query, by_source).await.unwrap();
        assert_eq!(counted, Stats::TooMany, "{bucket:?}");
    }
    // Filters make room.
    let narrow = Query {
        event_type_ids: vec![3],
        ..query
    };
    let counted = store.stats(&tenant, &narrow, by_source).await.unwrap();
    assert!(matches!(counted, Stats::Cells(cells) if cells.len() > 500));
    store.close().await.unwrap();
}
