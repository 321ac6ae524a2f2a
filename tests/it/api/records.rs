//! One event, records as their events tell them, and what changed of them.

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, send_event, tenant};
use crate::records::{item, naive};
use crate::support::Server;

async fn get(server: &Server, client: &str, path: &str) -> Answer {
    let path = format!("/api/history/{path}");
    Call::new(server, "GET", &path).client(client).send().await
}

/// Returns an envelope of an event of record 42.
fn event(number: u32, second: u32, kind: i32, data: &Value) -> Value {
    let mut event = envelope("demo", number);
    let detail = &mut event["detail"];
    detail["record_id"] = json!(42);
    detail["event_time"] = json!(at(second));
    detail["event_type_id"] = json!(kind);
    detail["event_data"] = data.clone();
    event
}

fn at(second: u32) -> String {
    format!("2022-11-10T10:00:{second:02}Z")
}

/// Returns how answers refer to an event of [`event`].
fn reference(number: u32, second: u32, kind: i32, name: &str) -> Value {
    json!({
        "event_id": event_id(number), "event_time": at(second), "event_type_id": kind,
        "event_type": name, "source_id": 7, "source_type_id": 0, "source_type": "user",
        "source_name": "", "source_info": "",
    })
}

#[tokio::test]
async fn a_record_and_its_changes_are_shown_with_all_their_members() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let ada = json!([{ "id": 7, "name": "Ada" }]);
    let amount = json!([{ "field": "amount", "label": "Amount", "old": 100, "new": 120.50 }, "?"]);
    for (number, kind, data) in [
        (1, 1, json!([{ "field": "amount", "new": 100 }])),
        (2, 10, json!([{ "status": "draft" }])),
        (3, 2, ada.clone()),
        (4, 5, ada.clone()),
        (5, 7, amount),
        (
            6,
            7,
            json!([{ "field": "status", "old": "draft", "new": "final" }]),
        ),
        (7, 6, ada),
        (8, 8, json!([])),
    ] {
        send_event(&server, &event(number, number, kind, &data)).await;
    }
    let changed = |number| reference(number, number, 7, "field_values_changed");
    let by = |event: Value| json!({ "events": [event], "event_count": 1 });
    let with = |mut body: Value, more: Value| {
        let more = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        body
    };

    let at_six = get(&server, &client, &format!("records/42?at={}", at(6))).await;
    let count = |id, name: &str, events| json!({ "event_type_id": id, "event_type": name, "events": events });
    at_six.is(
        200,
        &json!({
            "record_id": 42, "at": at(6), "exists": true,
            "created": reference(1, 1, 1, "record_created"), "deleted": null,
            "status": { "value": "final", "event": changed(6) },
            "owners": [{ "id": 7, "name": "Ada", "event": reference(3, 3, 2, "owner_initialized") }],
            "assignees": [{ "id": 7, "name": "Ada", "event": reference(4, 4, 5, "assignees_added") }],
            "fields": [{ "field": "amount", "label": "Amount", "value": 120.50, "event": changed(5) }],
            "documents": [], "document_count": 0,
            "event_count": 6,
            "event_counts": [
                count(1, "record_created", 1), count(2, "owner_initialized", 1),
                count(5, "assignees_added", 1), count(7, "field_values_changed", 2),
                count(10, "status_initialized", 1),
            ],
            "unrecognised": [{ "item": "?", "event": changed(5) }], "unrecognised_count": 1,
            "first_event": reference(1, 1, 1, "record_created"), "last_event": changed(6),
        }),
    );
    let deleted = get(&server, &client, "records/42").await;
    let deletion = reference(8, 8, 8, "record_deleted");
    assert_eq!(deleted.body["exists"], false);
    assert_eq!(deleted.body["deleted"], deletion);
    assert_eq!(deleted.body["at"], Value::Null);

    let path = format!("records/42/diff?from={}", at(4));
    get(&server, &client, &path).await.is(
        200,
        &json!({
            "record_id": 42, "from": at(4), "to": null,
            "exists": with(by(deletion), json!({ "old": true, "new": false })),
            "status": with(by(changed(6)), json!({ "is_new": false, "old": "draft", "new": "final" })),
            "owners": [],
            "assignees": [with(
                by(reference(7, 7, 6, "assignees_removed")),
                json!({ "id": 7, "change": "removed", "name": "Ada" }),
            )],
            "fields": [with(
                by(changed(5)),
                json!({ "field": "amount", "label": "Amount", "is_new": false, "old": 100, "new": 120.50 }),
            )],
            "documents": [], "document_count": 0, "event_count": 4, "unrecognised_count": 1,
        }),
    );
}

