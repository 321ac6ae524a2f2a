//! The limits of tenants and keys, as they and others see them.

use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{Server, Tenant, event, expect, expect_json, wait_for};

async fn send(server: &Server, tenant: &Tenant, count: usize) -> Response {
    let events: Vec<Value> = (0..count).map(|_| event()).collect();
    let request = server.request_as(tenant, Method::POST, "/api/events");
    request.json(&events).send().await.expect("an answer")
}

async fn list(server: &Server, tenant: &Tenant) -> Response {
    let request = server.request_as(tenant, Method::GET, "/api/history/events");
    request.send().await.expect("an answer")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    let value = value.unwrap_or_else(|| panic!("no {name} in {response:?}"));
    value.to_str().expect("text")
}

/// Asserts that a request was refused, and returns after how many seconds it may be sent again.
async fn refused(response: Response, detail: &str) -> u64 {
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds = header(&response, "retry-after").parse();
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["detail"], detail);
    seconds.expect("seconds")
}

#[tokio::test]
async fn a_tenant_over_its_limits_is_told_and_others_are_not() {
    let server = Server::builder()
        .env("EVENT_HISTORY_TENANT_REQUESTS_PER_SECOND", "20")
        .env("EVENT_HISTORY_TENANT_EVENTS_PER_SECOND", "2")
        .env("EVENT_HISTORY_TENANT_EVENTS_PER_DAY", "40")
        .start();
    let loud = server.create_tenant("loud").await;
    let quiet = server.create_tenant("quiet").await;
    let first = list(&server, &loud).await;
    assert_eq!(
        header(&first, "ratelimit-policy"),
        "\"requests\";q=200;w=10, \"events\";q=20;qu=\"events\";w=10, \
         \"events-day\";q=40;qu=\"events\";w=86400"
    );
    let left = header(&first, "ratelimit");
    assert!(left.starts_with("\"requests\";r="), "{left}");
    let events = "\"events\";r=20;t=0, \"events-day\";r=40;t=";
    assert!(left.contains(events), "{left}");

    let sent = send(&server, &loud, 20).await;
    assert_eq!(sent.status(), 200);
    assert!(header(&sent, "ratelimit").contains("\"events-day\";r=20;"));
    // Nothing of a batch is stored that is over a limit, and the documented endpoint has the same limits.
    let wait = refused(
        send(&server, &loud, 10).await,
        "Too many events for this tenant.",
    )
    .await;
    assert!((1..=5).contains(&wait), "{wait}");
    let bridge = server.delivery(&loud, &event()).send().await;
    let bridge = bridge.expect("an answer");
    if bridge.status() != StatusCode::CREATED {
        refused(bridge, "Too many events for this tenant.").await;
    }
    let stored: Value = list(&server, &loud).await.json().await.expect("JSON");
    let stored = stored["total_count"].as_u64().expect("a number");
    assert!((20..=21).contains(&stored), "{stored}");
    assert_eq!(send(&server, &quiet, 20).await.status(), 200);
    // It may go on after a while.
    wait_for("a new quota", Duration::from_secs(20), async || {
        (send(&server, &loud, 5).await.status() == 200).then_some(())
    })
    .await;
    // First there has to be room for one event, or the other limit refuses what is not even read.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let wait = refused(
        send(&server, &loud, 20).await,
        "Too many events for this tenant today.",
    )
    .await;
    assert!((1..=86_400).contains(&wait), "{wait}");

    let mut requests = 0;
    loop {
        let answer = list(&server, &loud).await;
        requests += 1;
        assert!(requests < 5000, "never refused");
        if answer.status() != 200 {
            assert!(header(&answer, "ratelimit").starts_with("\"requests\";r=0;t="));
            let wait = refused(answer, "Too many requests for this tenant.").await;
            assert_eq!(wait, 1);
            break;
        }
    }
    assert!(requests > 100, "refused after {requests}");
    assert_eq!(list(&server, &quiet).await.status(), 200);
    let metrics = server.request(Method::GET, "/metrics");
    let metrics = expect(metrics, StatusCode::OK).await;
    assert!(!metrics.headers().contains_key("ratelimit"));
    let metrics = metrics.text().await.expect("text");
    for limit in ["requests", "events", "events-day"] {
        let counted = format!("event_history_limited_requests_total{{limit=\"{limit}\"}}");
        assert!(metrics.contains(&counted), "no {counted} in {metrics}");
    }
}

