//! Events in the format of `CloudEvents` 1.0, by hand and by the official SDKs.

use std::process::Command;

use serde_json::{Value, json};

use super::batches::{call, stored};
use super::{event_id, tenant};
use crate::support::{self, API_KEY, Server};

/// The UUID (version 5) of `https://cloudevents.io/`, "/contracts", a line feed and "A-1", as Python's `uuid` has it.
const MAPPED: &str = "18010112-e83d-58c2-bc65-c088a0d7f6ac";

fn data() -> Value {
    json!({"event_type_id": 7, "record_id": 1, "source_id": 1, "source_type_id": 0, "event_data": [1]})
}

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/contracts", "type": "changed", "time": "2022-11-10T10:26:12.111Z",
           "datacontenttype": "application/json", "extension": 1, "data": data()})
}

async fn ids(server: &Server, client: &str) -> Vec<String> {
    let mut ids: Vec<String> = stored(server, client)
        .await
        .iter()
        .map(|it| it["event_id"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn attributes_give_what_the_data_leaves_out() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let structured = |event: &Value| {
        let call = call(&server, &client).header(
            "Content-Type",
            "application/cloudevents+json; charset=utf-8",
        );
        call.json(event).send()
    };
    structured(&event(&event_id(1))).await.is(
        200,
        &json!({"stored": 1, "duplicates": 0, "rejected": 0, "results": []}),
    );
    assert_eq!(structured(&event("A-1")).await.body["stored"], 1);
    let mut other = event("A-1");
    other["source"] = json!("/other");
    assert_eq!(structured(&other).await.body["stored"], 1);
    assert_eq!(structured(&event("A-1")).await.body["duplicates"], 1);
    let mut own = event("A-2");
    own["data"]["event_id"] = json!(event_id(2));
    own["data"]["event_time"] = json!("2020-01-01T00:00:00Z");
    assert_eq!(structured(&own).await.body["stored"], 1);
    let mut encoded = event(&event_id(3));
    encoded["data"] = Value::Null;
    encoded["data_base64"] = json!(
        "eyJldmVudF90eXBlX2lkIjo3LCJyZWNvcmRfaWQiOjEsInNvdXJjZV9pZCI6MSwic291cmNlX3R5cGVfaWQiOjAsImV2ZW50X2RhdGEiOlsxXX0="
    );
    assert_eq!(structured(&encoded).await.body["stored"], 1);
    let events = stored(&server, &client).await;
    assert_eq!(events[0]["event_id"], event_id(2));
    assert_eq!(events[0]["event_time"], "2020-01-01T00:00:00Z");
    assert_eq!(events[1]["event_time"], "2022-11-10T10:26:12.111Z");
    assert_eq!(events.len(), 5);
    assert!(ids(&server, &client).await.contains(&MAPPED.to_owned()));
}

#[tokio::test]
async fn what_is_no_cloud_event_is_refused() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let with = |name: &str, value: Value| {
        let mut event = event("1");
        event[name] = value;
        event
    };
    let mut no_time = event("1");
    no_time.as_object_mut().expect("an object").remove("time");
    let cases = [
        (
            with("specversion", json!("0.3")),
            "specversion literal_error",
        ),
        (with("id", json!("")), "id string_too_short"),
        (with("id", json!(7)), "id string_type"),
        (with("source", Value::Null), "source missing"),
        (with("type", Value::Null), "type missing"),
        (with("time", json!("2022-11-10")), "time datetime_parsing"),
        (with("data", json!([])), "data dict_type"),
        (with("data", json!({})), "data.event_type_id missing"),
        (
            with("data_base64", json!("e?")),
            "data_base64 base64_invalid",
        ),
        (
            with("data_base64", json!("e30=")),
            "data_base64.event_type_id missing",
        ),
        (no_time, "data.event_time missing"),
    ];
    let mut batch = Vec::new();
    for (wrong, problem) in cases {
        let call = call(&server, &client).header("Content-Type", "application/cloudevents+json");
        let refused = call.json(&wrong).send().await;
        assert_eq!(refused.status, 422, "{wrong}");
        let first = &refused.body["detail"][0];
        let loc: Vec<&str> = first["loc"]
            .as_array()
            .expect("a path")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let found = format!(
            "{} {}",
            loc.join("."),
            first["type"].as_str().expect("a type")
        );
        assert_eq!(found, format!("body.{problem}"));
        batch.push(wrong);
    }
    batch.push(event("good"));
    let batched =
        || call(&server, &client).header("Content-Type", "application/cloudevents-batch+json");
    let sent = batched().json(&batch.clone().into()).send().await;
    assert_eq!(
        (sent.body["stored"].as_u64(), sent.body["rejected"].as_u64()),
        (Some(1), Some(batch.len() as u64 - 1))
    );
    assert_eq!(
        sent.body["results"][0]["problems"][0]["loc"],
        json!(["body", 0, "specversion"])
    );
    batched()
        .json(&event("1"))
        .send()
        .await
        .is_invalid(&["body list_type"]);

    let binary = call(&server, &client)
        .header("ce-id", "1")
        .header("ce-time", "now")
        .header("ce-source", "");
    let refused = binary.json(&json!({"event_id": 1})).send().await;
    let found = refused.body["detail"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|it| it["loc"].to_string());
    let found: Vec<String> = found.take(5).collect();
    let expected = [
        r#"["header","ce-specversion"]"#,
        r#"["header","ce-source"]"#,
        r#"["header","ce-type"]"#,
        r#"["header","ce-time"]"#,
        r#"["body","event_id"]"#,
    ];
    assert_eq!(found, expected);
}

/// Runs a script that sends with an SDK, and compares what is stored with what it says.
async fn everything_is_there_once(mut command: Command, script: &str) {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    command
        .arg(support::script(script))
        .args([server.url(), API_KEY, &client]);
    let printed = tokio::task::spawn_blocking(move || support::run(&mut command));
    let printed = printed.await.expect("it ends well");
    let mut expected: Vec<&str> = printed.lines().collect();
    expected.sort_unstable();
    assert_eq!(expected.len(), 6);
    assert_eq!(ids(&server, &client).await, expected);
    let times: Vec<Value> = stored(&server, &client)
        .await
        .iter()
        .map(|it| it["event_time"].clone())
        .collect();
    assert!(
        times.iter().all(|it| it
            .as_str()
            .is_some_and(|it| it.starts_with("2024-05-06T07:08:09.123"))),
        "{times:?}"
    );
}

#[tokio::test]
async fn the_python_sdk_sends_in_every_mode() {
    let home = tempfile::tempdir().expect("a folder");
    let command = support::clean_command(support::python(), home.path());
    everything_is_there_once(command, "cloud_events.py").await;
}

#[tokio::test]
async fn the_javascript_sdk_sends_in_every_mode() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = support::clean_command("node", home.path());
    command.env("NODE_PATH", support::node_modules());
    everything_is_there_once(command, "cloud_events.cjs").await;
}
