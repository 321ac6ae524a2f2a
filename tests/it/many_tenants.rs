//! Many tenants are no burden: few open files, little memory, and a start that does not wait for them.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use http::{Method, StatusCode};

use crate::support::{self, Server, Tenant, event, expect};

const MAX_OPEN_FILES: usize = 600;
const MAX_RESIDENT_BYTES: u64 = 200_000_000;
const MAX_START: Duration = Duration::from_secs(1);

/// From here on the release build is measured, so that the time to start means something.
const MANY: u64 = 10_000;

/// How many requests are under way at once.
const CONCURRENCY: usize = 16;

#[tokio::test]
async fn many_tenants_need_few_files_and_little_memory() {
    let count = support::number_from_environment("EVENT_HISTORY_TEST_TENANTS", 150);
    let mut server = Server::start();
    let start = Instant::now();
    let tenants: Vec<Tenant> = stream::iter(0..count)
        .map(|number| {
            let server = &server;
            async move { server.create_tenant(&format!("tenant_{number}")).await }
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let made_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    stream::iter(&tenants)
        .for_each_concurrent(CONCURRENCY, async |tenant| {
            server.deliver(tenant, &event()).await;
        })
        .await;
    let written_s = start.elapsed().as_secs_f64();
    let (open_files, resident_bytes) = footprint(&server);
    println!(
        "{count} tenants: made in {made_s:.1} s, an event to each in {written_s:.1} s, \
         {open_files} open files, {resident_bytes} bytes resident"
    );

    server.kill();
    let start = Instant::now();
    server.start_again();
    expect(server.request(Method::GET, "/health/live"), StatusCode::OK).await;
    let history = server.get_json(&tenants[0], "/api/history/events").await;
    let started = start.elapsed();
    println!("{count} tenants: alive and a history read {started:?} after the start");
    assert_eq!(history["total_count"], 1);
    assert!(
        count < MANY || started < MAX_START,
        "the start took {started:?}"
    );

    stream::iter(&tenants)
        .for_each_concurrent(CONCURRENCY, async |tenant| {
            let history = server.get_json(tenant, "/api/history/events").await;
            assert_eq!(history["total_count"], 1, "{}", tenant.database_name);
        })
        .await;
    let (open_files, resident_bytes) = footprint(&server);
    println!(
        "{count} tenants, each read: {open_files} open files, {resident_bytes} bytes resident"
    );
    let status = server.process().term();
    assert!(status.success(), "{status} after TERM");
}

/// Connections, each of which serves both tenants.
const CONNECTIONS: usize = 150;

#[tokio::test]
async fn connections_serve_two_tenants_by_turns() {
    let server = Server::start();
    let mut tenants = Vec::new();
    for name in ["first", "second"] {
        tenants.push(server.create_tenant(name).await);
    }
    let deliver = async |number: usize| server.deliver(&tenants[number], &event()).await;
    // The client keeps its connections, so that each wave goes over those of the one before.
    for wave in [0, 0, 1, 0] {
        stream::iter(0..CONNECTIONS)
            .for_each_concurrent(CONNECTIONS, |_| deliver(wave))
            .await;
    }
    stream::iter(0..4 * CONNECTIONS)
        .for_each_concurrent(CONNECTIONS, |number| deliver(number % 2))
        .await;
    for (tenant, waves) in tenants.iter().zip([3 + 2, 1 + 2]) {
        let history = server.get_json(tenant, "/api/history/events").await;
        assert_eq!(history["total_count"], waves * CONNECTIONS);
    }
    let status = server.process().term();
    assert!(status.success(), "{status} after TERM");
}

/// Holds the process to its bounds, and returns where it is.
fn footprint(server: &Server) -> (usize, u64) {
    let open_files = server.process().open_files();
    let resident_bytes = server.process().memory_bytes("VmRSS");
    assert!(open_files < MAX_OPEN_FILES, "{open_files} open files");
    assert!(
        resident_bytes < MAX_RESIDENT_BYTES,
        "{resident_bytes} bytes resident"
    );
    (open_files, resident_bytes)
}
