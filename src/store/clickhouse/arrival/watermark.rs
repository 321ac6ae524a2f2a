//! How far a table's order of arrival may be shown, decided with all of its replicas.
//!
//! Each replica says what its clock shows, less the time for which its longest INSERT has been running: none of its INSERTs
//! can still store an event that it received before. The least of these is the watermark. Every part that was stored before
//! is known in Keeper by now, so a replica that has then fetched all of them (SYNC REPLICA) has all events up to the watermark,
//! and readers read there.
//!
//! A replica that does not answer stops the watermark for as long as Keeper has a session of it: no longer, because INSERTs
//! are never retried in Keeper, so those that began in one session fail in the next. When it is back, it receives events by a
//! clock that may be behind the others by what clocks may differ, so the watermark stays behind by twice as much.

use std::time::Duration;

use clickhouse::query::Query;
use futures_util::future::join_all;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::clocks::{Reading, tolerance_us};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::{Failure, code};
use crate::store::clickhouse::table_names::TableName;

/// A replica that takes longer does not answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// The time that a replica may need to fetch what the others have.
const SYNC_TIMEOUT: Duration = Duration::from_secs(2);
const SYNC_SECONDS: &str = "1";

/// What one replica says about a table.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// The replica alone.
    pub(super) client: Client,
    /// Its name among the replicas of the table; empty without a cluster.
    pub(super) replica: String,
    /// The identity of its table.
    pub(super) table: Uuid,
    pub(super) reading: Reading,
    /// How long the longest INSERT into the table has been running.
    pub(super) running_us: i64,
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct LookRow {
    clock_us: i64,
    running_us: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    table: Uuid,
    replica: String,
}

/// Asks all replicas about a table; returns what those say that answer, and the failures of the others.
pub(super) async fn look(client: &Client, table: &TableName) -> (Vec<Look>, Vec<Failure>) {
    let nodes = if client.is_cluster() {
        client.each()
    } else {
        Ok(vec![client.clone()])
    };
    let hosts = match nodes {
        Ok(nodes) => nodes,
        Err(failure) => return (Vec::new(), vec![failure]),
    };
    let looks = hosts.into_iter().map(|host| async move {
        let look = timeout(LOOK_TIMEOUT, look_at(host, table)).await;
        look.unwrap_or(Err(Failure::TimedOut))
    });
    let (mut looks, mut failures) = (join_all(looks).await, Vec::new());
    looks.retain_mut(|look| match look {
        Ok(_) => true,
        Err(failure) => {
            failures.push(failure.clone());
            false
        }
    });
    (looks.into_iter().flatten().collect(), failures)
}

/// The clock is read first: an INSERT that is not found running was stored already, or began later.
pub(super) async fn look_at(host: Client, table: &TableName) -> Result<Look, Failure> {
    const SQL: &str = "SELECT toUnixTimestamp64Micro(now64(6)) AS clock_us, \
         toInt64(max(elapsed) * 1e6) AS running_us, \
         assumeNotNull((SELECT any(uuid) FROM system.tables \
             WHERE database = {in:String} AND name = {name:String})) AS table, \
         assumeNotNull((SELECT any(replica_name) FROM system.replicas \
             WHERE database = {in:String} AND table = {name:String})) AS replica \
         FROM system.processes WHERE startsWith(query_id, {inserts:String})";
    let inserts = table.insert_ids();
    let query =
        |it: &clickhouse::Client| about(table, it.query_raw(SQL)).param("inserts", &inserts);
    let asked = Instant::now();
    let row = host.fetch::<LookRow>("watermark", query).await?.pop();
    let answered = Instant::now();
    let row = row.ok_or_else(|| Failure::InvalidData("no watermark".to_owned()))?;
    if row.table.is_nil() {
        return Err(Failure::Refused {
            code: code::UNKNOWN_TABLE,
            message: format!("no table {}.{}", table.database, table.name),
        });
    }
    Ok(Look {
        client: host,
        replica: row.replica,
        table: row.table,
        reading: Reading {
            clock_us: row.clock_us,
            asked,
            answered,
        },
        running_us: row.running_us.max(0),
    })
}

/// Gives a statement about the table, not about its rows, the parameters `in` and `name`.
fn about(table: &TableName, statement: Query) -> Query {
    statement
        .param("in", table.database.as_str())
        .param("name", table.name.as_str())
}

/// Returns the time up to which none of these replicas will receive an event any more.
pub(super) fn watermark_us(looks: &[Look], is_cluster: bool) -> i64 {
    let earliest = looks.iter().map(|it| it.reading.clock_us - it.running_us);
    earliest.min().unwrap_or(i64::MIN / 2) - 2 * tolerance_us(is_cluster)
}

impl Look {
    /// Returns the names of the replicas that count as alive: those with a session in Keeper, as this one sees it. Its own is
    /// among them.
    pub(super) async fn alive(&self, table: &TableName) -> Result<Vec<String>, Failure> {
        const SQL: &str = "SELECT arrayJoin(mapKeys(mapFilter((name, is_active) -> is_active = 1, replica_is_active))) \
             FROM system.replicas WHERE database = {in:String} AND table = {name:String}";
        let query = |it: &clickhouse::Client| about(table, it.query_raw(SQL));
        let alive = self.client.fetch::<String>("alive", query);
        let alive = timeout(LOOK_TIMEOUT, alive).await;
        let alive = alive.unwrap_or(Err(Failure::TimedOut))?;
        if !alive.contains(&self.replica) {
            return Err(Failure::SilentReplica(self.replica.clone()));
        }
        Ok(alive)
    }

    pub(super) async fn sync(&self, table: &TableName) -> Result<(), Failure> {
        sync(&self.client, table).await
    }
}

/// Returns once the replica has every part that was stored on any before this was called.
pub(super) async fn sync(replica: &Client, table: &TableName) -> Result<(), Failure> {
    let TableName { database, name, .. } = table;
    // Both are names of ours, or one that a tenant's database may have: letters, digits, `_` and `-`.
    let sql = format!("SYSTEM SYNC REPLICA `{database}`.`{name}` LIGHTWEIGHT");
    let sync = replica.run_within("sync", SYNC_TIMEOUT, |it| {
        let statement = it.query_raw(&sql);
        statement.with_setting("receive_timeout", SYNC_SECONDS)
    });
    sync.await
}
