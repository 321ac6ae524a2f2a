//! Pages: together the whole, filtered as the query says, and followed from one position to the next.

use event_history::domain::query::Limit;
use event_history::domain::{Event, EventId, EventTime, Ordering, Position, Query, Tenant};
use event_history::store::Store;
use uuid::Uuid;

use super::{Opener, assert_missing, newest_first, page, with_tenant};
use crate::samples::{self, Random, as_sent, history};

pub(crate) async fn joins_pages_to_the_whole(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "pages").await;
    let events = history(4, 250);
    store.append(&tenant, events.clone()).await.unwrap();
    let mut expected = newest_first(events);
    let all = [1, 7, 50, 249, 250, 1000];
    let limits = if opener.is_slow() { &all[2..] } else { &all };
    for ordering in [Ordering::NewestFirst, Ordering::OldestFirst] {
        for limit in limits.iter().copied() {
            let mut joined = Vec::new();
            let mut offset = 0;
            while offset < 260 {
                let query = Query {
                    ordering,
                    limit: Limit::new(limit).unwrap(),
                    offset,
                    ..Query::default()
                };
                let page = page(&*store, &tenant, &query).await;
                assert_eq!(
                    (page.counts.unwrap().total, page.counts.unwrap().filtered),
                    (250, 250)
                );
                assert!(page.events.len() <= limit as usize);
                joined.extend(page.events);
                offset += limit;
            }
            assert_eq!(joined, expected, "{ordering:?} by {limit}");
        }
        expected.reverse();
    }
    store.close().await.unwrap();
}

pub(crate) async fn walks_the_whole_by_scanning(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "scanned").await;
    let (first, limit) = (None, Limit::new(7).unwrap());
    assert_eq!(store.scan(&tenant, first, limit).await.unwrap(), []);

    // 250 events at 200 instants: ties are many, and ids of both halves of their range.
    let mut events = history(14, 250);
    let mut random = Random::seeded(15);
    for (time, high) in [
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.999999Z", u64::MAX),
    ] {
        events.push(Event {
            id: EventId::from_uuid(Uuid::from_u64_pair(high, u64::MAX)),
            time: EventTime::parse(time).unwrap(),
            ..random.event()
        });
    }
    store.append(&tenant, events.clone()).await.unwrap();
    let mut expected = newest_first(events);
    expected.reverse();
    let all = [1, 7, 63, 251, 252, 1000];
    let limits = if opener.is_slow() { &all[2..] } else { &all };
    for limit in limits.iter().copied() {
        let limit = Limit::new(limit).unwrap();
        let mut joined: Vec<Event> = Vec::new();
        loop {
            let after = joined.last().map(Event::position);
            let next = store.scan(&tenant, after, limit).await.unwrap();
            let left = expected.len() - joined.len();
            assert_eq!(next.len(), left.min(limit.get() as usize), "by {limit:?}");
            if next.is_empty() {
                break;
            }
            joined.extend(as_sent(next));
        }
        assert_eq!(joined, expected, "by {limit:?}");
    }

    // The position need not be that of an event.
    let between = Position {
        time_us: expected[100].time.micros(),
        event_id: EventId::from_uuid(Uuid::from_u64_pair(1 << 63, 0)),
    };
    let behind = expected
        .iter()
        .position(|event| event.position() > between)
        .unwrap();
    let next = store.scan(&tenant, Some(between), limit).await.unwrap();
    assert_eq!(as_sent(next), expected[behind..behind + 7]);
    assert_missing(
        &store
            .scan(&samples::tenant("scanned-2"), first, limit)
            .await,
    );
    store.close().await.unwrap();
    assert!(store.scan(&tenant, first, limit).await.is_err(), "closed");
}

