//! Many events in one request: forms, outcomes, limits and encodings.

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, tenant};
use crate::support::{self, Server};

pub(super) const PATH: &str = "/api/events";
pub(super) const MAX_BYTES: usize = 32 * 1024 * 1024;

pub(super) fn detail(number: u32) -> Value {
    envelope("demo", number)["detail"].clone()
}

pub(super) fn details(numbers: std::ops::RangeInclusive<u32>) -> Vec<Value> {
    numbers.map(detail).collect()
}

fn lines(events: &[Value]) -> String {
    let lines = events.iter().map(|event| format!("{event}\n"));
    lines.collect()
}

pub(super) fn call<'a>(server: &'a Server, client: &str) -> Call<'a> {
    Call::new(server, "POST", PATH).client(client)
}

async fn send(server: &Server, client: &str, body: impl Into<Vec<u8>>) -> Answer {
    call(server, client).bytes(body).send().await
}

async fn send_lines(server: &Server, client: &str, body: impl Into<Vec<u8>>) -> Answer {
    let call = call(server, client).header("Content-Type", "application/x-ndjson");
    call.bytes(body).send().await
}

pub(super) async fn stored(server: &Server, client: &str) -> Vec<Value> {
    let target = "/api/history/events?ordering=event_time&limit=1000";
    let page = Call::new(server, "GET", target).client(client).send().await;
    let results = page.body["results"].as_array().expect("results");
    results.clone()
}

pub(super) async fn count(server: &Server, client: &str) -> u64 {
    let target = "/api/history/events?limit=1";
    let page = Call::new(server, "GET", target).client(client).send().await;
    page.body["total_count"].as_u64().expect("a count")
}

pub(super) fn answer(stored: u32, duplicates: u32, rejected: u32, results: &Value) -> Value {
    json!({"stored": stored, "duplicates": duplicates, "rejected": rejected, "results": results})
}

/// Says of each result what it is, and of what is rejected why: `3 rejected body.3.event_time missing`.
fn outcomes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let results = answer.body["results"].as_array().expect("results");
    let outcome = |result: &Value| {
        let outcome = result["outcome"].as_str().expect("an outcome");
        let mut text = format!("{} {outcome}", result["index"]);
        for problem in result["problems"].as_array().into_iter().flatten() {
            assert!(!problem["msg"].as_str().expect("a message").is_empty());
            let loc = problem["loc"].as_array().expect("a path");
            let loc: Vec<String> = loc
                .iter()
                .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
                .collect();
            let kind = problem["type"].as_str().expect("a type");
            text = format!("{text} {} {kind}", loc.join("."));
        }
        text
    };
    results.iter().map(outcome).collect()
}

#[tokio::test]
async fn one_event_an_array_and_lines_are_stored_alike() {
    let server = Server::start();
    let mut histories = Vec::new();
    for name in ["one", "array", "lines", "create"] {
        let client = tenant(&server, name).await;
        let events = details(1..=3);
        match name {
            "one" => {
                for event in &events {
                    let sent = call(&server, &client).json(event).send().await;
                    sent.is(200, &answer(1, 0, 0, &json!([])));
                }
                let again = call(&server, &client).json(&events[0]).send().await;
                let duplicate =
                    json!([{"index": 0, "event_id": event_id(1), "outcome": "duplicate"}]);
                again.is(200, &answer(0, 1, 0, &duplicate));
            }
            "array" => {
                let body = serde_json::to_string_pretty(&events).expect("JSON");
                send(&server, &client, body)
                    .await
                    .is(200, &answer(3, 0, 0, &json!([])));
                send(&server, &client, "[]")
                    .await
                    .is(200, &answer(0, 0, 0, &json!([])));
            }
            "lines" => {
                let body = format!("\n{}\r\n\n", lines(&events).trim_end());
                send_lines(&server, &client, body)
                    .await
                    .is(200, &answer(3, 0, 0, &json!([])));
            }
            _ => {
                for number in 1..=3 {
                    super::send_event(&server, &envelope(name, number)).await;
                }
            }
        }
        let mut history = stored(&server, &client).await;
        for event in &mut history {
            event
                .as_object_mut()
                .expect("an event")
                .remove("received_at");
        }
        histories.push(history);
    }
    assert_eq!(histories[0].len(), 3);
    assert!(
        histories.iter().all(|it| *it == histories[0]),
        "{histories:?}"
    );
}

