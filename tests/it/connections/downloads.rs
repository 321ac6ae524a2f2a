//! Callers who ask and do not read.

use std::time::Duration;

use serde_json::json;

use super::{SOON, assert_live, assert_takes_events};
use crate::support::hostile::{self, address, get, is_closed};
use crate::support::{API_KEY, Server, event, wait_for};

/// Above the 30 s that a reader has for its next byte.
const STALL: Duration = Duration::from_mins(1);

const FILE_BYTES: usize = 8 * 1024 * 1024;

/// Returns requests for much: a file of the embedded storage, and a page of large events.
async fn large_answers(server: &Server) -> [String; 2] {
    let tenant = server.create_tenant("alx_demo").await;
    let upload = server.upload_url(&tenant).await;
    let put = server.client().put(&upload.url).body(vec![7; FILE_BYTES]);
    assert_eq!(put.send().await.expect("an answer").status(), 200);
    let url = server.download_url(&tenant, &upload.file_id).await;
    for _ in 0..8 {
        let mut detail = event();
        detail["event_data"] = json!(["x".repeat(1_000_000)]);
        server.deliver(&tenant, &detail).await;
    }
    let page = format!("{}/api/history/events?limit=1000", server.url());
    let (key, client) = (API_KEY, &tenant.client_id);
    let headers = format!("X-API-Key: {key}\r\nX-Client-Id: {client}\r\n");
    [get(&url, ""), get(&page, &headers)]
}

#[tokio::test]
async fn a_stalled_reader_is_disconnected() {
    let server = Server::start();
    let address = address(server.url());
    let mut stalled = Vec::new();
    for request in large_answers(&server).await {
        stalled.extend(hostile::stalled_readers(address, request.as_bytes(), 2).await);
    }
    // What was received stays readable: only a write tells whether the other side is still there.
    wait_for("the readers to be dropped", STALL, async || {
        let text = reqwest::get(format!("{}/metrics", server.url()));
        let text = text.await.ok()?.text().await.ok()?;
        let line = "event_history_connections_closed_total{reason=\"stalled\"} 4";
        text.contains(line).then_some(())
    })
    .await;
    assert!(stalled.iter().all(is_closed), "all are closed");
}

#[tokio::test]
async fn stalled_readers_are_evicted() {
    let server = Server::builder().arg("--max-connections").arg("16").start();
    let requests = large_answers(&server).await;
    let other = server.create_tenant("other").await;
    let address = address(server.url());
    for request in requests {
        let _stalled = hostile::stalled_readers(address, request.as_bytes(), 40).await;
        assert_live(&server).await;
        assert_takes_events(&server, &other).await;
    }
    assert!(STALL > SOON);
}
