//! The arrival order on SQLite: its numbers, its clock, and which files begin another epoch.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use event_history::domain::{
    Clock, Cursor, CursorProblem, Event, Feed, Query, SystemClock, Tenant,
};
use event_history::store::sqlite::{Repair, Sqlite};
use event_history::store::{Error, Store};
use jiff::{SignedDuration, Timestamp};

use super::Place;
use crate::samples::{Random, history};

/// A clock that the test sets.
#[derive(Debug)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }
}

async fn feed(store: &dyn Store, tenant: &Tenant, after: Option<&Cursor>) -> Feed {
    store.feed(tenant, after, &Query::default()).await.unwrap()
}

async fn assert_restored(store: &dyn Store, tenant: &Tenant, cursor: &Cursor) {
    let refused = store.feed(tenant, Some(cursor), &Query::default()).await;
    assert!(
        matches!(refused, Err(Error::CursorRefused(CursorProblem::Restored))),
        "{refused:?}"
    );
}

/// Appends events one by one and returns the cursor behind each.
async fn append(store: &dyn Store, tenant: &Tenant, events: &[Event]) -> Vec<Cursor> {
    let mut cursors = Vec::new();
    for event in events {
        store.append(tenant, vec![event.clone()]).await.unwrap();
        cursors.push(store.newest_cursor(tenant).await.unwrap());
    }
    cursors
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_takes_no_event_back() {
    let place = Place::new();
    let clock = Arc::new(SetClock(AtomicI64::new(2_000_000_000)));
    let folder = place.folder();
    let open = || Sqlite::open_with_clock(&folder, clock.clone());
    let (store, tenant) = (open().await.unwrap(), crate::samples::tenant("demo"));
    store.create_tenant(tenant.clone()).await.unwrap();
    let events = history(1, 9);
    append(&store, &tenant, &events[..3]).await;
    clock.0.store(1_000_000_000, Ordering::Relaxed);
    append(&store, &tenant, &events[3..6]).await;
    store.close().await.unwrap();
    // Neither does a restart.
    let store = open().await.unwrap();
    append(&store, &tenant, &events[6..8]).await;
    store.close().await.unwrap();
    // Nor the deletion of the newest by hand.
    Place::edit(&place.database("demo"), "DELETE FROM events");
    let store = open().await.unwrap();
    append(&store, &tenant, &events[8..]).await;
    let last = feed(&store, &tenant, None).await.events;
    let start = Timestamp::from_second(2_000_000_000).unwrap();
    let received_at = last[0].received_at.unwrap().to_string();
    let expected = start + SignedDuration::from_micros(8);
    assert_eq!(received_at, format!("{expected:.6}"));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_not_given_again_after_deletions() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let events = history(2, 30);
    let cursors = append(&store, &tenant, &events[..10]).await;
    store.close().await.unwrap();
    Place::edit(
        &place.database("demo"),
        "DELETE FROM events WHERE sequence >= 8; VACUUM",
    );
    let store = place.open().await;
    append(&store, &tenant, &events[10..12]).await;
    // The cursors of deleted events keep their places.
    for cursor in &cursors[6..] {
        let came = feed(&store, &tenant, Some(cursor)).await;
        let ids: Vec<_> = came.events.iter().map(|it| it.id).collect();
        assert_eq!(ids, [events[10].id, events[11].id]);
    }
    store.close().await.unwrap();
    Place::edit(&place.database("demo"), "DELETE FROM events; VACUUM");
    let store = place.open().await;
    assert!(
        feed(&store, &tenant, Some(&cursors[9]))
            .await
            .events
            .is_empty()
    );
    append(&store, &tenant, &events[12..13]).await;
    let came = feed(&store, &tenant, Some(&cursors[9])).await.events;
    assert_eq!(came[0].id, events[12].id);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_in_the_place_of_the_database_refuses_cursors() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let path = place.database("demo");
    append(&store, &tenant, &history(3, 5)).await;
    store.close().await.unwrap();
    let backup = path.with_extension("backup");
    fs::copy(&path, &backup).unwrap();
    let store = place.open().await;
    let before = store.newest_cursor(&tenant).await.unwrap();
    feed(&store, &tenant, Some(&before)).await; // nothing has happened yet
    store.close().await.unwrap();
    fs::rename(&backup, &path).unwrap();
    let store = place.open().await;
    assert_restored(&store, &tenant, &before).await;
    // It is refused from now on, and new ones are not.
    let cursors = append(&store, &tenant, &history(4, 3)).await;
    assert_restored(&store, &tenant, &before).await;
    store.close().await.unwrap();
    let store = place.open().await;
    assert_restored(&store, &tenant, &before).await;
    feed(&store, &tenant, Some(&cursors[0])).await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_written_over_the_database_refuses_the_cursors_that_it_does_not_know() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let path = place.database("demo");
    let known = append(&store, &tenant, &history(5, 5)).await;
    store.close().await.unwrap();
    let backup = fs::read(&path).unwrap();
    let store = place.open().await;
    let lost = append(&store, &tenant, &history(6, 3)).await;
    store.close().await.unwrap();
    fs::write(&path, backup).unwrap(); // the same file, with what it held before
    let store = place.open().await;
    assert_restored(&store, &tenant, &lost[0]).await; // beyond the newest
    append(&store, &tenant, &history(7, 3)).await;
    assert_restored(&store, &tenant, &lost[0]).await; // another event has its number
    feed(&store, &tenant, Some(&known[4])).await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_database_refuses_cursors() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let cursors = append(&store, &tenant, &history(8, 2)).await;
    store.close().await.unwrap();
    fs::remove_file(place.registry()).unwrap();
    let mut repair = Repair::open(&place.folder()).unwrap();
    repair.adopt(&tenant.database_name).unwrap();
    repair.close().unwrap();
    let store = place.open().await;
    assert_restored(&store, &tenant, &cursors[1]).await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_matches_nothing_reads_a_bounded_part() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let mut events = history(9, 12_345);
    for event in &mut events {
        event.files.clear();
    }
    store.append(&tenant, events).await.unwrap();
    let query = Query {
        record_ids: vec![-1],
        ..Query::default()
    };
    let first = store.feed(&tenant, None, &query).await.unwrap();
    assert!(first.events.is_empty() && first.has_more);
    let rest = store
        .feed(&tenant, Some(&first.cursor), &Query::default())
        .await
        .unwrap();
    assert!(rest.has_more);
    let second = store
        .feed(&tenant, Some(&first.cursor), &query)
        .await
        .unwrap();
    assert!(second.events.is_empty() && !second.has_more);
    // What comes later is found at once.
    let event = Event {
        record_id: -1,
        ..Random::seeded(10).event()
    };
    store.append(&tenant, vec![event.clone()]).await.unwrap();
    let third = store
        .feed(&tenant, Some(&second.cursor), &query)
        .await
        .unwrap();
    assert_eq!(third.events[0].id, event.id);
    store.close().await.unwrap();
}
