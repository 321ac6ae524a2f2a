//! Who may use how much, and who waits for whom.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use event_history::domain::{Query, Tenant};
use event_history::store::{Error, Store};
use rusqlite::Connection;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use super::{Place, count, large_event, open_files};
use crate::samples::{Random, history, tenant};

/// The open files that the process may have: databases take at most half of them.
const ALLOWED_FILES: u64 = 512;
const MOST_FILES: usize = 256;

/// Runs in a process of its own, whose limit it lowers.
#[tokio::test(flavor = "multi_thread")]
async fn open_files_are_bounded_however_many_tenants_are_used() {
    let allowed = Rlimit {
        current: Some(ALLOWED_FILES),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, allowed).unwrap();
    let place = Place::new();
    let store = Arc::new(place.open().await);
    let tenants: Vec<Tenant> = (0..100).map(|it| tenant(&format!("many-{it}"))).collect();
    for tenant in &tenants {
        store.create_tenant(tenant.clone()).await.unwrap();
        store.append(tenant, history(1, 1)).await.unwrap();
        assert!(open_files(&place.folder()) <= MOST_FILES);
    }
    let kept = open_files(&place.folder());
    assert!(kept > 100, "the handles are kept for the next use: {kept}");
    // All at once: whoever finds no room waits for one who is done.
    let mut senders = JoinSet::new();
    for tenant in tenants.clone() {
        let store = Arc::clone(&store);
        senders.spawn(async move {
            for seed in 2..12 {
                store.append(&tenant, history(seed, 1)).await.unwrap();
                store.events(&tenant, &Query::default()).await.unwrap();
            }
        });
    }
    senders.join_all().await;
    assert!(open_files(&place.folder()) <= MOST_FILES);
    for tenant in &tenants {
        assert_eq!(count(&*store, tenant).await, 11);
    }
    store.close().await.unwrap();
    assert_eq!(open_files(&place.folder()), 0);
    let left = fs::read_dir(place.folder().join("tenants"))
        .unwrap()
        .count();
    assert_eq!(left, tenants.len(), "every write-ahead log is checkpointed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_stored_even_if_its_sender_hangs_up() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    store.append(&tenant, history(1, 1)).await.unwrap();
    let blocker = Connection::open(place.database("demo")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let append = store.append(&tenant, history(2, 1));
    tokio::time::timeout(Duration::from_millis(50), append)
        .await
        .unwrap_err();
    blocker.execute_batch("COMMIT").unwrap();
    drop(blocker);
    store.close().await.unwrap(); // writes what is queued
    let store = place.open().await;
    assert_eq!(count(&store, &tenant).await, 2);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_wait_for_a_writer() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    store.append(&tenant, history(1, 1)).await.unwrap();
    let blocker = Connection::open(place.database("demo")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let reading = tokio::time::timeout(Duration::from_secs(4), count(&store, &tenant));
    assert_eq!(reading.await.unwrap(), 1);
    drop(blocker);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_do_not_fit_in_the_queue_fail_as_busy() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let store = Arc::new(store);
    store.append(&tenant, history(1, 1)).await.unwrap();
    let mut random = Random::seeded(2);
    let events: Vec<_> = (0..140)
        .map(|_| large_event(&mut random, 1024 * 1024))
        .collect();
    let blocker = Connection::open(place.database("demo")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut senders = JoinSet::new();
    for event in events {
        let (store, tenant) = (Arc::clone(&store), tenant.clone());
        senders.spawn(async move { store.append(&tenant, vec![event]).await });
    }
    // 128 MiB may wait, so at least six are refused, and at once.
    for _ in 0..6 {
        let outcome = senders.join_next().await.unwrap().unwrap();
        assert!(matches!(outcome, Err(Error::Busy)), "{outcome:?}");
    }
    blocker.execute_batch("COMMIT").unwrap();
    drop(blocker);
    let mut stored = 0;
    for outcome in senders.join_all().await {
        match outcome {
            Ok(answers) => stored += answers.len() as u64,
            Err(error) => assert!(matches!(error, Error::Busy), "{error:?}"),
        }
    }
    assert!(stored >= 120, "{stored}");
    assert_eq!(count(&*store, &tenant).await, stored + 1);
    store.close().await.unwrap();
}
