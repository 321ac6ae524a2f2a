//! `event-history export`, and `import` of what it wrote.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Fixture, refused};
use crate::support::{self, Mode, Proxy, Running};

const MINUTE: Duration = Duration::from_mins(1);

/// Sends events with texts that a spreadsheet, a CSV or a terminal could take for something else.
async fn send_all(fixture: &Fixture, count: usize, padding: usize) {
    let mut batch = Vec::new();
    for index in 0..count {
        let mut event = support::event();
        event["source_name"] = json!(["", "=1+1", "'x", "a,\"b\"\r\nc", "-", "é漢"][index % 6]);
        event["source_type_id"] = json!(index % 6);
        event["record_id"] = json!(40 + index % 2);
        event["event_data"] = json!([{"n": index, "t": "x\n\"".repeat(padding)}]);
        batch.push(event);
        if batch.len() == 5000 || index + 1 == count {
            let request = fixture.request(Method::POST, "/api/events").json(&batch);
            let answer = support::expect_json(request, StatusCode::OK).await;
            assert_eq!(answer["stored"], batch.len(), "{answer}");
            batch.clear();
        }
    }
}

fn export(fixture: &Fixture, arguments: &[&str]) -> Vec<u8> {
    let output = fixture.command(&[&["export"], arguments].concat()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[tokio::test]
async fn what_was_exported_is_imported_as_it_was() {
    let fixture = Fixture::new().await;
    send_all(&fixture, 1200, 3).await;
    for format in ["ndjson", "csv"] {
        let file = fixture.path(&format!("history.{format}"));
        let text = file.to_str().unwrap();
        export(&fixture, &["--format", format, "-o", text]);
        let printed = export(&fixture, &["--format", format]);
        assert!(printed == std::fs::read(&file).unwrap());
        let said = refused(fixture.command(&["export", "-o", text]));
        assert!(
            said.contains("already exists: --force replaces it"),
            "{said}"
        );
        export(&fixture, &["--format", format, "-o", text, "--force"]);
        assert!(printed == std::fs::read(&file).unwrap());

        let other = fixture.server.create_tenant(format).await;
        let mut import = fixture.command(&["import", text, "--client-id", &other.client_id]);
        let output = import.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert_eq!(said, "1200 stored, 0 stored before, 0 rejected\n");
        let list = |client_id: &str| {
            let list = ["query", "--all", "--json", "--client-id", client_id];
            let listed = support::run(&mut fixture.command(&list));
            let events = listed.lines().map(|line| {
                let mut event: Value = serde_json::from_str(line).unwrap();
                event.as_object_mut().unwrap().remove("received_at");
                event
            });
            events.collect::<Vec<_>>()
        };
        assert!(list(&other.client_id) == list(&fixture.tenant.client_id));
    }
    // A reader that has enough is no error.
    let mut export_one = fixture.command(&["export", "--format", "csv"]);
    export_one.stdout(Stdio::piped());
    let mut child = export_one.spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    let filtered = export(&fixture, &["--record-id", "41"]);
    assert_eq!(filtered.split(|byte| *byte == b'\n').skip(1).count(), 600);
}

#[tokio::test]
async fn an_export_that_was_killed_has_the_same_bytes_in_the_end() {
    let fixture = Fixture::new().await;
    send_all(&fixture, 4_000, 700).await;
    for format in ["csv", "ndjson"] {
        continues(&fixture, format).await;
    }
}

async fn continues(fixture: &Fixture, format: &str) {
    let whole = export(fixture, &["--format", format]);
    let address = fixture.server.url().trim_start_matches("http://");
    let proxy = Proxy::start(address.parse().unwrap());
    proxy.set(Mode::Limit(4_000_000));
    let file = fixture.path(&format!("slow.{format}"));
    let state = fixture.path(&format!("slow.{format}.partial.json"));
    let mut arguments = vec!["export", "--format", format, "--output"];
    arguments.push(file.to_str().unwrap());
    let start = || {
        let mut command = fixture.command(&arguments);
        command.env("EVENT_HISTORY_URL", format!("http://{}", proxy.address()));
        Running::spawn(&mut command)
    };
    let running = start();
    let begun = support::wait_for("a part of the export", MINUTE, async || {
        if file.exists() {
            return Some(false);
        }
        Some(read(&state)?["events"].as_u64()? > 0)
    })
    .await;
    assert!(begun, "it was too fast to be interrupted");
    running.kill();
    assert!(!file.exists());
    // What arrives meanwhile does not belong to it.
    send_all(fixture, 1, 1).await;
    let running = start();
    // A connection that breaks is replaced.
    proxy.set(Mode::Refuse);
    support::wait_for("a retry or the end", MINUTE, async || {
        (running.stderr().contains("retrying in") || running.has_ended()).then_some(())
    })
    .await;
    proxy.set(Mode::Pass);
    assert!(running.end().success(), "{}", running.stderr());
    assert!(std::fs::read(&file).unwrap() == whole);
    assert!(!state.exists());
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
