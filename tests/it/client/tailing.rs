//! `event-history tail`.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Fixture, refused};
use crate::support::{self, Running};

const MINUTE: Duration = Duration::from_mins(1);
const INTERRUPTED: i32 = 130;

/// Sends an event of each of these records, and returns their ids.
async fn send_all(fixture: &Fixture, records: impl Iterator<Item = i64>) -> Vec<String> {
    let mut ids = Vec::new();
    let mut batch = Vec::new();
    for record_id in records {
        let mut detail = support::event();
        detail["record_id"] = json!(record_id);
        ids.push(detail["event_id"].as_str().unwrap().to_owned());
        batch.push(detail);
    }
    let request = fixture.request(Method::POST, "/api/events").json(&batch);
    support::expect_json(request, StatusCode::OK).await;
    ids
}

async fn send(fixture: &Fixture, record_id: i64) -> String {
    let ids = send_all(fixture, std::iter::once(record_id)).await;
    ids.into_iter().next().unwrap()
}

fn id_of(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["event_id"].as_str().unwrap().to_owned()
}

/// Returns the cursor that a run of `tail` ended with.
fn cursor(running: &Running) -> String {
    let said = running.stderr();
    let (_, cursor) = said.rsplit_once("tail --from ").unwrap();
    cursor.trim_end().to_owned()
}

#[tokio::test]
async fn new_events_are_printed_live_over_restarts_and_a_cursor_continues() {
    let mut fixture = Fixture::new().await;
    send_all(&fixture, std::iter::repeat_n(42, 300)).await;
    let live = Running::spawn(&mut fixture.command(&["tail", "--json", "--record-id", "42"]));
    // It prints nothing of what is there, so an event tells when it has begun.
    let first = support::wait_for("the tail to begin", MINUTE, async || {
        send(&fixture, 42).await;
        live.try_line(Duration::from_millis(200)).ok()
    })
    .await;
    let mut seen = vec![id_of(&first)];
    send(&fixture, 43).await;
    let id = send(&fixture, 42).await;
    while seen.last() != Some(&id) {
        seen.push(id_of(&live.line(MINUTE)));
    }
    assert!(seen.len() < 300);

    fixture.server.kill();
    support::wait_for("a retry", MINUTE, async || {
        live.stderr().contains("retrying in").then_some(())
    })
    .await;
    fixture.server.start_again();
    let id = send(&fixture, 42).await;
    assert_eq!(id_of(&live.line(MINUTE)), id);

    live.signal("INT");
    assert_eq!(live.end().code(), Some(INTERRUPTED), "{}", live.stderr());
    let cursor = cursor(&live);
    let missed = [send(&fixture, 42).await, send(&fixture, 42).await];
    let arguments = ["tail", "--json", "--no-follow", "--from", &cursor];
    let shown = support::run(&mut fixture.command(&arguments));
    assert_eq!(shown.lines().map(id_of).collect::<Vec<_>>(), missed);
}

#[tokio::test]
async fn a_history_is_followed_from_its_beginning() {
    let fixture = Fixture::new().await;
    let ids = send_all(&fixture, (0..450).map(|index| 40 + index % 2)).await;
    let arguments = ["tail", "--json", "--no-follow", "--from", "beginning"];
    let shown = support::run(&mut fixture.command(&arguments));
    assert_eq!(shown.lines().map(id_of).collect::<Vec<_>>(), ids);
    let shown = support::run(fixture.command(&arguments).args(["--record-id", "40"]));
    let expected: Vec<_> = ids.iter().step_by(2).collect();
    let found: Vec<_> = shown.lines().map(id_of).collect();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    let table = support::run(&mut fixture.command(&["tail", "--no-follow", "--from", "beginning"]));
    assert_eq!(table.lines().count(), 451);
    let said = refused(fixture.command(&["tail", "--from", "nowhere"]));
    assert!(said.contains("The cursor is refused"), "{said}");
}
