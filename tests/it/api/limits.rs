//! The limits of a tenant, as it and others see them.

use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::Response;
use serde_json::Value;

use crate::support::{Server, Tenant, event, expect, wait_for};

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
