//! Streams of server-sent events: none is missed, none comes twice, and idle ones cost next to nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::BoxStream;
use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{self, Server, Tenant, event, expect, expect_json};

/// Far above what anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// What a client of server-sent events receives.
struct Reader {
    body: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
    /// The last id that was received.
    last_id: String,
    comments: usize,
}

fn request(server: &Server, tenant: &Tenant, query: &str) -> RequestBuilder {
    let target = format!("/api/history/stream?{query}");
    server.request_as(tenant, Method::GET, &target)
}

impl Reader {
    async fn open(server: &Server, tenant: &Tenant, query: &str) -> Self {
        Self::of(request(server, tenant, query)).await
    }

    async fn resume(server: &Server, tenant: &Tenant, query: &str, last_id: &str) -> Self {
        let mut reader =
            Self::of(request(server, tenant, query).header("Last-Event-ID", last_id)).await;
        last_id.clone_into(&mut reader.last_id);
        reader
    }

    async fn of(request: RequestBuilder) -> Self {
        let response = expect(request, StatusCode::OK).await;
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        assert!(!response.headers().contains_key("content-encoding"));
        Self {
            body: response.bytes_stream().boxed(),
            text: String::new(),
            last_id: String::new(),
            comments: 0,
        }
    }

    /// Returns the data of the next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let mut data = None;
                for line in block.lines() {
                    match line.split_once(": ").expect("a field") {
                        ("id", id) => id.clone_into(&mut self.last_id),
                        ("data", json) => data = Some(serde_json::from_str(json).expect("JSON")),
                        ("retry", ms) => assert!(ms.parse::<u32>().is_ok()),
                        ("", _) => self.comments += 1,
                        other => panic!("an unknown field: {other:?}"),
                    }
                }
                if data.is_some() {
                    return data;
                }
            }
            match self.body.next().await {
                Some(bytes) => {
                    let bytes = bytes.expect("no stream is cut off");
                    self.text += std::str::from_utf8(&bytes).expect("UTF-8");
                }
                None => return None,
            }
        }
    }

    async fn soon(&mut self) -> Value {
        let next = timeout(SOON, self.next()).await;
        next.expect("an event comes").expect("it has no end")
    }

    /// Reads for a while in which no event comes.
    async fn nothing_for(&mut self, time: Duration) {
        let next = timeout(time, self.next()).await;
        assert!(next.is_err(), "{next:?}");
    }
}

async fn deliver(server: &Server, tenant: &Tenant, record_id: usize) -> String {
    let mut detail = event();
    detail["record_id"] = record_id.into();
    server.deliver(tenant, &detail).await;
    detail["event_id"].as_str().expect("an id").to_owned()
}

fn id(event: &Value) -> &str {
    event["event_id"].as_str().expect("an id")
}

#[tokio::test]
async fn a_stream_shows_what_arrives_and_resumes_behind_any_event() {
    let server = Server::start();
    let tenant = server.create_tenant("streamed").await;
    let mut sent = Vec::new();
    for number in 0..6 {
        sent.push(deliver(&server, &tenant, number).await);
    }
    let mut reader = Reader::open(&server, &tenant, "").await;
    let (mut events, mut cursors) = (Vec::new(), Vec::new());
    for number in 0..12 {
        if number >= 6 {
            sent.push(deliver(&server, &tenant, number).await);
        }
        events.push(reader.soon().await);
        cursors.push(reader.last_id.clone());
    }
    assert_eq!(events.iter().map(id).collect::<Vec<_>>(), sent);
    let feed = server.get_json(&tenant, "/api/history/feed").await;
    assert_eq!(feed["results"], Value::from(events.clone()));
    for (index, cursor) in cursors.iter().enumerate().step_by(3) {
        let query = format!("after={cursor}");
        let mut by_query = Reader::open(&server, &tenant, &query).await;
        // A browser comes back to the same URL, with the header.
        let first = format!("after={}", cursors[0]);
        let mut by_header = Reader::resume(&server, &tenant, &first, cursor).await;
        for event in &events[index + 1..] {
            assert_eq!(by_query.soon().await, *event);
            assert_eq!(by_header.soon().await, *event);
        }
        assert_eq!(by_query.last_id, cursors[11]);
    }
    let mut latest = Reader::open(&server, &tenant, "after=latest").await;
    let last = deliver(&server, &tenant, 1).await;
    assert_eq!(id(&latest.soon().await), last);
    assert_eq!(id(&reader.soon().await), last);
}

