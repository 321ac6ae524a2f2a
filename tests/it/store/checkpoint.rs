//! Checkpoints of the write-ahead log: it is bounded under load, and copied completely after it.

use std::fs;
use std::path::Path;

use event_history::store::Store;
use rusqlite::{Connection, OpenFlags};

use super::{Place, count, open_files, until};
use crate::samples::{Random, as_sent};

/// Well above what a log grows to before it restarts, and well below what all events write to it,
/// which is some 300 MiB.
const MOST_LOG_BYTES: u64 = 128 * 1024 * 1024;
const EVENTS: u64 = 40_000;
const BATCH: u64 = 250;

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_run_under_load_and_copy_all_of_the_log_after_it() {
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
    let database = place.database("demo");
    until(
        || without_log(&database) == Some(EVENTS),
        "all of the log is copied",
    )
    .await;
    assert!(
        open_files(&place.folder()) <= 5 + 8,
        "no checkpoint is running"
    );

    // Load once more, after the rest.
    let events: Vec<_> = (0..BATCH).map(|_| random.event()).collect();
    let last = events[0].clone();
    store.append(&tenant, events).await.unwrap();
    let stored = store.event(&tenant, last.id).await.unwrap();
    assert_eq!(as_sent(stored), [last]);
    assert_eq!(count(&store, &tenant).await, EVENTS + BATCH);
    store.close().await.unwrap();
    assert!(!log.exists());
}

/// Returns how many events a database file has by itself; `None` if it is not whole without its log.
fn without_log(database: &Path) -> Option<u64> {
    let copy = database.with_extension("copy");
    fs::copy(database, &copy).unwrap();
    let connection = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let is_whole = connection.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0));
    if is_whole.ok()? != "ok" {
        return None;
    }
    let count = connection.query_row("SELECT count(*) FROM events", [], |row| {
        row.get::<_, i64>(0)
    });
    Some(count.ok()?.unsigned_abs())
}
