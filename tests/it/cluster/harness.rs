//! What the other tests here stand on: nodes that replicate, that can be killed and paused, and a ZooKeeper that can be.

use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::support::cluster::{NAME, Node, SESSION_TIMEOUT};
use crate::support::{self, Cluster, Running};

/// How long a node that is back may take to have everything.
const CATCH_UP: Duration = Duration::from_secs(30);

/// A statement to a paused node ends no sooner than the test gives up.
const PATIENCE: Duration = Duration::from_secs(2);

const QUORUM: &str = "insert_quorum = 2, insert_quorum_parallel = 1, insert_quorum_timeout = 5000, \
                      insert_keeper_max_retries = 0, async_insert = 0";

#[tokio::test]
async fn a_cluster_replicates_and_survives_the_loss_of_any_part() {
    let mut cluster = Cluster::start(1, 3);
    every_node_runs_a_statement_on_cluster(&cluster).await;
    one_of_racing_keys_is_taken(&cluster).await;
    let [first, second, third] = cluster.nodes() else {
        panic!("three nodes");
    };

    insert(first, 1).await.expect("a quorum");
    for node in cluster.nodes() {
        wait_for_rows(node, 1).await;
    }

    second.pause();
    insert(first, 2).await.expect("a quorum of two");
    wait_for_rows(third, 2).await;
    let asked = tokio::time::timeout(PATIENCE, second.try_query("SELECT 1")).await;
    asked.expect_err("a paused node is silent");
    second.resume();
    wait_for_rows(second, 2).await;

    third.kill();
    insert(first, 3).await.expect("a quorum of two");
    first.kill();
    let alone = insert(second, 4).await;
    alone.expect_err("one of three is no quorum");
    cluster.node_mut(0).start_again();
    cluster.node_mut(2).start_again();
    for node in cluster.nodes() {
        wait_for(
            node,
            "three",
            "SELECT countIf(n <= 3) FROM harness.numbers",
            "3\n",
        )
        .await;
    }

    cluster.zookeeper().kill();
    let refused = insert(&cluster.nodes()[0], 5).await;
    refused.expect_err("nothing is stored without ZooKeeper");
    for node in cluster.nodes() {
        assert_eq!(
            node.query("SELECT countIf(n <= 3) FROM harness.numbers")
                .await,
            "3\n"
        );
    }
    cluster.zookeeper_mut().start_again();
    let node = &cluster.nodes()[0];
    support::wait_for("an INSERT to succeed", CATCH_UP, async || {
        insert(node, 6).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_cluster_has_shards() {
    let cluster = Cluster::start(2, 2);
    every_node_runs_a_statement_on_cluster(&cluster).await;
    for (number, n) in [(0, 10), (1, 20)] {
        let [first, second] = cluster.shard(number) else {
            panic!("two replicas");
        };
        insert(first, n).await.expect("a quorum");
        wait_for_rows(second, 1).await;
        assert_eq!(
            second.query("SELECT n FROM harness.numbers").await,
            format!("{n}\n")
        );
    }
}

#[tokio::test]
async fn a_cluster_works_with_the_deployed_configuration() {
    let cluster = Cluster::start_as_deployed();
    every_node_runs_a_statement_on_cluster(&cluster).await;
    one_of_racing_keys_is_taken(&cluster).await;
    insert(&cluster.nodes()[0], 1).await.expect("a quorum");
    for node in cluster.nodes() {
        wait_for_rows(node, 1).await;
    }
}

/// The variable under which [`a_cluster_ends_with_a_killed_test`] runs a second time, as the test that is killed.
const VICTIM: &str = "EVENT_HISTORY_TEST_CLUSTER_VICTIM";

#[tokio::test]
async fn a_cluster_ends_with_a_killed_test() {
    if support::environment(VICTIM).is_some() {
        start_a_cluster_and_stay();
    }
    let test = std::env::current_exe().expect("the path of this program");
    let test = Running::spawn(Command::new(test).env(VICTIM, "yes").args([
        "--exact",
        "--nocapture",
        "cluster::harness::a_cluster_ends_with_a_killed_test",
    ]));
    let pids = loop {
        let line = test.line(CATCH_UP);
        // Behind the words with which the test runner announces a test.
        if let Some((_, pids)) = line.split_once("pids: ") {
            break pids.to_owned();
        }
    };
    let pids: Vec<&str> = pids.split(' ').collect();
    assert!(pids.iter().all(|pid| is_running(pid)), "{pids:?}");
    test.kill();
    let gone = async || (!pids.iter().any(|pid| is_running(pid))).then_some(());
    support::wait_for("the cluster to end", CATCH_UP, gone).await;
}

#[expect(
    clippy::print_stdout,
    reason = "the test that starts this one reads it"
)]
fn start_a_cluster_and_stay() -> ! {
    let cluster = Cluster::start(1, 2);
    cluster.nodes()[0].pause();
    let nodes = cluster.nodes().iter().map(Node::process);
    let processes = nodes.chain([cluster.zookeeper().process()]);
    let pids: Vec<_> = processes.map(|it| it.pid().to_string()).collect();
    println!("pids: {}", pids.join(" "));
    loop {
        thread::park();
    }
}

/// Tells whether a process exists, and is not one that ended and that nobody has waited for.
fn is_running(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

/// Creates a replicated table on all nodes.
async fn every_node_runs_a_statement_on_cluster(cluster: &Cluster) {
    let node = &cluster.nodes()[0];
    node.query(&format!("CREATE DATABASE harness ON CLUSTER {NAME}"))
        .await;
    node.query(&format!(
        "CREATE TABLE harness.numbers ON CLUSTER {NAME} (n UInt64) \
         ENGINE = ReplicatedMergeTree('/clickhouse/tables/{{shard}}/harness.numbers', '{{replica}}') ORDER BY n"
    ))
    .await;
    for node in cluster.nodes() {
        assert_eq!(node.query("EXISTS TABLE harness.numbers").await, "1\n");
    }
}

/// A `KeeperMap` in strict mode takes a key once, whichever node is asked.
async fn one_of_racing_keys_is_taken(cluster: &Cluster) {
    let node = &cluster.nodes()[0];
    node.query(&format!(
        "CREATE TABLE harness.keys ON CLUSTER {NAME} (k String, v String) \
         ENGINE = KeeperMap('/harness') PRIMARY KEY k"
    ))
    .await;
    let take = async |node: &Node, value: u8| {
        let sql = format!(
            "INSERT INTO harness.keys SETTINGS keeper_map_strict_mode = 1, async_insert = 0 VALUES ('key', '{value}')"
        );
        node.try_query(&sql).await
    };
    let (one, other) = tokio::join!(take(node, 1), take(&cluster.nodes()[1], 2));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let taken = if one.is_ok() { "1\n" } else { "2\n" };
    let last = &cluster.nodes()[2];
    assert_eq!(last.query("SELECT v FROM harness.keys").await, taken);
}

async fn insert(node: &Node, n: u64) -> Result<String, String> {
    let sql = format!("INSERT INTO harness.numbers SETTINGS {QUORUM} VALUES ({n})");
    let limit = 2 * SESSION_TIMEOUT;
    let answer = tokio::time::timeout(limit, node.try_query(&sql)).await;
    answer.unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
}

async fn wait_for_rows(node: &Node, rows: u64) {
    let sql = "SELECT count() FROM harness.numbers";
    wait_for(node, &format!("{rows} rows"), sql, &format!("{rows}\n")).await;
}

async fn wait_for(node: &Node, what: &str, sql: &str, answer: &str) {
    support::wait_for(what, CATCH_UP, async || {
        (node.try_query(sql).await.as_deref() == Ok(answer)).then_some(())
    })
    .await;
}
