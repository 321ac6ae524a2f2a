//! Taking events in.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, send_event, tenant};
use crate::support::Server;

const PATH: &str = "/api/event-bridge/create-event";

async fn send(server: &Server, envelope: &Value) -> Answer {
    Call::new(server, "POST", PATH).json(envelope).send().await
}

async fn list(server: &Server, client: &str) -> Value {
    Call::new(server, "GET", "/api/history/events")
        .client(client)
        .send()
        .await
        .body
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let first = envelope("demo", 1);
    send_event(&server, &first).await;
    let stored = list(&server, &client).await;
    send_event(&server, &first).await;

    // The same event, written by another hand.
    let same = r#"{"source":"demo","detail":{ "record_id" : 1,
        "event_data":[ {"new":"approved","old":"dr\u0061ft","field":"status"} ],
        "event_time":"2022-11-10T12:00:01.1110+02:00","event_type_id":1,"source_id":7,
        "source_type_id":0,"file_id":null,"source_name":"","unheard_of":true,
        "event_id":"00000000-0000-4000-8000-000000000001"}}"#;
    let answer = Call::new(&server, "POST", PATH).text(same).send().await;
    answer.is_error(201, "Event created.");
    let again = list(&server, &client).await;
    assert_eq!(again, stored);

    let answers = join_all((0..16).map(|_| send(&server, &first))).await;
    for answer in answers {
        answer.is_error(201, "Event created.");
    }
    assert_eq!(list(&server, &client).await, stored);
}

/// Forwarders re-encode JSON: what is a number to them is a double, but for plain integers.
#[tokio::test]
async fn numbers_are_compared_by_value_and_kept_as_first_sent() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let of = |data: &str| {
        let mut event = envelope("demo", 1);
        event["detail"]["event_data"] = json!("DATA");
        event.to_string().replace("\"DATA\"", data)
    };
    let first = "[1.10,100,0,12345678901234567890123,[{\"b\":-0.0,\"a\":1e2}]]";
    for (data, status, detail) in [
        (first, 201, "Event created."),
        (
            "[1.1, 1e2, -0, 12345678901234567890123, [{\"a\":100.0,\"b\":0}]]",
            201,
            "Event created.",
        ),
        (
            "[1.10,100,0,12345678901234567890124,[{\"b\":-0.0,\"a\":1e2}]]",
            400,
            "'00000000-0000-4000-8000-000000000001' event exists with other content.",
        ),
    ] {
        let answer = Call::new(&server, "POST", PATH).text(of(data)).send().await;
        answer.is_error(status, detail);
    }
    let events = Call::new(&server, "GET", "/api/history/events").client(&client);
    let text = events.send_text().await;
    assert!(text.contains(&format!("\"event_data\":{first},")), "{text}");
}

#[tokio::test]
async fn too_long_input_is_rejected_as_a_whole() {
    let server = Server::start();
    tenant(&server, "demo").await;
    for (ids, problems) in [
        (vec![json!(0); 51], vec!["body.detail.file_ids too_long"]),
        (
            vec![json!(0); 30_000],
            vec!["body.detail.file_ids too_long"],
        ),
        (
            vec![json!(0); 2],
            vec![
                "body.detail.file_ids.0 uuid_type",
                "body.detail.file_ids.1 uuid_type",
            ],
        ),
    ] {
        let mut event = envelope("demo", 1);
        event["detail"]["file_ids"] = Value::from(ids);
        send(&server, &event).await.is_invalid(&problems);
    }
}

#[tokio::test]
async fn the_same_id_with_other_content_is_rejected() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    send_event(&server, &envelope("demo", 1)).await;
    let stored = list(&server, &client).await;
    let changes = [
        ("event_time", json!("2022-11-10T10:00:01.112Z")),
        ("event_type_id", json!(2)),
        ("record_id", json!(2)),
        ("source_id", json!(8)),
        ("source_type_id", json!(1)),
        ("source_name", json!("Ada")),
        ("source_info", json!("model")),
        ("event_data", json!([])),
    ];
    for (member, value) in changes {
        let mut other = envelope("demo", 1);
        other["detail"][member] = value;
        let answer = send(&server, &other).await;
        let expected = format!("'{}' event exists with other content.", event_id(1));
        answer.is_error(400, &expected);
    }
    assert_eq!(list(&server, &client).await, stored);
}

#[tokio::test]
async fn of_concurrent_conflicting_events_one_is_stored() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let sends = (0..16).map(|source_id| {
        let mut event = envelope("demo", 1);
        event["detail"]["source_id"] = json!(source_id);
        Call::new(&server, "POST", PATH).json(&event).send()
    });
    let answers = join_all(sends).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 201).count(),
        1
    );
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 400).count(),
        15
    );
    assert_eq!(list(&server, &client).await["total_count"], 1);
}

