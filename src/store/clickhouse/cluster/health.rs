//! How the nodes of a cluster are: for `event-history check`, for metrics, and for readiness.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join_all, select_ok};
use metrics::gauge;
use serde::Deserialize;
use tokio::time::timeout;

use crate::domain::{Clock, Finding, SystemClock};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::{Failure, code};
use crate::store::clickhouse::table_names::{POOL_DATABASE, ShardName};
use crate::store::clickhouse::topology::{MAX_CLOCK_DIFFERENCE_US, Replica};

const SUBJECT: &str = "database";

/// A node that has not told how it is after this counts as dead.
const PATIENCE: Duration = Duration::from_secs(3);

/// A replica that is further behind holds back the feed, and has no part in a quorum.
const MAX_DELAY_S: u64 = 30;

/// With fewer replicas than this, a shard stores nothing while one of them is lost.
const RECOMMENDED_REPLICAS: usize = 3;

/// What a node says of itself. Statements that need no Keeper: it may be down.
const SQL: &str = "SELECT toUnixTimestamp64Micro(now64(6)) AS clock_us, \
     ifNull((SELECT count() FROM system.macros WHERE macro IN ('shard', 'replica')), 0) AS macros, \
     ifNull((SELECT count() FROM system.tables WHERE database = 'default' AND name = 'tenants_claims'), 0) AS claims, \
     ifNull((SELECT countIf(is_readonly OR is_session_expired) FROM system.replicas \
         WHERE database IN {own:Array(String)}), 0) AS read_only, \
     ifNull((SELECT toUInt64(max(absolute_delay)) FROM system.replicas WHERE database IN {own:Array(String)}), 0) \
         AS delay_s, \
     ifNull((SELECT toUInt64(sum(queue_size)) FROM system.replicas WHERE database IN {own:Array(String)}), 0) AS queued";

#[derive(Debug, Clone, clickhouse::Row, Deserialize)]
struct Row {
    clock_us: i64,
    macros: u64,
    claims: u64,
    read_only: u64,
    delay_s: u64,
    queued: u64,
}

/// What is known of one replica; `Err` says why it does not answer.
#[derive(Debug)]
struct Health {
    replica: Replica,
    state: Result<State, Failure>,
}

#[derive(Debug, Clone)]
struct State {
    row: Row,
    /// How far its clock is ahead of this machine's, and how wrong that may be.
    clock_offset_us: i64,
    uncertainty_us: i64,
}

/// Fails if no shard can store anything: too few of its replicas answer, or they have no connection to Keeper.
pub(crate) async fn check_writable(client: &Client) -> Result<(), Failure> {
    const WRITABLE: &str = "SELECT count() FROM system.replicas WHERE database = {own:String} AND NOT is_readonly \
         AND NOT is_session_expired";
    let shards = client.topology().shards();
    let asked = shards.iter().map(|shard| {
        let shard = client.of_shard(shard);
        Box::pin(async move {
            let ask = |node: Client| async move {
                let query =
                    |it: &clickhouse::Client| it.query_raw(WRITABLE).param("own", POOL_DATABASE);
                match node.fetch::<u64>("ping", query).await?[..] {
                    [0] => Err(Failure::Refused {
                        code: code::TABLE_IS_READ_ONLY,
                        message: "the tables are read-only: there is no connection to Keeper"
                            .to_owned(),
                    }),
                    _ => Ok(()),
                }
            };
            shard.ask_majority(ask).await
        })
    });
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        return Err(Failure::Unreachable("no shard has answered yet".to_owned()));
    }
    select_ok(asked).await.map(drop)
}

