//! Stores one batch: one look-up and one INSERT for all its tenants.

use std::collections::HashSet;
use std::time::Duration;

use metrics::histogram;
use tokio::time::Instant;

use super::deduplication::deduplicate;
use super::intents::{Contested, Intents, MAX_LOOKING};
use super::queue::Call;
use crate::domain::{ClientId, Event, Placement};
use crate::store::Appended;
use crate::store::append_queue::count_f64;
use crate::store::clickhouse::arrival::Arrivals;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::registry::Registry;
use crate::store::clickhouse::table_names::{Assignment, TableName};
use crate::store::clickhouse::tables::{BatchTables, EventKey};

/// A broken INSERT is sent once more after this: the connection may have been stale, or the server may have been
/// restarted. If the first one was carried out, each event is there twice, and counts once.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The outcome of a batch, call by call.
pub(super) type Outcome = Result<Vec<Decision>, Failure>;

/// What becomes of a call.
#[derive(Debug)]
pub(super) enum Decision {
    Answer(Vec<Appended>),
    /// The tenant does not exist, or no longer.
    NoTenant,
    /// Nothing was stored: another service is storing another event under one of its ids.
    Contested {
        /// It is to be tried again at once, and later by the other service.
        is_first: bool,
    },
}

/// What a batch is stored with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) client: &'a Client,
    pub(super) registry: &'a Registry,
    pub(super) arrivals: &'a Arrivals,
    pub(super) table: &'a TableName,
}

/// Stores those events of a batch that are new.
pub(super) async fn store(context: Context<'_>, calls: &[&Call]) -> Outcome {
    let (contested, decisions) = attempt(context, calls).await?;
    if contested.events.is_empty() {
        return Ok(decisions);
    }
    // Nothing was stored. The others need not wait for these.
    let Contested { events, is_first } = contested;
    let held_back = held_back(calls, events);
    let going = calls.iter().zip(&held_back).filter(|(_, held)| !**held);
    let going: Vec<&Call> = going.map(|(call, _)| *call).collect();
    let decisions = if going.is_empty() {
        Vec::new()
    } else {
        attempt(context, &going).await?.1
    };
    let mut decisions = decisions.into_iter();
    let by_call = held_back.into_iter().map(|held| {
        let decision = if held { None } else { decisions.next() };
        decision.unwrap_or(Decision::Contested { is_first })
    });
    Ok(by_call.collect())
}

/// Stores those events of a batch that are new, unless some are contested, which it returns.
async fn attempt(
    context: Context<'_>,
    calls: &[&Call],
) -> Result<(Contested, Vec<Decision>), Failure> {
    let Context {
        client,
        registry,
        arrivals,
        table,
    } = context;
    let started = Instant::now();
    let events: Vec<(ClientId, &Event)> = calls
        .iter()
        .flat_map(|call| {
            call.append
                .events
                .iter()
                .map(|event| (call.client_id, event))
        })
        .collect();
    let tables = BatchTables::new(client, table);
    let shard = client.of(table);
    let intents = Intents::new(&events);
    // A cached entry may be one of a tenant that was just deleted: an event stored for it would be acknowledged, and lost.
    let (existing, stored, mut contested, not_before_us) = tokio::try_join!(
        existing(registry, table, calls),
        tables.compare(&events),
        intents.announce(&shard),
        arrivals.floor_us(table)
    )?;
    if started.elapsed() > MAX_LOOKING {
        return Err(Failure::TimedOut);
    }
    let is_stored = |key: &EventKey| stored.same_content.contains_key(key);
    contested.events.retain(|key| !is_stored(key));
    if !contested.events.is_empty() {
        intents.withdraw(&shard, |key| !is_stored(&key)).await;
        return Ok((contested, Vec::new()));
    }
    if !stored.uncertain.is_empty() {
        tables
            .insert_again(&stored.uncertain, not_before_us)
            .await?;
    }
    // Asked last: from now on a sweep waits for as long as the INSERT may take.
    let tombstoned = tables.tombstoned(&events).await?;
    let (outcomes, mut new) = deduplicate(&events, &stored.same_content, &tombstoned).await;
    new.retain(|(client_id, _)| existing.contains(client_id));
    let inserted: HashSet<EventKey> = new.iter().map(|(id, event)| (*id, event.id)).collect();
    let is_refused = |key: EventKey| !inserted.contains(&key) && !is_stored(&key);
    intents.withdraw(&shard, is_refused).await;
    if !new.is_empty() {
        insert(&tables, &new, not_before_us).await?;
        intents.confirm(&shard).await?;
        histogram!("event_history_commit_events").record(count_f64(new.len()));
        histogram!("event_history_commit_duration_seconds").record(started.elapsed());
    }
    let mut outcomes = outcomes.into_iter();
    let by_call = calls.iter().map(|call| {
        let own: Vec<Appended> = outcomes.by_ref().take(call.append.events.len()).collect();
        if existing.contains(&call.client_id) {
            Decision::Answer(own)
        } else {
            Decision::NoTenant
        }
    });
    Ok((Contested::default(), by_call.collect()))
}

/// Tells of each call whether it has a contested event, or one of a call that is held back before it.
fn held_back(calls: &[&Call], mut contested: HashSet<EventKey>) -> Vec<bool> {
    let calls = calls.iter().map(|call| {
        let is_held_back = call.keys().any(|key| contested.contains(&key));
        if is_held_back {
            contested.extend(call.keys());
        }
        is_held_back
    });
    calls.collect()
}

/// Returns the tenants of these calls that exist, and have their events in this table.
async fn existing(
    registry: &Registry,
    table: &TableName,
    calls: &[&Call],
) -> Result<HashSet<ClientId>, Failure> {
    let ids: HashSet<ClientId> = calls.iter().map(|call| call.client_id).collect();
    let ids: Vec<ClientId> = ids.into_iter().collect();
    let assignments = registry.assignments(&ids).await?;
    let is_here = |Assignment { placement, shard }: &Assignment| {
        table.is_pooled() == (*placement == Placement::Pooled) && table.shard == *shard
    };
    let here = assignments
        .into_iter()
        .filter(|(_, assignment)| is_here(assignment));
    Ok(here.map(|(id, _)| id).collect())
}

async fn insert(
    tables: &BatchTables<'_>,
    events: &[(ClientId, &Event)],
    not_before_us: i64,
) -> Result<(), Failure> {
    match tables.insert(events, not_before_us).await {
        Err(failure) if failure.is_transient() => {
            tokio::time::sleep(RETRY_PAUSE).await;
            tables.insert(events, not_before_us).await
        }
        outcome => outcome,
    }
}
