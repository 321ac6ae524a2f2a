//! What a load balancer is told of a disk that takes no writes.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{FaultySync, Server, event, expect, expect_json, wait_for};

const BOUND: Duration = Duration::from_secs(30);

async fn readiness(server: &Server) -> (StatusCode, Value) {
    let request = server.request(Method::GET, "/health/ready").send().await;
    let response = request.expect("the server answers");
    let status = response.status();
    (status, response.json().await.expect("JSON"))
}

async fn assert_not_ready(server: &Server) {
    let (status, body) = readiness(server).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["writes"], "unavailable", "{body}");
    assert_ne!(body["database"], "ok", "{body}");
    let folder = server.folder().display().to_string();
    assert!(
        !body.to_string().contains(&folder),
        "a folder is named: {body}"
    );
}

async fn becomes_ready(server: &Server) {
    wait_for("the service to be ready", BOUND, async || {
        let (status, _) = readiness(server).await;
        (status == StatusCode::OK).then_some(())
    })
    .await;
    let body = expect_json(server.request(Method::GET, "/health/ready"), StatusCode::OK).await;
    let well = json!({ "status": "ok", "database": "ok", "files": "ok", "writes": "ok" });
    assert_eq!(body, well);
}

#[tokio::test]
async fn a_service_whose_syncs_fail_is_not_ready_until_one_succeeds() {
    let faults = FaultySync::new();
    let server = faults.befalls(Server::builder()).start();
    let tenant = server.create_tenant("demo").await;
    server.deliver(&tenant, &event()).await;
    becomes_ready(&server).await;

    faults.fail("data/tenants");
    let refused = server.delivery(&tenant, &event());
    expect(refused, StatusCode::SERVICE_UNAVAILABLE).await;
    for _ in 0..3 {
        assert_not_ready(&server).await;
        tokio::time::sleep(Duration::from_millis(600)).await; // longer than between two probes, in sum
    }
    let metrics = expect(server.request(Method::GET, "/metrics"), StatusCode::OK).await;
    let metrics = metrics.text().await.expect("text");
    assert!(
        metrics.contains("event_history_writes_available 0\n"),
        "{metrics}"
    );
    // Without another event: a probe finds out.
    faults.recover();
    becomes_ready(&server).await;
    server.deliver(&tenant, &event()).await;
    let tenants = server.folder().join("data/tenants");
    let names = std::fs::read_dir(tenants).expect("the folder");
    let left = names.filter(|it| {
        it.as_ref()
            .is_ok_and(|it| it.file_name().to_string_lossy().starts_with('.'))
    });
    assert_eq!(left.count(), 0, "a probe was left");
}

#[tokio::test]
async fn a_service_whose_disk_is_full_is_not_ready_until_there_is_room() {
    let faults = FaultySync::new();
    let server = faults.befalls(Server::builder()).start();
    let tenant = server.create_tenant("demo").await;
    server.deliver(&tenant, &event()).await;

    faults.fill("data/tenants");
    for _ in 0..3 {
        let refused = server.delivery(&tenant, &event());
        expect(refused, StatusCode::SERVICE_UNAVAILABLE).await;
        assert_not_ready(&server).await;
        // Reads still succeed.
        let list = server.get_json(&tenant, "/api/history/events").await;
        assert_eq!(list["total_count"], 1);
    }
    faults.recover();
    // By an event, before any probe.
    server.deliver(&tenant, &event()).await;
    becomes_ready(&server).await;
}
