//! An unreachable service is retried, and then reported.

use std::time::Duration;

use super::{Fixture, refused};
use crate::support::{self, Mode, Proxy, Running, free_ports};

#[tokio::test]
async fn an_unreachable_service_is_retried() {
    let fixture = Fixture::new().await;
    let file = fixture.write("one.txt", b"1");
    let address = fixture.server.url().trim_start_matches("http://");
    let proxy = Proxy::start(address.parse().unwrap());
    proxy.set(Mode::Refuse);
    let mut command = fixture.upload(&file, &[]);
    command.env("EVENT_HISTORY_URL", format!("http://{}", proxy.address()));
    let upload = Running::spawn(&mut command);
    support::wait_for("a first pause", Duration::from_secs(30), async || {
        upload.stderr().contains("retrying in").then_some(())
    })
    .await;
    proxy.set(Mode::Pass);
    let event_id = upload.line(Duration::from_mins(1));
    assert!(upload.end().success());
    assert_eq!(fixture.event(&event_id).await["file"]["size_bytes"], 1);
}

#[tokio::test]
async fn a_service_that_stays_unreachable_is_reported() {
    let fixture = Fixture::new().await;
    let file = fixture.write("one.txt", b"1");
    let [port] = free_ports();
    let mut command = fixture.upload(&file, &["--retry-for", "1s"]);
    command.env("EVENT_HISTORY_URL", format!("http://127.0.0.1:{port}"));
    let said = refused(command);
    assert_eq!(said.matches("retrying in").count(), 2, "{said}");
    let last = said.lines().last().unwrap();
    assert!(
        last.starts_with("event-history: cannot reach the service at http://127.0.0.1:"),
        "{said}"
    );

    // What can never succeed is told at once, in the service's words.
    for (flags, words) in [
        (
            ["--api-key", "a-key-of-nobody"],
            "401 Unauthorized: Unauthorized API Key.",
        ),
        (
            ["--client-id", "00000000-0000-4000-8000-000000000000"],
            "400 Bad Request: Failed to connect to tenant db.",
        ),
        (["--part-size", "5MiB"], "cannot open"),
    ] {
        let missing = fixture.path("missing");
        let file = if words == "cannot open" {
            &missing
        } else {
            &file
        };
        let said = refused(fixture.upload(file, &flags));
        assert!(
            said.contains(words) && !said.contains("retrying in"),
            "{said}"
        );
    }
}