#[tokio::test]
async fn what_filters_hide_moves_the_cursor_and_silence_has_a_heartbeat() {
    let server = Server::start();
    let tenant = server.create_tenant("filtered").await;
    for number in 0..5 {
        deliver(&server, &tenant, number).await;
    }
    let mut reader = Reader::open(&server, &tenant, "record_id=3&record_id=77").await;
    assert_eq!(reader.soon().await["record_id"], 3);
    let at_match = reader.last_id.clone();
    for _ in 0..3 {
        deliver(&server, &tenant, 4).await;
    }
    reader.nothing_for(Duration::from_secs(17)).await;
    assert!(reader.comments >= 1, "a heartbeat");
    assert_ne!(reader.last_id, at_match);
    // Nothing that was hidden is behind that cursor.
    let target = format!("/api/history/feed?after={}", reader.last_id);
    let rest = server.get_json(&tenant, &target).await;
    assert_eq!(rest["results"], json!([]));
    let found = deliver(&server, &tenant, 77).await;
    assert_eq!(id(&reader.soon().await), found);
}

#[tokio::test]
async fn a_consumer_that_is_killed_and_resumed_under_load_misses_and_repeats_none() {
    let server = Server::start();
    follow_with_kills(&server).await;
}

#[tokio::test]
async fn on_clickhouse_a_consumer_that_is_killed_and_resumed_misses_and_repeats_none() {
    let clickhouse = support::ClickHouse::start();
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", clickhouse.url())
        .start();
    follow_with_kills(&server).await;
}

/// Writes and backdates while consumers follow, each of which is killed many times.
async fn follow_with_kills(server: &Server) {
    const WRITERS: usize = 4;
    let kills = support::number_from_environment("EVENT_HISTORY_TEST_KILLS", 20);
    let tenant = server.create_tenant("followed").await;
    let acknowledged = Mutex::new(HashMap::new());
    let running = AtomicUsize::new(2);
    let writers = join_all((0..WRITERS).map(async |_| {
        while running.load(Ordering::SeqCst) > 0 {
            let mut detail = event();
            let day = 1 + support::random_below(28);
            let record_id = support::random_below(4);
            detail["event_time"] = format!("2022-11-{day:02}T10:26:12.111Z").into();
            detail["record_id"] = record_id.into();
            server.deliver(&tenant, &detail).await;
            let id = detail["event_id"].as_str().expect("an id").to_owned();
            acknowledged
                .lock()
                .expect("no holder panics")
                .insert(id, record_id);
        }
    }));
    let consumers = join_all(["", "record_id=2"].map(async |filter| {
        let (mut seen, mut last_id) = (Vec::new(), String::new());
        for _ in 0..kills {
            let mut reader = Reader::resume(server, &tenant, filter, &last_id).await;
            // Where it is killed, blocks that it has received in part count for nothing.
            let life = Duration::from_millis(20 + support::random_below(400));
            let living = async {
                loop {
                    let event = reader.next().await.expect("it has no end");
                    seen.push(id(&event).to_owned());
                }
            };
            let _ = timeout(life, living).await;
            last_id.clone_from(&reader.last_id);
        }
        running.fetch_sub(1, Ordering::SeqCst);
        (filter, seen, last_id)
    }));
    let (_, consumers) = tokio::join!(writers, consumers);
    let acknowledged = acknowledged.into_inner().expect("no holder panics");
    assert!(acknowledged.len() > 40, "{}", acknowledged.len());
    for (filter, mut seen, last_id) in consumers {
        let expected: HashSet<&str> = acknowledged
            .iter()
            .filter(|(_, record_id)| filter.is_empty() || **record_id == 2)
            .map(|(id, _)| id.as_str())
            .collect();
        assert!(seen.len() > 5, "{} before the last kill", seen.len());
        let mut reader = Reader::resume(server, &tenant, filter, &last_id).await;
        while seen.len() < expected.len() {
            seen.push(id(&reader.soon().await).to_owned());
        }
        let once: HashSet<&str> = seen.iter().map(String::as_str).collect();
        assert_eq!((once.len(), once), (seen.len(), expected), "{filter}");
    }
}

