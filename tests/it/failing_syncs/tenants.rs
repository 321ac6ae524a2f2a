//! Tenants that are made and removed on a disk whose syncs fail.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{FaultySync, Server, event, expect, wait_for};

const BOUND: Duration = Duration::from_secs(30);

async fn create(server: &Server, name: &str) -> StatusCode {
    let body = json!({ "database_name": name, "client_label": "" });
    let request = server.request(Method::POST, "/api/initialize-tenant");
    let response = request.json(&body).send().await;
    response.expect("the server answers").status()
}

async fn insist(server: &Server, name: &str) {
    wait_for("a tenant to be made", BOUND, async || {
        match create(server, name).await {
            StatusCode::CREATED => Some(()),
            StatusCode::SERVICE_UNAVAILABLE => None,
            other => panic!("{name}: {other}\n{}", server.process().stderr()),
        }
    })
    .await;
}

/// Lets the nth sync from now on fail, of whichever file, and all after it.
async fn create_with_syncs_failing_after(server: &Server, faults: &FaultySync, syncs: u32) -> bool {
    faults.fail_after(syncs, "");
    let name = format!("after-{syncs}");
    let status = create(server, &name).await;
    if status == StatusCode::CREATED {
        return false;
    }
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{syncs}");
    assert_eq!(create(server, &name).await, StatusCode::SERVICE_UNAVAILABLE);
    true
}

#[tokio::test]
async fn the_next_attempt_creates_a_tenant_whose_creation_failed() {
    let faults = FaultySync::new();
    let mut server = faults.befalls(Server::builder()).start();
    server.create_tenant("before").await;
    let mut failed = 0;
    while create_with_syncs_failing_after(&server, &faults, failed).await {
        let name = format!("after-{failed}");
        if failed % 2 == 0 {
            faults.recover();
        } else {
            // What the process had not synced is there to be read by the next one.
            server.kill();
            faults.recover();
            server.start_again();
        }
        insist(&server, &name).await;
        failed += 1;
    }
    assert!(failed >= 4, "only {failed} syncs");
    faults.recover();
    insist(&server, "another").await;
}

/// After a power cut the disk may have any state of the entry that was written and not synced.
#[tokio::test]
async fn a_database_outlives_an_entry_that_may_be_ready_on_disk() {
    let faults = FaultySync::new();
    let server = faults.befalls(Server::builder()).start();
    let mut were_there = Vec::new();
    loop {
        let number = u32::try_from(were_there.len()).expect("a few");
        let name = format!("after-{number}");
        faults.fail_after(number, "registry.db");
        if create(&server, &name).await == StatusCode::CREATED {
            break;
        }
        let database = server.folder().join(format!("data/tenants/{name}.db"));
        were_there.push(database.exists());
        faults.recover();
        insist(&server, &name).await;
    }
    assert!(were_there.len() >= 4, "{were_there:?}");
    assert_eq!(
        were_there.first(),
        Some(&false),
        "reserved first: {were_there:?}"
    );
    assert_eq!(were_there.last(), Some(&true), "{were_there:?}");
}

#[tokio::test]
async fn a_tenant_whose_deletion_failed_takes_no_event_that_a_start_would_remove() {
    let faults = FaultySync::new();
    let mut server = faults.befalls(Server::builder()).start();
    for round in 0..2 {
        let tenant = server.create_tenant(&format!("fleeting-{round}")).await;
        server.deliver(&tenant, &event()).await;
        faults.fail("registry.db");
        let delete = || server.request_as(&tenant, Method::DELETE, "/api/delete-tenant");
        expect(delete(), StatusCode::SERVICE_UNAVAILABLE).await;
        let mut acknowledged = 1;
        for _ in 0..10 {
            let answer = server.delivery(&tenant, &event()).send().await;
            let status = answer.expect("the server answers").status();
            acknowledged += u32::from(status == StatusCode::CREATED);
        }
        if round == 0 {
            server.kill();
            faults.recover();
            server.start_again();
        } else {
            faults.recover();
        }
        // The tenant is there with all its events, or it is gone and has taken none since.
        let target = "/api/history/events";
        let list = server.request_as(&tenant, Method::GET, target).send().await;
        let list = list.expect("the server answers");
        if list.status() == StatusCode::OK {
            let list: serde_json::Value = list.json().await.expect("JSON");
            assert_eq!(list["total_count"], acknowledged);
        } else {
            assert_eq!(list.status(), StatusCode::BAD_REQUEST);
            assert_eq!(acknowledged, 1, "acknowledged events were removed");
        }
        // Its name is free, or its deletion goes through now.
        let delete = server.request_as(&tenant, Method::DELETE, "/api/delete-tenant");
        delete.send().await.expect("the server answers");
        insist(&server, &tenant.database_name).await;
    }
}
