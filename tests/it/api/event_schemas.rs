//! Events of tenants whose data has to match a JSON Schema.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::batches::{answer, call, count, details};
use super::{Answer, Call, envelope, event_id, tenant};
use crate::support::Server;

const CREATE: &str = "/api/event-bridge/create-event";

/// Each item has a `new` that is a text of at most eight characters.
fn schema() -> Value {
    json!({"items": {
        "type": "object",
        "required": ["new"],
        "properties": {"new": {"type": "string", "maxLength": 8}},
    }})
}

fn write(folder: &Path, tenant: &str, file: &str, schema: &Value) {
    let folder = folder.join(tenant);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(file), schema.to_string()).expect("a schema");
}

fn start_with(schemas: &Path) -> Server {
    let folder = schemas.to_str().expect("a path");
    Server::builder().arg("--event-schemas").arg(folder).start()
}

/// Starts a service with the schema for events of type 1 of the tenant `strict`.
fn start() -> (Server, TempDir) {
    let schemas = tempfile::tempdir().expect("a folder");
    write(schemas.path(), "strict", "record_created.json", &schema());
    (start_with(schemas.path()), schemas)
}

fn with_data(mut event: Value, data: Value) -> Value {
    event["event_data"] = data;
    event
}

fn problem(loc: &Value, message: &str) -> Value {
    json!({"loc": loc, "msg": message, "type": "json_schema"})
}

async fn create(server: &Server, name: &str, number: u32, data: Value) -> Answer {
    let mut event = envelope(name, number);
    event["detail"]["event_data"] = data;
    Call::new(server, "POST", CREATE).json(&event).send().await
}

#[tokio::test]
async fn one_event_that_does_not_match_is_refused_with_the_path_of_each_problem() {
    let (server, _schemas) = start();
    let client = tenant(&server, "strict").await;
    tenant(&server, "free").await;
    let wrong = json!([{"new": 7}, {"old": "x"}, {"new": "fits"}]);
    let refused = create(&server, "strict", 1, wrong.clone()).await;
    let loc = |path: Value| {
        let mut loc = json!(["body", "detail", "event_data"]);
        let parts = loc.as_array_mut().expect("a list");
        parts.extend(path.as_array().expect("a list").clone());
        loc
    };
    let expected = json!({"detail": [
        problem(&loc(json!([0, "new"])), "Input is not of type \"string\""),
        problem(&loc(json!([1, "new"])), "\"new\" is a required property"),
    ]});
    refused.is(422, &expected);
    let alone = with_data(details(1..=1).remove(0), wrong.clone());
    let refused = call(&server, &client).json(&alone).send().await;
    assert_eq!(refused.status, 422);
    let at = &refused.body["detail"][0]["loc"];
    assert_eq!(*at, json!(["body", "event_data", 0, "new"]));
    assert_eq!(count(&server, &client).await, 0);

    // Other tenants and other types are not restricted.
    create(&server, "free", 1, wrong.clone())
        .await
        .is_error(201, "Event created.");
    let mut other_type = with_data(details(2..=2).remove(0), wrong);
    other_type["event_type_id"] = json!(7);
    let stored = call(&server, &client).json(&other_type).send().await;
    stored.is(200, &answer(1, 0, 0, &json!([])));
    create(&server, "strict", 3, json!([{"new": "fits"}]))
        .await
        .is_error(201, "Event created.");
}

#[tokio::test]
async fn of_a_batch_only_what_does_not_match_is_rejected() {
    let (server, _schemas) = start();
    let client = tenant(&server, "strict").await;
    let data = [
        json!([{"new": "fits"}]),
        json!([{"new": "much too long"}]),
        json!([]),
    ];
    let events: Vec<Value> = details(1..=3)
        .into_iter()
        .zip(data)
        .map(|(event, data)| with_data(event, data))
        .collect();
    let rejected = |loc: Value| {
        let message = "Input is longer than 8 characters";
        json!([{"index": 1, "event_id": event_id(2), "outcome": "rejected", "problems": [problem(&loc, message)]}])
    };
    let sent = call(&server, &client).json(&json!(events)).send().await;
    let in_array = rejected(json!(["body", 1, "event_data", 0, "new"]));
    sent.is(200, &answer(2, 0, 1, &in_array));
    assert_eq!(count(&server, &client).await, 2);

    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let again = call(&server, &client).header("Content-Type", "application/x-ndjson");
    let again = again.text(lines.join("\n")).send().await;
    assert_eq!(again.body["duplicates"], 2);
    assert_eq!(again.body["results"][1], in_array[0]);

    let cloud_events: Vec<Value> = events
        .iter()
        .map(|event| {
            let id = event["event_id"].clone();
            json!({"specversion": "1.0", "id": id, "source": "crm", "type": "t", "data": event})
        })
        .collect();
    let sent = call(&server, &client).header("Content-Type", "application/cloudevents-batch+json");
    let sent = sent.json(&json!(cloud_events)).send().await;
    let of_data = rejected(json!(["body", 1, "data", "event_data", 0, "new"]));
    assert_eq!(sent.body["results"][1], of_data[0]);
}

/// Delivery is at least once: an event that is stored is confirmed, whatever was configured since.
#[tokio::test]
async fn a_redelivery_of_what_was_stored_before_the_schema_succeeds() {
    let schemas = tempfile::tempdir().expect("a folder");
    let mut server = start_with(schemas.path());
    let client = tenant(&server, "strict").await;
    let old = json!([{"old": "before the schema"}]);
    let stored = |answer: Answer| answer.is_error(201, "Event created.");
    stored(create(&server, "strict", 1, old.clone()).await);
    write(schemas.path(), "strict", "1.json", &schema());
    server.kill();
    server.start_again();
    stored(create(&server, "strict", 1, old.clone()).await);
    let events: Vec<Value> = details(1..=2)
        .into_iter()
        .map(|event| with_data(event, old.clone()))
        .collect();
    let sent = call(&server, &client).json(&json!(events)).send().await;
    let counts = ["stored", "duplicates", "rejected"].map(|it| sent.body[it].clone());
    assert_eq!(counts, [json!(0), json!(1), json!(1)]);
    let alone = call(&server, &client).json(&events[0]).send().await;
    assert_eq!(alone.body["duplicates"], 1);
    let other = create(&server, "strict", 1, json!([{"old": "other content"}])).await;
    assert_eq!(other.status, 422);
    assert_eq!(count(&server, &client).await, 1);
}

#[tokio::test]
async fn problems_of_large_events_and_batches_are_limited() {
    let (server, _schemas) = start();
    let client = tenant(&server, "strict").await;
    let many = create(&server, "strict", 1, json!(vec![7; 500])).await;
    let problems = many.body["detail"].as_array().expect("problems");
    assert_eq!(problems.len(), 101);
    assert_eq!(problems[100]["type"], "too_many_problems");
    let large = create(&server, "strict", 1, json!(vec![7; 200_000])).await;
    let problems = large.body["detail"].as_array().expect("problems");
    assert_eq!(problems.len(), 1);
    let events: Vec<Value> = details(1..=50)
        .into_iter()
        .map(|event| with_data(event, json!(vec![7; 150])))
        .collect();
    let sent = call(&server, &client).json(&json!(events)).send().await;
    let results = sent.body["results"].as_array().expect("results");
    assert_eq!(results.len(), 50);
    assert_eq!(results[49]["problems"].as_array().map(Vec::len), Some(1));
}
