//! Pages that are larger than memory should hold: read in pieces, and never taken for whole where they are not.
//! `torture::callers` measures the memory.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included"
)]

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{self, API_KEY, Server, Tenant, event, expect, expect_json};

const PAGE: &str = "/api/history/events?limit=1000";

async fn deliver_large(server: &Server, tenant: &Tenant, count: u64) {
    for number in 0..count {
        let mut detail = event();
        detail["record_id"] = number.into();
        detail["event_data"] = json!(["x".repeat(1024 * 1024 - 400)]);
        server.deliver(tenant, &detail).await;
    }
}

/// Opens a connection and sends the beginning of a request on it.
async fn send_start(server: &Server, start: &str, sent: &[u8]) -> TcpStream {
    let address = server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{start}\r\nHost: {address}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    stream
}

/// Asks for a page, and never reads it.
async fn stalled_reader(server: &Server, tenant: &Tenant) -> TcpStream {
    let headers = format!(
        "X-API-Key: {API_KEY}\r\nX-Client-Id: {}\r\n\r\n",
        tenant.client_id
    );
    send_start(server, &format!("GET {PAGE} HTTP/1.1"), headers.as_bytes()).await
}

#[tokio::test]
async fn a_chunked_page_is_complete() {
    let server = Server::start();
    let tenant = server.create_tenant("pieces").await;
    for number in 0_usize..40 {
        let mut detail = event();
        detail["record_id"] = number.into();
        detail["event_data"] = json!([{ "text": "é\"".repeat(number * number * 40), "n": 1.5 }]);
        server.deliver(&tenant, &detail).await;
    }
    let text = async |query: &str| {
        let target = format!("/api/history/events?{query}");
        let response = expect(
            server.request_as(&tenant, Method::GET, &target),
            StatusCode::OK,
        );
        response.await.text().await.unwrap()
    };
    let page = text("limit=30&offset=5&ordering=event_time").await;
    assert!(page.len() > 1_000_000, "{}", page.len());
    let mut single = Vec::new();
    for offset in 5..35 {
        let one = text(&format!("limit=1&offset={offset}&ordering=event_time")).await;
        let (_, results) = one.split_once("\"results\":[").unwrap();
        single.push(results.strip_suffix("]}").unwrap().to_owned());
    }
    let url = |offset| {
        let url = server.url();
        format!("{url}/api/history/events?ordering=event_time&limit=30&offset={offset}")
    };
    let head = format!(
        r#"{{"limit":30,"offset":5,"total_count":40,"filtered_count":40,"next":"{}","previous":"{}","next_cursor":""#,
        url(35),
        url(0)
    );
    let (cursor, results) = page.strip_prefix(&head).unwrap().split_once("\",").unwrap();
    assert!(results == format!("\"results\":[{}]}}", single.join(",")));
    // A page by cursor is as long as one by offset.
    let by_cursor = text(&format!("limit=30&cursor={cursor}")).await;
    let by_offset = text("limit=30&offset=35&ordering=event_time").await;
    let results = |page: &str| page.split_once("\"results\":").unwrap().1.to_owned();
    assert!(results(&by_cursor) == results(&by_offset));
    let first = text("limit=1&ordering=event_time&count=none").await;
    let first: Value = serde_json::from_str(&first).unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    let by_cursor = text(&format!("limit=34&cursor={cursor}")).await;
    let by_offset = text("limit=34&offset=1&ordering=event_time").await;
    assert!(by_cursor.len() > 1_000_000 && results(&by_cursor) == results(&by_offset));

    // What fits into one read is sent with its length.
    let request = server.request_as(&tenant, Method::GET, "/api/history/events?limit=1");
    let response = expect(request, StatusCode::OK).await;
    assert!(response.content_length().is_some());
}

#[tokio::test]
async fn an_unreadable_page_is_visibly_truncated() {
    let server = Server::start();
    let tenant = server.create_tenant("cut").await;
    deliver_large(&server, &tenant, 24).await;
    let response = expect(
        server.request_as(&tenant, Method::GET, PAGE),
        StatusCode::OK,
    )
    .await;
    let delete = server.request_as(&tenant, Method::DELETE, "/api/delete-tenant");
    expect(delete, StatusCode::OK).await;
    let mut body = response.bytes_stream();
    let mut outcome = Ok(());
    while let Some(bytes) = body.next().await {
        outcome = bytes.map(drop);
        if outcome.is_err() {
            break;
        }
    }
    outcome.expect_err("the page has no end");
    support::wait_for("the log to say so", Duration::from_secs(10), async || {
        let log = server.process().stderr();
        log.contains("a page was truncated").then_some(())
    })
    .await;
}

#[tokio::test]
async fn stalled_readers_leave_memory_for_other_tenants() {
    let server = Server::builder().env("EVENT_HISTORY_REQUEST_TIMEOUT", "2s");
    let server = server.start();
    let tenant = server.create_tenant("crowd").await;
    let neighbour = server.create_tenant("neighbour").await;
    deliver_large(&server, &tenant, 12).await;
    server.deliver(&neighbour, &event()).await;
    let stalled = join_all((0..64).map(|_| stalled_reader(&server, &tenant))).await;
    // The crowd's own next page waits for room, and is told to come back.
    let refused = support::wait_for("no room", Duration::from_secs(30), async || {
        let response = server
            .request_as(&tenant, Method::GET, PAGE)
            .send()
            .await
            .unwrap();
        (response.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(response)
    });
    let refused = refused.await;
    assert!(refused.headers().contains_key("Retry-After"));
    let page = expect_json(
        server.request_as(&neighbour, Method::GET, PAGE),
        StatusCode::OK,
    );
    assert_eq!(page.await["total_count"], 1);
    drop(stalled);
    let whole = support::wait_for("room", Duration::from_secs(30), async || {
        let response = server
            .request_as(&tenant, Method::GET, PAGE)
            .send()
            .await
            .unwrap();
        let is_there = response.status() == StatusCode::OK;
        if is_there {
            response.json::<Value>().await.ok()
        } else {
            None
        }
    });
    assert_eq!(whole.await["results"].as_array().unwrap().len(), 12);
}
