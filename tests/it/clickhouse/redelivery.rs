//! Events that are sent again.

use std::fs;

use event_history::domain::Event;
use event_history::store::Appended;

use super::{Place, created};
use crate::samples::{Random, data};

const EVENTS: usize = 64;
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
