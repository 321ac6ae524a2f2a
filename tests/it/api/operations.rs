//! What those who run the service see: request ids, CORS, health, metrics, the reference.

use std::time::Duration;

use serde_json::json;

use super::{Call, envelope, send_event, tenant};
use crate::support::{Server, wait_for};

/// Far above what anything here takes.
const WAIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let server = Server::start();
    for path in [
        "/",
        "/health/live",
        "/api/files/upload-url",
        "/event-history/demo/x",
        "/docs/",
    ] {
        let answer = Call::bare(&server, "GET", path).send().await;
        assert!(
            uuid::Uuid::parse_str(answer.header("x-request-id")).is_ok(),
            "{path}"
        );
    }
    let call = |id: &str| {
        Call::bare(&server, "GET", "/")
            .header("X-Request-Id", id)
            .send()
    };
    assert_eq!(call("trace-77").await.header("x-request-id"), "trace-77");
    for unsafe_id in ["", "two words", &"x".repeat(129)] {
        let answer = call(unsafe_id).await;
        assert!(uuid::Uuid::parse_str(answer.header("x-request-id")).is_ok());
    }
    wait_for("the log of a request", WAIT, async || {
        let log = server.process().stderr();
        log.contains("trace-77").then_some(())
    })
    .await;
}

#[tokio::test]
async fn cors_is_off_unless_asked_for() {
    let preflight = |server| {
        Call::bare(server, "OPTIONS", "/api/history/events")
            .header("Origin", "https://app.example")
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "x-api-key,x-client-id")
            .send()
    };
    let server = Server::start();
    preflight(&server).await.is_error(405, "Method Not Allowed");

    let server = Server::builder()
        .arg("--cors-origins")
        .arg("https://app.example")
        .start();
    let answer = preflight(&server).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://app.example"
    );
    assert_eq!(
        answer.header("access-control-allow-methods"),
        "GET,POST,PATCH,PUT,DELETE"
    );
    assert!(
        answer
            .header("access-control-allow-headers")
            .contains("if-none-match,x-api-key,x-client-id")
    );
    let options = Call::bare(&server, "OPTIONS", "/api/history/events")
        .send()
        .await;
    options.is_error(405, "Method Not Allowed");
    let actual = Call::bare(&server, "GET", "/api/history/events")
        .header("Origin", "https://app.example")
        .send()
        .await;
    actual.is_error(401, "Unauthorized API Key.");
    assert_eq!(
        actual.header("access-control-allow-origin"),
        "https://app.example"
    );
    let exposed = actual.header("access-control-expose-headers");
    assert_eq!(
        exposed,
        "content-disposition,etag,retry-after,ratelimit,ratelimit-policy,event-history-cursor,x-request-id"
    );
    let stranger = Call::bare(&server, "GET", "/api/history/events")
        .header("Origin", "https://evil.example")
        .send()
        .await;
    assert!(
        stranger
            .headers
            .get("access-control-allow-origin")
            .is_none()
    );
}

