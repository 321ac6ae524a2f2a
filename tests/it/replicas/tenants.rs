//! Tenants that are made and deleted by one replica, as another one sees them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::start_replicas;
use crate::api::Call;
use crate::crash::all_events;
use crate::support::{self, ClickHouse, Server, Tenant, event, expect, wait_for};

/// The time for which a replica may still serve a tenant that another one deleted, by default.
const STALENESS: Duration = Duration::from_secs(5);

/// What looking takes beside that.
const SLACK: Duration = Duration::from_secs(1);

/// How often a tenant is deleted and made again.
const CHANGES: usize = 10;

const UPLOAD_URL: &str = "/api/files/upload-url";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_at_the_same_moment_share_an_empty_clickhouse() {
    let engine = ClickHouse::start();
    let servers = start_replicas(&engine.url(), 4, None);
    for (number, server) in servers.iter().enumerate() {
        let tenant = server.create_tenant(&format!("of-{number}")).await;
        for other in &servers {
            other.deliver(&tenant, &event()).await;
            expect(
                other.request_as(&tenant, Method::GET, UPLOAD_URL),
                StatusCode::OK,
            )
            .await;
        }
        assert_eq!(all_events(server, &tenant).await.len(), servers.len());
    }

    // And a tenant that all of them make at the same moment is made once.
    for attempt in 0..5 {
        let body = json!({"database_name": format!("all-{attempt}"), "client_label": ""});
        let calls = servers.iter().map(|server| {
            let call = Call::new(server, "POST", "/api/initialize-tenant");
            call.json(&body).send()
        });
        let answers = join_all(calls).await;
        let (made, refused): (Vec<_>, Vec<_>) = answers
            .iter()
            .partition(|answer| answer.status == StatusCode::CREATED);
        assert_eq!(made.len(), 1, "{answers:?}");
        for answer in refused {
            answer.is_error(400, "Client already exist.");
        }
        let client_id = made[0].body["client_id"].as_str().expect("a client id");
        for server in &servers {
            let call = Call::new(server, "GET", UPLOAD_URL).client(client_id);
            assert_eq!(call.send().await.status, StatusCode::OK);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_deleted_by_one_replica_soon_is_nobodys_at_the_others_of_a_clickhouse() {
    let engine = ClickHouse::start();
    let servers = start_replicas(&engine.url(), 3, None);
    let [here, there, elsewhere] = &servers[..] else {
        panic!("three were asked for")
    };
    let tenant = here.create_tenant("demo").await;
    for server in &servers {
        server.deliver(&tenant, &event()).await; // now it is known by its name
        let request = server.request_as(&tenant, Method::GET, UPLOAD_URL);
        expect(request, StatusCode::OK).await; // and by its client id
    }

    let deleted = AtomicBool::new(false);
    let writers = join_all((0..8).map(|_| write_until_deleted(there, &tenant, &deleted)));
    let deletion = async {
        tokio::time::sleep(Duration::from_millis(50 + support::random_below(200))).await;
        delete(here, &tenant).await;
        deleted.store(true, Ordering::SeqCst);
        Instant::now()
    };
    let (acknowledged, deleted_at) = tokio::join!(writers, deletion);
    let acknowledged: usize = acknowledged.iter().sum();
    assert!(acknowledged > 0, "nothing was written before the deletion");

    // Nothing but an upload URL needs no table.
    let mut answers = 0;
    wait_for("the entry to be too old", STALENESS + SLACK, async || {
        let call = Call::new(elsewhere, "GET", UPLOAD_URL).client(&tenant.client_id);
        let answer = call.send().await;
        answers += 1;
        if answer.status == StatusCode::OK {
            return None;
        }
        answer.is_error(400, "Failed to connect to tenant db.");
        Some(())
    })
    .await;
    println!(
        "{acknowledged} events acknowledged before the deletion; upload URLs for {:.1?} after it, {} of \
         them",
        deleted_at.elapsed(),
        answers - 1
    );
    for server in &servers {
        for path in [UPLOAD_URL, "/api/history/events"] {
            let call = Call::new(server, "GET", path).client(&tenant.client_id);
            let answer = call.send().await;
            answer.is_error(400, "Failed to connect to tenant db.");
        }
    }
    let left =
        "SELECT count() FROM system.databases WHERE name LIKE '%demo%' OR name LIKE '_deleted%'";
    assert_eq!(engine.query(left).await, "0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_made_again_in_a_clickhouse_has_nothing_to_do_with_the_one_before() {
    let engine = ClickHouse::start();
    let servers = start_replicas(&engine.url(), 3, None);
    let [here, there, elsewhere] = &servers[..] else {
        panic!("three were asked for")
    };
    let old = here.create_tenant("demo").await;
    for server in &servers {
        server.deliver(&old, &event()).await;
    }
    delete(here, &old).await;
    let new = here.create_tenant("demo").await;
    assert_ne!(old.client_id, new.client_id);

    // By the old client id nothing is stored and nothing is read, whatever a replica remembers.
    for server in [there, elsewhere] {
        let late = server.delivery(&old, &event());
        let late = late.header("X-Client-Id", &old.client_id);
        expect(late, StatusCode::BAD_REQUEST).await;
        let read = server.request_as(&old, Method::GET, "/api/history/events");
        expect(read, StatusCode::BAD_REQUEST).await;
    }
    assert_eq!(all_events(there, &new).await, [] as [Value; 0]);

    // By the name the new one is meant, at once.
    let newer = here.create_tenant("other").await;
    for server in &servers {
        server.deliver(&newer, &event()).await;
    }
    delete(here, &newer).await;
    let newest = here.create_tenant("other").await;
    for server in &servers {
        server.deliver(&newest, &event()).await;
    }
    for server in &servers {
        assert_eq!(all_events(server, &newest).await.len(), servers.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_in_a_clickhouse_always_means_the_tenant_that_has_it_now() {
    let engine = ClickHouse::start();
    let servers = start_replicas(&engine.url(), 2, None);
    let [here, there] = &servers[..] else {
        panic!("two were asked for")
    };
    // Odd while there is no tenant, or may be none.
    let epoch = AtomicUsize::new(0);
    let mut tenant = here.create_tenant("demo").await;
    let named = tenant.clone();
    let writers = join_all((0..4).map(|_| write_to_a_name(there, &named, &epoch)));
    let changes = async {
        for _ in 0..CHANGES {
            let pause = Duration::from_millis(support::random_below(300));
            tokio::time::sleep(pause).await;
            epoch.fetch_add(1, Ordering::SeqCst);
            delete(here, &tenant).await;
            tenant = here.create_tenant("demo").await;
            epoch.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (stored, ()) = tokio::join!(writers, changes);
    println!("{stored:?} events stored while a tenant stood");
    assert!(stored.iter().sum::<usize>() > 0);
}

async fn delete(server: &Server, tenant: &Tenant) {
    let request = server.request_as(tenant, Method::DELETE, "/api/delete-tenant");
    expect(request, StatusCode::OK).await;
}

/// Writes to whichever tenant has the name of `tenant` until it was made again often enough. An event
/// that was sent and answered while one stood has to be stored; returns how many were.
async fn write_to_a_name(server: &Server, tenant: &Tenant, epoch: &AtomicUsize) -> usize {
    let mut stored = 0;
    loop {
        let before = epoch.load(Ordering::SeqCst);
        let response = server.delivery(tenant, &event()).send().await;
        let status = response.expect("the server answers").status();
        let has_stood = before.is_multiple_of(2) && before == epoch.load(Ordering::SeqCst);
        if has_stood {
            assert_eq!(status, StatusCode::CREATED, "after {before} changes");
            stored += 1;
        }
        let is_over = before == 2 * CHANGES;
        if is_over && has_stood {
            return stored;
        }
    }
}

/// Writes to a tenant until it is gone, and returns how many events were acknowledged. None of them
/// was sent after the answer to the deletion.
async fn write_until_deleted(server: &Server, tenant: &Tenant, deleted: &AtomicBool) -> usize {
    let mut acknowledged = 0;
    loop {
        let is_after = deleted.load(Ordering::SeqCst);
        let response = server.delivery(tenant, &event()).send().await;
        let status = response.expect("the server answers").status();
        match status {
            StatusCode::CREATED => {
                assert!(!is_after, "an event was stored nowhere");
                acknowledged += 1;
            }
            StatusCode::BAD_REQUEST => {}
            other => panic!("an event was answered {other}"),
        }
        if is_after {
            return acknowledged;
        }
    }
}