/// Sends random histories of a few records whose events share instants, and returns them as they are listed.
async fn histories(server: &Server, client: &str, records: &[i64]) -> Vec<Vec<Value>> {
    let mut files = Vec::new();
    for _ in 0..4 {
        let upload = get_upload_url(server, client).await;
        let put = server.client().put(&upload.0).body("a file").send().await;
        assert!(put.expect("an answer").status().is_success());
        files.push(upload.1);
    }
    let mut runner = TestRunner::deterministic();
    let kinds = (1..13_i32, 0..5_u32, prop::collection::vec(item(), 0..4));
    let mut events = Vec::new();
    for number in 0..180 {
        let tree = kinds.new_tree(&mut runner).expect("a value");
        let (kind, second, mut items) = tree.current();
        items.retain(|item| !item.contains("nope")); // is refused
        if number % 3 == 0 {
            items.push(format!("[\"{}\"]", "y".repeat(12_000)));
        }
        let mut data = format!("[{}]", items.join(","));
        for (index, file) in files.iter().enumerate() {
            let id = uuid::Uuid::from_u128((index as u128) << 64);
            data = data.replace(&id.to_string(), file);
        }
        let mut event = event(number, second, kind, &json!("DATA"));
        event["detail"]["record_id"] = json!(records[number as usize % records.len()]);
        events.push(event.to_string().replace("\"DATA\"", &data));
    }
    for events in events.chunks(20) {
        let sent = events.iter().map(|event| {
            let call = Call::new(server, "POST", "/api/event-bridge/create-event");
            call.text(event.clone()).send()
        });
        for answer in join_all(sent).await {
            answer.is_error(201, "Event created.");
        }
    }
    let mut histories = Vec::new();
    for record in records {
        let listed = get(
            server,
            client,
            &format!("events?limit=1000&record_id={record}"),
        )
        .await;
        histories.push(listed.body["results"].as_array().expect("results").clone());
    }
    histories
}

async fn get_upload_url(server: &Server, client: &str) -> (String, String) {
    let call = Call::new(server, "GET", "/api/files/upload-url").client(client);
    let answer = call.send().await;
    let member = |name: &str| answer.body[name].as_str().expect("a text").to_owned();
    (member("upload_url"), member("file_id"))
}