#[tokio::test]
async fn all_problems_are_reported_at_once() {
    let server = Server::start();
    tenant(&server, "demo").await;
    let call = |body: &str| Call::new(&server, "POST", PATH).text(body).send();
    call("").await.is_invalid(&["body missing"]);
    call("{").await.is_invalid(&["body json_invalid"]);
    call("7").await.is_invalid(&["body dict_type"]);
    call("{}")
        .await
        .is_invalid(&["body.source missing", "body.detail missing"]);
    call(r#"{"source": 7}"#)
        .await
        .is_invalid(&["body.source string_type", "body.detail missing"]);
    let sourced = r#"{"source": "demo", "detail": "#;
    call(&format!("{sourced} []}}"))
        .await
        .is_invalid(&["body.detail dict_type"]);
    call(&format!("{sourced} {{}}}}")).await.is_invalid(&[
        "body.detail.event_id missing",
        "body.detail.event_time missing",
        "body.detail.event_type_id missing",
        "body.detail.record_id missing",
        "body.detail.source_id missing",
        "body.detail.source_type_id missing",
        "body.detail.event_data missing",
    ]);
    let wrong = json!({
        "source": "demo", "version": 0, "id": [], "resources": {}, "region": null,
        "detail": {
            "event_id": 7, "event_time": "yesterday", "event_type_id": "1",
            "record_id": 1.5, "source_id": 9_223_372_036_854_775_808_u64,
            "source_type_id": 2_147_483_648_u32, "source_name": 7, "source_info": [],
            "event_data": {}, "file_id": "nope",
        },
    });
    call(&wrong.to_string()).await.is_invalid(&[
        "body.version string_type",
        "body.id string_type",
        "body.resources list_type",
        "body.detail.event_id uuid_type",
        "body.detail.event_time datetime_parsing",
        "body.detail.event_type_id int_type",
        "body.detail.record_id int_type",
        "body.detail.source_id int_parsing_size",
        "body.detail.source_type_id int_parsing_size",
        "body.detail.source_name string_type",
        "body.detail.source_info string_type",
        "body.detail.event_data list_type",
        "body.detail.file_id uuid_parsing",
    ]);
    let mut nested = envelope("demo", 1);
    nested["detail"]["event_data"] = json!([1, { "file_id": "nope" }]);
    call(&nested.to_string())
        .await
        .is_invalid(&["body.detail.event_data.1.file_id uuid_parsing"]);
    let mut leap = envelope("demo", 1);
    leap["detail"]["event_time"] = json!("2016-12-31T23:59:60Z");
    call(&leap.to_string())
        .await
        .is_invalid(&["body.detail.event_time datetime_parsing"]);
    let exact = call(r#"{"source": "demo"}"#).await;
    let expected = json!({ "detail": [
        { "loc": ["body", "detail"], "msg": "Field required", "type": "missing" }
    ]});
    exact.is(422, &expected);
}

#[tokio::test]
async fn an_event_of_1_mib_is_accepted_and_a_larger_one_is_not() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let mut event = envelope("demo", 1);
    event["detail"]["event_data"] = json!([""]);
    let room = (1 << 20) - event["detail"].to_string().len();
    event["detail"]["event_data"] = json!(["x".repeat(room)]);
    event["resources"] = json!(["y".repeat(60_000)]);
    send_event(&server, &event).await;
    assert_eq!(
        list(&server, &client).await["results"][0]["event_data"],
        event["detail"]["event_data"]
    );

    let mut larger = envelope("demo", 2);
    larger["detail"]["event_data"] = json!(["x".repeat(room + 1)]);
    send(&server, &larger)
        .await
        .is_error(413, "Larger than 1048576 bytes.");
    let endless = "x".repeat(3 << 20);
    let answer = Call::new(&server, "POST", PATH).text(endless).send().await;
    answer.is_error(413, "Larger than 1114112 bytes.");
    assert_eq!(list(&server, &client).await["total_count"], 1);
}

#[tokio::test]
async fn an_event_is_returned_as_it_was_sent() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let data = r#"[null,true,-0.0,1.50,12345678901234567890123,{"b":1,"a":{"a":[]}},"\u0000 é \" 😀 '; DROP TABLE events; --"]"#;
    let body = format!(
        r#"{{"source": "demo", "detail": {{"event_id": "{}",
        "event_time": "0001-01-01T00:00:00.100000-00:30", "event_type_id": -1,
        "record_id": -9223372036854775808, "source_id": 9223372036854775807,
        "source_type_id": 2147483647, "source_name": "Ada \"L\" 😀", "source_info": "\u0000x",
        "event_data": {data}}}}}"#,
        event_id(1).to_uppercase(),
    );
    Call::new(&server, "POST", PATH)
        .text(body)
        .send()
        .await
        .is_error(201, "Event created.");
    let url = format!("{}/api/history/events", server.url());
    let request = reqwest::Client::new()
        .get(url)
        .header("X-API-Key", crate::support::API_KEY);
    let text = request
        .header("X-Client-Id", &client)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains(data), "{text}");
    let result = &list(&server, &client).await["results"][0];
    assert_eq!(result["event_id"], event_id(1));
    assert_eq!(result["event_time"], "0001-01-01T00:30:00.100000Z");
    assert_eq!(result["record_id"], i64::MIN);
    assert_eq!(result["source_id"], i64::MAX);
    assert_eq!(result["source_name"], "Ada \"L\" 😀");
    assert_eq!(result["source_info"], "\u{0}x");
    assert_eq!(
        (&result["event_type"], &result["source_type"]),
        (&Value::Null, &Value::Null)
    );
}
