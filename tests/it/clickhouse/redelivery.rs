//! Events that are sent again.

use std::fs;

use event_history::domain::Event;
use event_history::store::Appended;

use super::{Place, created};
use crate::samples::{Random, data, history};

const EVENTS: usize = 32;
const EVENT_BYTES: usize = 1024 * 1024;

/// Returns the largest amount of memory that this process has had since the last reset.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    1024 * kilobytes.unwrap().parse::<u64>().unwrap()
}

/// The ids of one small batch may be those of many large events.
#[tokio::test(flavor = "multi_thread")]
async fn stored_events_are_compared_one_at_a_time() {
    let place = Place::new();
    let store = place.replica().await;
    let tenant = created(&*store, "redelivered").await;
    let large = data(&format!("[\"{}\"]", "x".repeat(EVENT_BYTES - 8)));
    let mut random = Random::seeded(1);
    let mut batch = Vec::new();
    for _ in 0..EVENTS {
        let event = random.event();
        let stored = Event {
            record_id: event.record_id + 1, // differs before the data is compared, which is slow in a debug build
            data: large.clone(),
            ..event.clone()
        };
        let answers = store.append(&tenant, vec![stored]).await.unwrap();
        assert_eq!(answers, [Appended::Stored]);
        batch.push(event);
    }
    fs::write("/proc/self/clear_refs", "5").unwrap(); // resets the peak
    let before = peak_bytes();
    let answers = store.append(&tenant, batch).await.unwrap();
    assert_eq!(answers, vec![Appended::OtherContent; EVENTS]);
    let grown = peak_bytes() - before;
    let stored = (EVENTS * EVENT_BYTES) as u64;
    assert!(grown < stored / 2, "{grown} bytes for {stored}");
    store.close().await.unwrap();
}

/// More damaged parts than a table of ClickHouse has by default before it refuses to be loaded.
const DAMAGED_PARTS: usize = 120;

/// What other services have announced within minutes is not read with every batch.
#[tokio::test(flavor = "multi_thread")]
async fn announcements_are_found_by_key() {
    const OTHERS: u64 = 100_000;
    const MOST_ROWS: u64 = 10_000;
    let place = Place::new();
    let store = place.replica().await;
    let tenant = created(&*store, "announced").await;
    store.append(&tenant, history(1, 1)).await.unwrap();
    for age_s in [0, 30, 90] {
        let sql = format!(
            "INSERT INTO default.tenants_intents SETTINGS async_insert = 0 \
             SELECT cityHash64(number, {age_s}), 0, 1 + number % 100, 0, now64(3) - {age_s} FROM numbers({OTHERS})"
        );
        place.sql(&sql).await;
    }
    let rows_read = async || {
        let sql = "SELECT value FROM system.events WHERE event = 'SelectedRows'";
        place.sql(sql).await.trim_end().parse::<u64>().unwrap()
    };
    let before = rows_read().await;
    let answers = store.append(&tenant, history(2, 1)).await.unwrap();
    assert_eq!(answers, [Appended::Stored]);
    let read = rows_read().await - before;
    assert!(read < MOST_ROWS, "{read} rows were read");
    store.close().await.unwrap();
}

/// A power cut may leave empty files of what was announced last, which nobody needs.
#[tokio::test(flavor = "multi_thread")]
async fn announcements_that_a_power_cut_damages_stop_nothing() {
    let mut place = Place::new();
    let store = place.replica().await;
    let tenant = created(&*store, "powerless").await;
    let table = "default.tenants_intents";
    place.sql(&format!("SYSTEM STOP MERGES {table}")).await;
    for key in 0..DAMAGED_PARTS {
        let sql = format!(
            "INSERT INTO {table} (key, content, attempt, is_withdrawn) SETTINGS async_insert = 0 VALUES ({key}, 0, 0, 0)"
        );
        place.sql(&sql).await;
    }
    let sql = "SELECT path FROM system.parts WHERE database = 'default' AND table = 'tenants_intents' AND active \
               FORMAT TSVRaw";
    let folders = place.sql(sql).await;
    assert!(folders.lines().count() >= DAMAGED_PARTS);
    place.engine.kill();
    for folder in folders.lines() {
        for file in fs::read_dir(folder).unwrap() {
            fs::File::create(file.unwrap().path()).unwrap(); // empties it
        }
    }
    place.engine.start_again();
    let answers = store.append(&tenant, history(1, 1)).await.unwrap();
    assert_eq!(answers, [Appended::Stored]);
    store.close().await.unwrap();
}