/// Returns all events of a tenant with their times of receipt.
pub(super) async fn stored(store: &dyn Store, tenant: &Tenant) -> Vec<Event> {
    let (mut events, limit): (Vec<Event>, _) = (Vec::new(), Limit::clamped(1000));
    loop {
        let after = events.last().map(Event::position);
        let next = store.scan(tenant, after, limit).await.unwrap();
        if next.is_empty() {
            return events;
        }
        events.extend(next);
    }
}

/// Follows the positions of random queries, and of one record's events, from one end to the other.
pub(crate) async fn follows_positions_through_what_matches(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "behind").await;
    let none = store.events_behind(&tenant, None, &Query::default()).await;
    assert_eq!(none.unwrap().events, []);
    store.append(&tenant, history(16, 300)).await.unwrap();
    let newest_first = newest_first(stored(&*store, &tenant).await);
    let mut random = Random::seeded(17);
    let queries = if opener.is_slow() { 8 } else { 24 };
    for number in 0..queries {
        let mut query = random.query(&newest_first);
        if number % 2 == 0 {
            query = Query {
                record_ids: vec![number / 4],
                ordering: query.ordering,
                limit: query.limit,
                ..Query::default()
            };
        }
        let matching = newest_first.iter().filter(|it| query.matches(it));
        let mut matching: Vec<Event> = matching.cloned().collect();
        if query.ordering == Ordering::OldestFirst {
            matching.reverse();
        }
        // From anywhere, and from what need not be an event's position.
        let start = (number % 3 == 0).then(|| random.event().position());
        matching.retain(|event| match (start, query.ordering) {
            (None, _) => true,
            (Some(start), Ordering::NewestFirst) => event.position() < start,
            (Some(start), Ordering::OldestFirst) => event.position() > start,
        });
        if query.limit.get() < 3 {
            matching.truncate(6);
        }
        let (mut joined, mut after): (Vec<Event>, _) = (Vec::new(), start);
        while joined.len() < matching.len() {
            let chunk = store.events_behind(&tenant, after, &query).await.unwrap();
            let left = matching.len() - joined.len();
            let most = query.limit.get() as usize;
            assert!(chunk.events.len() == most || !chunk.has_more, "{query:?}");
            assert!(chunk.has_more || chunk.events.len() == left, "{query:?}");
            after = chunk.events.last().map(Event::position);
            assert!(after.is_some(), "{query:?}");
            joined.extend(chunk.events);
        }
        assert_eq!(joined, matching, "{query:?} behind {start:?}");
    }
    let stranger = samples::tenant("behind-nobody");
    let missing = store
        .events_behind(&stranger, None, &Query::default())
        .await;
    assert_missing(&missing);
    store.close().await.unwrap();
}

pub(crate) async fn filters_as_the_query_says(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "filters").await;
    for batch in history(5, 400).chunks(50) {
        store.append(&tenant, batch.to_vec()).await.unwrap(); // received at several times
    }
    let newest_first = newest_first(stored(&*store, &tenant).await);
    let mut random = Random::seeded(6);
    let mut matched = 0;
    let queries = if opener.is_slow() { 120 } else { 600 };
    for _ in 0..queries {
        let query = random.query(&newest_first);
        let mut expected: Vec<Event> = newest_first
            .iter()
            .filter(|event| query.matches(event))
            .cloned()
            .collect();
        if query.ordering == Ordering::OldestFirst {
            expected.reverse();
        }
        matched += expected.len();
        let page = page(&*store, &tenant, &query).await;
        assert_eq!(page.counts.unwrap().total, 400);
        assert_eq!(
            page.counts.unwrap().filtered,
            expected.len() as u64,
            "{query:?}"
        );
        let (skip, limit) = (query.offset as usize, query.limit.get() as usize);
        assert_eq!(page.has_more, expected.len() > skip + limit, "{query:?}");
        let expected: Vec<Event> = expected.into_iter().skip(skip).take(limit).collect();
        assert_eq!(page.events, as_sent(expected), "{query:?}");
    }
    assert!(
        matched > 3 * queries,
        "the queries should find something: {matched}"
    );
    store.close().await.unwrap();
}
