//! A storage that sends more than it should.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;

use super::Fixture;
use crate::support;

const RECORDED_BYTES: u64 = 100_000;
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS: usize = 4000;

/// Connections and buffers on the way hold something.
const MAX_SENT_BYTES: u64 = 32 << 20;

/// Serves an event with a file, for which its storage sends a quarter of a gigabyte. Returns its URL, and what it sent.
async fn verbose_storage(event_id: &str) -> (String, Arc<AtomicU64>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let file_id = support::uuid();
    let file = json!({"file_id": file_id, "size_bytes": RECORDED_BYTES, "sha256": null,
        "file_name": "a.bin"});
    let page = json!({"results": [{"event_id": event_id, "file_id": file_id, "file": file}]});
    let link = json!({"download_url": format!("{url}/bytes"), "file_id": file_id});
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let bytes = move || async move {
        let chunk = Bytes::from(vec![0; CHUNK_BYTES]);
        Body::from_stream(stream::iter((0..CHUNKS).map(move |_| {
            counter.fetch_add(CHUNK_BYTES as u64, Ordering::Relaxed);
            Ok::<_, std::io::Error>(chunk.clone())
        })))
    };
    let routes = Router::new()
        .route("/api/history/events", get(|| async { Json(page) }))
        .route(
            "/api/history/events/{event_id}/file",
            get(|| async { Json(link) }),
        )
        .route("/bytes", get(bytes));
    tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
    (url, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_ends_at_the_recorded_size() {
    let fixture = Fixture::new().await;
    let event_id = support::uuid();
    for output in ["copy.bin", "-"] {
        let (url, sent) = verbose_storage(&event_id).await;
        let mut download = fixture.command(&["download", &event_id, "-o", output]);
        download.env("EVENT_HISTORY_URL", url);
        let output = download.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("longer than 100000 bytes"), "{said}");
        assert!(output.stdout.len() as u64 <= RECORDED_BYTES);
        let sent = sent.load(Ordering::Relaxed);
        assert!(sent < MAX_SENT_BYTES, "{sent} bytes were sent");
        let left = std::fs::read_dir(fixture.folder.path()).unwrap().count();
        assert_eq!(left, 0, "nothing is left of it");
    }
}
