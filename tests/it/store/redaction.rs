//! What was redacted is in no byte of the data folder.

use std::time::Duration;

use event_history::domain::{Event, EventId, Query, Tenant, Words};
use event_history::store::{Error, Store};
use rusqlite::Connection;

use super::{Place, until};
use crate::conformance::store::redaction::redacted;
use crate::samples::{Random, data};
use crate::support::{copy_folder, files_with};

const MEMBER: [&str; 1] = ["/event_data/0/new"];

/// Returns an event whose data has this text, among so much else.
fn event_with(random: &mut Random, text: &str, more_bytes: usize) -> Event {
    let more = "other ".repeat(more_bytes / 6);
    let json = format!("[{{\"field\":\"note\",\"old\":\"{more}\",\"new\":\"{text}\"}}]");
    Event {
        data: data(&json),
        files: Vec::new(),
        ..random.event()
    }
}

/// A text of one event, and the term of it that the index of words has.
fn secret(number: usize) -> [String; 2] {
    let text = format!("Secret{number:07}");
    let term = text.to_lowercase();
    [text, term]
}

fn found_on_disk(place: &Place, number: usize) -> bool {
    let [text, term] = secret(number);
    !files_with(&place.folder(), &[&text, &term]).is_empty()
}

/// Stores events with secrets, one batch after the other, so that the index of words has segments that were merged.
async fn fill(store: &dyn Store, tenant: &Tenant, count: usize, sizes: &[usize]) -> Vec<EventId> {
    let mut random = Random::seeded(71);
    let events = (0..count).map(|number| {
        let [text, _] = secret(number);
        event_with(&mut random, &text, sizes[number % sizes.len()])
    });
    let events: Vec<Event> = events.collect();
    for batch in events.chunks(60) {
        store.append(tenant, batch.to_vec()).await.unwrap();
    }
    events.iter().map(|it| it.id).collect()
}

/// Of events on pages of their own, of small ones next to others, and of ones that are not indexed yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_redacted_is_in_no_byte_of_the_folder() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let ids = fill(&store, &tenant, 3000, &[0, 30, 200, 900, 3000, 20_000]).await;
    // Before the service has copied the log for the last time.
    let numbers = [0, 1, 2, 5, 700, 701, 702, 703, 1500, 2990, 2999];
    for number in numbers {
        assert!(found_on_disk(&place, number), "the search can find it");
        redacted(&store, &tenant, ids[number], &MEMBER).await;
        assert!(!found_on_disk(&place, number), "{number} at once");
    }
    // Neighbors are whole, and moving them around leaves no copies.
    for (number, id) in ids.iter().enumerate().take(708).skip(695) {
        if !numbers.contains(&number) {
            redacted(&store, &tenant, *id, &MEMBER).await;
            assert!(!found_on_disk(&place, number), "{number} at once");
        }
    }
    assert!(found_on_disk(&place, 709));
    store.close().await.unwrap();
    for number in numbers {
        assert!(!found_on_disk(&place, number), "{number} after the end");
    }
}

/// The index of words tells its pages apart by words, which stay there until it is merged.
#[tokio::test(flavor = "multi_thread")]
async fn words_between_pages_of_the_index_leave_it_too() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let ids = fill(&store, &tenant, 6000, &[0]).await;
    store.close().await.unwrap();
    let separator = {
        let database = Connection::open(place.database("demo")).unwrap();
        // Behind a letter of the index's own; some end within a character.
        let sql = "SELECT substr(term, 2) FROM words_idx WHERE length(term) > 1";
        let mut statement = database.prepare(sql).unwrap();
        let terms = statement.query_map([], |row| row.get::<_, Vec<u8>>(0));
        let terms: Vec<Vec<u8>> = terms.unwrap().map(Result::unwrap).collect();
        (0..ids.len()).find(|number| terms.contains(&secret(*number)[1].clone().into_bytes()))
    };
    let number = separator.expect("a page that begins with a whole word");
    let store = place.open().await;
    redacted(&store, &tenant, ids[number], &MEMBER).await;
    until(|| !found_on_disk(&place, number), "the index is merged").await;
    // All other words are found.
    for number in (0..ids.len()).filter(|it| *it != number).step_by(500) {
        let query = Query {
            words: Some(Words::parse(&secret(number)[0]).unwrap()),
            ..Query::default()
        };
        let page = store.events(&tenant, &query).await.unwrap();
        let found: Vec<EventId> = page.events.iter().map(|it| it.id).collect();
        assert_eq!(found, [ids[number]], "{number}");
    }
    store.close().await.unwrap();
}

/// A read under way needs the log; it is emptied when the read has ended, without another call.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_under_way_delays_the_end_of_the_log() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let ids = fill(&store, &tenant, 10, &[0]).await;
    let reader = Connection::open(place.database("demo")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT * FROM events;")
        .unwrap();
    let started = std::time::Instant::now();
    redacted(&store, &tenant, ids[3], &MEMBER).await;
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "it is not waited for"
    );
    assert!(found_on_disk(&place, 3), "the read may still show it");
    reader.execute_batch("COMMIT").unwrap();
    until(|| !found_on_disk(&place, 3), "the log is emptied").await;
    drop(reader);
    store.close().await.unwrap();
}

/// A process that is killed between the redaction and the end of the log leaves both; the next one empties the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_a_killed_process_left_is_emptied() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let ids = fill(&store, &tenant, 10, &[0]).await;
    let reader = Connection::open(place.database("demo")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT * FROM events;")
        .unwrap();
    redacted(&store, &tenant, ids[3], &MEMBER).await;
    let copy = Place::new();
    copy_folder(&place.folder(), &copy.folder());
    assert!(found_on_disk(&copy, 3));
    drop(reader);
    store.close().await.unwrap();
    let store = copy.open().await;
    let event = store.event(&tenant, ids[3]).await;
    assert!(!matches!(event, Err(Error::Damaged(_))), "{event:?}");
    until(|| !found_on_disk(&copy, 3), "the log is emptied").await;
    store.close().await.unwrap();
}
