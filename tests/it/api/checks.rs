//! The checks before a request is looked at, in their order, on every endpoint.

use serde_json::{Value, json};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Call, envelope, tenant};
use crate::support::{API_KEY, Server};

const UNKNOWN_CLIENT: &str = "7b8c2f0e-58a5-4b6a-9df9-0b3f0f5e9b11";

/// The endpoints that need a client id, each with a query that would be a 422 where it takes one.
const TENANT_ENDPOINTS: [(&str, &str); 4] = [
    ("GET", "/api/files/upload-url"),
    ("DELETE", "/api/delete-tenant"),
    ("GET", "/api/history/events?limit=none"),
    ("GET", "/api/history/events/not-an-id/file"),
];

const KEY_ENDPOINTS: [(&str, &str); 3] = [
    ("GET", "/api/catalogue?id=1"),
    ("POST", "/api/initialize-tenant"),
    ("POST", "/api/event-bridge/create-event"),
];

#[tokio::test]
async fn an_unknown_path_is_404_with_or_without_a_key() {
    let server = Server::start();
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/files/upload-url/",
        "/api/history/events/x/file/y",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            Call::bare(&server, method, path)
                .send()
                .await
                .is_error(404, "Not Found");
            Call::new(&server, method, path)
                .send()
                .await
                .is_error(404, "Not Found");
        }
    }
}

#[tokio::test]
async fn routes_reject_undocumented_methods() {
    let server = Server::start();
    let document = Call::bare(&server, "GET", "/openapi.json")
        .send()
        .await
        .body;
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 36, "{:?}", paths.keys());
    for (path, operations) in paths {
        let documented: Vec<_> = operations.as_object().expect("operations").keys().collect();
        let mut documented: Vec<_> = documented.iter().map(|it| it.to_uppercase()).collect();
        documented.sort_by_key(|it| {
            ["GET", "POST", "PUT", "PATCH", "DELETE"]
                .iter()
                .position(|name| name == it)
        });
        let allow = documented.join(", ");
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND",
        ] {
            if documented.iter().any(|it| it == method) {
                continue;
            }
            let answer = Call::bare(&server, method, path).send().await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), allow, "{method} {path}");
            if method != "HEAD" {
                answer.is_error(405, "Method Not Allowed");
            }
        }
    }
}

#[tokio::test]
async fn the_api_key_is_checked_first() {
    let server = Server::start();
    for (method, path) in TENANT_ENDPOINTS.into_iter().chain(KEY_ENDPOINTS) {
        let keys = [
            None,
            Some(""),
            Some("wrong"),
            Some("test-key-0123456789abcdeX"),
            Some("test"),
        ];
        for key in keys {
            let mut call = Call::bare(&server, method, path);
            if let Some(key) = key {
                call = call.header("X-API-Key", key);
            }
            let answer = call.text("{ not json").send().await;
            answer.is_error(401, "Unauthorized API Key.");
        }
    }
}

/// A proxy and this service could each take another one.
#[tokio::test]
async fn headers_that_contradict_each_other_are_refused() {
    let server = Server::start();
    let client = tenant(&server, "alx_demo").await;
    let host = server.url().trim_start_matches("http://").to_owned();
    let (key, other) = (format!("X-API-Key: {API_KEY}"), "X-API-Key: another");
    let client = format!("X-Client-Id: {client}");
    let other_client = format!("X-Client-Id: {UNKNOWN_CLIENT}");
    let host_line = format!("Host: {host}");
    let envelope = envelope("alx_demo", 1).to_string();
    let create = format!("Content-Length: {}\r\n\r\n{envelope}", envelope.len());
    let get = "GET /api/history/events HTTP/1.1";
    let post = "POST /api/event-bridge/create-event HTTP/1.1";
    let none = "\r\n";
    for (status, lines, end) in [
        (200, vec![get, &host_line, &key, &client], none),
        (
            200,
            vec![get, &host_line, &key, &key, &client, &client],
            none,
        ),
        (401, vec![get, &host_line, &key, other, &client], none),
        (401, vec![get, &host_line, other, &key, &client], none),
        (
            400,
            vec![get, &host_line, &key, &client, &other_client],
            none,
        ),
        (
            400,
            vec![get, &host_line, &key, &other_client, &client],
            none,
        ),
        (
            400,
            vec![post, &host_line, &key, &client, &other_client],
            &create,
        ),
        (400, vec![get, &key, &client], none),
        (400, vec![get, &host_line, &host_line, &key, &client], none),
        (
            400,
            vec![get, &host_line, "Host: example.com", &key, &client],
            none,
        ),
    ] {
        let request = format!("{}\r\n{end}", lines.join("\r\n"));
        let answer = ask(&host, &request).await;
        let start = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&start), "{request}: {answer}");
        let has_detail = answer.contains("{\"detail\":");
        assert!(has_detail || status == 200, "{request}: {answer}");
    }
    let page = Call::new(&server, "GET", "/api/history/events");
    let page = page
        .client(client.trim_start_matches("X-Client-Id: "))
        .send()
        .await;
    assert_eq!(page.body["total_count"], 0);
}

async fn ask(host: &str, request: &str) -> String {
    let request = request.replacen("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n", 1);
    let mut stream = tokio::net::TcpStream::connect(host)
        .await
        .expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // What is left unread may reset the connection.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_head_has_a_limit() {
    let server = Server::start();
    for (bytes, status) in [(60_000, 200), (65_536, 431), (100_000, 431)] {
        let call = Call::bare(&server, "GET", "/health/live");
        let answer = call.header("X-Padding", "x".repeat(bytes)).send().await;
        assert_eq!(answer.status, status, "{bytes}");
    }
}