#[tokio::test]
async fn health_reports_both_backends() {
    let mut server = Server::start();
    let live = Call::bare(&server, "GET", "/health/live").send().await;
    live.is(200, &json!({ "status": "ok" }));
    let ready = async |server: &Server| Call::bare(server, "GET", "/health/ready").send().await;
    ready(&server).await.is(
        200,
        &json!({ "status": "ok", "database": "ok", "files": "ok", "writes": "ok" }),
    );
    server.database().go_away();
    let answer = ready(&server).await;
    server.database_mut().come_back();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body["status"], "unavailable");
    assert_ne!(answer.body["database"], "ok");
    wait_for("the database to be ready again", WAIT, async || {
        (ready(&server).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let server = Server::start();
    tenant(&server, "demo").await;
    send_event(&server, &envelope("demo", 1)).await;
    Call::bare(&server, "BREW", "/api/pot")
        .send()
        .await
        .is_error(404, "Not Found");
    let response = reqwest::get(format!("{}/metrics", server.url()))
        .await
        .expect("an answer");
    let text = response.text().await.expect("a text");
    for line in [
        "event_history_http_requests_total{method=\"POST\",\
         route=\"/api/event-bridge/create-event\",status=\"201\"} 1",
        "event_history_http_requests_total{method=\"other\",route=\"unmatched\",status=\"404\"} 1",
        "event_history_http_request_duration_seconds_bucket{method=\"POST\"",
        "event_history_commit_events_bucket",
        "event_history_write_queue_events",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

#[tokio::test]
async fn the_reference_works_offline() {
    let server = Server::start();
    let document = Call::bare(&server, "GET", "/openapi.json").send().await;
    assert_eq!(document.status, 200);
    assert!(
        document.body["openapi"]
            .as_str()
            .expect("a version")
            .starts_with("3.1")
    );
    let page = reqwest::get(format!("{}/docs", server.url()))
        .await
        .expect("an answer");
    assert_eq!(page.status(), 200);
    let html = page.text().await.expect("a page");
    assert!(html.contains("swagger-ui"), "{html}");
    assert!(
        !html.contains("http://") && !html.contains("https://"),
        "loads from elsewhere: {html}"
    );
    for asset in [
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-initializer.js",
    ] {
        let answer = reqwest::get(format!("{}/docs/{asset}", server.url()))
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{asset}");
    }
}

/// Whatever changes for callers shows in the review of this file.
#[test]
fn the_openapi_document_matches_its_snapshot() {
    let mut document = serde_json::to_value(event_history::http::openapi()).expect("JSON");
    document["info"]["version"] = "0.0.0".into();
    insta::assert_json_snapshot!("openapi", document);
}

#[tokio::test]
async fn a_slow_request_times_out() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    // The creation of the tenant has to end in this time too.
    let server = Server::builder().arg("--request-timeout").arg("3s").start();
    tenant(&server, "demo").await;
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    let head = format!(
        "POST /api/event-bridge/create-event HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\n\
         Content-Length: 100\r\n\r\n{{",
        crate::support::API_KEY
    );
    stream.write_all(head.as_bytes()).await.expect("the head");
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(
        answer.starts_with("http/1.1 503") && answer.contains("retry-after: 1"),
        "{answer}"
    );
}

#[tokio::test]
async fn requests_in_flight_finish_before_shutdown() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut server = Server::start();
    let client = tenant(&server, "demo").await;
    let body = envelope("demo", 1).to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address)
        .await
        .expect("a connection");
    let head = format!(
        "POST /api/event-bridge/create-event HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\n\
         Content-Length: {}\r\n\r\n{first}",
        crate::support::API_KEY,
        body.len(),
    );
    stream
        .write_all(head.as_bytes())
        .await
        .expect("half a request");
    let in_flight = "event_history_http_requests_in_flight 2"; // the other is the one that asks
    let metrics = format!("{}/metrics", server.url());
    wait_for("the request to be in flight", WAIT, async || {
        let text = reqwest::get(&metrics).await.ok()?.text().await.ok()?;
        text.contains(in_flight).then_some(())
    })
    .await;

    server.process().ask_to_end();
    wait_for("the listener to close", WAIT, async || {
        tokio::net::TcpStream::connect(&address)
            .await
            .is_err()
            .then_some(())
    })
    .await;
    stream
        .write_all(rest.as_bytes())
        .await
        .expect("the other half");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("an answer, then the end");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(server.process().end().success());
    server.start_again();
    let list = Call::new(&server, "GET", "/api/history/events")
        .client(&client)
        .send()
        .await;
    assert_eq!(list.body["total_count"], 1);
}

#[tokio::test]
async fn a_browser_at_the_root_is_sent_to_the_reference_and_nobody_else() {
    let server = Server::start();
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let call = |method, path, accept: &'static str| {
        Call::bare(&server, method, path)
            .header("Accept", accept)
            .send()
    };
    let answer = call("GET", "/", browser).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/docs");
    assert_eq!(answer.header("vary"), "Accept");
    for (method, path, accept) in [
        ("GET", "/", "*/*"),
        ("GET", "/", "application/json"),
        ("POST", "/", browser),
        ("OPTIONS", "/", browser),
        ("GET", "/other", browser),
    ] {
        let answer = call(method, path, accept).await;
        answer.is_error(404, "Not Found");
    }
    let head = call("HEAD", "/", browser).await;
    assert_eq!(head.status, 404);
}