/// Sets the metrics of all nodes.
pub(crate) async fn measure(client: &Client) {
    for Health { replica, state } in look(client).await {
        let shard = replica
            .shard
            .as_ref()
            .map_or("", ShardName::as_str)
            .to_owned();
        let labels = [("node", name(&replica)), ("shard", shard)];
        gauge!("event_history_clickhouse_node_up", &labels).set(f64::from(u8::from(state.is_ok())));
        let Ok(State {
            row,
            clock_offset_us,
            ..
        }) = state
        else {
            continue;
        };
        let micros = |us: i64| Duration::from_micros(us.unsigned_abs()).as_secs_f64();
        let offset_s = micros(clock_offset_us) * if clock_offset_us < 0 { -1.0 } else { 1.0 };
        gauge!(
            "event_history_clickhouse_node_clock_offset_seconds",
            &labels
        )
        .set(offset_s);
        gauge!(
            "event_history_clickhouse_node_replication_delay_seconds",
            &labels
        )
        .set(Duration::from_secs(row.delay_s).as_secs_f64());
        let queued = u32::try_from(row.queued).unwrap_or(u32::MAX);
        gauge!("event_history_clickhouse_node_replication_queue", &labels).set(queued);
        let is_read_only = u8::from(row.read_only > 0);
        gauge!("event_history_clickhouse_node_read_only", &labels).set(is_read_only);
    }
}

/// Describes these metrics.
pub(crate) fn describe_metrics() {
    use metrics::{Unit, describe_gauge};
    describe_gauge!(
        "event_history_clickhouse_node_up",
        "1 if the node of the cluster answered when it was last asked, else 0"
    );
    describe_gauge!(
        "event_history_clickhouse_node_clock_offset_seconds",
        Unit::Seconds,
        "How far the clock of the node is ahead of this machine's."
    );
    describe_gauge!(
        "event_history_clickhouse_node_replication_delay_seconds",
        Unit::Seconds,
        "How far the node is behind the other replicas of its shard."
    );
    describe_gauge!(
        "event_history_clickhouse_node_replication_queue",
        "Parts that the node has yet to fetch or to merge."
    );
    describe_gauge!(
        "event_history_clickhouse_node_read_only",
        "1 if the node has no connection to Keeper and stores nothing, else 0"
    );
}

/// Reports how each node and each shard is.
pub(crate) async fn check_nodes(client: &Client) -> Vec<Finding> {
    let healths = look(client).await;
    let mut findings: Vec<Finding> = Vec::new();
    let mut shards: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for health in &healths {
        let (replicas, able) = shards.entry(health.replica.place.shard_num).or_default();
        *replicas += 1;
        *able += usize::from(health.state.as_ref().is_ok_and(|it| it.row.read_only == 0));
        findings.push(finding(health));
        if let Ok(State { row, .. }) = &health.state
            && row.claims == 0
            && let Some(node) = &health.replica.node
        {
            findings.extend(keeper_map(&client.of_node(node), &name(&health.replica)).await);
        }
    }
    findings.extend(clocks(&healths));
    findings.extend(shards.into_iter().filter_map(|(number, (replicas, able))| {
        let needed = replicas / 2 + 1;
        if able < needed {
            return Some(Finding::wrong(
                SUBJECT,
                format!("shard {number} stores nothing: {able} of its {replicas} replicas can, and {needed} have to"),
                "bring the others back, or replace them",
            ));
        }
        (replicas < RECOMMENDED_REPLICAS).then(|| {
            Finding::warning(
                SUBJECT,
                format!(
                    "shard {number} has {replicas} {}: it stores nothing while one is lost",
                    if replicas == 1 { "replica" } else { "replicas" }
                ),
                format!("give each shard {RECOMMENDED_REPLICAS} replicas"),
            )
        })
    }));
    findings
}

/// Asks all nodes how they are.
async fn look(client: &Client) -> Vec<Health> {
    let replicas = client.topology().replicas().into_iter();
    let asked = replicas.map(async |replica| {
        let state = match &replica.node {
            Some(node) => timeout(PATIENCE, ask(&client.of_node(node))).await,
            None => Ok(Err(Failure::Unreachable(
                "it has not answered yet".to_owned(),
            ))),
        };
        let state = state.unwrap_or(Err(Failure::TimedOut));
        Health { replica, state }
    });
    join_all(asked).await
}

