//! The order of arrival on ClickHouse, where several replicas write: how far it may be shown.
//!
//! The server's clock says when events are received, at the INSERT, which may end later. So nothing is shown that an
//! INSERT under way could precede: only what is older than the watermark, the start of the longest one. One watermark serves
//! all readers of a table for a while, and one task wakes all who wait.
//!
//! On several replicas the watermark is the least of all of them, read before their parts are fetched: [`fetch`] is the one
//! place that decides it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use metrics::gauge;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::client::Client;
use super::failure::Failure;
use super::table_names::TableName;
use super::tables::arrived;
use crate::domain::{ClientId, Epoch, EventId, FeedPosition};
use crate::store::News;
use crate::store::news::NewsBoard;

/// The time for which a watermark is used again, by readers who do not wait.
const MAX_AGE: Duration = Duration::from_millis(100);

/// The pause between two looks for new events while somebody waits.
const INTERVAL: Duration = Duration::from_millis(250);

/// A watermark is this much older than the clock, so that the clock may be corrected by as much. A greater step back is
/// noticed.
const MARGIN_US: i64 = 100_000;

/// Up to here a tenant's events may be shown: none will be received before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watermark {
    /// Microseconds since 1970-01-01T00:00:00Z, by the clock of the server.
    pub(super) at_us: i64,
    /// The identity of the table, which a restored table does not have.
    table: Uuid,
    clock_us: i64,
    taken: Instant,
}

/// The watermarks of all tables, and who waits for new events.
#[derive(Debug)]
pub(super) struct Arrivals {
    client: Client,
    board: NewsBoard,
    tables: Mutex<HashMap<TableName, Arc<Latest>>>,
    /// The tables of the tenants that somebody waits for.
    waited_for: Mutex<HashMap<ClientId, TableName>>,
}

/// The latest watermark of a table; whoever replaces it holds the lock, so that others need not ask too.
type Latest = tokio::sync::Mutex<Option<Watermark>>;

/// Ends the task that wakes readers when it is dropped.
#[derive(Debug)]
pub(super) struct Waking(AbortHandle);

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct WatermarkRow {
    clock_us: i64,
    /// How long the longest INSERT has been running.
    running_us: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    table: Uuid,
}

impl Watermark {
    /// Returns the position behind everything that may be shown.
    pub(super) const fn end(&self) -> FeedPosition {
        FeedPosition::Received {
            received_us: self.at_us,
            time_us: i64::MAX,
            event_id: EventId::from_uuid(Uuid::max()),
        }
    }

    /// Returns the epoch of a tenant's arrival order in this table.
    pub(super) fn epoch(&self, tenant: ClientId) -> Epoch {
        let (high, low) = self.table.as_u64_pair();
        let (tenant_high, tenant_low) = tenant.uuid().as_u64_pair();
        Epoch((high ^ low.rotate_left(17) ^ tenant_high ^ tenant_low.rotate_left(31)).cast_signed())
    }
}

impl Arrivals {
    pub(super) fn new(client: &Client) -> Arc<Self> {
        Arc::new(Self {
            client: client.clone(),
            board: NewsBoard::default(),
            tables: Mutex::default(),
            waited_for: Mutex::default(),
        })
    }

    /// Starts the task that wakes those who wait. It asks ClickHouse for nothing while nobody does.
    pub(super) fn start(self: &Arc<Self>) -> Waking {
        let weak = Arc::downgrade(self);
        Waking(tokio::spawn(wake(weak)).abort_handle())
    }

    /// Subscribes to the new events of a tenant whose rows are in `table`.
    pub(super) fn subscribe(&self, tenant: ClientId, table: TableName) -> News {
        let news = self.board.subscribe(tenant);
        lock(&self.waited_for).insert(tenant, table);
        news
    }

    pub(super) fn publish(&self, tenant: ClientId) {
        self.board.publish(tenant);
    }

    /// Wakes everybody for good.
    pub(super) fn close(&self) {
        self.board.close();
    }

    /// Returns the watermark of a table.
    pub(super) async fn watermark(&self, table: &TableName) -> Result<Watermark, Failure> {
        self.watermark_since(table, MAX_AGE).await
    }

