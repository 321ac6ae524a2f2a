//! `event-history query` and `record`.

use std::ffi::OsString;
use std::process::Command;

use http::Method;
use serde_json::{Value, json};

use super::{Fixture, refused};
use crate::support::{self, Running};

const ESCAPE: char = '\u{1b}';

/// Sends events with these members, a second apart, and returns their ids.
async fn send(fixture: &Fixture, events: &[Value]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut batch = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let mut detail = support::event();
        detail["event_time"] = json!(format!("2026-11-10T10:26:{:02}Z", index % 60));
        for (name, value) in event.as_object().unwrap() {
            detail[name] = value.clone();
        }
        ids.push(detail["event_id"].as_str().unwrap().to_owned());
        batch.push(detail);
    }
    let request = fixture.request(Method::POST, "/api/events").json(&batch);
    let answer = support::expect_json(request, http::StatusCode::OK).await;
    assert_eq!(answer["stored"], ids.len(), "{answer}");
    ids
}

fn in_berlin(mut command: Command) -> String {
    support::run(command.env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3"))
}

#[tokio::test]
async fn events_are_a_table_for_people() {
    let fixture = Fixture::new().await;
    let ids = send(
        &fixture,
        &[
            json!({"event_type_id": 1, "source_name": "Ada", "event_data": [{"field": "amount", "new": 100}]}),
            json!({"event_type_id": 7, "record_id": -1_234_567, "source_name": "漢字",
                "event_data": [{"field": "status", "label": "Status", "old": "draft", "new": "final"}]}),
            json!({"event_type_id": 99, "source_type_id": 3, "source_info": "a\u{1b}]0;model\u{7}\u{9b}",
                "event_time": "2026-07-10T10:26:12.125Z", "event_data": ["\u{202e}", {"x": 1}]}),
        ],
    )
    .await;
    let shown = in_berlin(fixture.command(&["query", "--ids"]));
    let expected = format!(
        "TIME                            RECORD    TYPE                  SOURCE                              EVENT                                 DATA\n\
         2026-11-10 11:26:01 +01:00      -1234567  field_values_changed  漢字 (user 7)                       {}  Status: draft → final\n\
         2026-11-10 11:26:00 +01:00      42        record_created        Ada (user 7)                        {}  amount: 100\n\
         2026-07-10 12:26:12.125 +02:00  42        99                    a\\u{{1b}}]0;model\\u{{7}}\\u{{9b}} (mcp 7)  {}  \"\\u{{202e}}\"; {{\"x\":1}}\n",
        ids[1], ids[0], ids[2]
    );
    assert_eq!(shown, expected);

    // The filters of the API, and the names of its types.
    for (arguments, expected) in [
        (
            &["--type", "record_created", "--type", "99"][..],
            vec![0, 2],
        ),
        (&["--record-id", "-1234567"], vec![1]),
        (&["--source-type", "mcp", "--record", "42"], vec![2]),
        (&["--event-time-from", "2026-11-10 11:26:01"], vec![1]),
        (&["--event-time-to", "2026-11-10"], vec![2]),
        (&["--event-id", &ids[0]], vec![0]),
        (&["-n", "1"], vec![1]),
        (&["--oldest-first", "-n", "2"], vec![2, 0]),
    ] {
        let shown = in_berlin(fixture.command(&[&["query", "--json"], arguments].concat()));
        let found: Vec<String> = shown
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|event| event["event_id"].as_str().unwrap().to_owned())
            .collect();
        let expected: Vec<&String> = expected.into_iter().map(|index| &ids[index]).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{arguments:?}");
    }
    let output = fixture.command(&["query", "--type", "made"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn all_pages_are_listed_once() {
    let fixture = Fixture::new().await;
    let events: Vec<Value> = (0..450).map(|_| json!({})).collect();
    let mut ids = send(&fixture, &events).await;
    let list = |arguments: &[&str]| {
        let shown = support::run(&mut fixture.command(&[&["query", "--json"], arguments].concat()));
        let ids = shown.lines().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["event_id"].as_str().unwrap().to_owned()
        });
        ids.collect::<Vec<_>>()
    };
    assert_eq!(list(&[]).len(), 50);
    assert_eq!(list(&["-n", "201"]).len(), 201);
    let newest_first = list(&["--all"]);
    let mut oldest_first = list(&["--all", "--oldest-first"]);
    oldest_first.reverse();
    assert_eq!(newest_first, oldest_first);
    let mut sorted = newest_first.clone();
    sorted.sort();
    ids.sort();
    assert_eq!(sorted, ids);
    // A reader that has enough is no error.
    let mut piped = fixture.command(&[]);
    let settings: Vec<_> = settings_of(&piped);
    piped = Command::new("bash");
    piped
        .args([
            "-c",
            "set -o pipefail; \"$0\" query --all --json | head -n 1",
        ])
        .arg(support::binary())
        .envs(settings);
    assert_eq!(support::run(&mut piped).lines().count(), 1);
}

/// Returns the environment that a command is given.
fn settings_of(command: &Command) -> Vec<(OsString, OsString)> {
    let given = command.get_envs();
    let given = given.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    given.collect()
}

#[tokio::test]
async fn a_record_is_shown_as_people_read_it() {
    let fixture = Fixture::new().await;
    send(
        &fixture,
        &[
            json!({"event_type_id": 1, "source_name": "Ada", "event_data": [{"field": "amount", "label": "Amount", "new": 100}]}),
            json!({"event_type_id": 10, "event_data": [{"status": "draft"}]}),
            json!({"event_type_id": 3, "event_data": [{"id": 7, "name": "Ada\u{1b}[2J"}]}),
            json!({"event_type_id": 7, "source_id": 8, "source_name": "Grace",
                "event_data": [{"field": "amount", "label": "Amount", "old": 100, "new": 120.5}]}),
            json!({"event_type_id": 8, "source_id": 9, "event_data": []}),
        ],
    )
    .await;
    let shown = in_berlin(fixture.command(&["record", "42"]));
    let expected = "\
Record 42 deleted
  created     2026-11-10 11:26:00 +01:00 by Ada (user 7)
  deleted     2026-11-10 11:26:04 +01:00 by user 9
  status      draft, set 2026-11-10 11:26:01 +01:00 by user 7
  owner       Ada\\u{1b}[2J (7), added 2026-11-10 11:26:02 +01:00 by user 7
  events      5: 1 record_created, 1 owners_added, 1 field_values_changed, 1 record_deleted, 1 status_initialized
  first event 2026-11-10 11:26:00 +01:00 by Ada (user 7)
  last event  2026-11-10 11:26:04 +01:00 by user 9

FIELD            VALUE  CHANGED                     BY
Amount (amount)  120.5  2026-11-10 11:26:03 +01:00  Grace (user 8)
";
    assert_eq!(shown, expected);
    let at = ["record", "42", "--at", "2026-11-10 11:26:02", "--history"];
    let shown = in_berlin(fixture.command(&at));
    assert!(
        shown.starts_with("Record 42 exists, as of 2026-11-10 11:26:02 +01:00\n"),
        "{shown}"
    );
    assert!(shown.contains("Amount (amount)  100    2026"), "{shown}");
    // The events up to the instant, and the one at it.
    let (_, history) = shown.split_once("\nTIME").unwrap();
    assert_eq!(history.lines().count(), 4, "{history}");
    let json = support::run(&mut fixture.command(&["record", "42", "--json", "--history"]));
    let lines: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["fields"][0]["value"], 120.5);
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[1]["event_type"], "record_created");
    let said = refused(fixture.command(&["record", "43"]));
    assert_eq!(said, "event-history: record 43 has no events\n");
    let said = refused(fixture.command(&["record", "42", "--at", "2025-01-01T00:00:00Z"]));
    assert!(
        said.contains("record 42 has no events until 2025-01-01"),
        "{said}"
    );
}