async fn ask(node: &Client) -> Result<State, Failure> {
    let before = SystemClock.now().as_microsecond();
    let own = ["default", POOL_DATABASE];
    let query = |it: &clickhouse::Client| it.query_raw(SQL).param("own", &own[..]);
    let row = node.fetch::<Row>("health", query).await?.pop();
    let row = row.ok_or_else(|| Failure::InvalidData("no rows".to_owned()))?;
    let after = SystemClock.now().as_microsecond();
    let half = after.saturating_sub(before) / 2;
    Ok(State {
        clock_offset_us: row.clock_us - before - half,
        uncertainty_us: half,
        row,
    })
}

fn finding(Health { replica, state }: &Health) -> Finding {
    let node = name(replica);
    let row = match state {
        Ok(State { row, .. }) => row,
        Err(failure) => {
            return Finding::warning(
                SUBJECT,
                format!("node {node} does not answer: {failure}"),
                "bring it back, or replace it; a node that settings do not name is asked under its name in \
                 system.clusters, at the port of the first host",
            );
        }
    };
    if row.macros < 2 {
        return Finding::wrong(
            SUBJECT,
            format!("node {node} lacks the macro {{shard}} or {{replica}}"),
            "set both in the node's configuration, under <macros>",
        );
    }
    if row.read_only > 0 {
        return Finding::warning(
            SUBJECT,
            format!("node {node} is read-only: it has no connection to Keeper"),
            "start Keeper, or make it reachable for this node",
        );
    }
    let shard = replica.shard.as_ref().map_or("", ShardName::as_str);
    let state = format!(
        "node {node} of shard '{shard}' is {} s behind, with {} parts queued",
        row.delay_s, row.queued
    );
    if row.delay_s > MAX_DELAY_S {
        let remedy = "see system.replication_queue there for what it waits for";
        return Finding::warning(SUBJECT, state, remedy);
    }
    Finding::good(SUBJECT, state)
}

/// Reports clocks that differ.
fn clocks(healths: &[Health]) -> Option<Finding> {
    let states = healths
        .iter()
        .filter_map(|it| Some((it, it.state.as_ref().ok()?)));
    let (behind, early) = states.clone().min_by_key(|(_, it)| it.clock_offset_us)?;
    let (ahead, late) = states.max_by_key(|(_, it)| it.clock_offset_us)?;
    let difference_us = late.clock_offset_us - early.clock_offset_us;
    let certain_us = difference_us - late.uncertainty_us - early.uncertainty_us;
    (certain_us > MAX_CLOCK_DIFFERENCE_US).then(|| {
        Finding::wrong(
            SUBJECT,
            format!(
                "the clock of node {} is {} ms ahead of that of node {}",
                name(&ahead.replica),
                difference_us / 1000,
                name(&behind.replica)
            ),
            "synchronize the clocks of all nodes: the feed stops while they differ by more than 250 ms",
        )
    })
}

/// Reports a node on which names of tenants can't be decided. The statement creates nothing, whatever the node's settings
/// are: that path is invalid.
async fn keeper_map(node: &Client, name: &str) -> Option<Finding> {
    const SQL: &str = "CREATE TABLE default.tenants_claims_check (key String) ENGINE = KeeperMap('invalid') PRIMARY KEY key";
    match node.run("check", |it| it.query_raw(SQL)).await {
        Err(Failure::Refused { message, .. }) if message.contains("keeper_map_path_prefix") => {
            Some(Finding::wrong(
                SUBJECT,
                format!("node {name} lacks the setting keeper_map_path_prefix"),
                "set it in the node's configuration: <keeper_map_path_prefix>/event_history/keeper_map</keeper_map_path_prefix>",
            ))
        }
        _ => None,
    }
}

/// Returns what people call a node: its address, or while that is unknown its place in the configuration.
fn name(replica: &Replica) -> String {
    match &replica.node {
        Some(node) => node
            .url
            .split_once("://")
            .map_or(&*node.url, |it| it.1)
            .to_owned(),
        None => format!("{}:{}", replica.place.host_name, replica.place.port),
    }
}
