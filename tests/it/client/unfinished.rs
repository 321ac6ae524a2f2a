//! Multipart uploads that failed before an event referenced their file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusty_s3::S3Action;

use super::parts::{PARTS, parts, received_bytes, remembered, settled, write_noise};
use super::{Fixture, refused};
use crate::support::{self, Running};

const MIB: u64 = 1024 * 1024;
const MINUTE: Duration = Duration::from_mins(1);

/// A file that says it is empty and is not: its upload fails before it begins.
const UNUPLOADABLE: &str = "/proc/version";

/// Uploads a file of 11 MiB in parts of 5 MiB without an event. Returns the file, and the key of its object.
fn completed_without_event(fixture: &Fixture) -> (PathBuf, String) {
    let file = fixture.path("big.bin");
    write_noise(&file, 11 * MIB);
    let said = refused(fixture.upload(&file, &[&[UNUPLOADABLE], &PARTS[..]].concat()));
    assert!(said.contains("changed while"), "{said}");
    let begun = remembered(fixture).unwrap();
    assert_eq!(begun["is_complete"], true);
    let file_id = begun["file_id"].as_str().unwrap();
    (file, format!("alx_demo/{file_id}"))
}

async fn remove(fixture: &Fixture, key: &str) {
    let storage = fixture.server.embedded_storage();
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let delete = bucket.delete_object(Some(&credentials), key).sign(MINUTE);
    let deleted = fixture.server.client().delete(delete).send().await.unwrap();
    assert!(deleted.status().is_success());
}

#[tokio::test]
async fn a_file_that_exists_is_not_sent_again() {
    let fixture = Fixture::new().await;
    let (file, key) = completed_without_event(&fixture);
    let before = received_bytes(&fixture).await;
    let event_id = fixture.upload_one(&file, &PARTS);
    assert_eq!(received_bytes(&fixture).await, before);
    let event = fixture.event(&event_id).await;
    assert!(key.ends_with(event["file_id"].as_str().unwrap()));
}

/// As a sweep of orphans does.
#[tokio::test]
async fn a_file_that_was_removed_since_is_uploaded_again_with_the_part_size_of_now() {
    let fixture = Fixture::new().await;
    let (file, key) = completed_without_event(&fixture);
    remove(&fixture, &key).await;
    let larger = ["--multipart-above", "5MiB", "--part-size", "8MiB"];
    let event_id = fixture.upload_one(&file, &larger);
    let event = fixture.event(&event_id).await;
    let file_id = event["file_id"].as_str().unwrap();
    assert!(!key.ends_with(file_id), "{key}");

    let storage = fixture.server.embedded_storage();
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let key = format!("alx_demo/{file_id}");
    let head = bucket.head_object(Some(&credentials), &key).sign(MINUTE);
    let head = fixture.server.client().head(head).send().await.unwrap();
    let etag = head.headers()["etag"].to_str().unwrap();
    assert!(etag.ends_with("-2\""), "two parts, of 8 and 3 MiB: {etag}");
}

#[tokio::test]
async fn parts_survive_an_error_that_is_not_retried() {
    const SIZE: u64 = 101 * MIB; // so many parts that it is under way for a while
    let fixture = Fixture::new().await;
    let (file, moved) = (fixture.path("big.bin"), fixture.path("moved.bin"));
    write_noise(&file, SIZE);
    let upload = Running::spawn(&mut fixture.upload(&file, &PARTS));
    let (begun, stored) = support::wait_for("a part", MINUTE, async || {
        let begun = remembered(&fixture)?;
        let stored = parts(&fixture, &begun).await;
        (!stored.is_empty()).then_some((begun, stored))
    })
    .await;
    rename(&file, &moved);
    assert_eq!(upload.end().code(), Some(1), "{}", upload.stderr());
    assert!(upload.stderr().contains("cannot open"));
    rename(&moved, &file);

    let stored = settled(&fixture, &begun, stored).await;
    let stored_bytes: u64 = stored
        .iter()
        .filter_map(|it| it["size_bytes"].as_u64())
        .sum();
    let before = received_bytes(&fixture).await;
    let event_id = fixture.upload_one(&file, &PARTS);
    assert_eq!(
        received_bytes(&fixture).await - before,
        SIZE - stored_bytes,
        "only what was missing was sent"
    );
    assert_eq!(fixture.event(&event_id).await["file_id"], begun["file_id"]);
}

fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}
