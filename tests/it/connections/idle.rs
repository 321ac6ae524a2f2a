//! Connections that wait for a request.

use std::time::{Duration, Instant};

use super::{LIVE, SOON, assert_live, assert_takes_events};
use crate::support::hostile::{self, address, answer_head, ask, is_closed};
use crate::support::{Server, wait_for};
use tokio::io::AsyncWriteExt;

const KEPT: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

fn server_with(settings: &[&str]) -> Server {
    let builder = settings
        .iter()
        .fold(Server::builder(), |builder, setting| builder.arg(*setting));
    builder.start()
}

#[tokio::test]
async fn the_longest_idle_connection_is_evicted() {
    const CONNECTIONS: usize = 8;
    let server = server_with(&["--max-connections", "8"]);
    let address = address(server.url());
    let mut kept = Vec::new();
    for _ in 0..2 {
        kept.push(ask(address, KEPT).await.0);
    }
    let mut silent = hostile::idle(address, 1).await;
    for _ in 0..2 {
        // Whoever connects next is seen at least some milliseconds later.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_live(&server).await;
    }
    silent.extend(hostile::idle(address, CONNECTIONS - kept.len() - 1).await);
    // One that never sent a byte goes before one that was of use, and none before it is 0.1 s old.
    wait_for("the first to be closed", SOON, async || {
        assert_live(&server).await;
        silent.iter().any(is_closed).then_some(())
    })
    .await;
    assert!(is_closed(&silent[0]), "the oldest is the first");
    for stream in &mut kept {
        stream.write_all(KEPT.as_bytes()).await.expect("open");
        let head = answer_head(stream).await; // behind the body of the first
        assert!(head.contains("HTTP/1.1 200 "), "{head}");
    }
}

#[tokio::test]
async fn silent_connections_do_not_block_others() {
    let server = server_with(&["--max-connections", "16"]);
    let tenant = server.create_tenant("alx_demo").await;
    let address = address(server.url());
    let _silent = hostile::idle(address, 200).await;
    assert_live(&server).await;
    assert_takes_events(&server, &tenant).await;
    let _halves = hostile::partial_heads(address, 200).await;
    assert_live(&server).await;
    assert_takes_events(&server, &tenant).await;
}

#[tokio::test]
async fn keep_alive_has_its_own_timeout() {
    let server = server_with(&["--keep-alive-timeout", "1s"]);
    let address = address(server.url());
    let fresh = hostile::idle(address, 1).await;
    let start = Instant::now();
    let (kept, head) = ask(address, KEPT).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    wait_for("the kept connection to be closed", SOON, async || {
        is_closed(&kept).then_some(())
    })
    .await;
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(!is_closed(&fresh[0]), "it has longer for its first request");
    let (_, head) = ask(address, LIVE).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}
