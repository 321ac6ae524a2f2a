//! What a caller can make the service write, and what a crash of it leaves.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use futures_util::future::join_all;
use http::Method;
use http::header::{CONNECTION, RETRY_AFTER};

use super::SOON;
use crate::support::{self, Running, Server, event, wait_for};

#[tokio::test]
async fn rejections_are_counted_and_do_not_flood_the_log() {
    const REFUSALS: usize = 3000;
    let server = Server::start();
    let tenant = server.create_tenant("demo").await;
    let refused = async || {
        let request = server
            .client()
            .get(format!("{}/api/files/upload-url", server.url()));
        let answer = request.header("X-API-Key", "wrong").send().await;
        let answer = answer.expect("an answer");
        if answer.status() == 429 {
            assert!(answer.headers().contains_key(RETRY_AFTER));
            assert_eq!(answer.headers()[CONNECTION], "close");
        }
        answer.status().as_u16()
    };
    let mut limited = 0;
    for _ in 0..REFUSALS / 50 {
        let statuses = join_all((0..50).map(|_| refused())).await;
        limited += statuses.iter().filter(|it| **it == 429).count();
        let is_refused = |it: &u16| matches!(it, 401 | 429);
        assert!(statuses.iter().all(is_refused), "{statuses:?}");
        // Who has a key is served all the same, from the same address.
        server.deliver(&tenant, &event()).await;
    }
    let refusals = REFUSALS - limited;
    assert!(
        (1000..REFUSALS).contains(&refusals),
        "{refusals} were answered 401"
    );
    let text = server.request(Method::GET, "/metrics").send().await;
    let text = text.expect("an answer").text().await.expect("a text");
    let counted = format!(
        "event_history_http_requests_total{{method=\"GET\",route=\"/api/files/upload-url\",\
         status=\"401\"}} {refusals}"
    );
    assert!(text.contains(&counted), "{text}");
    for (result, count) in [("refused", refusals), ("limited", limited)] {
        let counted =
            format!("event_history_authentication_failures_total{{result=\"{result}\"}} {count}");
        assert!(text.contains(&counted), "no {counted} in {text}");
    }
    let lines = server.process().stderr().lines().count();
    assert!(lines < REFUSALS / 10, "{lines} lines");
    wait_for("the number of lines left out", SOON, async || {
        server
            .process()
            .stderr()
            .contains("\"suppressed\":")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn failed_authentications_are_limited_for_each_client_behind_a_proxy() {
    let server = Server::builder()
        .env("EVENT_HISTORY_TRUSTED_PROXIES", "127.0.0.1")
        .start();
    let status = async |client: &str| {
        let url = format!("{}/api/history/events", server.url());
        let request = server.client().get(url).header("X-API-Key", "wrong");
        let answer = request.header("X-Forwarded-For", client).send().await;
        answer.expect("an answer").status().as_u16()
    };
    let mut tries = 0;
    while status("192.0.2.1").await == 401 {
        tries += 1;
        assert!(tries < 10_000, "never limited");
    }
    assert!(tries >= 1000, "limited after {tries}");
    assert_eq!(status("192.0.2.2").await, 401);
    // What a client claims itself does not make it another one.
    let mut claims = Vec::new();
    for _ in 0..3 {
        claims.push(status("192.0.2.3, 192.0.2.1").await);
    }
    assert!(claims.contains(&429), "{claims:?}");
}

/// A core dump would hold API keys and the secret key of the embedded storage.
#[test]
fn a_crash_leaves_no_memory_behind() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = support::clean_command("sh", home.path());
    command.args(["-c", "ulimit -c unlimited; exec \"$0\" serve"]);
    command.arg(support::binary());
    command
        .env("EVENT_HISTORY_API_KEY", "key-of-this-test-alone")
        .env("EVENT_HISTORY_LISTEN", "127.0.0.1:0");
    let running = Running::spawn(&mut command);
    running.line(SOON);
    support::run(Command::new("kill").args(["-ABRT", &running.pid().to_string()]));
    let status = running.end();
    assert!(status.signal().is_some(), "{status}");
    assert!(!status.core_dumped(), "{status}");
}
