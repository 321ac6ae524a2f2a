//! What was redacted leaves the disk.
//!
//! The rows from before a redaction are deleted, but stay in parts until these are merged. So the tables are merged once a
//! redaction is old enough, of all that are there together. An older row may also come late, with an INSERT that was under way
//! or from a replica that was down: it is deleted when it is found.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use clickhouse::query::Query;
use jiff::{SignedDuration, Timestamp};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::redaction::delete_older;
use crate::domain::{ClientId, Clock, EventId, SystemClock};
use crate::store::Error;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::{Failure, code};
use crate::store::clickhouse::registry::{Registry, merge_table};
use crate::store::clickhouse::statement::{EVENTS_BY_KEY, REDACTED, Statement};
use crate::store::clickhouse::table_names::TableName;

/// The pause between two looks while older rows may come late, and between attempts that fail.
const INTERVAL: Duration = Duration::from_secs(10);

/// The longest time between two looks: another replica may have redacted something, and have ended since.
const MAX_PAUSE: Duration = Duration::from_hours(1);

/// An INSERT that began before a redaction has ended after this time (`registry/clean_up.rs`), with one more look to spare.
const LATE_INSERTS: Duration = Duration::from_secs(40);

/// The time between merges, as a multiple of what a merge takes.
const MERGE_PAUSES: u32 = 10;

/// The keys in one statement.
const MAX_KEYS: usize = 1000;

type EventKey = (Uuid, Uuid);

/// The background task of a service.
#[derive(Debug)]
pub(crate) struct Erasure {
    schedule: Arc<Schedule>,
    task: AbortHandle,
}

/// When the next look is due.
#[derive(Debug)]
struct Schedule(Mutex<Times>);

#[derive(Debug)]
struct Times {
    next: Instant,
    /// Until then every look is due.
    settled: Instant,
}

/// An event that was redacted.
#[derive(Debug)]
struct Redacted {
    revision: u16,
    at: Timestamp,
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct RedactedRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    latest: u16,
    redacted_at: String,
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct OldestRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    oldest: u16,
}

impl Erasure {
    /// Starts the task. What was redacted leaves the disk `erase_after` its redaction, and the time that a merge takes.
    pub(crate) fn start(client: &Client, registry: &Arc<Registry>, erase_after: Duration) -> Self {
        let now = Instant::now();
        let schedule = Arc::new(Schedule(Mutex::new(Times {
            next: now,
            settled: now,
        })));
        let erase = erase(
            client.clone(),
            Arc::downgrade(registry),
            Arc::clone(&schedule),
            erase_after,
        );
        Self {
            schedule,
            task: tokio::spawn(erase).abort_handle(),
        }
    }