    async fn watermark_since(
        &self,
        table: &TableName,
        max_age: Duration,
    ) -> Result<Watermark, Failure> {
        let latest = Arc::clone(lock(&self.tables).entry(table.clone()).or_default());
        let mut latest = latest.lock().await;
        if let Some(watermark) = *latest
            && watermark.taken.elapsed() < max_age
        {
            return Ok(watermark);
        }
        let next = fetch(&self.client, table).await?;
        if let Some(last) = *latest
            && last.table == next.table
        {
            let back_us = last.clock_us - next.clock_us;
            gauge!("event_history_feed_clock_set_back_seconds")
                .set(Duration::from_micros(u64::try_from(back_us).unwrap_or(0)).as_secs_f64());
            if back_us > MARGIN_US {
                // Not forgotten: what was received since may come before cursors that were handed out.
                return Err(Failure::ClockSetBack(back_us / 1000));
            }
            // A watermark never goes back.
            let at_us = next.at_us.max(last.at_us);
            let clock_us = next.clock_us.max(last.clock_us);
            *latest = Some(Watermark {
                at_us,
                clock_us,
                ..next
            });
        } else {
            *latest = Some(next);
        }
        (*latest).ok_or(Failure::TimedOut) // it was just set
    }

    /// Wakes those whose tenants have events that were received since the watermarks in `seen`.
    async fn wake_once(&self, seen: &mut HashMap<TableName, i64>) -> Result<(), Failure> {
        let tables: HashSet<TableName> = {
            let waiting = self.board.waiting();
            let mut waited_for = lock(&self.waited_for);
            waited_for.retain(|tenant, _| waiting.contains(tenant));
            waited_for.values().cloned().collect()
        };
        seen.retain(|table, _| tables.contains(table));
        for table in tables {
            // The watermark first: who subscribes from now on reads up to it.
            let until_us = self.watermark_since(&table, INTERVAL / 2).await?.at_us;
            let after_us = seen.get(&table).copied();
            let tenants: Vec<ClientId> = {
                let waited_for = lock(&self.waited_for);
                let here = waited_for.iter().filter(|(_, it)| **it == table);
                here.map(|(tenant, _)| *tenant).collect()
            };
            // Who waited before this task knew of the table may have missed something.
            let arrived = match after_us {
                Some(after_us) => {
                    arrived(&self.client, &table, &tenants, after_us, until_us).await?
                }
                None => tenants,
            };
            for tenant in arrived {
                self.board.publish(tenant);
            }
            seen.insert(table, until_us);
        }
        Ok(())
    }
}

async fn wake(arrivals: Weak<Arrivals>) {
    let mut seen = HashMap::new();
    loop {
        sleep(INTERVAL).await;
        let Some(arrivals) = arrivals.upgrade() else {
            return;
        };
        if let Err(error) = arrivals.wake_once(&mut seen).await {
            tracing::warn!(%error, "readers who wait for events are not woken");
            // They find out what is wrong.
            seen.clear();
            arrivals
                .board
                .waiting()
                .into_iter()
                .for_each(|it| arrivals.board.publish(it));
        }
    }
}

/// Asks for the watermark of a table: the server's clock, less the time for which the longest INSERT into the table has
/// been running, which therefore received its events later.
async fn fetch(client: &Client, table: &TableName) -> Result<Watermark, Failure> {
    const SQL: &str = "SELECT toUnixTimestamp64Micro(now64(6)) AS clock_us, \
         ifNull((SELECT toInt64(max(elapsed) * 1e6) FROM system.processes WHERE query_kind = 'Insert' \
             AND (position(query, {pattern:String}) > 0 OR position(query, {name:String}) > 0)), 0) \
             AS running_us, \
         assumeNotNull((SELECT any(uuid) FROM system.tables \
             WHERE database = {in:String} AND name = {name:String})) \
             AS table";
    let query = |it: &clickhouse::Client| {
        it.query_raw(SQL)
            .param("pattern", "{table:Identifier}")
            .param("in", table.database.as_str())
            .param("name", table.name.as_str())
    };
    let taken = Instant::now();
    let client = client.of(table);
    let rows = client.fetch::<WatermarkRow>("watermark", query).await?;
    let row = rows.into_iter().next();
    let row = row.ok_or_else(|| Failure::InvalidData("no watermark".to_owned()))?;
    let behind_us = row.running_us.max(0) + MARGIN_US;
    gauge!("event_history_feed_lag_seconds")
        .set(Duration::from_micros(behind_us.unsigned_abs()).as_secs_f64());
    Ok(Watermark {
        at_us: row.clock_us - behind_us,
        table: row.table,
        clock_us: row.clock_us,
        taken,
    })
}

impl Drop for Waking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Describes the metrics of the order of arrival.
pub(super) fn describe_metrics() {
    use metrics::{Unit, describe_gauge};
    describe_gauge!(
        "event_history_feed_lag_seconds",
        Unit::Seconds,
        "How far the feed is behind the clock of ClickHouse, as of its last look."
    );
    describe_gauge!(
        "event_history_feed_clock_set_back_seconds",
        Unit::Seconds,
        "How far the clock of ClickHouse was set back, which stops the feed."
    );
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
