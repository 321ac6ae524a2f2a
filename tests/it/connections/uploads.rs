//! Callers who upload slowly, with URLs that are good.

use std::time::Duration;

use super::{SOON, assert_live, assert_takes_events};
use crate::support::hostile::SlowUploads;
use crate::support::{Server, wait_for};

const PAUSE: Duration = Duration::from_millis(500);

/// Above the 30 s in which an upload has to show that it is not too slow.
const TOO_SLOW: Duration = Duration::from_secs(70);

#[tokio::test]
async fn uploads_to_one_url_do_not_block_the_service() {
    const UPLOADS: usize = 200;
    let server = Server::builder().arg("--max-connections").arg("64").start();
    let tenant = server.create_tenant("alx_demo").await;
    let other = server.create_tenant("other").await;
    let url = server.upload_url(&tenant).await.url;
    let slow = SlowUploads::start(&url, "", UPLOADS, PAUSE);
    // 64 / 4 from one address, so fewer than the 32 to one object.
    wait_for("the others to be refused", SOON, async || {
        (slow.refused() + slow.closed() >= UPLOADS - 16).then_some(())
    })
    .await;
    assert_live(&server).await;
    assert_takes_events(&server, &other).await;
    assert_eq!(slow.others(), 0);
    assert!(slow.refused() > 0);
}

#[tokio::test]
async fn uploads_leave_connections_for_the_api() {
    let server = Server::builder()
        .arg("--max-connections")
        .arg("16")
        .arg("--trusted-proxies")
        .arg("127.0.0.0/8")
        .start();
    let tenant = server.create_tenant("alx_demo").await;
    let mut slow = SlowUploads::start("http://127.0.0.1/", "", 0, PAUSE);
    for number in 0..16 {
        let url = server.upload_url(&tenant).await.url;
        let from = format!("X-Forwarded-For: 9.9.9.9, 203.0.113.{number}\r\n");
        slow.add(&url, &from, PAUSE);
    }
    wait_for("a quarter to be refused", SOON, async || {
        (slow.refused() == 4).then_some(())
    })
    .await;
    assert_live(&server).await;
    assert_takes_events(&server, &tenant).await;
}

#[tokio::test]
async fn concurrent_uploads_to_an_object_are_limited() {
    let server = Server::builder()
        .arg("--trusted-proxies")
        .arg("127.0.0.1,::1")
        .start();
    let tenant = server.create_tenant("alx_demo").await;
    let url = server.upload_url(&tenant).await.url;
    let mut slow = SlowUploads::start("http://127.0.0.1/", "", 0, PAUSE);
    for number in 0..40 {
        let from = format!("Forwarded: for=\"[2001:db8:0:{number:x}::1]:4711\";proto=https\r\n");
        slow.add(&url, &from, PAUSE);
    }
    wait_for("those over 32 to be refused", SOON, async || {
        (slow.refused() == 8).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_slow_upload_is_ended() {
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let url = server.upload_url(&tenant).await.url;
    let slow = SlowUploads::start(&url, "", 2, PAUSE);
    wait_for("an answer", TOO_SLOW, async || {
        (slow.timed_out() == 2).then_some(())
    })
    .await;
}
