//! Databases that older versions left behind, with events in them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use event_history::domain::{Event, Page, Query, Tenant, Words};
use event_history::store::{Error, Store};
use rusqlite::Connection;

use super::Place;
use crate::samples::history;

const FIRST_SCHEMA: &str = include_str!("../../../migrations/sqlite/tenant_0001.sql");

/// Puts what is in the database at `path` into one of the first schema, in its place.
pub(super) fn make_old(path: &Path) {
    let newer = path.with_extension("newer");
    fs::rename(path, &newer).unwrap();
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(FIRST_SCHEMA).unwrap();
    connection
        .execute("ATTACH ? AS newer", [newer.to_str().unwrap()])
        .unwrap();
    connection
        .execute_batch(
            "PRAGMA user_version = 1;
             INSERT INTO tenant SELECT * FROM newer.tenant;
             INSERT INTO events SELECT sequence, event_id, time_us, time_digits, event_type_id,
                 record_id, source_id, source_type_id, source_name, source_info, file_id, files, redactions,
                 received_after_us, checksum, event_data
                 FROM newer.events;",
        )
        .unwrap();
    drop(connection);
    fs::remove_file(newer).unwrap();
}

/// Holds the counts of every record and type against the events themselves.
async fn assert_counts(store: &dyn Store, tenant: &Tenant, events: &[Event]) {
    for event in &events[..40] {
        for (record_ids, event_type_ids) in [
            (vec![], vec![]),
            (vec![event.record_id], vec![]),
            (vec![], vec![event.event_type_id]),
            (
                vec![event.record_id, event.record_id, 3],
                vec![event.event_type_id],
            ),
        ] {
            let query = Query {
                record_ids,
                event_type_ids,
                ..Query::default()
            };
            let expected = events.iter().filter(|it| query.matches(it)).count() as u64;
            let page = store.events(tenant, &query).await.unwrap();
            let counts = (page.counts.unwrap().total, page.counts.unwrap().filtered);
            assert_eq!(counts, (events.len() as u64, expected), "{query:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filled_database_of_the_first_version_is_upgraded_with_its_counts() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let mut events = history(1, 400);
    let later = events.split_off(300);
    store.append(&tenant, events.clone()).await.unwrap();
    store.close().await.unwrap();
    make_old(&place.database("demo"));

    let store = place.open().await;
    assert_counts(&store, &tenant, &events).await;
    // Some of these are second deliveries, which count once.
    let again: Vec<Event> = events[..50].iter().chain(&later).cloned().collect();
    store.append(&tenant, again).await.unwrap();
    events.extend(later);
    assert_counts(&store, &tenant, &events).await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_upgrade_leaves_the_old_database() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let events = history(2, 100);
    store.append(&tenant, events.clone()).await.unwrap();
    store.close().await.unwrap();
    make_old(&place.database("demo"));
    // The upgrade fails on the way: what it has to make is there already.
    Place::edit(&place.database("demo"), "CREATE TABLE type_counts (x)");
    let store = place.open().await;
    store
        .events(&tenant, &Query::default())
        .await
        .expect_err("half an upgrade");
    store.close().await.unwrap();
    Place::edit(&place.database("demo"), "DROP TABLE type_counts");
    let store = place.open().await;
    assert_counts(&store, &tenant, &events).await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_a_person_deletes_are_not_counted() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let mut events = history(3, 200);
    store.append(&tenant, events.clone()).await.unwrap();
    store.close().await.unwrap();
    let cut = events[100].time.micros();
    let sql = format!("DELETE FROM events WHERE time_us < {cut}");
    Place::edit(&place.database("demo"), &sql);
    events.retain(|event| event.time.micros() >= cut);
    assert!((40..200).contains(&events.len()), "{}", events.len());
    let store = place.open().await;
    assert_counts(&store, &tenant, &events).await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_a_person_moves_are_counted_where_they_are() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let mut events = history(3, 200);
    store.append(&tenant, events.clone()).await.unwrap();
    store.close().await.unwrap();
    // The checksum of a row covers what is changed here; counting reads no row.
    let (from, to) = (events[0].record_id, 987_654);
    let sql = format!("UPDATE events SET record_id = {to} WHERE record_id = {from}");
    let of_type = format!(
        "UPDATE events SET event_type_id = 77 WHERE event_type_id = {}",
        events[1].event_type_id
    );
    Place::edit(&place.database("demo"), &format!("{sql}; {of_type}"));
    let (record, kind) = (events[0].record_id, events[1].event_type_id);
    for event in &mut events {
        if event.record_id == record {
            event.record_id = to;
        }
        if event.event_type_id == kind {
            event.event_type_id = 77;
        }
    }
    let connection = rusqlite::Connection::open(place.database("demo")).unwrap();
    let differences = "SELECT count(*) FROM
        (SELECT record_id, event_type_id, count(*) AS n FROM events GROUP BY 1, 2) AS counted
        FULL JOIN (SELECT * FROM record_counts WHERE events <> 0) AS kept
        USING (record_id, event_type_id) WHERE counted.n IS NOT kept.events";
    let count = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(count(differences), 0);
    let moved = events.iter().filter(|it| it.event_type_id == 77).count();
    assert!(moved > 0 && moved < 200);
    let of_type = count("SELECT events FROM type_counts WHERE event_type_id = 77");
    assert_eq!(usize::try_from(of_type).unwrap(), moved);
    assert_eq!(count("SELECT sum(events) FROM type_counts"), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_of_an_older_version_are_indexed_when_somebody_searches() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let events = history(5, 4000);
    store.append(&tenant, events.clone()).await.unwrap();
    store.close().await.unwrap();
    make_old(&place.database("demo"));

    let store = place.open().await;
    let query = Query {
        words: Some(Words::parse("source 3").unwrap()),
        ..Query::default()
    };
    let first = store.events(&tenant, &query).await;
    assert!(matches!(first, Err(Error::NotIndexed)), "{first:?}");
    // Others need not wait for it.
    store.events(&tenant, &Query::default()).await.unwrap();
    let page = until_indexed(&store, &tenant, &query).await;
    let expected = events.iter().filter(|it| query.matches(it)).count() as u64;
    assert_eq!(page.counts.unwrap().filtered, expected);
    store.close().await.unwrap();
}

async fn until_indexed(store: &dyn Store, tenant: &Tenant, query: &Query) -> Page {
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        match store.events(tenant, query).await {
            Err(Error::NotIndexed) if Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            outcome => return outcome.unwrap(),
        }
    }
}
