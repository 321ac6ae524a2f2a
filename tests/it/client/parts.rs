//! Large files use resumable multipart upload.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Fixture, refused};
use crate::support::{self, Running, expect, expect_json};

const MIB: u64 = 1024 * 1024;

/// The resident memory that the client may have needed at its worst, however big a file was.
const MAX_RESIDENT_BYTES: u64 = 80_000_000;

/// The same that the service may have needed beyond what it had before: most of that is the program itself, which grows
/// with the code that it is compiled from.
const MAX_GROWTH_BYTES: u64 = 32_000_000;

/// Longer than the stress test takes.
const TRANSFER_TIMEOUT: Duration = Duration::from_mins(20);

pub(super) const PARTS: [&str; 4] = ["--multipart-above", "5MiB", "--part-size", "5MiB"];

/// `just big-file` makes it 6 GiB: more than a single PUT can carry.
#[tokio::test]
async fn a_killed_upload_resumes() {
    let size_mib = support::number_from_environment("EVENT_HISTORY_TEST_BIG_FILE_MIB", 101);
    let fixture = Fixture::new().await;
    let before = fixture.server.process().memory_bytes("VmHWM");
    let file = fixture.path("big.bin");
    let sha256 = write_noise(&file, size_mib * MIB);

    let killed = Running::spawn(&mut fixture.upload(&file, &PARTS));
    let (begun, at_kill) = support::wait_for("some parts", TRANSFER_TIMEOUT, async || {
        assert!(!killed.has_ended(), "{}", killed.stderr());
        let begun = remembered(&fixture)?;
        let there = parts(&fixture, &begun).await;
        (!there.is_empty()).then_some((begun, there))
    })
    .await;
    let client_peak = killed.peak_memory_bytes();
    killed.kill();
    assert!(client_peak.unwrap() < MAX_RESIDENT_BYTES, "{client_peak:?}");
    let stored = settled(&fixture, &begun, at_kill).await;
    let stored_bytes: u64 = stored
        .iter()
        .filter_map(|it| it["size_bytes"].as_u64())
        .sum();
    assert!(
        stored_bytes < size_mib * MIB,
        "it was too fast to be killed"
    );

    let received_before = received_bytes(&fixture).await;
    let resumed = Running::spawn(&mut fixture.upload(&file, &PARTS));
    let event_id = resumed.line(TRANSFER_TIMEOUT);
    assert!(resumed.end().success());
    let received = received_bytes(&fixture).await - received_before;
    assert_eq!(
        received,
        size_mib * MIB - stored_bytes,
        "only what was missing was sent"
    );
    assert!(
        remembered(&fixture).is_none(),
        "nothing is left to remember"
    );

    let event = fixture.event(&event_id).await;
    assert_eq!(event["file"]["file_id"], begun["file_id"]);
    assert_eq!(event["file"]["sha256"], sha256);
    let copy = fixture.path("copy.bin");
    let download = ["download", &event_id, "-o", copy.to_str().unwrap()];
    support::run(&mut fixture.command(&download));
    assert_eq!(copy.metadata().unwrap().len(), size_mib * MIB);
    let peak = fixture.server.process().memory_bytes("VmHWM");
    let growth = peak - before;
    assert!(
        growth < MAX_GROWTH_BYTES,
        "the service grew by {growth} bytes"
    );
}

#[tokio::test]
async fn an_upload_with_changed_content_starts_over() {
    let fixture = Fixture::new().await;
    let file = fixture.path("big.bin");
    write_noise(&file, 26 * MIB);
    let killed = Running::spawn(&mut fixture.upload(&file, &PARTS));
    let begun = support::wait_for("a part", TRANSFER_TIMEOUT, async || {
        let begun = remembered(&fixture)?;
        (!parts(&fixture, &begun).await.is_empty()).then_some(begun)
    })
    .await;
    killed.kill();

    let bytes = support::random_bytes(11 << 20);
    std::fs::write(&file, &bytes).unwrap();
    let event_id = fixture.upload_one(&file, &PARTS);
    let event = fixture.event(&event_id).await;
    assert_ne!(event["file_id"], begun["file_id"]);
    let download = fixture
        .command(&["download", &event_id, "-o", "-"])
        .output()
        .unwrap();
    assert!(download.stdout == bytes);
    let target = format!(
        "/api/files/multipart/{}/parts",
        begun["file_id"].as_str().unwrap()
    );
    let request = fixture.request(Method::POST, &target);
    let body = json!({"upload_id": begun["upload_id"]});
    expect(request.json(&body), StatusCode::NOT_FOUND).await; // its parts are gone from storage
}