    /// To be called before something is redacted: from now on older rows may come late.
    pub(super) fn expect_late_rows(&self) {
        self.schedule
            .with(|times| times.settled = Instant::now() + LATE_INSERTS);
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Erasure {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Schedule {
    fn with<T>(&self, work: impl FnOnce(&mut Times) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_due(&self, now: Instant) -> bool {
        self.with(|times| now >= times.next || now < times.settled)
    }
}

async fn erase(
    client: Client,
    registry: Weak<Registry>,
    schedule: Arc<Schedule>,
    erase_after: Duration,
) {
    loop {
        sleep(INTERVAL).await;
        let Some(registry) = registry.upgrade() else {
            return;
        };
        if !schedule.is_due(Instant::now()) {
            continue;
        }
        let pause = match look(&client, &registry, erase_after).await {
            Ok(pause) => pause.min(MAX_PAUSE),
            Err(error) => {
                tracing::warn!(%error, "what was redacted was not removed from the disk");
                INTERVAL * MERGE_PAUSES
            }
        };
        schedule.with(|times| times.next = Instant::now() + pause);
    }
}

/// Looks at all tables, deletes rows that came late, and merges the tables in which a redaction is old enough. Returns the
/// time until the next look is due.
async fn look(
    client: &Client,
    registry: &Registry,
    erase_after: Duration,
) -> Result<Duration, Error> {
    let mut pause = MAX_PAUSE;
    for table in registry.event_tables().await? {
        let Some(first) = first_left(client, &table).await? else {
            continue;
        };
        let age = SystemClock.now().duration_since(first);
        let age = Duration::try_from(age.max(SignedDuration::ZERO)).unwrap_or_default();
        if age < erase_after {
            pause = pause.min(erase_after.saturating_sub(age));
            continue;
        }
        let started = Instant::now();
        match merge_table(client, &table).await {
            // Another replica is merging.
            Err(failure) if failure.is(code::QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING) => {}
            outcome => outcome?,
        }
        let is_left = first_left(client, &table).await?.is_some();
        let duration_s = started.elapsed().as_secs();
        tracing::info!(table = %table.name, duration_s, is_left, "removed what was redacted from the disk");
        if is_left {
            pause = pause.min(INTERVAL.max(started.elapsed() * MERGE_PAUSES));
        }
    }
    Ok(pause)
}

/// Returns the time of the first redaction of which an older row is left in a part of a table, whether readers see the row or
/// not; those that they see are deleted.
async fn first_left(client: &Client, table: &TableName) -> Result<Option<Timestamp>, Failure> {
    let redacted = redacted(client, table).await?;
    let keys: Vec<EventKey> = redacted.keys().copied().collect();
    let mut first: Option<Timestamp> = None;
    for keys in keys.chunks(MAX_KEYS) {
        let is_older = |row: &OldestRow| {
            let latest = redacted.get(&(row.client_id, row.event_id));
            latest.filter(|latest| row.oldest < latest.revision)
        };
        for row in oldest(client, table, keys, |it| it).await? {
            if let Some(latest) = is_older(&row) {
                let client_id = ClientId::from_uuid(row.client_id);
                let id = EventId::from_uuid(row.event_id);
                delete_older(client, table, client_id, id, latest.revision).await?;
            }
        }
        let with_deleted = |query: Query| {
            let query = query.with_setting("apply_deleted_mask", "0");
            query.with_setting("apply_patch_parts", "0")
        };
        for row in oldest(client, table, keys, with_deleted).await? {
            if let Some(latest) = is_older(&row) {
                first = Some(first.map_or(latest.at, |first| first.min(latest.at)));
            }
        }
    }
    Ok(first)
}

/// Returns the redacted events of a table, and when something was removed last.
async fn redacted(
    client: &Client,
    table: &TableName,
) -> Result<HashMap<EventKey, Redacted>, Failure> {
    let sql = format!(
        "SELECT client_id, event_id, max(revision) AS latest, \
         argMax(JSONExtractString(redactions, -1, 'redacted_at'), revision) AS redacted_at \
         FROM {REDACTED} GROUP BY client_id, event_id"
    );
    let statement = Statement::of_keys(table, sql)?;
    let client = client.of(table);
    let rows = client.fetch::<RedactedRow>("redacted", |it| statement.on(it));
    let found = rows.await?.into_iter().map(|row| {
        // One that cannot be read is due at once.
        let at = row.redacted_at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let revision = row.latest;
        ((row.client_id, row.event_id), Redacted { revision, at })
    });
    Ok(found.collect())
}

/// Returns the oldest revision of each of these events, by replica.
async fn oldest(
    client: &Client,
    table: &TableName,
    keys: &[EventKey],
    with: impl Fn(Query) -> Query,
) -> Result<Vec<OldestRow>, Failure> {
    let sql = format!(
        "SELECT client_id, event_id, min(revision) AS oldest FROM {EVENTS_BY_KEY} GROUP BY client_id, event_id"
    );
    let statement = Statement::of_keys(table, sql)?;
    let query = |it: &clickhouse::Client| with(statement.on(it)).param("keys", keys);
    let client = client.of(table);
    let rows = client.fetch_majority::<OldestRow>("redacted", query);
    Ok(rows.await?.into_iter().flatten().collect())
}
