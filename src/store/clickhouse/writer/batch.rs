//! Stores one batch: one look-up and one INSERT for all its tenants.

use std::collections::HashSet;
use std::time::Duration;

use metrics::histogram;
use tokio::time::Instant;

use super::deduplication::deduplicate;
use super::queue::Call;
use crate::domain::{ClientId, Event, Placement};
use crate::store::Appended;
use crate::store::append_queue::count_f64;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::registry::Registry;
use crate::store::clickhouse::table_names::{Assignment, TableName};
use crate::store::clickhouse::tables::BatchTables;

/// A broken INSERT is sent once more after this: the connection may have been stale, or the server may have been
/// restarted. If the first one was carried out, each event is there twice, and counts once.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The outcome of a batch, call by call: `None` for a tenant that does not exist, or no longer.
pub(super) type Outcome = Result<Vec<Option<Vec<Appended>>>, Failure>;

/// Stores those events of a batch that are new.
pub(super) async fn store(
    client: &Client,
    registry: &Registry,
    table: &TableName,
    calls: &[Call],
) -> Outcome {
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
    // A cached entry may be one of a tenant that was just deleted: an event stored for it would be acknowledged, and lost.
    let (existing, stored) =
        tokio::try_join!(existing(registry, table, calls), tables.compare(&events))?;
    if !stored.uncertain.is_empty() {
        tables.insert_again(&stored.uncertain).await?;
    }
    // Asked last: from now on a sweep waits for as long as the INSERT may take.
    let tombstoned = tables.tombstoned(&events).await?;
    let (outcomes, mut new) = deduplicate(&events, &stored.same_content, &tombstoned).await;
    new.retain(|(client_id, _)| existing.contains(client_id));
    if !new.is_empty() {
        insert(&tables, &new).await?;
        histogram!("event_history_commit_events").record(count_f64(new.len()));
        histogram!("event_history_commit_duration_seconds").record(started.elapsed());
    }
    let mut outcomes = outcomes.into_iter();
    let by_call = calls.iter().map(|call| {
        let own: Vec<Appended> = outcomes.by_ref().take(call.append.events.len()).collect();
        existing.contains(&call.client_id).then_some(own)
    });
    Ok(by_call.collect())
}

/// Returns the tenants of these calls that exist, and have their events in this table.
async fn existing(
    registry: &Registry,
    table: &TableName,
    calls: &[Call],
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

async fn insert(tables: &BatchTables<'_>, events: &[(ClientId, &Event)]) -> Result<(), Failure> {
    match tables.insert(events).await {
        Err(failure) if failure.is_transient() => {
            tokio::time::sleep(RETRY_PAUSE).await;
            tables.insert(events).await
        }
        outcome => outcome,
    }
}
