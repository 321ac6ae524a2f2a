//! The commands that call a service. Of `upload` and `download`: files arrive, or the reason why not is reported.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included"
)]

mod administering;
mod exporting;
mod importing;
mod names;
mod outages;
mod parts;
mod reading;
mod sending;
mod several;
mod sizes;
mod syncs;
mod tailing;
mod unfinished;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use rusty_s3::S3Action;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, API_KEY, SeaweedFs, Server, Tenant, expect_json};

/// A server with a tenant, and a folder of files.
struct Fixture {
    server: Server,
    tenant: Tenant,
    folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        Self::at(Server::start()).await
    }

    async fn at(server: Server) -> Self {
        let tenant = server.create_tenant("alx_demo").await;
        let folder = tempfile::tempdir().unwrap();
        Self {
            server,
            tenant,
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Returns a command of our binary for this service and tenant, in the person's folder.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = support::clean_command(support::binary(), self.folder.path());
        command
            .args(arguments)
            .env("EVENT_HISTORY_URL", self.server.url())
            .env("EVENT_HISTORY_API_KEY", API_KEY)
            .env("EVENT_HISTORY_CLIENT_ID", &self.tenant.client_id);
        command
    }

    fn upload(&self, file: &Path, further: &[&str]) -> Command {
        let file = file.to_str().unwrap();
        let event = ["--record-id", "42", "--event-type", "document_generated"];
        self.command(&[&["upload", file], &event[..], further].concat())
    }

    /// Uploads a file, and returns the id of the event that was printed.
    fn upload_one(&self, file: &Path, further: &[&str]) -> String {
        let printed = support::run(&mut self.upload(file, further));
        let event_id = printed.strip_suffix('\n').unwrap();
        assert!(uuid::Uuid::try_parse(event_id).is_ok(), "{printed:?}");
        event_id.to_owned()
    }

    /// Starts a request on a connection of its own: a kept one may have been closed while a command ran.
    fn request(&self, method: Method, target: &str) -> RequestBuilder {
        support::http_client()
            .request(method, format!("{}{target}", self.server.url()))
            .header("X-API-Key", API_KEY)
            .header("X-Client-Id", &self.tenant.client_id)
    }

    /// Returns the one event with this id.
    async fn event(&self, event_id: &str) -> Value {
        let target = format!("/api/history/events?event_id={event_id}");
        let page = expect_json(self.request(Method::GET, &target), StatusCode::OK).await;
        assert_eq!(page["filtered_count"], 1, "{page}");
        page["results"][0].clone()
    }

    async fn event_count(&self) -> Value {
        let request = self.request(Method::GET, "/api/history/events");
        let page = expect_json(request, StatusCode::OK).await;
        page["total_count"].clone()
    }
}

/// Runs a command that has to fail, and returns what it said.
fn refused(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stdout.is_empty(), "{stdout:?}");
    assert!(!stderr.contains("X-Amz-"), "a URL is a secret: {stderr}");
    stderr
}

#[tokio::test]
async fn files_are_uploaded_and_downloaded() {
    let fixture = Fixture::new().await;
    uploads_and_downloads(&fixture, 300_001, &[]).await;
    uploads_and_downloads(&fixture, 0, &[]).await;
    let parts = ["--multipart-above", "1MiB", "--part-size", "5MiB"];
    uploads_and_downloads(&fixture, 11 << 20, &parts).await;
}

#[tokio::test]
async fn files_are_uploaded_and_downloaded_on_seaweedfs() {
    let seaweedfs = SeaweedFs::start().await;
    let server = Server::builder().files_in(seaweedfs.storage()).start();
    let fixture = Fixture::at(server).await;
    uploads_and_downloads(&fixture, 300_001, &[]).await;
    let parts = ["--multipart-above", "1MiB", "--part-size", "5MiB"];
    uploads_and_downloads(&fixture, 11 << 20, &parts).await;
}

