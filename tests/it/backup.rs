//! Backups of a data folder: what they hold, what a later one copies, what damage and interruptions leave.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included"
)]
mod bucket;
mod damage;
mod deletions;
mod interruptions;
mod load;
mod refusals;
mod sizes;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{self, Server, Storage, Tenant, event, expect};

/// What a command said.
#[derive(Debug)]
struct Said {
    status: i32,
    out: String,
    err: String,
}

impl Said {
    /// Asserts that the command succeeded, and returns what it printed.
    fn ok(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.out
    }

    /// Asserts that the command failed with a message that has all of these texts.
    fn refuses(&self, texts: &[&str]) {
        assert_eq!(self.status, 1, "{self:?}");
        for text in texts {
            assert!(self.err.contains(text), "'{text}' in {self:?}");
        }
    }
}

/// Returns the folder of a server's data.
fn data_of(server: &Server) -> PathBuf {
    server.folder().join("data")
}

/// Returns a command about the data of a server.
fn command(server: &Server, words: &[&str]) -> Command {
    let mut command = support::clean_command(support::binary(), server.folder());
    let data = data_of(server);
    command
        .args(words)
        .env(
            "EVENT_HISTORY_DATABASE",
            format!("sqlite:{}", data.display()),
        )
        .env(
            "EVENT_HISTORY_FILES",
            format!("file:{}/files", data.display()),
        );
    command
}

/// Runs a command while others of the test go on.
async fn run(mut command: Command) -> Said {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.unwrap();
    Said {
        status: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

async fn back_up(server: &Server, target: &str) -> Said {
    run(command(server, &["backup", target])).await
}

async fn verify(server: &Server, target: &str) -> Said {
    run(command(server, &["verify-backup", target])).await
}

async fn restore(server: &Server, target: &str, data: &Path) -> Said {
    let data = data.to_str().unwrap();
    run(command(server, &["restore", target, "--data-dir", data])).await
}

/// Starts a server on a folder that was restored.
fn serve(data: &Path) -> Server {
    let data = data.display();
    Server::builder()
        .env("EVENT_HISTORY_DATABASE", format!("sqlite:{data}"))
        .env("EVENT_HISTORY_FILES", format!("file:{data}/files"))
        .start()
}

/// Asserts that no server starts on a folder whose restore is unfinished.
fn assert_not_served(data: &Path) {
    let server = Server::builder().env(
        "EVENT_HISTORY_DATABASE",
        format!("sqlite:{}", data.display()),
    );
    let refused = server.try_start().unwrap_err();
    assert!(
        refused.contains("restore into this folder is unfinished"),
        "{refused}"
    );
}

/// Sends events of about a kilobyte, and returns their ids.
async fn send(server: &Server, tenant: &Tenant, count: usize) -> Vec<String> {
    let mut events = vec![event(); count];
    for event in &mut events {
        let text = hex::encode(support::random_bytes(400));
        event["event_id"] = support::uuid().into();
        event["event_data"] = json!([event["event_id"], text]);
    }
    let request = server.request_as(tenant, Method::POST, "/api/events");
    expect(request.json(&events), StatusCode::OK).await;
    let ids = events.iter().map(|it| it["event_id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// Uploads a file of this size and stores an event that references it. Returns the event's id.
async fn send_file(server: &Server, tenant: &Tenant, bytes: usize) -> String {
    let upload = server.upload_url(tenant).await;
    let put = server
        .client()
        .put(&upload.url)
        .body(support::random_bytes(bytes));
    expect(put, StatusCode::OK).await;
    let detail = support::event_with_file(&upload.file_id);
    server.deliver(tenant, &detail).await;
    detail["event_id"].as_str().unwrap().to_owned()
}

/// Returns the SHA-256 of each event of a tenant, by id, in arrival order.
async fn digests(server: &Server, tenant: &Tenant) -> Vec<(String, String)> {
    let request = server.request_as(tenant, Method::GET, "/api/history/export?format=ndjson");
    let lines = expect(request, StatusCode::OK).await.text().await.unwrap();
    let parse = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let id = event["event_id"].as_str().unwrap().to_owned();
        (id, support::sha256_hex(event.to_string()))
    };
    lines.lines().map(parse).collect()
}

/// Returns the SHA-256 of the file of an event.
async fn file_digest(server: &Server, tenant: &Tenant, event_id: &str) -> String {
    let target = format!("/api/history/events/{event_id}/file");
    let answer = server.get_json(tenant, &target).await;
    let url = answer["download_url"].as_str().unwrap();
    let response = expect(server.client().get(url), StatusCode::OK).await;
    support::sha256_hex(response.bytes().await.unwrap())
}

/// Returns the files below a folder and their sizes.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            let bytes = fs::metadata(&path).unwrap().len();
            found.insert(path, bytes);
        }
    }
    found
}

/// Returns the bytes that a folder takes.
fn bytes_below(folder: &Path) -> u64 {
    files_below(folder).values().sum()
}

/// Adds the credentials of a bucket to a command, and returns the target below a prefix of it.
fn in_bucket(storage: &Storage, prefix: &str) -> (String, HashMap<&'static str, String>) {
    let Storage {
        endpoint,
        bucket,
        region,
        access_key_id,
        secret_access_key,
    } = storage;
    let target = format!("s3://{bucket}/{prefix}?region={region}&endpoint={endpoint}");
    let credentials = [
        ("AWS_ACCESS_KEY_ID", access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", secret_access_key.clone()),
    ];
    (target, credentials.into())
}