#[tokio::test]
async fn three_bad_events_do_not_sink_ten_thousand() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let mut events: Vec<Value> = details(1..=3599);
    events.extend((3600..=10_000).map(|number| {
        let mut event = detail(number % 3600);
        event["event_id"] = event_id(number).into();
        event
    }));
    assert_eq!(events.len(), 10_000);
    events[17]["event_time"] = json!("yesterday");
    events[4711].as_object_mut().expect("an object").clear();
    events[9999]["record_id"] = json!("9999");
    events[9999]["event_data"] = json!({});
    let expected = [
        "17 rejected body.17.event_time datetime_parsing",
        "4711 rejected body.4711.event_id missing body.4711.event_time missing \
         body.4711.event_type_id missing body.4711.record_id missing body.4711.source_id missing \
         body.4711.source_type_id missing body.4711.event_data missing",
        "9999 rejected body.9999.record_id int_type body.9999.event_data list_type",
    ];
    let sent = send_lines(&server, &client, lines(&events)).await;
    assert_eq!(outcomes(&sent), expected);
    let ids = [0, 1, 2].map(|place| sent.body["results"][place]["event_id"].clone());
    assert_eq!(
        ids,
        [json!(event_id(18)), json!(null), json!(event_id(10_000))]
    );
    let counts =
        |sent: &Answer| ["stored", "duplicates", "rejected"].map(|it| sent.body[it].as_u64());
    assert_eq!(counts(&sent), [9997, 0, 3].map(Some));
    assert_eq!(count(&server, &client).await, 9997);

    // The same again, as an array.
    let again = call(&server, &client).json(&events.into()).send().await;
    assert_eq!(counts(&again), [0, 9997, 3].map(Some));
    assert_eq!(again.body["results"].as_array().map(Vec::len), Some(10_000));
    assert_eq!(count(&server, &client).await, 9997);
}

#[tokio::test]
async fn an_id_counts_once_and_other_content_is_rejected() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let changed = |number: u32| {
        let mut event = detail(number);
        event["record_id"] = json!(77);
        event
    };
    let mut respelt = detail(1);
    respelt["event_time"] = json!("2022-11-10T12:00:01.1110+02:00");
    let events = json!([
        detail(1),
        detail(2),
        respelt,
        changed(2),
        detail(1),
        detail(2),
        5,
        "x",
        null
    ]);
    let first = call(&server, &client).json(&events).send().await;
    let mut expected = vec![
        "2 duplicate",
        "3 rejected body.3.event_id other_content",
        "4 duplicate",
        "5 rejected body.5.event_id other_content",
        "6 rejected body.6 dict_type",
        "7 rejected body.7 dict_type",
        "8 rejected body.8 dict_type",
    ];
    assert_eq!(outcomes(&first), expected);
    expected.splice(0..0, ["0 duplicate", "1 duplicate"]);
    let second = call(&server, &client).json(&events).send().await;
    assert_eq!(outcomes(&second), expected);
    let third = Call::new(&server, "POST", "/api/events?results=all").client(&client);
    let third = third
        .json(&json!([changed(1), detail(2), detail(3)]))
        .send()
        .await;
    let expected = [
        "0 rejected body.0.event_id other_content",
        "1 duplicate",
        "2 stored",
    ];
    assert_eq!(outcomes(&third), expected);
    let message = &third.body["results"][0]["problems"][0]["msg"];
    assert_eq!(
        message,
        "'00000000-0000-4000-8000-000000000001' event exists with other content."
    );
    let records: Vec<Value> = stored(&server, &client)
        .await
        .iter()
        .map(|it| it["record_id"].clone())
        .collect();
    assert_eq!(records, [1, 2, 3]);

    // Alone, it is answered as create-event does.
    let alone = call(&server, &client).json(&changed(1)).send().await;
    alone.is_error(
        400,
        "'00000000-0000-4000-8000-000000000001' event exists with other content.",
    );
}

#[tokio::test]
async fn a_body_that_cannot_be_read_stores_nothing() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let event = detail(1);
    for (body, problem) in [
        (String::new(), "body missing"),
        (" \n".to_owned(), "body missing"),
        (format!("[{event}"), "body json_invalid"),
        (format!("[{event},]"), "body json_invalid"),
        (format!("[{event}] x"), "body json_invalid"),
        (format!("[{event},{{\"a\"}}]"), "body.1 json_invalid"),
        (format!("[{event} {event}]"), "body.0 json_invalid"),
        (format!("{event} {event}"), "body json_invalid"),
        ("\"event\"".to_owned(), "body dict_type"),
        (
            "{\"event_id\":\"\\ud800\"}".to_owned(),
            "body.event_id uuid_type",
        ),
    ] {
        let sent = send(&server, &client, body.clone()).await;
        let problems = sent.body["detail"].as_array().cloned().unwrap_or_default();
        let first = problems.first().map(|it| {
            let loc: Vec<String> = it["loc"]
                .as_array()
                .expect("a path")
                .iter()
                .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
                .collect();
            format!("{} {}", loc.join("."), it["type"].as_str().expect("a type"))
        });
        assert_eq!(
            (sent.status.as_u16(), first.as_deref()),
            (422, Some(problem)),
            "{body}"
        );
    }
    let mut invalid = event.to_string().into_bytes();
    invalid.insert(2, 0xff);
    send(&server, &client, invalid)
        .await
        .is_invalid(&["body json_invalid"]);
    send_lines(&server, &client, "\n \n")
        .await
        .is_invalid(&["body missing"]);
    for target in [
        "/api/events?results=some",
        "/api/events?limit=1",
        "/api/events?results=all&results=all",
    ] {
        let call = Call::new(&server, "POST", target).client(&client);
        assert_eq!(call.json(&event).send().await.status, 422, "{target}");
    }
    assert_eq!(count(&server, &client).await, 0);

    // Each line stands for itself.
    let body = format!("{{\n{event}\n{event} {event}\n\u{feff}{event}\n");
    let sent = send_lines(&server, &client, body).await;
    let expected = [
        "0 rejected body.0 json_invalid",
        "2 rejected body.2 json_invalid",
        "3 rejected body.3 json_invalid",
    ];
    assert_eq!(outcomes(&sent), expected);
    assert_eq!(sent.body["stored"], 1);
    let mut wrong = detail(2);
    wrong["event_time"] = json!("2016-12-31T23:59:60Z");
    wrong["file_ids"] = json!(["x"]);
    let alone = call(&server, &client).json(&wrong).send().await;
    alone.is_invalid(&[
        "body.event_time datetime_parsing",
        "body.file_ids.0 uuid_parsing",
    ]);
}