#[tokio::test]
async fn only_terminals_get_colours_and_no_text_acts_upon_them() {
    let fixture = Fixture::new().await;
    let hostile = "\u{1b}[31m\u{9b}2J";
    send(
        &fixture,
        &[json!({"source_name": hostile, "event_data": [{"field": "a", "new": "x".repeat(200)}]})],
    )
    .await;
    let on_terminal = |arguments: &str, setup: &str| {
        let query = fixture.command(&[]);
        let script = format!("stty cols 120; {setup} exec \"$1\" {arguments}");
        let mut command = support::clean_command(support::python(), fixture.folder.path());
        command
            .arg(support::script("terminal.py"))
            .args(["sh", "-c", &script, "sh"])
            .arg(support::binary())
            .envs(settings_of(&query))
            .env("TERM", "xterm");
        let running = Running::spawn(&mut command);
        let mut shown = String::new();
        while let Ok(line) = running.try_line(std::time::Duration::from_secs(30)) {
            shown.push_str(&line);
            shown.push('\n');
        }
        shown
    };
    let shown = on_terminal("query", "");
    assert!(shown.contains("\u{1b}[1mTIME\u{1b}[0m"), "{shown:?}");
    assert!(
        !shown.contains("\u{1b}[31m") && !shown.contains('\u{9b}'),
        "{shown:?}"
    );
    assert!(shown.contains("\\u{1b}[31m\\u{9b}2J (user 7)"), "{shown:?}");
    assert!(shown.contains("xx…"), "cut at the edge: {shown:?}");
    let shown = on_terminal("query", "NO_COLOR=1");
    assert!(!shown.contains(ESCAPE), "{shown:?}");
    let shown = on_terminal("query --json", "");
    assert!(
        shown.contains("\\u009b") && !shown.contains('\u{9b}'),
        "{shown:?}"
    );
    let event: Value = serde_json::from_str(shown.trim()).unwrap();
    assert_eq!(event["source_name"], hostile);
    let piped = support::run(&mut fixture.command(&["query"]));
    assert!(
        !piped.contains(ESCAPE) && piped.contains(&"x".repeat(200)),
        "{piped:?}"
    );
}
