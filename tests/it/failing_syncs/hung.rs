//! A disk that hangs.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use crate::support::{FaultySync, Server, Tenant, event, expect, wait_for};
use serde_json::{Value, json};

/// How long a sync takes, and within which time everybody has to be answered all the same.
const HANG: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_secs(15);

#[tokio::test]
async fn the_request_timeout_is_kept_on_a_disk_that_hangs() {
    let faults = FaultySync::new();
    let server = faults
        .befalls(Server::builder())
        .env("EVENT_HISTORY_REQUEST_TIMEOUT", "1s")
        .start();
    let tenant = server.create_tenant("demo").await;
    server.deliver(&tenant, &event()).await;

    let milliseconds = u32::try_from(HANG.as_millis()).expect("a number of milliseconds");
    faults.delay(milliseconds, ".db-wal");
    let start = Instant::now();
    // One that comes alone, and then some that find it waiting.
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    expect(server.delivery(&tenant, &event()), unavailable).await;
    let (first, second) = (event(), event());
    tokio::join!(
        expect(server.delivery(&tenant, &first), unavailable),
        expect(server.delivery(&tenant, &second), unavailable),
        expect(server.request(Method::GET, "/health/live"), StatusCode::OK),
    );
    let took = start.elapsed();
    assert!(took < SOON, "{took:?}");
}

/// Nobody knows the id and the secret of a tenant whose creation was answered 503: the next attempt has to succeed.
#[tokio::test]
async fn a_creation_that_nobody_waits_for_is_undone() {
    let faults = FaultySync::new();
    let server = faults
        .befalls(Server::builder())
        .env("EVENT_HISTORY_REQUEST_TIMEOUT", "1s")
        .start();
    server.create_tenant("before").await;
    let create = || {
        let body = json!({"database_name": "late", "client_label": ""});
        server
            .request(Method::POST, "/api/initialize-tenant")
            .json(&body)
    };
    faults.delay(1_500, "registry.db");
    expect(create(), StatusCode::SERVICE_UNAVAILABLE).await;
    // One more waits for the first, and is behind it.
    expect(create(), StatusCode::SERVICE_UNAVAILABLE).await;
    faults.recover();
    let made: Value = wait_for("the tenant", HANG, async || {
        let answer = create().send().await.expect("the server answers");
        match answer.status() {
            StatusCode::CREATED => Some(answer.json().await.expect("JSON")),
            StatusCode::SERVICE_UNAVAILABLE => None,
            other => panic!("{other}: {}", server.process().stderr()),
        }
    })
    .await;
    let member = |name: &str| made[name].as_str().expect("text").to_owned();
    let tenant = Tenant {
        client_id: member("client_id"),
        client_secret: member("client_secret"),
        database_name: member("database_name"),
    };
    server.deliver(&tenant, &event()).await;
}

/// A deletion that succeeds after its caller was told 503 is confirmed to the retry.
#[tokio::test]
async fn a_deletion_that_nobody_waits_for_is_confirmed_later() {
    let faults = FaultySync::new();
    let server = faults
        .befalls(Server::builder())
        .env("EVENT_HISTORY_REQUEST_TIMEOUT", "3s")
        .start();
    let tenant = server.create_tenant("slow").await;
    server.deliver(&tenant, &event()).await;
    let delete = || server.request_as(&tenant, Method::DELETE, "/api/delete-tenant");
    faults.delay(4_000, "registry.db");
    expect(delete(), StatusCode::SERVICE_UNAVAILABLE).await;
    faults.recover();
    let database = server.folder().join("data/tenants/slow.db");
    wait_for("the database to be gone", HANG, async || {
        (!database.exists()).then_some(())
    })
    .await;
    wait_for("the confirmation", HANG, async || {
        match delete().send().await.expect("the server answers").status() {
            StatusCode::OK => Some(()),
            StatusCode::SERVICE_UNAVAILABLE => None,
            other => panic!("{other}"),
        }
    })
    .await;
    // An attempt that a busy machine left without an answer has a confirmation of its own.
    wait_for("the end of confirmations", HANG, async || {
        match delete().send().await.expect("the server answers").status() {
            StatusCode::BAD_REQUEST => Some(()),
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => None,
            other => panic!("{other}"),
        }
    })
    .await;
}