#[tokio::test]
async fn a_file_that_changes_during_its_upload_is_not_stored() {
    let fixture = Fixture::new().await;
    let file = fixture.path("big.bin");
    write_noise(&file, 31 * MIB);
    let upload = Running::spawn(&mut fixture.upload(&file, &PARTS));
    let begun = support::wait_for("the upload to begin", TRANSFER_TIMEOUT, async || {
        remembered(&fixture)
    })
    .await;
    // Its last byte, which is sent last.
    let end = File::options().write(true).open(&file).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&end, b"!!!!", 31 * MIB - 4).unwrap();
    assert_eq!(upload.end().code(), Some(1), "{}", upload.stderr());
    let said = upload.stderr();
    assert!(
        said.contains("changed while it was being uploaded"),
        "{said}"
    );
    assert_eq!(fixture.event_count().await, 0);
    assert!(remembered(&fixture).is_none());
    let file_id = begun["file_id"].as_str().unwrap();
    let event = support::event_with_file(file_id);
    expect(
        fixture.server.delivery(&fixture.tenant, &event),
        StatusCode::BAD_REQUEST,
    )
    .await;

    let mut homeless = fixture.upload(&file, &PARTS);
    homeless.env_remove("HOME");
    assert!(refused(homeless).contains("pass --state-dir"));
}

/// Fills a file with what no compression shortens, as fast as a disk takes it; returns its SHA-256.
pub(super) fn write_noise(path: &Path, size_bytes: u64) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ support::random_below(u64::MAX);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut sha256 = Sha256::new();
    let mut block = vec![0; 64 * 1024];
    for _ in 0..size_bytes / block.len() as u64 {
        for word in block.chunks_exact_mut(8) {
            // xorshift64, by George Marsaglia.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        sha256.update(&block);
        file.write_all(&block).unwrap();
    }
    file.flush().unwrap();
    hex::encode(sha256.finalize())
}

/// Returns what is remembered of the one upload that has begun.
pub(super) fn remembered(fixture: &Fixture) -> Option<Value> {
    let folder = fixture.path(".local/state/event-history/uploads");
    let mut files = std::fs::read_dir(folder).ok()?.map(|it| it.unwrap().path());
    let file = files.find(|it| it.extension().is_some_and(|it| it == "json"))?;
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

pub(super) async fn parts(fixture: &Fixture, begun: &Value) -> Vec<Value> {
    let target = format!(
        "/api/files/multipart/{}/parts",
        begun["file_id"].as_str().unwrap()
    );
    let request = fixture.request(Method::POST, &target);
    let request = request.json(&json!({"upload_id": begun["upload_id"]}));
    let answer = expect_json(request, StatusCode::OK).await;
    answer["parts"].as_array().unwrap().clone()
}

/// Returns the parts once the server has dealt with what was under way when the client was killed: when
/// its figure of bytes and its parts stand still.
pub(super) async fn settled(
    fixture: &Fixture,
    begun: &Value,
    mut before: Vec<Value>,
) -> Vec<Value> {
    let mut received = received_bytes(fixture).await;
    support::wait_for(
        "the parts to stand still",
        Duration::from_secs(30),
        async || {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let (now, now_received) = (parts(fixture, begun).await, received_bytes(fixture).await);
            let stands_still = now == before && now_received == received;
            (before, received) = (now, now_received);
            stands_still.then(|| before.clone())
        },
    )
    .await
}

/// Returns how many bytes the embedded storage was sent so far.
pub(super) async fn received_bytes(fixture: &Fixture) -> u64 {
    let request = fixture.request(Method::GET, "/metrics");
    let figures = expect(request, StatusCode::OK).await.text().await.unwrap();
    let lines = figures.lines();
    let of_bytes =
        lines.filter_map(|line| line.strip_prefix("event_history_embedded_received_bytes_total"));
    of_bytes
        .map(|rest| rest.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}