#[tokio::test]
async fn what_is_over_the_limits_is_refused_as_a_whole() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let many = "{}\n".repeat(10_001);
    send_lines(&server, &client, many)
        .await
        .is_error(413, "More than 10000 events.");
    send(&server, &client, format!("[{}0]", "0,".repeat(10_000)))
        .await
        .is_error(413, "More than 10000 events.");
    let too_large = format!("Larger than {MAX_BYTES} bytes.");
    let padded = format!("{}{}", detail(1), " ".repeat(MAX_BYTES));
    send(&server, &client, padded.clone())
        .await
        .is_error(413, &too_large);
    // Without a length.
    let chunks = padded
        .into_bytes()
        .chunks(1024 * 1024)
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>();
    let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let request = server
        .request(Method::POST, PATH)
        .header("X-Client-Id", &client);
    let refused = request.body(body).send().await.expect("an answer");
    assert_eq!(refused.status(), 413);
    assert_eq!(count(&server, &client).await, 0);

    let large = |number: u32, bytes: usize| {
        let mut event = detail(number);
        event["event_data"] = json!(["x".repeat(bytes)]);
        event
    };
    let alone = send(&server, &client, large(1, 1024 * 1024).to_string()).await;
    alone.is_error(413, "Larger than 1048576 bytes.");
    let events = json!([
        detail(1),
        large(2, 1024 * 1024),
        large(3, 3 * 1024 * 1024),
        large(4, 1000 * 1024)
    ]);
    let sent = call(&server, &client).json(&events).send().await;
    let expected = ["1 rejected body.1 too_long", "2 rejected body.2 too_long"];
    assert_eq!(outcomes(&sent), expected);
    assert_eq!(count(&server, &client).await, 2);

    // An answer is not much longer than its request: of very many problems the first of each event is listed.
    let sent = send_lines(&server, &client, "{}\n".repeat(10_000)).await;
    assert_eq!(sent.body["rejected"], 10_000);
    let results = sent.body["results"].as_array().expect("results");
    let problems = results
        .iter()
        .map(|it| it["problems"].as_array().map_or(0, Vec::len));
    assert!(problems.clone().all(|it| it >= 1) && problems.sum::<usize>() < 11_100);
}

#[tokio::test]
async fn files_of_a_batch_are_recorded_or_reject_their_event() {
    let server = Server::start();
    let owner = server.create_tenant("demo").await;
    let client = owner.client_id.clone();
    let upload = server.upload_url(&owner).await;
    let put = server.client().put(&upload.url).body("content");
    support::expect(put, http::StatusCode::OK).await;
    let missing = support::uuid();
    let with_file = |number: u32, file_id: &str| {
        let mut event = detail(number);
        event["event_data"] = json!([{ "file_id": file_id }]);
        event
    };
    let events = json!([
        with_file(1, &upload.file_id),
        with_file(2, &missing),
        detail(3),
        with_file(4, &upload.file_id),
        with_file(5, "x"),
    ]);
    let sent = call(&server, &client).json(&events).send().await;
    let expected = [
        "1 rejected body.1.file_id file_not_found",
        "4 rejected body.4.event_data.0.file_id uuid_parsing",
    ];
    assert_eq!(outcomes(&sent), expected);
    assert_eq!(sent.body["stored"], 3);
    let message = &sent.body["results"][0]["problems"][0]["msg"];
    assert_eq!(
        message,
        &json!(format!("'{missing}' file not found in storage."))
    );
    let files: Vec<Value> = stored(&server, &client)
        .await
        .iter()
        .map(|it| it["file"]["size_bytes"].clone())
        .collect();
    assert_eq!(files, [json!(7), json!(null), json!(7)]);
    let again = call(&server, &client).json(&events).send().await;
    assert_eq!(again.body["duplicates"], 3);
    let alone = call(&server, &client)
        .json(&with_file(2, &missing))
        .send()
        .await;
    alone.is_error(400, &format!("'{missing}' file not found in storage."));
}