#[tokio::test]
async fn a_shutdown_and_a_deletion_end_streams() {
    let server = Server::start();
    let tenant = server.create_tenant("ending").await;
    let gone = server.create_tenant("gone").await;
    deliver(&server, &tenant, 1).await;
    deliver(&server, &gone, 1).await;
    let mut reader = Reader::open(&server, &tenant, "").await;
    reader.soon().await;
    let response = expect(request(&server, &gone, ""), StatusCode::OK).await;
    let delete = server.request_as(&gone, Method::DELETE, "/api/delete-tenant");
    expect(delete, StatusCode::OK).await;
    let cut = timeout(SOON, response.bytes()).await.expect("it ends");
    cut.expect_err("it is cut off, and whoever comes back is told why");
    let again = expect_json(request(&server, &gone, ""), StatusCode::BAD_REQUEST).await;
    assert_eq!(
        again,
        json!({ "detail": "Failed to connect to tenant db." })
    );

    server.process().ask_to_end();
    let started = Instant::now();
    assert_eq!(timeout(SOON, reader.next()).await, Ok(None));
    assert!(server.process().end().success());
    assert!(started.elapsed() < SOON / 2, "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_is_wrong_with_a_stream_is_said_and_streams_are_bounded() {
    let server = Server::builder().arg("--max-connections").arg("12").start();
    let tenant = server.create_tenant("bounded").await;
    let other = server.create_tenant("other").await;
    for (query, status, problem) in [
        ("limit=5", 422, "extra_forbidden"),
        ("wait=5", 422, "extra_forbidden"),
        ("record_id=x", 422, "int_parsing"),
        (
            "after=x",
            400,
            "it is not a cursor that this service has returned",
        ),
    ] {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = expect_json(request(&server, &tenant, query), status).await;
        assert!(answer.to_string().contains(problem), "{query}: {answer}");
    }
    let invalid = request(&server, &tenant, "").header("Last-Event-ID", "x");
    expect(invalid, StatusCode::BAD_REQUEST).await;

    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(Reader::open(&server, &tenant, "").await);
    }
    let refused = expect_json(
        request(&server, &tenant, ""),
        StatusCode::SERVICE_UNAVAILABLE,
    )
    .await;
    assert_eq!(
        refused,
        json!({ "detail": "Too many requests are waiting for events." })
    );
    Reader::open(&server, &other, "").await;
    // A place is free again once the client has gone.
    open.pop();
    support::wait_for("a place", Duration::from_mins(1), async || {
        let answer = request(&server, &tenant, "")
            .send()
            .await
            .expect("an answer");
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
}

/// The most memory that idle streams may take, in bytes each, with their connections.
const STREAM_BYTES: u64 = 64_000;

#[tokio::test]
async fn idle_streams_cost_little_and_all_are_told_the_news() {
    let count = support::number_from_environment("EVENT_HISTORY_TEST_STREAMS", 60);
    let count = usize::try_from(count).expect("a small number");
    let limit = (8 * count).to_string();
    let server = Server::builder()
        .arg("--max-connections")
        .arg(limit)
        .start();
    let mut tenants = Vec::new();
    for number in 0..4 {
        tenants.push(server.create_tenant(&format!("idle_{number}")).await);
    }
    let probe = async || {
        let mut times = Vec::new();
        for _ in 0..50 {
            let started = Instant::now();
            server.get_json(&tenants[0], "/api/history/events").await;
            times.push(started.elapsed());
        }
        times.sort();
        times[times.len() / 2]
    };
    probe().await;
    let (before_bytes, before_median) = (server.process().memory_bytes("VmRSS"), probe().await);
    let streams = (0..count).map(|number| Reader::open(&server, &tenants[number % 4], ""));
    let mut streams = join_all(streams).await;
    let median = probe().await;
    let bytes = server
        .process()
        .memory_bytes("VmRSS")
        .saturating_sub(before_bytes);
    println!(
        "{count} idle streams: {bytes} bytes, the median of a list {before_median:?}, then {median:?}"
    );
    let bound = STREAM_BYTES * count as u64 + 4_000_000;
    assert!(bytes < bound, "{bytes} bytes for {count} streams");
    let mut sent = Vec::new();
    for tenant in &tenants {
        sent.push(deliver(&server, tenant, 1).await);
    }
    let told = join_all(streams.iter_mut().map(Reader::soon)).await;
    for (number, event) in told.iter().enumerate() {
        assert_eq!(id(event), sent[number % 4]);
    }
}
