//! Events that are stored twice, as two replicas may do that receive one at the same moment, and rows of later revisions.

use event_history::domain::query::Limit;
use event_history::domain::{Event, Ordering, Query, Tenant};
use event_history::store::{Appended, Store};

use super::{POOL, Place, created};
use crate::conformance::store::{page, stats};
use crate::samples::{Random, as_sent, history};

impl Place {
    /// Stores every event of a tenant once more, received later and with another `source_info`.
    async fn duplicate(&self, tenant: &Tenant, revision: u16, source_info: &str) {
        self.sql(&format!(
            "INSERT INTO {POOL} SETTINGS async_insert = 0 SELECT * REPLACE ('{source_info}' AS source_info, \
             {revision} AS revision, received_at + 1 AS received_at) FROM {POOL} FINAL \
             WHERE client_id = '{}'",
            tenant.client_id
        ))
        .await;
    }
}

const REVISED: &str = "revised";

fn newest_first(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| std::cmp::Reverse((event.time.micros(), event.id)));
    events
}

/// Asserts that each event is shown once and counted once, whatever is asked for.
async fn assert_shows(store: &dyn Store, tenant: &Tenant, expected: &[Event]) {
    let mut random = Random::seeded(7);
    for _ in 0..24 {
        let mut query = random.query(expected);
        if expected.iter().all(|event| event.source_info == REVISED) {
            query.words = None; // the rows still have those from before
        }
        let matching = expected.iter().filter(|event| query.matches(event));
        let mut matching: Vec<Event> = matching.cloned().collect();
        if query.ordering == Ordering::OldestFirst {
            matching.reverse();
        }
        let shown = page(store, tenant, &query).await;
        assert_eq!(shown.counts.unwrap().total, expected.len() as u64);
        assert_eq!(
            shown.counts.unwrap().filtered,
            matching.len() as u64,
            "{query:?}"
        );
        let (skip, limit) = (query.offset as usize, query.limit.get() as usize);
        let matching: Vec<Event> = matching.into_iter().skip(skip).take(limit).collect();
        assert_eq!(shown.events, matching, "{query:?}");
    }
    let (all, some) = (
        Query::default(),
        Query {
            record_ids: vec![1, 2, 3],
            ..Query::default()
        },
    );
    for query in [all, some] {
        stats::assert_counted(store, tenant, expected, &query).await;
    }
    for limit in [1, 2, 50, 1000] {
        let limit = Limit::new(limit).unwrap();
        let mut scanned: Vec<Event> = Vec::new();
        loop {
            let after = scanned.last().map(Event::position);
            let next = store.scan(tenant, after, limit).await.unwrap();
            if next.is_empty() {
                break;
            }
            scanned.extend(next);
        }
        scanned.reverse();
        assert_eq!(as_sent(scanned), expected);
        let (mut followed, mut has_more) = (Vec::new(), true);
        while has_more {
            let after = followed.last().map(Event::position);
            let query = Query {
                limit,
                ..Query::default()
            };
            let next = store.events_behind(tenant, after, &query).await.unwrap();
            has_more = next.has_more;
            followed.extend(next.events);
        }
        assert_eq!(as_sent(followed), expected);
    }
    for event in expected.iter().take(20) {
        let found = store.event(tenant, event.id).await.unwrap();
        assert_eq!(as_sent(found), std::slice::from_ref(event));
    }
    let again = store.append(tenant, expected.to_vec()).await.unwrap();
    assert_eq!(again, vec![Appended::AlreadyThere; expected.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_there_twice_is_shown_and_counted_once() {
    let place = Place::new();
    let store = place.replica().await;
    let (tenant, other) = (
        created(&*store, "twice").await,
        created(&*store, "other").await,
    );
    place.sql(&format!("SYSTEM STOP MERGES {POOL}")).await;
    let events = history(1, 150);
    store.append(&tenant, events.clone()).await.unwrap();
    store.append(&other, events.clone()).await.unwrap();
    place.duplicate(&tenant, 0, "received later").await;
    let rows = format!(
        "SELECT count() FROM {POOL} WHERE client_id = '{}'",
        tenant.client_id
    );
    assert_eq!(place.sql(&rows).await, "300\n");
    let events = newest_first(events);
    assert_shows(&*store, &tenant, &events).await;

    // A later revision wins over both, and keeps the place.
    place.duplicate(&tenant, 1, REVISED).await;
    assert_eq!(place.sql(&rows).await, "450\n");
    let revised: Vec<Event> = events
        .iter()
        .map(|event| Event {
            source_info: REVISED.to_owned(),
            ..event.clone()
        })
        .collect();
    assert_shows(&*store, &tenant, &revised).await;
    let view = "SELECT count(), countIf(source_info = 'revised') FROM twice.events";
    assert_eq!(place.sql(view).await, "150\t150\n");
    place.sql(&format!("SYSTEM START MERGES {POOL}")).await;
    place.sql(&format!("OPTIMIZE TABLE {POOL} FINAL")).await;
    assert_eq!(place.sql(&rows).await, "150\n", "merged");
    assert_shows(&*store, &tenant, &revised).await;
    assert_shows(&*store, &other, &events).await;
}

/// More rows than are counted without duplicates.
const MANY: u64 = 1_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_very_large_tenant_a_record_is_counted_exactly() {
    let place = Place::new();
    let store = place.replica().await;
    let tenant = created(&*store, "large").await;
    place.sql(&format!("SYSTEM STOP MERGES {POOL}")).await;
    for what in [
        format!("number FROM numbers({MANY})"),
        // Record 7 again, as another replica may have stored it.
        format!("number FROM numbers({MANY}) WHERE number % 1000 = 7"),
    ] {
        place
            .sql(&format!(
                "INSERT INTO {POOL} (client_id, event_id, time_us, record_id, event_data) \
                 SETTINGS async_insert = 0 SELECT '{}', \
                 reinterpret(sipHash128(number), 'UUID'), number, number % 1000, '[]' FROM (SELECT {what})",
                tenant.client_id
            ))
            .await;
    }
    let of_record = Query {
        record_ids: vec![7],
        limit: Limit::new(1).unwrap(),
        ..Query::default()
    };
    let page = store.events(&tenant, &of_record).await.unwrap();
    assert_eq!(page.counts.unwrap().filtered, MANY / 1000);
    assert_eq!(
        page.counts.unwrap().total,
        MANY + MANY / 1000,
        "rows are counted"
    );
    store.close().await.unwrap();
}
