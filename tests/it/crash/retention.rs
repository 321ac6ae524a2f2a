//! Retention by a service that is killed again and again: what is due goes, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{self, Server, Tenant, event, expect, expect_json};

/// Longer than a run and a start take.
const BOUND: Duration = Duration::from_mins(10);

/// Events per request.
const BATCH: u64 = 1000;

const RECORDS: u64 = 10;
const HELD: u64 = 3;

/// The type of two events out of three, which are due.
const DUE: u64 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_deletes_exactly_what_is_due() {
    let events = support::number_from_environment("EVENT_HISTORY_TEST_RETENTION_EVENTS", 4_000);
    let kills = support::number_from_environment("EVENT_HISTORY_TEST_KILLS", 3);
    let mut server = Server::builder()
        .env("EVENT_HISTORY_RETENTION_INTERVAL", "1s")
        .start();
    let tenant = server.create_tenant("demo").await;
    let expected = fill(&server, &tenant, events).await;
    let path = |noun: &str| format!("/api/tenants/{}/{noun}", tenant.client_id);
    let hold = json!({"record_id": HELD, "reason": "a case"});
    let hold = server.request(Method::POST, &path("holds")).json(&hold);
    expect(hold, StatusCode::CREATED).await;
    let rules = json!({"rules": [{"event_type_id": DUE, "days": 1, "age_from": "event"}]});
    let rules = server.request(Method::PUT, &path("retention")).json(&rules);
    expect(rules, StatusCode::OK).await;

    let left: u64 = expected.values().sum();
    let mut last = events;
    for _ in 0..kills {
        last = support::wait_for("some events to be deleted", BOUND, async || {
            let count = count(&server, &tenant, "").await;
            (count < last || count == left).then_some(count)
        })
        .await;
        server.kill();
        server.start_again();
    }
    support::wait_for("all events that are due to be deleted", BOUND, async || {
        (count(&server, &tenant, "").await <= left).then_some(())
    })
    .await;
    for ((record_id, event_type_id), events) in expected {
        let filter = format!("record_id={record_id}&event_type_id={event_type_id}");
        assert_eq!(count(&server, &tenant, &filter).await, events, "{filter}");
    }
    assert!(server.process().term().success());
}

/// Sends events, and returns how many are to be left by record and type.
async fn fill(server: &Server, tenant: &Tenant, events: u64) -> BTreeMap<(u64, u64), u64> {
    let mut expected = BTreeMap::new();
    let mut sent = 0;
    while sent < events {
        let batch: Vec<Value> = (sent..events.min(sent + BATCH))
            .map(|number| {
                let (record_id, event_type_id) =
                    (number % RECORDS, DUE + u64::from(number % 3 == 0));
                let is_kept = event_type_id != DUE || record_id == HELD;
                *expected.entry((record_id, event_type_id)).or_default() += u64::from(is_kept);
                let mut detail = event();
                detail["record_id"] = record_id.into();
                detail["event_type_id"] = event_type_id.into();
                detail
            })
            .collect();
        sent += batch.len() as u64;
        let request = server.request_as(tenant, Method::POST, "/api/events");
        let answer = expect_json(request.json(&batch), StatusCode::OK).await;
        assert_eq!(answer["stored"], batch.len());
    }
    expected
}

async fn count(server: &Server, tenant: &Tenant, filter: &str) -> u64 {
    let target = format!("/api/history/events?limit=1&{filter}");
    let list = server.request_as(tenant, Method::GET, &target);
    let page = expect_json(list, StatusCode::OK).await;
    page["filtered_count"].as_u64().expect("a count")
}
