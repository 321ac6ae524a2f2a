//! The order of arrival on ClickHouse, where several replicas write: how far it may be shown.
//!
//! The server's clock says when events are received, at the INSERT, which may end later. So nothing is shown that an
//! INSERT under way could precede: only what is older than the [`watermark`]. One watermark serves all readers of a table for
//! a while, and one task wakes all who wait.
//!
//! `clocks` keeps INSERTs behind the cursors that were handed out, and `epochs` says whose cursors those are.

mod clocks;
mod epochs;
mod watermark;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use metrics::gauge;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use self::clocks::{Reading, SteadyClock, tolerance_us};
use self::epochs::Epochs;
use self::watermark::{Look, look, watermark_us};
use super::client::Client;
use super::failure::Failure;
use super::table_names::TableName;
use super::tables::{arrived, newest_ahead};
use crate::domain::{ClientId, Epoch};
use crate::store::News;
use crate::store::news::NewsBoard;

/// The time for which a watermark is used again, by readers who do not wait.
const MAX_AGE: Duration = Duration::from_millis(100);

/// The pause between two looks for new events while somebody waits.
const INTERVAL: Duration = Duration::from_millis(250);

/// The time for which the replicas' clocks are not read again while events are written.
const MAX_CLOCK_AGE: Duration = Duration::from_secs(10);

/// The time for which a table is taken for the same one without looking, by readers of pages.
const MAX_EPOCH_AGE: Duration = Duration::from_secs(10);

/// A clock that was set back by less is waited for.
const MAX_WAIT_US: i64 = 1_000_000;

/// Up to here a tenant's events may be shown: none will be received before.
#[derive(Debug, Clone)]
pub(super) struct Watermark {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub(super) at_us: i64,
    /// A replica that has everything up to there.
    pub(super) reader: Client,
    replica: String,
    epoch: Uuid,
    taken: Instant,
}

/// The watermarks of all tables, and who waits for new events.
#[derive(Debug)]
pub(super) struct Arrivals {
    client: Client,
    board: NewsBoard,
    epochs: Epochs,
    tables: Mutex<HashMap<TableName, Arc<Table>>>,
    /// The tables of the tenants that somebody waits for.
    waited_for: Mutex<HashMap<ClientId, TableName>>,
}

/// What is known of a table.
#[derive(Debug, Default)]
struct Table {
    /// Whoever replaces it holds the lock, so that others need not ask too.
    latest: tokio::sync::Mutex<Option<Watermark>>,
    clock: Mutex<Option<SteadyClock>>,
    /// The epoch, and when it was read.
    epoch: Mutex<Option<(Uuid, Instant)>>,
}

/// Ends the task that wakes readers when it is dropped.
#[derive(Debug)]
pub(super) struct Waking(AbortHandle);

impl Watermark {
    /// Returns the epoch of a tenant's arrival order in this table.
    pub(super) fn epoch(&self, tenant: ClientId) -> Epoch {
        of_tenant(self.epoch, tenant)
    }
}

/// Returns the epoch of a tenant's arrival order in a table with this epoch.
fn of_tenant(epoch: Uuid, tenant: ClientId) -> Epoch {
    let (high, low) = epoch.as_u64_pair();
    let (tenant_high, tenant_low) = tenant.uuid().as_u64_pair();
    Epoch((high ^ low.rotate_left(17) ^ tenant_high ^ tenant_low.rotate_left(31)).cast_signed())
}

