//! What a caller can make the service write, and what a crash of it leaves.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use futures_util::future::join_all;
use http::Method;

use super::SOON;
use crate::support::{self, Running, Server, wait_for};

#[tokio::test]
async fn rejections_are_counted_and_do_not_flood_the_log() {
    const REFUSALS: usize = 2000;
    let server = Server::start();
    let refused = async || {
        let request = server
            .client()
            .get(format!("{}/api/files/upload-url", server.url()));
        let answer = request.header("X-API-Key", "wrong").send().await;
        assert_eq!(answer.expect("an answer").status(), 401);
    };
    for _ in 0..REFUSALS / 50 {
        join_all((0..50).map(|_| refused())).await;
    }
    let text = server.request(Method::GET, "/metrics").send().await;
    let text = text.expect("an answer").text().await.expect("a text");
    let counted = format!(
        "event_history_http_requests_total{{method=\"GET\",route=\"/api/files/upload-url\",\
         status=\"401\"}} {REFUSALS}"
    );
    assert!(text.contains(&counted), "{text}");
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