async fn uploads_and_downloads(fixture: &Fixture, length: usize, further: &[&str]) {
    let bytes = support::random_bytes(length);
    let file = fixture.write("a report.pdf", &bytes);
    let event_id = fixture.upload_one(&file, further);
    let event = fixture.event(&event_id).await;
    assert_eq!(event["event_type"], "document_generated");
    assert_eq!(event["source_type"], "system");
    let record = &event["file"];
    assert_eq!(record["size_bytes"], length);
    assert_eq!(record["sha256"], support::sha256_hex(&bytes));
    assert_eq!(record["file_name"], "a report.pdf");
    assert_eq!(record["content_type"], "application/pdf");

    let copy = fixture.path("copy.pdf");
    let copy_text = copy.to_str().unwrap();
    let printed = support::run(&mut fixture.command(&["download", &event_id, "-o", copy_text]));
    assert_eq!(printed, format!("{copy_text}\n"));
    assert!(std::fs::read(&copy).unwrap() == bytes);
    // What is there stays, unless it is said that it need not.
    let said = refused(fixture.command(&["download", &event_id, "-o", copy_text]));
    assert!(
        said.contains("already exists: --force replaces it"),
        "{said}"
    );
    std::fs::write(&copy, "other").unwrap();
    let forced = ["download", &event_id, "--force", "-o", copy_text];
    support::run(&mut fixture.command(&forced));
    assert!(std::fs::read(&copy).unwrap() == bytes);
    std::fs::remove_file(&copy).unwrap();

    let piped = fixture
        .command(&["download", &event_id, "-o", "-"])
        .output()
        .unwrap();
    assert!(piped.status.success() && piped.stdout == bytes);
}

#[tokio::test]
async fn one_event_for_several_files_or_one_for_each() {
    let fixture = Fixture::new().await;
    let (one, other) = (
        fixture.write("one.txt", b"1"),
        fixture.write("two.txt", b"22"),
    );
    let other_text = other.to_str().unwrap();
    let data = r#"[{"note": "signed"}]"#;
    let further = [
        other_text,
        "--data",
        data,
        "--source-type",
        "0",
        "--source-id",
        "7",
    ];
    let time = ["--time", "2026-11-10T10:26:12.5Z"];
    let event_id = fixture.upload_one(&one, &[&further[..], &time].concat());
    let event = fixture.event(&event_id).await;
    assert_eq!(event["event_time"], "2026-11-10T10:26:12.5Z");
    assert_eq!(
        (&event["source_type"], &event["source_id"]),
        (&"user".into(), &7.into())
    );
    assert_eq!(event["event_data"][0]["note"], "signed");
    assert_eq!(event["files"][0]["file_name"], "one.txt");
    let second = event["files"][1]["file_id"].as_str().unwrap();
    let download = ["download", &event_id, "--file-id", second, "-o", "-"];
    assert_eq!(support::run(&mut fixture.command(&download)), "22");

    let printed = support::run(&mut fixture.upload(&one, &[other_text, "--each"]));
    let event_ids: Vec<&str> = printed.lines().collect();
    assert_eq!(event_ids.len(), 2);
    assert_eq!(
        fixture.event(event_ids[1]).await["file"]["file_name"],
        "two.txt"
    );
}

#[tokio::test]
async fn a_command_with_an_event_id_is_idempotent() {
    let fixture = Fixture::new().await;
    let file = fixture.write("one.txt", b"1");
    let event_id = support::uuid();
    let chosen = ["--event-id", event_id.as_str()];
    for _ in 0..2 {
        assert_eq!(fixture.upload_one(&file, &chosen), event_id);
        assert_eq!(fixture.event_count().await, 1);
    }
    fixture.write("one.txt", b"another");
    let said = refused(fixture.upload(&file, &chosen));
    assert!(said.contains("already exists with other files"), "{said}");
}

#[tokio::test]
async fn a_changed_file_is_shown_with_both_fingerprints() {
    let fixture = Fixture::new().await;
    let file = fixture.write("one.txt", b"what was signed");
    let event_id = fixture.upload_one(&file, &[]);
    let event = fixture.event(&event_id).await;
    let key = format!("alx_demo/{}", event["file_id"].as_str().unwrap());
    let storage = fixture.server.embedded_storage();
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    // What is referenced takes no other bytes: only who holds the key pair can make room for them.
    let minute = std::time::Duration::from_mins(1);
    let delete = bucket.delete_object(Some(&credentials), &key).sign(minute);
    let deleted = fixture.server.client().delete(delete).send().await.unwrap();
    assert!(deleted.status().is_success());
    let put = bucket.put_object(Some(&credentials), &key).sign(minute);
    let forged = fixture
        .server
        .client()
        .put(put)
        .body("what was not")
        .send()
        .await
        .unwrap();
    assert!(forged.status().is_success());

    let said = refused(fixture.command(&["download", &event_id, "-o", "copy.txt"]));
    assert!(!fixture.path("copy.txt").exists());
    let recorded = format!(
        "recorded: 15 bytes, SHA-256 {}",
        support::sha256_hex("what was signed")
    );
    let found = format!(
        "found:    12 bytes, SHA-256 {}",
        support::sha256_hex("what was not")
    );
    for text in ["the service answered 409", &recorded, &found] {
        assert!(said.contains(text), "{said}");
    }
}
