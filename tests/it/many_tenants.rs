//! Many tenants are no burden: few open files, little memory, short logs, and a start that does not wait for them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use http::{Method, StatusCode};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::support::{self, Server, Tenant, event, expect};

const MAX_OPEN_FILES: usize = 4000;
const MAX_RESIDENT_BYTES: u64 = 256_000_000;

/// Of write-ahead logs and what is beside them, as docs/operations.md says.
const MAX_LOG_BYTES: u64 = 5 << 29;

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
    let footprint = measure(&server);
    println!(
        "{count} tenants: made in {made_s:.1} s, an event to each in {written_s:.1} s, {footprint:?}"
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
    println!("{count} tenants, each read: {:?}", measure(&server));
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

/// A service that may open few files evicts tenants' databases without a checkpoint, and so without a sync. What was
/// acknowledged survives a KILL.
#[tokio::test]
async fn more_tenants_than_fit_are_written_to_by_turns() {
    const TENANTS: usize = 100;
    const EVENTS: usize = 4;
    let few = Some(FEW_FILES as u64);
    let allowed = Rlimit {
        current: few,
        maximum: few,
    };
    setrlimit(Resource::Nofile, allowed).expect("a lower limit"); // of this process, and so of the service
    let mut server = Server::start();
    let tenants: Vec<Tenant> = stream::iter(0..TENANTS)
        .map(|number| {
            let server = &server;
            async move { server.create_tenant(&format!("tenant_{number}")).await }
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    stream::iter((0..EVENTS).flat_map(|_| &tenants))
        .for_each_concurrent(CONCURRENCY, async |tenant| {
            server.deliver(tenant, &event()).await;
            let history = server.get_json(tenant, "/api/history/events").await;
            assert_ne!(history["total_count"], 0);
        })
        .await;
    let open_files = server.process().open_files();
    let for_databases = FEW_FILES / 2;
    assert!(
        open_files < for_databases + 2 * CONCURRENCY + 40,
        "{open_files} open files"
    );
    server.kill();
    server.start_again();
    for tenant in &tenants {
        let history = server.get_json(tenant, "/api/history/events").await;
        assert_eq!(history["total_count"], EVENTS, "{}", tenant.database_name);
    }
    let status = server.process().term();
    assert!(status.success(), "{status} after TERM");
    assert_eq!(logs(&server), 0, "a clean stop removes them");
}

/// The limit of open files of a service that is to have too few.
const FEW_FILES: usize = 256;

/// The number of write-ahead logs.
fn logs(server: &Server) -> usize {
    companions(server)
        .filter(|(name, bytes)| name.ends_with("-wal") && *bytes > 0)
        .count()
}

/// The names and sizes of the files beside databases.
fn companions(server: &Server) -> impl Iterator<Item = (String, u64)> {
    let files = fs::read_dir(server.folder().join("data/tenants")).expect("a folder");
    files.filter_map(|file| {
        let file = file.ok()?;
        let name = file.file_name().to_string_lossy().into_owned();
        let bytes = file.metadata().ok()?.len(); // it may be gone
        let is_database = Path::new(&name).extension().is_some_and(|it| it == "db");
        (!is_database).then_some((name, bytes))
    })
}

#[derive(Debug)]
#[expect(dead_code, reason = "printed")]
struct Footprint {
    open_files: usize,
    resident_bytes: u64,
    log_bytes: u64,
}

/// Holds the process to its bounds, and returns where it is.
fn measure(server: &Server) -> Footprint {
    let open_files = server.process().open_files();
    let resident_bytes = server.process().memory_bytes("VmRSS");
    let log_bytes = companions(server).map(|(_, bytes)| bytes).sum();
    assert!(open_files < MAX_OPEN_FILES, "{open_files} open files");
    assert!(
        resident_bytes < MAX_RESIDENT_BYTES,
        "{resident_bytes} bytes resident"
    );
    assert!(log_bytes < MAX_LOG_BYTES, "{log_bytes} bytes of logs");
    Footprint {
        open_files,
        resident_bytes,
        log_bytes,
    }
}