#[tokio::test]
async fn a_path_that_is_no_text_is_a_problem() {
    let server = Server::start();
    let client = tenant(&server, "alx_demo").await;
    for (method, path, name) in [
        ("GET", "/api/history/events/%FF/file", "event_id"),
        ("POST", "/api/files/multipart/%FF/sign", "file_id"),
        ("POST", "/api/files/multipart/%C3%28/parts", "file_id"),
        ("POST", "/api/files/multipart/%FF/complete", "file_id"),
        ("POST", "/api/files/multipart/%FF/abort", "file_id"),
    ] {
        let call = || Call::new(&server, method, path).client(&client);
        let answer = call().text("{}").send().await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.body);
        assert_eq!(answer.body["detail"][0]["loc"], json!(["path", name]));
        let bare = Call::bare(&server, method, path).send().await;
        bare.is_error(401, "Unauthorized API Key.");
    }
}

#[tokio::test]
async fn pages_have_one_method_too() {
    let server = Server::start();
    for path in ["/docs", "/docs/", "/docs/index.html", "/ui", "/ui/"] {
        for method in ["HEAD", "POST", "OPTIONS"] {
            let answer = Call::bare(&server, method, path).send().await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET", "{method} {path}");
            if method != "HEAD" {
                answer.is_error(405, "Method Not Allowed");
            }
        }
    }
}

#[tokio::test]
async fn a_rejection_reaches_a_client_that_is_still_sending() {
    let server = Server::start();
    for _ in 0..10 {
        let body = "x".repeat(8 << 20);
        let call = Call::bare(&server, "POST", "/api/event-bridge/create-event").text(body);
        call.send().await.is_error(401, "Unauthorized API Key.");
        let call = Call::bare(&server, "PUT", "/api/files/upload-url").text("x".repeat(8 << 20));
        call.send().await.is_error(405, "Method Not Allowed");
    }
}

#[tokio::test]
async fn then_the_client_id_the_tenant_entry_and_the_database() {
    let server = Server::start();
    let lost = tenant(&server, "lost").await;
    server.remove_database("lost", &lost).await;
    for (method, path) in TENANT_ENDPOINTS {
        let call = || Call::new(&server, method, path);
        call().send().await.is_error(400, "Unauthorized Client.");
        call()
            .client("")
            .send()
            .await
            .is_error(400, "Unauthorized Client.");
        for client_id in [UNKNOWN_CLIENT, "lost", "not a uuid", "é"] {
            let answer = call().client(client_id).send().await;
            answer.is_error(400, "Failed to connect to tenant db.");
        }
        let answer = call().client(&lost).send().await;
        answer.is_error(400, "'lost' tenant not found in database.");
    }
}

#[tokio::test]
async fn then_the_request_itself() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let call = |path| Call::new(&server, "GET", path).client(&client);
    call("/api/history/events?limit=none")
        .send()
        .await
        .is_invalid(&["query.limit int_parsing"]);
    call("/api/history/events/not-an-id/file")
        .send()
        .await
        .is_invalid(&["path.event_id uuid_parsing"]);
}

#[tokio::test]
async fn an_event_names_its_tenant_by_header_or_envelope() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let other = tenant(&server, "other").await;
    let call = || Call::new(&server, "POST", "/api/event-bridge/create-event");

    // The header's tenant is checked before the body, and wins over the envelope's.
    let answer = call()
        .client(UNKNOWN_CLIENT)
        .text("{ not json")
        .send()
        .await;
    answer.is_error(400, "Failed to connect to tenant db.");
    let answer = call()
        .client(&other)
        .json(&envelope("demo", 1))
        .send()
        .await;
    answer.is_error(201, "Event created.");
    assert_eq!(count(&server, &other).await, 1);
    assert_eq!(count(&server, &client).await, 0);

    // The envelope's: by database name, then client id; an empty header is as none.
    call()
        .json(&envelope("demo", 1))
        .send()
        .await
        .is_error(201, "Event created.");
    call()
        .client("")
        .json(&envelope(&client, 2))
        .send()
        .await
        .is_error(201, "Event created.");
    assert_eq!(count(&server, &client).await, 2);

    // A tenant that is not there comes before what else is wrong.
    for name in [
        "nobody",
        "DEMO",
        UNKNOWN_CLIENT,
        "",
        "../demo",
        "x'; DROP TABLE tenants; --",
    ] {
        let mut wrong = envelope(name, 3);
        wrong["detail"] = Value::from("wrong");
        let answer = call().json(&wrong).send().await;
        answer.is_error(400, &format!("'{name}' tenant not found in database."));
    }
    let mut nameless = envelope("demo", 3);
    nameless
        .as_object_mut()
        .expect("an object")
        .remove("source");
    nameless["detail"]["record_id"] = json!("one");
    let answer = call().json(&nameless).send().await;
    answer.is_invalid(&["body.source missing", "body.detail.record_id int_type"]);

    server.remove_database("other", &other).await;
    let answer = call().json(&envelope("other", 3)).send().await;
    answer.is_error(400, "'other' tenant not found in database.");
}

#[tokio::test]
async fn a_setting_chooses_the_envelope_member() {
    for (member, name) in [("account", "111122223333"), ("detail-type", "history")] {
        let server = Server::builder().arg("--tenant-from").arg(member).start();
        let client = tenant(&server, name).await;
        super::send_event(&server, &envelope("nobody", 1)).await;
        assert_eq!(count(&server, &client).await, 1);
    }
}

async fn count(server: &Server, client: &str) -> u64 {
    let answer = Call::new(server, "GET", "/api/history/events")
        .client(client)
        .send()
        .await;
    answer.body["total_count"].as_u64().expect("a count")
}
