//! Compressed answers, for who asks for them.

use std::io::Read;

use http::{Method, StatusCode};
use reqwest::Response;
use serde_json::json;

use crate::support::{Server, Tenant, event, expect};

async fn get(server: &Server, tenant: &Tenant, path: &str, accepted: Option<&str>) -> Response {
    let request = server.request_as(tenant, Method::GET, path);
    let request = match accepted {
        Some(accepted) => request.header("Accept-Encoding", accepted),
        None => request,
    };
    expect(request, StatusCode::OK).await
}

fn decode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let read = match coding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut decoded),
        _ => zstd::stream::read::Decoder::new(bytes)
            .and_then(|mut decoder| decoder.read_to_end(&mut decoded)),
    };
    read.expect("a whole text");
    decoded
}

#[tokio::test]
async fn answers_are_compressed_for_who_asks() {
    let server = Server::start();
    let tenant = server.create_tenant("compressed").await;
    for number in 0..60 {
        let mut detail = event();
        detail["record_id"] = (number % 2).into();
        let text = "Ünïcode and text, ".repeat(if number == 30 { 40_000 } else { 10 });
        detail["event_data"] = json!([{ "field": "text", "old": number, "new": text }]);
        server.deliver(&tenant, &detail).await;
    }
    for path in [
        "/api/history/events?limit=1000",
        "/api/history/feed?limit=1000&wait=20",
        "/api/history/export",
        "/api/history/export?format=csv",
    ] {
        let plain = get(&server, &tenant, path, None).await;
        for name in ["content-encoding", "vary"] {
            assert!(!plain.headers().contains_key(name), "{path}");
        }
        let plain = plain.bytes().await.expect("a whole body");
        for (accepted, coding) in [
            ("gzip", "gzip"),
            ("zstd", "zstd"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("zstd;q=0.5, gzip", "gzip"),
        ] {
            let response = get(&server, &tenant, path, Some(accepted)).await;
            assert_eq!(response.headers()["content-encoding"], coding, "{path}");
            assert_eq!(response.headers()["vary"], "accept-encoding");
            assert!(!response.headers().contains_key("content-length"));
            let bytes = response.bytes().await.expect("a whole body");
            assert!(
                bytes.len() < plain.len() / 2,
                "{} of {}",
                bytes.len(),
                plain.len()
            );
            assert!(decode(coding, &bytes) == plain, "{path}");
        }
        let others = get(&server, &tenant, path, Some("br, identity;q=0.5, gzip;q=0")).await;
        assert!(!others.headers().contains_key("content-encoding"), "{path}");
        assert!(others.bytes().await.expect("a whole body") == plain);
    }
    // What fits into a packet is sent as it is, and so is everything else.
    for path in [
        "/api/history/stats",
        "/api/history/feed?record_id=7",
        "/openapi.json",
    ] {
        let small = get(&server, &tenant, path, Some("gzip")).await;
        assert!(!small.headers().contains_key("content-encoding"), "{path}");
    }
    let stream = get(&server, &tenant, "/api/history/stream", Some("gzip")).await;
    assert!(!stream.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn a_tag_is_that_of_the_content_however_it_is_encoded() {
    let server = Server::start();
    let tenant = server.create_tenant("tagged").await;
    let mut detail = event();
    detail["event_data"] = json!(["text ".repeat(1000)]);
    server.deliver(&tenant, &detail).await;
    let id = detail["event_id"].as_str().expect("an id");
    let path = &format!("/api/history/events/{id}");
    let plain = get(&server, &tenant, path, None).await;
    let compressed = get(&server, &tenant, path, Some("gzip")).await;
    let tag = plain.headers()["etag"].to_str().expect("a text");
    assert!(tag.starts_with("W/"), "{tag}");
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    assert_eq!(compressed.headers()["etag"], tag);
    for accepted in ["gzip", "identity"] {
        let request = server
            .request_as(&tenant, Method::GET, path)
            .header("If-None-Match", tag)
            .header("Accept-Encoding", accepted);
        let unchanged = expect(request, StatusCode::NOT_MODIFIED).await;
        assert!(!unchanged.headers().contains_key("content-encoding"));
    }
}

#[tokio::test]
async fn a_compressed_answer_that_is_truncated_does_not_look_whole() {
    let server = Server::start();
    let tenant = server.create_tenant("cut").await;
    for _ in 0..24 {
        // Random, so that it fills the sockets.
        let text = hex::encode(crate::support::random_bytes(512 * 1024 - 400));
        let mut detail = event();
        detail["event_data"] = json!([text]);
        server.deliver(&tenant, &detail).await;
    }
    let response = get(&server, &tenant, "/api/history/export", Some("zstd")).await;
    let delete = server.request_as(&tenant, Method::DELETE, "/api/delete-tenant");
    expect(delete, StatusCode::OK).await;
    response.bytes().await.expect_err("it has no end");
}