#[tokio::test]
async fn a_record_at_an_instant_is_that_of_a_naive_replay() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let records = [42, -7, i64::MAX];
    let histories = histories(&server, &client, &records).await;
    let instants = [
        "2022-11-10T09:59:59.999999Z".to_owned(),
        at(0),
        at(1),
        at(3),
        at(9),
    ];
    let mut compared = 0;
    for (record, events) in records.into_iter().zip(&histories) {
        assert_eq!(events.len(), 60);
        let expect = |answer: Answer, expected: Option<Value>| match expected {
            Some(body) => answer.is(200, &body),
            None => answer.is_error(404, &format!("'{record}' record not found.")),
        };
        let now = get(&server, &client, &format!("records/{record}")).await;
        expect(now, naive::record(record, events, None));
        for (index, from) in instants.iter().enumerate() {
            let shown = get(&server, &client, &format!("records/{record}?at={from}")).await;
            expect(shown, naive::record(record, events, Some(from)));
            let path = format!("records/{record}/diff?from={from}");
            let shown = get(&server, &client, &path).await;
            expect(shown, naive::diff(record, events, from, None));
            for to in &instants[index..] {
                let shown = get(&server, &client, &format!("{path}&to={to}")).await;
                expect(shown, naive::diff(record, events, from, Some(to)));
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 45);
}

#[tokio::test]
async fn a_caller_that_has_an_answer_is_told_so() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let data = json!([{ "field": "a", "old": 1, "new": "x".repeat(70_000) }]);
    send_event(&server, &event(1, 1, 7, &data)).await;
    let listed = get(&server, &client, "events").await;
    let one = format!("events/{}", event_id(1));
    let shown = get(&server, &client, &one).await;
    shown.is(200, &listed.body["results"][0]);
    let diff = format!("records/42/diff?from={}", at(0));
    let mut tags = Vec::new();
    for path in [&*one, "records/42", &diff] {
        let first = get(&server, &client, path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\"") && first.header("content-type") == "application/json");
        for asked in [
            &*tag,
            &format!("\"other\", {tag}"),
            tag.trim_start_matches("W/"),
            "*",
        ] {
            let call = Call::new(&server, "GET", &format!("/api/history/{path}"));
            let call = call.client(&client).header("If-None-Match", asked);
            let again = call.send().await;
            assert_eq!(
                (again.status.as_u16(), again.header("etag")),
                (304, &*tag),
                "{asked}"
            );
            assert_eq!(again.body, Value::Null);
        }
        tags.push((path.to_owned(), tag));
    }
    send_event(&server, &event(2, 2, 7, &json!([]))).await;
    for (index, (path, tag)) in tags.iter().enumerate() {
        let call = Call::new(&server, "GET", &format!("/api/history/{path}"));
        let call = call.client(&client).header("If-None-Match", tag.as_str());
        let status = call.send().await.status;
        assert_eq!(status, if index == 0 { 304 } else { 200 }, "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    send_event(&server, &event(1, 5, 7, &json!([]))).await;
    for (path, detail) in [
        ("records/43", "'43' record not found."),
        (
            "records/42?at=2022-11-10T10:00:04.999999Z",
            "'42' record not found.",
        ),
        (
            "records/43/diff?from=2022-11-10T10:00:00Z",
            "'43' record not found.",
        ),
        (
            "records/42/diff?from=2022-11-10T10:00:00Z&to=2022-11-10T10:00:04Z",
            "'42' record not found.",
        ),
        (
            "events/00000000-0000-4000-8000-000000000002",
            "'00000000-0000-4000-8000-000000000002' event not found.",
        ),
    ] {
        get(&server, &client, path).await.is_error(404, detail);
    }
    for (path, problems) in [
        ("records/x", vec!["path.record_id int_parsing"]),
        (
            "records/9223372036854775808",
            vec!["path.record_id int_parsing_size"],
        ),
        ("records/%FF", vec!["path.record_id string_unicode"]),
        (
            "records/42?at=x&from=x",
            vec!["query.from extra_forbidden", "query.at datetime_parsing"],
        ),
        ("records/42?at=x&at=x", vec!["query.at too_long"]),
        ("records/42/diff", vec!["query.from missing"]),
        (
            "records/x/diff?to=x",
            vec![
                "path.record_id int_parsing",
                "query.from missing",
                "query.to datetime_parsing",
            ],
        ),
        (
            "records/42/diff?from=2022-11-10T10:00:04Z&to=2022-11-10T10:00:03.999999Z",
            vec!["query.to greater_than_equal"],
        ),
        ("events/x", vec!["path.event_id uuid_parsing"]),
        (
            "events/00000000-0000-4000-8000-000000000001?x=1",
            vec!["query.x extra_forbidden"],
        ),
    ] {
        get(&server, &client, path).await.is_invalid(&problems);
    }
    // A year that no event can have, but a time.
    let all = get(
        &server,
        &client,
        "records/42?at=9999-12-31T23:59:59.999999Z",
    )
    .await;
    assert_eq!(all.status, 200);
}

#[tokio::test]
async fn a_record_is_shown_until_its_state_is_too_large() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let value = "x".repeat(1024 * 1024 - 1000);
    let mut shown = 0;
    for number in 0..9 {
        let data = json!([{ "field": format!("f{number}"), "old": 0, "new": value }]);
        send_event(&server, &event(number, number, 7, &data)).await;
        let answer = get(&server, &client, "records/42").await;
        if answer.status == 200 {
            let fields = answer.body["fields"].as_array().expect("fields");
            assert_eq!(fields.len(), number as usize + 1);
            assert!(fields.iter().all(|field| field["value"] == json!(value)));
            shown += 1;
            continue;
        }
        let detail = "'42' record has too many or too large owners, assignees and fields to show: list its \
                      events instead.";
        answer.is_error(400, detail);
    }
    assert_eq!(shown, 8);
    // Its past can be shown, and so can what it is when the values are small again.
    let past = get(&server, &client, &format!("records/42?at={}", at(3))).await;
    assert_eq!(past.body["event_count"], 4);
    for number in 9..12 {
        let data = json!([{ "field": format!("f{}", number - 9), "old": 0, "new": 1 }]);
        send_event(&server, &event(number, number, 7, &data)).await;
    }
    let still = get(&server, &client, "records/42").await;
    assert_eq!(still.status, 400, "it was too large in between");
}
