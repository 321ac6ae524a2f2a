//! Orphan sweeps and verification: orphans are removed, referenced files stay, and changed files are reported.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included"
)]
#![expect(
    clippy::print_stdout,
    reason = "the recipes of the justfile show these figures"
)]

mod clocks;
mod copies;
mod damaged;
mod deleting;
mod digests;
mod limited;
mod missing;
mod model;
mod owners;
mod sweeping;
mod tenants;
mod verifying;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use http::{Method, StatusCode};
use rusty_s3::S3Action;
use serde_json::{Value, json};

use crate::support::{self, Server, Storage, Tenant, event_with_file, expect, expect_json};

const LIFE: Duration = Duration::from_mins(5);

/// The smallest that a part may be.
const PART_BYTES: usize = 5 << 20;

/// A file that was uploaded, and the event that references it where one was acknowledged.
#[derive(Debug, Clone)]
struct Uploaded {
    file_id: String,
    bytes: Vec<u8>,
    event_id: Option<String>,
}

async fn upload(server: &Server, tenant: &Tenant) -> Uploaded {
    let length = 1000 + usize::try_from(support::random_below(9000)).unwrap();
    upload_bytes(server, tenant, support::random_bytes(length)).await
}

async fn upload_bytes(server: &Server, tenant: &Tenant, bytes: Vec<u8>) -> Uploaded {
    let upload = server.upload_url(tenant).await;
    let put = server.client().put(&upload.url).body(bytes.clone());
    expect(put, StatusCode::OK).await;
    Uploaded {
        file_id: upload.file_id,
        bytes,
        event_id: None,
    }
}

/// Uploads `bytes` in parts of [`PART_BYTES`], and declares no digest of them.
async fn upload_in_parts(server: &Server, tenant: &Tenant, bytes: Vec<u8>) -> Uploaded {
    let body = json!({"content_length": bytes.len(), "part_size": PART_BYTES});
    let request = server.request_as(tenant, Method::POST, "/api/files/multipart");
    let begun = expect_json(request.json(&body), StatusCode::CREATED).await;
    for (index, part) in bytes.chunks(PART_BYTES).enumerate() {
        let url = begun["parts"][index]["upload_url"].as_str().unwrap();
        let put = server.client().put(url).body(part.to_vec());
        expect(put, StatusCode::OK).await;
    }
    let file_id = begun["file_id"].as_str().unwrap().to_owned();
    let target = format!("/api/files/multipart/{file_id}/complete");
    let complete = server.request_as(tenant, Method::POST, &target);
    let complete = complete.json(&json!({"upload_id": begun["upload_id"]}));
    expect(complete, StatusCode::OK).await;
    Uploaded {
        file_id,
        bytes,
        event_id: None,
    }
}

/// Sends an event that references the file. Refused because the file is gone or going, it is none.
async fn refer(server: &Server, tenant: &Tenant, file: &mut Uploaded) {
    let detail = event_with_file(&file.file_id);
    let response = server.delivery(tenant, &detail).send().await.unwrap();
    match response.status() {
        StatusCode::CREATED => {
            file.event_id = Some(detail["event_id"].as_str().unwrap().to_owned());
        }
        StatusCode::BAD_REQUEST | StatusCode::SERVICE_UNAVAILABLE => {}
        other => panic!("{other}: {}", response.text().await.unwrap()),
    }
}

/// Asks the storage itself, behind the service's back.
async fn is_stored(storage: &Storage, tenant: &Tenant, file_id: &str) -> bool {
    let key = format!("{}/{file_id}", tenant.database_name);
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let url = bucket.head_object(Some(&credentials), &key).sign(LIFE);
    let response = support::http_client().head(url).send().await.unwrap();
    match response.status() {
        StatusCode::OK => true,
        StatusCode::NOT_FOUND => false,
        other => panic!("{other}"),
    }
}

/// The file of an acknowledged event is there, byte for byte.
async fn assert_kept(server: &Server, tenant: &Tenant, file: &Uploaded) {
    let Some(event_id) = &file.event_id else {
        return;
    };
    let target = format!("/api/history/events/{event_id}/file");
    let answer = server.get_json(tenant, &target).await;
    let url = answer["download_url"].as_str().unwrap();
    let response = expect(server.client().get(url), StatusCode::OK).await;
    assert_eq!(response.bytes().await.unwrap(), file.bytes);
}

/// Returns `event-history files …` with the settings of a server.
fn files(home: &Path, settings: &[(&str, String)], arguments: &[&str]) -> Command {
    let mut command = support::clean_command(support::binary(), home);
    command.arg("files").args(arguments).arg("--json");
    command.envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
    command
}

/// Runs it to its end; returns its status and the objects that it printed.
async fn run(mut command: Command) -> (i32, Vec<Value>) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let code = output.status.code().unwrap();
    assert!([0, 1, 3].contains(&code), "{code}: {said}");
    // For whoever looks at a failure.
    eprint!("{said}");
    (code, lines.collect())
}

/// Returns the settings with which a command finds what a server on SQLite and embedded files has.
fn embedded_settings(server: &Server) -> [(&'static str, String); 2] {
    let data = server.folder().join("data");
    [
        (
            "EVENT_HISTORY_DATABASE",
            format!("sqlite:{}", data.display()),
        ),
        (
            "EVENT_HISTORY_FILES",
            format!("file:{}/files", data.display()),
        ),
    ]
}

async fn delete_tenant(server: &Server, tenant: &Tenant, query: &str) -> StatusCode {
    let target = format!("/api/delete-tenant{query}");
    let request = server.request_as(tenant, Method::DELETE, &target);
    request.send().await.unwrap().status()
}
