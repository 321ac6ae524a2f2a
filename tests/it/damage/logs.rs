//! Damage to write-ahead logs, which a KILL leaves behind: never taken for a power cut where more follows.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use rusqlite::Connection;

use super::{assert_damaged, assert_logged, database, deliver, flip, history, log_of};
use crate::support::{self, Running, Server, event, expect_json};

const HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// Returns the last frame of each transaction.
fn commits(log: &[u8]) -> Vec<usize> {
    let frames = log[HEADER..].chunks_exact(FRAME).enumerate();
    let committing = frames.filter(|(_, it)| it[4..8] != [0; 4] && it[8..16] == log[16..24]);
    committing.map(|(index, _)| index + 1).collect()
}

async fn count(server: &Server, tenant: &support::Tenant) -> u64 {
    let page = expect_json(history(server, tenant), StatusCode::OK).await;
    page["total_count"].as_u64().unwrap()
}

#[tokio::test]
async fn a_damaged_log_is_refused_by_name_and_kept() {
    let mut server = Server::start();
    let (demo, other) = (
        server.create_tenant("demo").await,
        server.create_tenant("other").await,
    );
    deliver(&server, &other, 1).await;
    deliver(&server, &demo, 30).await;
    server.kill();
    let path = database(&server, "demo");
    let log = log_of(&path);
    let (file_before, log_before) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    let commits = commits(&log_before);
    assert!(commits.len() >= 30, "{commits:?}");
    let last_but_one = commits[commits.len() - 2];
    for frame in [1, commits[3], commits[10] + 1, last_but_one] {
        flip(&log, HEADER + (frame - 1) * FRAME + 500);
        let damaged = fs::read(&log).unwrap();
        server.start_again();
        assert_damaged(history(&server, &demo), "a page").await;
        assert_damaged(server.delivery(&demo, &event()), "an event").await;
        let (name, frame_name) = (log.display().to_string(), format!("frame {frame} "));
        assert_logged(&server, &["tenant 'demo'", &name, &frame_name]).await;
        assert!(count(&server, &other).await >= 1);
        server.deliver(&other, &event()).await;
        server.process().term();
        assert_eq!(fs::read(&path).unwrap(), file_before);
        assert_eq!(fs::read(&log).unwrap(), damaged, "kept for its repair");
        fs::write(&log, &log_before).unwrap();
    }
    server.start_again();
    assert_eq!(count(&server, &demo).await, 30, "nothing was lost");
}

#[tokio::test]
async fn damage_to_the_last_transaction_looks_like_a_power_cut() {
    let mut server = Server::start();
    let demo = server.create_tenant("demo").await;
    deliver(&server, &demo, 10).await;
    server.kill();
    let log = log_of(&database(&server, "demo"));
    let ends = commits(&fs::read(&log).unwrap());
    let (before, end) = (ends[ends.len() - 2], ends[ends.len() - 1]);
    flip(&log, HEADER + before * FRAME + 500); // its first frame
    assert!(end > before);
    server.start_again();
    assert_eq!(count(&server, &demo).await, 9);
}

#[tokio::test]
async fn a_damaged_log_of_the_registry_is_refused_by_name_and_kept() {
    let server = Server::start();
    for name in ["one", "two", "three"] {
        server.create_tenant(name).await;
    }
    server.process().term();
    let data = server.folder().join("data");
    let registry = data.join("registry.db");
    let log = log_of(&registry);
    leave_log(&registry, &log);
    flip(&log, HEADER + 500);
    let damaged = fs::read(&log).unwrap();
    let mut serve = support::clean_command(support::binary(), server.folder());
    serve
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("EVENT_HISTORY_API_KEY", support::API_KEY)
        .env(
            "EVENT_HISTORY_DATABASE",
            format!("sqlite:{}", data.display()),
        )
        .env(
            "EVENT_HISTORY_FILES",
            format!("file:{}/files", data.display()),
        );
    let process = Running::spawn(&mut serve);
    let what = "the service to refuse";
    support::wait_for(what, Duration::from_secs(30), async || {
        process.has_ended().then_some(())
    })
    .await;
    let said = process.stderr();
    assert!(said.contains(&log.display().to_string()), "{said}");
    assert!(said.contains("frame 1 "), "{said}");
    assert_eq!(fs::read(&log).unwrap(), damaged, "kept for its repair");
}

/// Leaves a log with three transactions, as a KILL would.
fn leave_log(registry: &Path, log: &Path) {
    let connection = Connection::open(registry).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
        .unwrap();
    for label in ["a", "b", "c"] {
        connection
            .execute("UPDATE tenants SET client_label = ?", [label])
            .unwrap();
    }
    let (file, bytes) = (fs::read(registry).unwrap(), fs::read(log).unwrap());
    drop(connection);
    fs::write(registry, file).unwrap();
    fs::write(log, bytes).unwrap();
}