/// What caches and browsers are told of each kind of answer.
#[tokio::test]
async fn answers_tell_caches_and_browsers_what_not_to_do() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    send_event(&server, &envelope("demo", 1)).await;
    for (method, path) in [
        ("GET", "/api/files/upload-url"),
        ("POST", "/api/files/upload-form"),
        ("POST", "/api/files/multipart"),
        ("GET", "/api/history/events"),
        ("GET", "/api/history/export?format=csv"),
        ("GET", "/api/no-such-path"),
    ] {
        let call = Call::new(&server, method, path).client(&client);
        let answer = call.send().await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let policy = answer.header("content-security-policy");
        assert_eq!(
            policy, "default-src 'none'; frame-ancestors 'none'",
            "{path}"
        );
    }
    // It has a tag to be asked about, by the caller's own cache alone.
    let record = Call::new(&server, "GET", "/api/history/records/1").client(&client);
    let record = record.send().await;
    assert_eq!(record.status, 200);
    assert_eq!(record.header("cache-control"), "private, no-cache");
    for path in ["/docs/", "/docs/swagger-ui.css", "/docs/no-such-file"] {
        let answer = reqwest::get(format!("{}{path}", server.url()));
        let answer = answer.await.expect("an answer");
        let header = |name: &str| answer.headers()[name].to_str().expect("text");
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{policy}"
        );
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn an_administrative_address_takes_metrics_and_the_reference_off_the_other() {
    let server = Server::builder()
        .env("EVENT_HISTORY_ADMIN_LISTEN", "127.0.0.1:0")
        .start();
    let line = server.process().line(WAIT);
    let admin = line.strip_prefix("metrics and API reference on ");
    let admin = admin.unwrap_or_else(|| panic!("no address in '{line}'"));
    tenant(&server, "demo").await;
    let status = async |base: &str, path: &str| {
        let client = server.client().get(format!("{base}{path}"));
        let answer = client.header("Accept", "text/html").send().await;
        answer.expect("an answer").status().as_u16()
    };
    for path in [
        "/metrics",
        "/docs/",
        "/openapi.json",
        "/health/live",
        "/health/ready",
    ] {
        assert_eq!(status(admin, path).await, 200, "{path}");
        let is_health = path.starts_with("/health/");
        let expected = if is_health { 200 } else { 404 };
        assert_eq!(status(server.url(), path).await, expected, "{path}");
    }
    assert_eq!(status(admin, "/").await, 303);
    assert_eq!(status(server.url(), "/").await, 404);
    // Nothing of the API is there.
    for path in [
        "/api/history/events",
        "/api/initialize-tenant",
        "/event-history/x",
    ] {
        assert_eq!(status(admin, path).await, 404, "{path}");
    }
    let metrics = server.client().get(format!("{admin}/metrics")).send().await;
    let metrics = metrics.expect("an answer").text().await.expect("text");
    assert!(
        metrics.contains("route=\"/api/initialize-tenant\""),
        "{metrics}"
    );
    assert!(
        metrics.contains("event_history_admin_connections 1"),
        "{metrics}"
    );
    // The document is the same on either.
    let document = server.client().get(format!("{admin}/openapi.json")).send();
    let document: serde_json::Value = document
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(
        document["paths"]["/metrics"].is_object() && document["paths"]["/api/events"].is_object()
    );
    assert!(server.process().term().success());
}
