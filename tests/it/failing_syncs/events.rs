//! Events on a disk whose syncs fail.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::support::{Call, FaultySync, Server, Tenant, event, expect, wait_for};

const BOUND: Duration = Duration::from_secs(30);

/// Returns the ids of the events that a tenant reads, or nothing where it is told to come again.
async fn read(server: &Server, tenant: &Tenant) -> Option<HashSet<String>> {
    let target = "/api/history/events?limit=1000";
    let request = server.request_as(tenant, Method::GET, target);
    let response = request.send().await.expect("the server answers");
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    assert_eq!(response.status(), StatusCode::OK);
    let page: Value = response.json().await.expect("JSON");
    let results = page["results"].as_array().expect("results");
    Some(results.iter().map(id_of).collect())
}

fn id_of(event: &Value) -> String {
    event["event_id"].as_str().expect("an id").to_owned()
}

async fn deliver(server: &Server, tenant: &Tenant, detail: &Value) -> StatusCode {
    let response = server.delivery(tenant, detail).send().await;
    response.expect("the server answers").status()
}

/// Sends an event until it is stored.
async fn insist(server: &Server, tenant: &Tenant, detail: &Value) {
    wait_for("an event to be stored", BOUND, async || {
        let status = deliver(server, tenant, detail).await;
        (status == StatusCode::CREATED).then_some(())
    })
    .await;
}

/// A server with a tenant that has one event, on a disk that works so far.
async fn begin(faults: &FaultySync) -> (Server, Tenant, Value) {
    let server = faults.befalls(Server::builder()).start();
    let tenant = server.create_tenant("demo").await;
    let first = event();
    server.deliver(&tenant, &first).await;
    (server, tenant, first)
}

/// Holds that all that the log file holds was written and synced since a sync of it failed.
fn assert_log_is_on_the_disk(faults: &FaultySync) {
    let is_log = |path: &str| path.ends_with("/demo.db-wal");
    let mut lost: Vec<(u64, u64)> = Vec::new();
    let mut dirty: Vec<(u64, u64)> = Vec::new();
    for call in faults.calls() {
        match call {
            Call::Write {
                path,
                offset,
                length,
            } if is_log(&path) => {
                let end = offset + length;
                // What is covered by a later write is that one's business.
                lost.retain(|&(from, to)| !(offset <= from && to <= end));
                dirty.push((offset, end));
            }
            Call::Truncate { path, length } if is_log(&path) => {
                lost.retain(|&(from, _)| from < length);
                dirty.retain(|&(from, _)| from < length);
            }
            Call::Sync { path } if is_log(&path) => dirty.clear(),
            Call::Lost { path } if is_log(&path) => lost.append(&mut dirty),
            _ => {}
        }
    }
    assert!(lost.is_empty(), "never written again: {lost:?}");
    assert!(dirty.is_empty(), "never synced: {dirty:?}");
}

#[tokio::test]
async fn an_event_whose_sync_failed_is_not_stored_by_sending_it_again() {
    let faults = FaultySync::new();
    let (server, tenant, first) = begin(&faults).await;
    let detail = event();

    faults.fail("");
    for attempt in 0..10 {
        let status = deliver(&server, &tenant, &detail).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{attempt}");
        if let Some(seen) = read(&server, &tenant).await {
            assert_eq!(seen, HashSet::from([id_of(&first)]), "{attempt}");
        }
    }
    // Whatever was closed for the failure is tried to be opened again by now.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let status = deliver(&server, &tenant, &detail).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    if let Some(seen) = read(&server, &tenant).await {
        assert_eq!(seen, HashSet::from([id_of(&first)]));
    }

    faults.recover();
    insist(&server, &tenant, &detail).await;
    assert_log_is_on_the_disk(&faults);
    let seen = read(&server, &tenant).await;
    assert_eq!(seen, Some(HashSet::from([id_of(&first), id_of(&detail)])));
}

#[tokio::test]
async fn acknowledged_events_are_on_the_disk_whenever_syncs_fail() {
    const WRITERS: usize = 8;
    let faults = FaultySync::new();
    let (server, tenant, _) = begin(&faults).await;
    let writers = join_all((0..WRITERS).map(|_| async {
        for _ in 0..30 {
            insist(&server, &tenant, &event()).await;
        }
    }));
    let failures = async {
        for _ in 0..4 {
            faults.fail("demo.db-wal");
            wait_for("a sync to fail", BOUND, async || {
                let answer = deliver(&server, &tenant, &event()).await;
                (answer == StatusCode::SERVICE_UNAVAILABLE).then_some(())
            })
            .await;
            faults.recover();
            insist(&server, &tenant, &event()).await;
        }
    };
    tokio::join!(writers, failures);
    assert_log_is_on_the_disk(&faults);
    assert!(
        read(&server, &tenant).await.expect("an answer").len() >= WRITERS * 30,
        "acknowledged events are missing"
    );
}

#[tokio::test]
async fn unsynced_events_of_a_killed_process_do_not_count_as_stored() {
    let faults = FaultySync::new();
    let (mut server, tenant, first) = begin(&faults).await;
    let detail = event();
    // The process ends between the write of an event and its sync.
    faults.delay(60_000, "demo.db-wal");
    let sent = server
        .delivery(&tenant, &detail)
        .timeout(Duration::from_millis(500));
    assert!(sent.send().await.is_err(), "it was answered");
    let log = server.folder().join("data/tenants/demo.db-wal");
    assert!(std::fs::metadata(log).expect("a log").len() > 0);
    server.kill();

    faults.fail("demo.db-wal");
    server.start_again();
    for _ in 0..3 {
        let status = deliver(&server, &tenant, &detail).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(read(&server, &tenant).await, None);
    }
    faults.recover();
    insist(&server, &tenant, &detail).await;
    assert_log_is_on_the_disk(&faults);
    let seen = read(&server, &tenant).await;
    assert_eq!(seen, Some(HashSet::from([id_of(&first), id_of(&detail)])));
}

#[tokio::test]
async fn no_event_is_stored_in_a_log_whose_name_may_not_be_durable() {
    let faults = FaultySync::new();
    let server = faults.befalls(Server::builder()).start();
    let tenant = server.create_tenant("demo").await;
    let folder = server.folder().join("data/tenants");
    faults.fail_at_end(folder.to_str().expect("a path of text"));
    let detail = event();
    for _ in 0..3 {
        expect(
            server.delivery(&tenant, &detail),
            StatusCode::SERVICE_UNAVAILABLE,
        )
        .await;
    }
    assert_eq!(read(&server, &tenant).await, Some(HashSet::new()));
    faults.recover();
    insist(&server, &tenant, &detail).await;
}
