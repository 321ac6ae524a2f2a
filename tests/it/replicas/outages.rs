//! ClickHouse dies under load, again and again: the replicas stay, and keep what they promised.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use serde_json::Value;

use super::load::{Load, Patience, Plan};
use super::{
    LIMIT, REPLICAS, assert_footprint, event_count, history, make_tenants, start_replicas,
};
use crate::support::{self, ClickHouse, SeaweedFs, Server, Tenant, expect_json, wait_for};

/// How long ClickHouse stays down, in ms: shorter and longer than a tenant's entry is remembered.
const DOWN_MS: std::ops::Range<u64> = 500..7_000;

/// A kill does not come just when an event was acknowledged, but up to so much later.
const JITTER_MS: u64 = 300;

/// How long the load may take to come as far as the next kill.
const PATIENCE: Duration = Duration::from_mins(10);

/// How soon all replicas are ready once ClickHouse answers.
const RECOVERY: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clickhouse_that_is_killed_takes_nothing_from_replicas_with_seaweedfs() {
    let count = event_count();
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_OUTAGES", 2);
    let rounds = usize::try_from(rounds).expect("a small number");
    let (mut engine, seaweedfs) = (ClickHouse::start(), SeaweedFs::start().await);
    let servers = start_replicas(&engine.url(), REPLICAS, Some(&seaweedfs));
    let pids: Vec<u32> = servers.iter().map(|it| it.process().pid()).collect();
    let tenants = make_tenants(&servers).await;
    let plan = Plan::new(&servers, tenants, count).await;
    let load = Load::new(servers, plan, Patience::Uneven);
    know_all_tenants(&load).await;

    let writing = tokio::spawn({
        let load = std::sync::Arc::clone(&load);
        async move { load.write(0..count).await }
    });
    for round in 0..rounds {
        // Each kill falls somewhere into its share of the load, the last one before the end.
        let share = count / (rounds + 1);
        let within = support::random_below(share as u64 / 2);
        let at = share * round + share / 2 + usize::try_from(within).expect("below a count");
        wait_for("the load to go on", PATIENCE, async || {
            assert!(!writing.is_finished(), "the load ended early");
            (load.settled() >= at).then_some(())
        })
        .await;
        let jitter = Duration::from_millis(support::random_below(JITTER_MS));
        tokio::time::sleep(jitter).await;
        let report = outage(&load, &mut engine).await;
        assert!(!writing.is_finished(), "the load ended before the outage");
        println!("outage {}: {report}", round + 1);
    }
    writing.await.expect("no writer fails");

    println!("{}", load.summary());
    load.assert_in_time();
    for (server, pid) in load.servers.iter().zip(pids) {
        assert!(!server.process().has_ended(), "a replica ended");
        assert_eq!(server.process().pid(), pid);
    }
    let acknowledged = load.acknowledged();
    assert!(load.refusals() > 0, "no outage was felt");
    assert!(acknowledged < count, "nobody gave up");
    history::assert_walks(&load, &load.servers[0]).await;
    let rows = history::stored_rows(&engine, &load.plan.tenants).await;
    history::merge(&engine).await;
    let stored = history::assert_walks(&load, &load.servers[1]).await;
    history::assert_counts(&load, stored).await;
    println!(
        "{acknowledged} acknowledged and {} given up, {} of which are stored; {} rows were there twice",
        count - acknowledged,
        stored - acknowledged,
        rows - stored,
    );
    println!("{}", assert_footprint(&load.servers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_urls_go_on_at_every_replica_while_clickhouse_is_down() {
    let mut engine = ClickHouse::start();
    let servers = start_replicas(&engine.url(), REPLICAS, None);
    let tenants = make_tenants(&servers).await;
    for server in &servers {
        assert_upload_urls(server, &tenants).await;
    }
    engine.kill();
    for server in &servers {
        // Entries are fresh at first, and then too old; nobody but the measurements may see a difference.
        wait_for("an entry to be stale", 2 * LIMIT, async || {
            assert_upload_urls(server, &tenants).await;
            (stale_lookups(server).await > 0).then_some(())
        })
        .await;
        assert_ready(server, false).await;
        let event = server.delivery(&tenants[0], &support::event());
        let (status, _) = timed(event).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    engine.start_again();
    for server in &servers {
        wait_for_recovery(server).await;
        assert_upload_urls(server, &tenants).await;
        server.deliver(&tenants[0], &support::event()).await;
    }
}

/// Kills ClickHouse and starts it again after a while; returns how it went.
async fn outage(load: &Load, engine: &mut ClickHouse) -> String {
    let settled = load.settled();
    tokio::task::block_in_place(|| engine.kill());
    let start = Instant::now();
    let down_ms = DOWN_MS.start + support::random_below(DOWN_MS.end - DOWN_MS.start);
    let mut slowest = Duration::ZERO;
    while start.elapsed() < Duration::from_millis(down_ms) {
        for server in &load.servers {
            slowest = slowest.max(assert_ready(server, false).await);
            slowest = slowest.max(assert_upload_urls(server, &load.plan.tenants).await);
        }
    }
    let restart = Instant::now();
    tokio::task::block_in_place(|| engine.start_again());
    let restarted = restart.elapsed();
    join_all(load.servers.iter().map(wait_for_recovery)).await;
    let recovered = restart.elapsed().saturating_sub(restarted);
    format!(
        "after {settled} events for {down_ms} ms, started in {restarted:.1?}, all ready {recovered:.1?} \
         later; probes and upload URLs meanwhile in {slowest:.1?} at most"
    )
}

/// Makes every replica know every tenant.
async fn know_all_tenants(load: &Load) {
    for server in &load.servers {
        assert_upload_urls(server, &load.plan.tenants).await;
    }
}

/// Asks a replica for an upload URL of each tenant, and returns how long the slowest took.
async fn assert_upload_urls(server: &Server, tenants: &[Tenant]) -> Duration {
    let asked = tenants.iter().map(async |tenant| {
        let request = server.request_as(tenant, Method::GET, "/api/files/upload-url");
        let (status, elapsed) = timed(request).await;
        assert_eq!(status, StatusCode::OK, "for {}", tenant.database_name);
        elapsed
    });
    let elapsed = join_all(asked).await;
    elapsed.into_iter().max().expect("there are tenants")
}

/// A replica says whether ClickHouse is there, and blames nothing else; returns how long that took.
async fn assert_ready(server: &Server, all_well: bool) -> Duration {
    let start = Instant::now();
    let status = if all_well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = expect_json(server.request(Method::GET, "/health/ready"), status).await;
    assert_eq!(body["files"], "ok", "{body}");
    assert_eq!(body["database"] == "ok", all_well, "{body}");
    let elapsed = start.elapsed();
    assert!(elapsed < LIMIT, "the probe took {elapsed:?}");
    elapsed
}

async fn wait_for_recovery(server: &Server) {
    wait_for("a replica to be ready", RECOVERY, async || {
        let (status, _) = timed(server.request(Method::GET, "/health/ready")).await;
        (status == StatusCode::OK).then_some(())
    })
    .await;
    assert_ready(server, true).await;
}

async fn stale_lookups(server: &Server) -> u64 {
    const LINE: &str = "event_history_tenant_cache_lookups_total{result=\"stale\"} ";
    let response = server.request(Method::GET, "/metrics").send().await;
    let text = response.expect("the server answers").text().await;
    let text = text.expect("metrics are text");
    let count = text.lines().find_map(|line| line.strip_prefix(LINE));
    count.map_or(0, |count| count.parse().expect("a count"))
}

async fn timed(request: RequestBuilder) -> (StatusCode, Duration) {
    let start = Instant::now();
    let response = request.send().await.expect("a replica answers");
    let status = response.status();
    let _: Value = response.json().await.expect("answers are JSON");
    let elapsed = start.elapsed();
    assert!(elapsed < LIMIT, "a request took {elapsed:?}");
    (status, elapsed)
}
