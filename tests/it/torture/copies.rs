//! Copies to a disk whose syncs fail, killed on their way: what one that succeeds says it has copied survives a power cut.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::cuts::after;
use super::dice::Dice;
use super::disk::{Disk, UNSYNCED, Unsynced};
use super::ledger::{Ledger, SentEvent, SentFile, SentTenant};
use super::record::Recorder;
use super::{seed, settings_of};
use crate::support::{self, FaultySync, Running, Server, event, expect, expect_json};

const TENANTS: usize = 2;
const EVENTS: usize = 60;
/// Of a tenant, the last of them in parts.
const FILES: usize = 6;
const PART_BYTES: usize = 5 * 1024 * 1024;

/// How long syncs work in turn, and how long they fail then.
const WORKING_MS: std::ops::Range<u64> = 200..1_500;
const FAILING_MS: std::ops::Range<u64> = 1..100;
/// The runs while they do, of which the first are killed.
const RUNS: usize = 6;
const KILLED_RUNS: usize = 3;
const KILLED_AFTER_MS: std::ops::Range<u64> = 100..1_500;

/// Longer than a run takes, with the two minutes for which it waits for a database.
const BOUND: Duration = Duration::from_mins(4);

#[tokio::test]
async fn what_was_copied_while_syncs_fail_survives_a_power_cut() {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_ROUNDS", 1);
    let seed = seed();
    for round in 0..rounds {
        let problems = problems_of(seed + round).await;
        assert!(
            problems.is_empty(),
            "seed {}:\n{}",
            seed + round,
            problems.join("\n")
        );
    }
}

/// Copies a source until that succeeds, and returns what is wrong with the destination after power cuts.
async fn problems_of(seed: u64) -> Vec<String> {
    let mut dice = Dice::seeded(seed);
    let source = Server::start();
    let ledger = fill(&source, &mut dice).await;
    assert!(source.process().term().success());
    let place = tempfile::tempdir().expect("a temporary folder");
    let root = place.path().join("data");
    fs::create_dir(&root).expect("a new folder");
    let mut disk = Disk::of(&root, seed);
    let (recorder, faults) = (Recorder::new(&root), FaultySync::new());
    let mut run = 0;
    let mut failures = 0;
    loop {
        let mut command = copy(&source.folder().join("data"), &root, place.path());
        faults.befalls_command(&mut command);
        recorder.records_command(&mut command);
        let copying = Running::spawn(&mut command);
        if run < RUNS {
            let trouble = trouble(&faults, dice.clone());
            tokio::select! {
                () = killed_or_ended(&copying, run, &mut dice) => {}
                () = trouble => {}
            }
            faults.recover();
        } else {
            support::wait_for("a copy", BOUND, async || copying.has_ended().then_some(())).await;
        }
        recorder.end_run(|| copying.kill());
        if copying.end().success() {
            break;
        }
        failures += 1;
        println!("{}", copying.stderr().lines().last().unwrap_or_default());
        assert!(run <= RUNS, "on a disk that works: {}", copying.stderr());
        run += 1;
    }
    let entries = recorder.entries();
    for entry in &entries {
        disk.apply(&entry.call);
    }
    println!(
        "seed {seed}: {failures} runs failed, {} calls; {}",
        entries.len(),
        ledger.summary()
    );
    let mut problems = Vec::new();
    let other = UNSYNCED[dice.index(UNSYNCED.len())];
    for unsynced in [Unsynced::Lost, other] {
        let root = place.path().join("cut");
        fs::create_dir(&root).expect("a new folder");
        disk.write_to(&root, unsynced, &mut dice);
        let found = after(&root, &ledger, u64::MAX).await;
        problems.extend(
            found
                .iter()
                .map(|it| format!("unsynced {unsynced:?}: {it}")),
        );
        fs::remove_dir_all(&root).expect("a folder of the test's");
    }
    problems
}

async fn killed_or_ended(copying: &Running, run: usize, dice: &mut Dice) {
    let range = KILLED_AFTER_MS;
    let after = Duration::from_millis(range.start + dice.below(range.end - range.start));
    if run < KILLED_RUNS {
        tokio::time::sleep(after).await;
        return;
    }
    support::wait_for("a copy", BOUND, async || copying.has_ended().then_some(())).await;
}

