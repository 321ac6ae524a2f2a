//! Several replicas of the service on one ClickHouse and one SeaweedFS: nothing else coordinates
//! them, and callers need not know which of them they talk to.

mod cluster;
mod history;
mod keys;
mod load;
mod outages;
mod tenants;

use std::thread;
use std::time::Duration;

use crate::support::{self, ClickHouse, SeaweedFs, Server, Tenant};
use load::{Load, Patience, Plan};

const REPLICAS: usize = 3;

/// Few enough that replicas write to the same tenant, enough that several are written at once.
const TENANTS: usize = 4;

/// What EventBridge gives an endpoint.
const LIMIT: Duration = Duration::from_secs(5);

/// So many of the last events are written while nothing merges. ClickHouse wants merges to keep up: it
/// refuses INSERTs from 3,000 parts of a table on.
const UNMERGED_EVENTS: usize = 2_000;

/// A replica that stays below this under full load may run anywhere.
const MAX_MEMORY_BYTES: u64 = 200_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_on_one_clickhouse_and_one_seaweedfs_store_each_event_once() {
    let count = event_count();
    let (engine, seaweedfs) = (ClickHouse::start(), SeaweedFs::start().await);
    let servers = start_replicas(&engine.url(), REPLICAS, Some(&seaweedfs));
    let tenants = make_tenants(&servers).await;
    let plan = Plan::new(&servers, tenants, count).await;
    let load = Load::new(servers, plan, Patience::Endless);

    load.write(0..count - UNMERGED_EVENTS).await;
    let sql = format!("SYSTEM STOP MERGES {}", history::TABLE);
    engine.query(&sql).await;
    load.write(count - UNMERGED_EVENTS..count).await;
    println!("{}", load.summary());
    load.assert_in_time();
    assert_eq!(load.acknowledged(), count);

    let rows = history::stored_rows(&engine, &load.plan.tenants).await;
    assert!(rows > count, "no delivery raced with its twin");
    println!("{} rows are there twice before merges", rows - count);
    // What is there twice is counted once.
    history::assert_counts(&load, count).await;
    assert_eq!(history::assert_walks(&load, &load.servers[0]).await, count);
    history::assert_walks_survive_merges(&load, &load.servers[1], &engine).await;
    history::merge(&engine).await;
    history::assert_counts(&load, count).await;
    assert_eq!(history::assert_walks(&load, &load.servers[2]).await, count);
    let rows = history::stored_rows(&engine, &load.plan.tenants).await;
    assert_eq!(rows, count);
    println!("{}", assert_footprint(&load.servers));
}

/// Returns how many events a run is about.
fn event_count() -> usize {
    let count = support::number_from_environment("EVENT_HISTORY_TEST_REPLICA_EVENTS", 3_000);
    let count = usize::try_from(count).expect("a count fits into memory");
    assert!(count > UNMERGED_EVENTS, "{count} events are too few");
    count
}

/// Starts replicas, all at the same moment; without `seaweedfs` each has files of its own.
fn start_replicas(database: &str, count: usize, seaweedfs: Option<&SeaweedFs>) -> Vec<Server> {
    let start = || {
        let builder = Server::builder().env("EVENT_HISTORY_DATABASE", database);
        match seaweedfs {
            Some(seaweedfs) => builder.files_in(seaweedfs.storage()).start(),
            None => builder.start(),
        }
    };
    thread::scope(|scope| {
        let starts: Vec<_> = (0..count).map(|_| scope.spawn(start)).collect();
        let started = starts.into_iter().map(thread::ScopedJoinHandle::join);
        started
            .map(|it| it.expect("every replica starts"))
            .collect()
    })
}

/// Makes tenants, each by another replica.
async fn make_tenants(servers: &[Server]) -> Vec<Tenant> {
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        let server = &servers[number % servers.len()];
        tenants.push(server.create_tenant(&format!("shared-{number}")).await);
    }
    tenants
}

/// Holds each replica to its bound, and returns how much memory each had at most.
fn assert_footprint(servers: &[Server]) -> String {
    let peaks = servers.iter().map(|server| {
        let peak = server.process().memory_bytes("VmHWM");
        assert!(peak < MAX_MEMORY_BYTES, "{peak} bytes");
        format!("{} MB", peak / 1_000_000)
    });
    let peaks = peaks.collect::<Vec<_>>().join(", ");
    format!("memory of the replicas at most: {peaks}")
}
