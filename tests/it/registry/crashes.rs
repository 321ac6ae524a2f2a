//! What a crash between two steps leaves of a tenant is finished at the start, and mistaken for nothing else.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use http::{Method, StatusCode};
use serde_json::json;

use super::{check, count, database, deliver, edit_registry, history_answers};
use crate::support::{Server, event, expect};

const ROUNDS: usize = 6;

#[tokio::test]
async fn no_kill_during_creations_and_deletions_loses_an_entry() {
    let mut server = Server::start();
    let kept = server.create_tenant("kept").await;
    deliver(&server, &kept, 1).await;
    for round in 0..ROUNDS {
        let work = async {
            for number in 0_u32.. {
                let name = format!("round-{round}-{number}");
                let tenant = server.create_tenant(&name).await;
                let request = server.request_as(&tenant, Method::DELETE, "/api/delete-tenant");
                expect(request, StatusCode::OK).await;
            }
        };
        // A time within which some come and go; where it ends is up to chance.
        let time = std::time::Duration::from_millis(150 + 37 * round as u64);
        let _ = tokio::time::timeout(time, work).await;
        server.kill();
        server.start_again();
        check(&server).is_well();
        let log = server.process().stderr();
        assert!(!log.contains("no tenant entry"), "{log}");
        assert_eq!(count(&server, &kept).await, Some(1));
    }
}

/// Returns the newest content of a database's first page, of those in its log.
/// Source: SQLite documentation, "WAL-mode File Format", section 4.
fn newest_first_page(log: &[u8]) -> Option<&[u8]> {
    let mut frames = log.get(32..)?.chunks_exact(24 + 4096);
    let is_first = |frame: &&[u8]| frame.starts_with(&1_u32.to_be_bytes());
    frames.rfind(is_first)?.get(24..)
}

#[tokio::test]
async fn a_checkpoint_that_ended_after_its_first_page_is_no_damage() {
    let mut server = Server::start();
    let tenant = server.create_tenant("demo").await;
    deliver(&server, &tenant, 1).await;
    server.process().term(); // the file is written as a whole
    server.start_again();
    let mut detail = event();
    detail["event_data"] = json!(["x".repeat(40_000)]);
    server.deliver(&tenant, &detail).await;
    server.kill();
    let file = database(&server, "demo");
    let log = fs::read(file.with_extension("db-wal")).expect("the log");
    let page = newest_first_page(&log).expect("a file that grew");
    let written = File::options().write(true).open(&file).expect("the file");
    written.write_all_at(page, 0).expect("a page");
    fs::remove_file(file.with_extension("db-owner")).expect("the record"); // it would say so
    check(&server).is_well();
    server.start_again();
    assert_eq!(count(&server, &tenant).await, Some(2));
}

/// The registry comes from a backup that was taken in the middle of a creation or a deletion.
#[tokio::test]
async fn an_old_registry_entry_destroys_no_database() {
    let mut server = Server::start();
    let (made, again) = (
        server.create_tenant("made").await,
        server.create_tenant("again").await,
    );
    deliver(&server, &made, 2).await;
    deliver(&server, &again, 3).await;
    server.process().term();
    edit_registry(
        &server,
        "UPDATE tenants SET state = 'creating' WHERE database_name = 'made';
         UPDATE tenants SET state = 'deleting', client_id = x'000102030405060708090a0b0c0d0e0f'
             WHERE database_name = 'again';",
    );
    server.start_again();
    assert_eq!(count(&server, &made).await, Some(2));
    history_answers(&server, &again, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(database(&server, "again").exists());
    check(&server).only_wrong("database", &["again.db", "tenants adopt again"]);
}

/// A power cut while a database is created leaves any of its pages unwritten.
#[tokio::test]
async fn a_database_that_was_half_written_keeps_nobody_from_starting() {
    for length in [4096, 2 * 4096, 3 * 4096] {
        let mut server = Server::start();
        let kept = server.create_tenant("kept").await;
        deliver(&server, &kept, 1).await;
        server.create_tenant("made").await;
        server.process().term();
        let file = database(&server, "made");
        let written = File::options().write(true).open(&file).expect("the file");
        let whole = written.metadata().expect("its length").len();
        written.set_len(length).expect("a shorter file");
        written.set_len(whole).expect("zeros in place of its pages");
        edit_registry(
            &server,
            "UPDATE tenants SET state = 'creating' WHERE database_name = 'made';",
        );
        server.start_again();
        check(&server).is_well();
        assert_eq!(count(&server, &kept).await, Some(1));
        let made = server.create_tenant("made").await;
        deliver(&server, &made, 1).await;
        server.process().term();
        server.start_again();
        check(&server).is_well();
        assert_eq!(count(&server, &made).await, Some(1));
    }
}