/// Makes syncs work and fail in turns.
async fn trouble(faults: &FaultySync, mut dice: Dice) {
    loop {
        for (range, is_failing) in [(WORKING_MS, false), (FAILING_MS, true)] {
            if is_failing {
                faults.fail("");
            } else {
                faults.recover();
            }
            let stretch = range.start + dice.below(range.end - range.start);
            tokio::time::sleep(Duration::from_millis(stretch)).await;
        }
    }
}

/// Returns the command that copies everything between two data folders.
fn copy(from: &Path, to: &Path, home: &Path) -> Command {
    let mut command = support::clean_command(support::binary(), home);
    command.arg("copy");
    for (folder, side) in [(from, "FROM"), (to, "TO")] {
        let [(_, database), (_, files)] = settings_of(folder);
        command.env(format!("EVENT_HISTORY_COPY_{side}"), database);
        command.env(format!("EVENT_HISTORY_COPY_FILES_{side}"), files);
    }
    command
}

/// Sends events with and without files, all of which are acknowledged.
async fn fill(server: &Server, dice: &mut Dice) -> Ledger {
    let mut ledger = Ledger::default();
    for place in 0..TENANTS {
        let tenant = server.create_tenant(&format!("copied_{place}")).await;
        ledger.tenants.push(SentTenant {
            tenant,
            created_at: 0,
            deletion_asked_at: None,
            deleted_at: None,
        });
        for number in 0..EVENTS {
            let file_id = match number {
                number if number >= FILES => None,
                number => {
                    let is_in_parts = number == FILES - 1;
                    let length = 1 + dice.index(20_000) + usize::from(is_in_parts) * PART_BYTES;
                    Some(upload(server, &mut ledger, place, dice.bytes(length)).await)
                }
            };
            send(server, &mut ledger, place, file_id).await;
        }
    }
    ledger
}

async fn send(server: &Server, ledger: &mut Ledger, place: usize, file_id: Option<String>) {
    let mut detail = event();
    if let Some(file_id) = &file_id {
        detail["file_id"] = file_id.as_str().into();
    }
    server.deliver(&ledger.tenants[place].tenant, &detail).await;
    ledger.events.push(SentEvent {
        tenant: place,
        id: detail["event_id"].as_str().expect("an id").to_owned(),
        data: detail["event_data"].clone(),
        file_id,
        acknowledged_at: Some(0),
    });
}

/// Uploads a file, in parts if it is longer than one, and returns its id.
async fn upload(server: &Server, ledger: &mut Ledger, place: usize, bytes: Vec<u8>) -> String {
    let tenant = &ledger.tenants[place].tenant;
    let put = async |url: &Value, body: &[u8]| {
        let url = url.as_str().expect("a URL");
        expect(server.client().put(url).body(body.to_vec()), StatusCode::OK).await;
    };
    let id = if bytes.len() > PART_BYTES {
        let body = json!({"content_length": bytes.len(), "part_size": PART_BYTES});
        let request = server.request_as(tenant, Method::POST, "/api/files/multipart");
        let begun = expect_json(request.json(&body), StatusCode::CREATED).await;
        for (index, part) in bytes.chunks(PART_BYTES).enumerate() {
            put(&begun["parts"][index]["upload_url"], part).await;
        }
        let id = begun["file_id"].as_str().expect("an id").to_owned();
        let complete = format!("/api/files/multipart/{id}/complete");
        let complete = server.request_as(tenant, Method::POST, &complete);
        let body = json!({"upload_id": begun["upload_id"]});
        expect(complete.json(&body), StatusCode::OK).await;
        id
    } else {
        let upload = server.upload_url(tenant).await;
        put(&upload.url.into(), &bytes).await;
        upload.file_id
    };
    ledger.files.push(SentFile {
        tenant: place,
        id: id.clone(),
        bytes,
        acknowledged_at: Some(0),
    });
    id
}
