//! The write-ahead log: bounded under load, and gone after it.

use std::fs;

use event_history::store::Store;
use event_history::store::conformance::samples::Random;

use super::{Place, count, open_files, until};

/// Well above what a log grows to before it starts over, and well below what all events write to it,
/// which is some 300 MiB.
const MOST_LOG_BYTES: u64 = 128 * 1024 * 1024;
const EVENTS: u64 = 40_000;
const BATCH: u64 = 250;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_folded_back_beside_the_writer_and_emptied_after_it() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let log = place.folder().join("tenants/demo.db-wal");
    let log_bytes = || fs::metadata(&log).map_or(0, |it| it.len());
    let mut random = Random::seeded(1);
    let (mut most, mut written) = (0, 0);
    while written < EVENTS {
        let events = (0..BATCH).map(|_| random.event()).collect();
        store.append(&tenant, events).await.unwrap();
        written += BATCH;
        most = log_bytes().max(most);
        if written % (10 * BATCH) == 0 {
            assert_eq!(count(&store, &tenant).await, written);
        }
    }
    assert!(most < MOST_LOG_BYTES, "{most}");
    until(|| log_bytes() == 0, "the log is emptied").await;
    assert!(
        open_files(&place.folder()) <= 4 + 7,
        "nobody folds any more"
    );

    // Load once more, after the rest.
    let events: Vec<_> = (0..BATCH).map(|_| random.event()).collect();
    let last = events[0].clone();
    store.append(&tenant, events).await.unwrap();
    assert_eq!(store.event(&tenant, last.id).await.unwrap(), Some(last));
    assert_eq!(count(&store, &tenant).await, EVENTS + BATCH);
    store.close().await.unwrap();
    assert!(!log.exists());
}