#[tokio::test]
async fn a_tenant_has_as_many_streams_as_it_may() {
    let server = Server::builder()
        .env("EVENT_HISTORY_TENANT_STREAMS", "2")
        .start();
    let [one, other] = [
        server.create_tenant("one").await,
        server.create_tenant("other").await,
    ];
    let stream = async |tenant: &Tenant| {
        let request = server.request_as(tenant, Method::GET, "/api/history/stream");
        request.send().await.expect("an answer")
    };
    let open = [stream(&one).await, stream(&one).await];
    assert!(open.iter().all(|it| it.status() == 200), "{open:?}");
    let detail = "The tenant has as many requests that wait for events as it may have.";
    assert_eq!(refused(stream(&one).await, detail).await, 1);
    assert_eq!(stream(&other).await.status(), 200);
    drop(open);
    // That a reader is gone is seen when something is sent to it.
    wait_for("a free place", Duration::from_secs(30), async || {
        server.deliver(&one, &event()).await;
        (stream(&one).await.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_limits_nothing_is_said_of_them() {
    let server = Server::start();
    let tenant = server.create_tenant("demo").await;
    let answer = list(&server, &tenant).await;
    for name in ["ratelimit", "ratelimit-policy"] {
        assert!(!answer.headers().contains_key(name), "{answer:?}");
    }
}

/// Makes a key for all tenants, and returns its text.
async fn key(server: &Server) -> String {
    let body = json!({"name": "k", "scopes": ["write", "read"]});
    let request = server.request(Method::POST, "/api/keys").json(&body);
    let made = expect_json(request, StatusCode::CREATED).await;
    made["key"].as_str().expect("a key").to_owned()
}

fn with_key(server: &Server, key: &str, method: Method, path: &str) -> RequestBuilder {
    let url = format!("{}{path}", server.url());
    let request = server.client().request(method, url);
    request.header("X-API-Key", key)
}

#[tokio::test]
async fn a_key_over_its_limits_is_told_and_others_are_not() {
    let server = Server::builder()
        .env("EVENT_HISTORY_KEY_REQUESTS_PER_SECOND", "2")
        .env("EVENT_HISTORY_KEY_EVENTS_PER_DAY", "30")
        .env("EVENT_HISTORY_KEY_STREAMS", "1")
        .start();
    let (loud, quiet) = (key(&server).await, key(&server).await);
    let [one, other] = [
        server.create_tenant("one").await,
        server.create_tenant("other").await,
    ];
    let batch = async |key: &str, tenant: &Tenant, count: usize| {
        let events: Vec<Value> = (0..count).map(|_| event()).collect();
        let request = with_key(&server, key, Method::POST, "/api/events");
        let request = request.header("X-Client-Id", &tenant.client_id);
        request.json(&events).send().await.expect("an answer")
    };
    let stream = async |key: &str, tenant: &Tenant| {
        let request = with_key(&server, key, Method::GET, "/api/history/stream");
        let request = request.header("X-Client-Id", &tenant.client_id);
        request.send().await.expect("an answer")
    };

    // Its quota is one for all tenants, which have none.
    let sent = batch(&loud, &one, 20).await;
    assert_eq!(sent.status(), 200);
    assert_eq!(
        header(&sent, "ratelimit-policy"),
        "\"key-requests\";q=20;w=10, \"key-events-day\";q=30;qu=\"events\";w=86400"
    );
    let left = header(&sent, "ratelimit");
    assert!(left.contains("\"key-events-day\";r=10;t="), "{left}");
    let too_many = "Too many events for this key today.";
    let wait = refused(batch(&loud, &other, 11).await, too_many).await;
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(batch(&loud, &other, 10).await.status(), 200);
    refused(batch(&loud, &one, 1).await, too_many).await;
    for tenant in [&one, &other] {
        assert_eq!(batch(&quiet, tenant, 15).await.status(), 200);
        let configured = server.delivery(tenant, &event()).send().await;
        let configured = configured.expect("an answer");
        assert_eq!(configured.status(), StatusCode::CREATED);
        assert!(!configured.headers().contains_key("ratelimit"));
    }

    let open = stream(&loud, &one).await;
    assert_eq!(open.status(), 200);
    let too_many = "The key has as many requests that wait for events as it may have.";
    refused(stream(&loud, &other).await, too_many).await;
    assert_eq!(stream(&quiet, &one).await.status(), 200);

    // A token uses up what the key has that made it.
    let request = with_key(&server, &loud, Method::POST, "/api/view-tokens");
    let request = request.header("X-Client-Id", &one.client_id);
    let token = expect_json(request.json(&json!({})), StatusCode::CREATED).await;
    let token = token["token"].as_str().expect("a token");
    let catalogue = format!("{}/api/catalogue", server.url());
    let mut requests = 0;
    let limited = loop {
        let request = server.client().get(&catalogue).bearer_auth(token);
        let answer = request.send().await.expect("an answer");
        requests += 1;
        assert!(requests < 1000, "never refused");
        if answer.status() != 200 {
            break answer;
        }
    };
    assert!(header(&limited, "ratelimit").starts_with("\"key-requests\";r=0;t="));
    let too_many = "Too many requests for this key.";
    assert_eq!(refused(limited, too_many).await, 1);
    let request = with_key(&server, &loud, Method::GET, "/api/catalogue");
    refused(request.send().await.expect("an answer"), too_many).await;
    let request = with_key(&server, &quiet, Method::GET, "/api/catalogue");
    expect(request, StatusCode::OK).await;
}

#[tokio::test]
async fn uploads_are_counted_by_what_is_asked_for() {
    let server = Server::builder()
        .env("EVENT_HISTORY_TENANT_UPLOAD_BYTES_PER_DAY", "100MB")
        .env("EVENT_HISTORY_KEY_UPLOAD_BYTES_PER_DAY", "30MB")
        .start();
    let key = key(&server).await;
    let [one, other] = [
        server.create_tenant("one").await,
        server.create_tenant("other").await,
    ];
    let url = async |tenant: &Tenant, bytes: u64| {
        let path = format!("/api/files/upload-url?content_length={bytes}");
        let request = server.request_as(tenant, Method::GET, &path);
        request.send().await.expect("an answer")
    };
    let post = async |path: &str, body: Value| {
        let request = server.request_as(&one, Method::POST, path).json(&body);
        request.send().await.expect("an answer")
    };
    let too_many = "Too many bytes of uploads for this tenant today.";

    let first = url(&one, 40_000_000).await;
    assert_eq!(first.status(), 200);
    assert_eq!(
        header(&first, "ratelimit-policy"),
        "\"uploads-day\";q=100000000;qu=\"content-bytes\";w=86400"
    );
    let left = header(&first, "ratelimit");
    assert!(left.starts_with("\"uploads-day\";r=60000000;t="), "{left}");
    let form = post(
        "/api/files/upload-form",
        json!({"max_length": 20_000_000_u64}),
    );
    assert_eq!(form.await.status(), 200);
    let form = post("/api/files/upload-form", json!({}));
    refused(form.await, too_many).await;
    let parts = json!({"content_length": 30_000_000_u64});
    let begun = post("/api/files/multipart", parts.clone()).await;
    assert_eq!(begun.status(), StatusCode::CREATED);
    refused(post("/api/files/multipart", parts).await, too_many).await;
    let wait = refused(url(&one, 10_000_001).await, too_many).await;
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(url(&one, 10_000_000).await.status(), 200);
    refused(url(&one, 1).await, too_many).await;
    // What has no size is documented to count nothing, and other tenants have their own quota.
    server.upload_url(&one).await;
    assert_eq!(url(&other, 10_000_000).await.status(), 200);

    let by_key = async |bytes: u64| {
        let path = format!("/api/files/upload-url?content_length={bytes}");
        let request = with_key(&server, &key, Method::GET, &path);
        let request = request.header("X-Client-Id", &other.client_id);
        request.send().await.expect("an answer")
    };
    assert_eq!(by_key(30_000_000).await.status(), 200);
    let too_many = "Too many bytes of uploads for this key today.";
    refused(by_key(1).await, too_many).await;
    assert_eq!(url(&other, 60_000_000).await.status(), 200, "not counted");
}