impl Arrivals {
    pub(super) fn new(client: &Client) -> Arc<Self> {
        Arc::new(Self {
            client: client.clone(),
            board: NewsBoard::default(),
            epochs: Epochs::new(client),
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

    /// Returns the epoch of a tenant's arrival order in this table. Any replica tells it: no other is waited for.
    pub(super) async fn epoch(
        &self,
        table: &TableName,
        tenant: ClientId,
    ) -> Result<Epoch, Failure> {
        let known = self.known(table);
        let last = *lock(&known.epoch);
        if let Some((epoch, _)) = last.filter(|(_, read)| read.elapsed() < MAX_EPOCH_AGE) {
            return Ok(of_tenant(epoch, tenant));
        }
        let (client, read) = (self.client.of(table), Instant::now());
        let majority = client.majority()?;
        let one = watermark::look_at(client.clone(), table).await?;
        let epoch = match self.epochs.of(table, &[one.table], majority).await {
            // Only a majority can decide it.
            Err(Failure::SilentReplica(_)) => {
                let (looks, _) = look(&client, table).await;
                let tables: Vec<Uuid> = looks.iter().map(|it| it.table).collect();
                self.epochs.of(table, &tables, majority).await?
            }
            outcome => outcome?,
        };
        *lock(&known.epoch) = Some((epoch, read));
        Ok(of_tenant(epoch, tenant))
    }

    async fn watermark_since(
        &self,
        table: &TableName,
        max_age: Duration,
    ) -> Result<Watermark, Failure> {
        let known = self.known(table);
        let mut latest = known.latest.lock().await;
        if let Some(watermark) = &*latest
            && watermark.taken.elapsed() < max_age
        {
            return Ok(watermark.clone());
        }
        let next = self.advanced(table, &known, latest.as_ref()).await?;
        *latest = Some(next.clone());
        Ok(next)
    }

    /// Returns the time before which no event may be received that is stored from now on, in microseconds since
    /// 1970-01-01T00:00:00Z: cursors that were handed out may be there, whatever the clock of the replica that takes it shows.
    pub(super) async fn floor_us(&self, table: &TableName) -> Result<i64, Failure> {
        let known = self.known(table);
        let clock = *lock(&known.clock);
        let now = Instant::now();
        if let Some(clock) = clock.filter(|it| it.age(now) < MAX_CLOCK_AGE) {
            return Ok(clock.floor_us(now));
        }
        let look = |host: Client| async move { watermark::look_at(host, table).await };
        let looks = self.client.of(table).ask_majority(look).await?;
        self.observe(table, &known, &looks).await?;
        let clock = *lock(&known.clock);
        let clock = clock.ok_or(Failure::TimedOut)?; // it was just set
        Ok(clock.floor_us(Instant::now()))
    }

    fn known(&self, table: &TableName) -> Arc<Table> {
        Arc::clone(lock(&self.tables).entry(table.clone()).or_default())
    }

    /// Takes over what the clocks show. Returns by how many microseconds most of them were set back, if they were.
    async fn observe(
        &self,
        table: &TableName,
        known: &Table,
        looks: &[Look],
    ) -> Result<Option<i64>, Failure> {
        let readings: Vec<Reading> = looks.iter().map(|it| it.reading.clone()).collect();
        let is_first = lock(&known.clock).is_none();
        let first = if is_first {
            // Another service may have handed out cursors by a clock that was set back since.
            let newest_us = newest_ahead(&self.client, table).await?;
            let (is_cluster, now) = (self.client.is_cluster(), Instant::now());
            Some(SteadyClock::new(is_cluster, newest_us, now))
        } else {
            None
        };
        let back_us = {
            let mut clock = lock(&known.clock);
            *clock = clock.or(first);
            let clock = clock.as_mut();
            clock.and_then(|it| it.observe(&readings, Instant::now()))
        };
        let seconds = Duration::from_micros(back_us.unwrap_or(0).unsigned_abs()).as_secs_f64();
        gauge!("event_history_feed_clock_set_back_seconds").set(seconds);
        Ok(back_us)
    }

    /// Returns the next watermark, or the last one while there can be no other.
    async fn advanced(
        &self,
        table: &TableName,
        known: &Table,
        last: Option<&Watermark>,
    ) -> Result<Watermark, Failure> {
        let is_cluster = self.client.is_cluster();
        let client = self.client.of(table);
        let (mut looks, failures) = look(&client, table).await;
        if looks.is_empty() {
            let reason = failures.iter().find(|it| !it.allows_failover());
            let reason = reason.or(failures.first());
            return Err(reason.cloned().unwrap_or(Failure::TimedOut));
        }
        let back_us = self.observe(table, known, &looks).await?;
        check_clocks(&looks, is_cluster)?;
        if let Some(back_us) = back_us.filter(|it| *it > MAX_WAIT_US) {
            return Err(Failure::ClockSetBack(back_us / 1000));
        }
        let next_us = watermark_us(&looks, is_cluster);
        let tables: Vec<Uuid> = looks.iter().map(|it| it.table).collect();
        let epoch = self.epochs.of(table, &tables, client.majority()?).await?;
        // A watermark never goes back.
        let last = last.filter(|it| it.epoch == epoch);
        looks.sort_by_key(|it| last.is_none_or(|last| it.replica != last.replica));
        let mut outcome = Err(Failure::TimedOut);
        for reader in &looks {
            let silent = match silent(reader, &looks, table, is_cluster).await {
                Ok(silent) => silent,
                Err(failure) => {
                    outcome = Err(failure);
                    continue;
                }
            };
            let at_us = match (last, silent, back_us) {
                (None, Some(silent), _) => return Err(Failure::SilentReplica(silent)),
                (Some(last), Some(_), _) | (Some(last), _, Some(_)) => last.at_us,
                (last, None, _) => last.map_or(next_us, |last| last.at_us.max(next_us)),
            };
            let behind_us = reader.reading.clock_us - at_us;
            gauge!("event_history_feed_lag_seconds")
                .set(Duration::from_micros(behind_us.max(0).unsigned_abs()).as_secs_f64());
            return Ok(Watermark {
                at_us,
                reader: reader.client.clone(),
                replica: reader.replica.clone(),
                epoch,
                taken: Instant::now(),
            });
        }
        // Where the last reader still answers, it has what it had.
        let last_reader = last.filter(|last| looks[0].replica == last.replica);
        match last_reader {
            Some(last) => Ok(Watermark {
                taken: Instant::now(),
                ..last.clone()
            }),
            None => outcome,
        }
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
            let watermark = self.watermark_since(&table, INTERVAL / 2).await?;
            let until_us = watermark.at_us;
            let after_us = seen.get(&table).copied();
            let tenants: Vec<ClientId> = {
                let waited_for = lock(&self.waited_for);
                let here = waited_for.iter().filter(|(_, it)| **it == table);
                here.map(|(tenant, _)| *tenant).collect()
            };
            // Who waited before this task knew of the table may have missed something.
            let arrived = match after_us {
                Some(after_us) => {
                    arrived(&watermark.reader, &table, &tenants, after_us, until_us).await?
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

/// Fails if the clocks differ by more than they may.
fn check_clocks(looks: &[Look], is_cluster: bool) -> Result<(), Failure> {
    let readings: Vec<Reading> = looks.iter().map(|it| it.reading.clone()).collect();
    let (difference_us, ahead, behind) = clocks::difference(&readings, Instant::now());
    gauge!("event_history_feed_clock_difference_seconds")
        .set(Duration::from_micros(difference_us.unsigned_abs()).as_secs_f64());
    if difference_us <= tolerance_us(is_cluster) {
        return Ok(());
    }
    let name = |place: usize| looks.get(place).map(|it| it.replica.clone());
    Err(Failure::ClocksDiffer {
        ahead: name(ahead).unwrap_or_default(),
        behind: name(behind).unwrap_or_default(),
        by_ms: difference_us / 1000,
    })
}

/// Makes sure that a replica has every part that was stored so far. Returns the name of one that counts as alive and has not
/// answered, if there is one.
async fn silent(
    reader: &Look,
    looks: &[Look],
    table: &TableName,
    is_cluster: bool,
) -> Result<Option<String>, Failure> {
    if !is_cluster {
        return Ok(None);
    }
    let alive = reader.alive(table).await?;
    // Only now: what a replica stored whose session has ended is in Keeper.
    reader.sync(table).await?;
    let has_answered = |name: &String| looks.iter().any(|look| look.replica == *name);
    Ok(alive.into_iter().find(|name| !has_answered(name)))
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
        "event_history_feed_clock_difference_seconds",
        Unit::Seconds,
        "How much the clocks of the replicas of a ClickHouse cluster differ: more than 0.25 s stops the feed."
    );
    describe_gauge!(
        "event_history_feed_clock_set_back_seconds",
        Unit::Seconds,
        "How far the clock of ClickHouse was set back, which stops the feed until it shows the time again."
    );
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
