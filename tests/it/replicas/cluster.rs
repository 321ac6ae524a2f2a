//! Nodes of a ClickHouse cluster are killed, paused, cut off and restarted by turns under load, and then its ZooKeeper: the
//! replicas of the service stay, and keep what they promised.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::load::{Load, Patience, Plan};
use super::{REPLICAS, history, make_tenants, start_replicas};
use crate::support::cluster::SESSION_TIMEOUT;
use crate::support::{self, Cluster, Server, expect, wait_for};

/// How long a node is away, in ms: shorter and longer than a session in Keeper.
const AWAY_MS: std::ops::Range<u64> = 500..9_000;

/// How long the load may take to come as far as the next failure.
const PATIENCE: Duration = Duration::from_mins(10);

/// How soon all is well after the last failure.
const RECOVERY: Duration = Duration::from_mins(1);

/// From so many events on the share of refusals says something.
const MANY_EVENTS: usize = 50_000;

#[derive(Debug, Clone, Copy)]
enum Failure {
    Kill,
    Pause,
    Restart,
    StopFetches,
}

const FAILURES: [Failure; 4] = [
    Failure::Kill,
    Failure::Pause,
    Failure::Restart,
    Failure::StopFetches,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_cluster_that_fail_by_turns_take_nothing() {
    let count = number("EVENT_HISTORY_TEST_CLUSTER_EVENTS", 800);
    let rounds = number("EVENT_HISTORY_TEST_CLUSTER_FAILURES", 2);
    let mut cluster = Cluster::start(1, 3);
    let servers = start_replicas(&cluster.url(), REPLICAS, None);
    let pids: Vec<u32> = servers.iter().map(|it| it.process().pid()).collect();
    let tenants = make_tenants(&servers).await;
    let load = Load::new(
        servers,
        Plan::without_files(tenants, count),
        Patience::Endless,
    );

    // The last part is for ZooKeeper.
    let parts = rounds + 1;
    let end = count / parts * rounds;
    let writing = write(&load, 0..end);
    for round in 0..rounds {
        let at = end / rounds * round
            + usize::try_from(support::random_below((end / rounds / 2).max(1) as u64))
                .expect("a small number");
        wait_for("the load to go on", PATIENCE, async || {
            (load.settled() >= at || writing.is_finished()).then_some(())
        })
        .await;
        let failure = FAILURES[round % FAILURES.len()];
        let away = Duration::from_millis(
            AWAY_MS.start + support::random_below(AWAY_MS.end - AWAY_MS.start),
        );
        println!(
            "{failure:?} of node {} for {away:?} after {} events",
            round % 3,
            load.settled()
        );
        fail(&mut cluster, round % 3, failure, away).await;
    }
    writing.await.expect("no writer fails");
    println!("{}", load.summary());
    print_failures(&load.servers).await;
    if count >= MANY_EVENTS {
        assert!(
            load.refusals() * 100 < load.requests(),
            "more than 1 % were refused"
        );
    }

    let writing = write(&load, end..count);
    tokio::task::block_in_place(|| cluster.zookeeper().kill());
    tokio::time::sleep(SESSION_TIMEOUT).await;
    for server in &load.servers {
        let event = server.delivery(&load.plan.tenants[0], &support::event());
        let refused = event.send().await.expect("a replica answers");
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        let page = server.request_as(&load.plan.tenants[0], Method::GET, "/api/history/events");
        assert_eq!(page.send().await.expect("a page").status(), StatusCode::OK);
        assert_eq!(readiness(server).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    tokio::task::block_in_place(|| cluster.zookeeper_mut().start_again());
    writing.await.expect("no writer fails");

    println!("{}", load.summary());
    load.assert_in_time();
    for (server, pid) in load.servers.iter().zip(pids) {
        assert!(!server.process().has_ended(), "a replica ended");
        assert_eq!(server.process().pid(), pid);
        wait_for("the replica to be ready", RECOVERY, async || {
            (readiness(server).await == StatusCode::OK).then_some(())
        })
        .await;
    }
    assert_eq!(load.acknowledged(), count);
    for server in &load.servers {
        let metrics = expect(server.request(Method::GET, "/metrics"), StatusCode::OK).await;
        let metrics = metrics.text().await.expect("metrics are text");
        let nodes = metrics.matches("event_history_clickhouse_node_up{").count();
        assert_eq!(nodes, 3, "{metrics}");
        assert_eq!(history::assert_walks(&load, server).await, count);
    }
    history::assert_counts(&load, count).await;
}

fn write(load: &Arc<Load>, places: std::ops::Range<usize>) -> tokio::task::JoinHandle<()> {
    let load = Arc::clone(load);
    tokio::spawn(async move { load.write(places).await })
}

/// Makes a node fail for a while, and waits until it is back.
async fn fail(cluster: &mut Cluster, number: usize, failure: Failure, away: Duration) {
    let fetches = |verb| format!("SYSTEM {verb} FETCHES {}", history::TABLE);
    let node = &cluster.nodes()[number];
    match failure {
        Failure::Kill | Failure::Restart => {
            tokio::task::block_in_place(|| node.kill());
            if matches!(failure, Failure::Kill) {
                tokio::time::sleep(away).await;
            }
            tokio::task::block_in_place(|| cluster.node_mut(number).start_again());
        }
        Failure::Pause => {
            node.pause();
            tokio::time::sleep(away).await;
            node.resume();
        }
        Failure::StopFetches => {
            node.query(&fetches("STOP")).await;
            tokio::time::sleep(away).await;
            node.query(&fetches("START")).await;
        }
    }
    let node = &cluster.nodes()[number];
    wait_for("the node to have caught up", RECOVERY, async || {
        let behind = "SELECT sum(is_readonly) + sum(queue_size) FROM system.replicas";
        (node.try_query(behind).await.as_deref() == Ok("0\n")).then_some(())
    })
    .await;
}

/// Prints what ClickHouse did not answer, by statement and reason.
async fn print_failures(servers: &[Server]) {
    const CALLS: &str = "event_history_clickhouse_request_duration_seconds_count";
    for server in servers {
        let metrics = expect(server.request(Method::GET, "/metrics"), StatusCode::OK).await;
        let metrics = metrics.text().await.expect("metrics are text");
        let calls = metrics.lines().filter_map(|line| line.strip_prefix(CALLS));
        let failed = calls.filter(|call| !call.contains("result=\"ok\""));
        eprintln!("{}", failed.collect::<Vec<_>>().join(" "));
    }
}

async fn readiness(server: &Server) -> StatusCode {
    let ready = server.request(Method::GET, "/health/ready").send().await;
    ready.expect("a replica answers").status()
}

fn number(variable: &str, default: u64) -> usize {
    let number = support::number_from_environment(variable, default);
    usize::try_from(number).expect("a small number")
}
