//! The background work of every replica: finishes what crashes interrupted, and follows deletions to their end.
//!
//! Replicas do the same at the same time, which is harmless: each step is idempotent, and states of entries only advance.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::Registry;
use super::entries::Entry;
use super::lifecycle::MAX_CREATION;
use super::revision::State;
use super::rows;
use crate::store::Error;
use crate::store::append_queue::count_f64;
use crate::store::clickhouse::cluster::measure;
use crate::store::clickhouse::failure::code;
use crate::store::clickhouse::table_names::ShardName;

/// The pause between two rounds.
const INTERVAL: Duration = Duration::from_secs(10);

/// The pause between two comparisons of the replicas of a cluster.
const REPAIR_INTERVAL: Duration = Duration::from_secs(30);

/// The pause between two searches for replicas that have not answered since this service started. Nothing is asked of them
/// meanwhile, so while another one fails there is no majority.
const SEARCH_INTERVAL: Duration = Duration::from_secs(1);

/// An INSERT that began before the deletion of a tenant has ended after this time: three look-ups and two INSERTs of at
/// most 3 s each, a pause, and the 3 s for which ClickHouse may continue a statement that nobody waits for.
const LATE_INSERTS: Duration = Duration::from_secs(20);

/// The time between merges that leave rows of deleted tenants on the disk, as multiples of what a merge takes.
const MERGE_PAUSES: u32 = 10;
const MIN_MERGE_PAUSE: Duration = Duration::from_secs(30);

/// The background tasks of a registry. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct CleanUp(Vec<AbortHandle>);

impl CleanUp {
    /// Starts the tasks. Rows of deleted tenants leave the disk `erase_after` their deletion, and the time that a merge
    /// takes.
    pub(crate) fn start(registry: &Arc<Registry>, erase_after: Duration) -> Self {
        let finish = tokio::spawn(finish(Arc::downgrade(registry)));
        let erase = tokio::spawn(erase(Arc::downgrade(registry), erase_after));
        let mut tasks = vec![finish.abort_handle(), erase.abort_handle()];
        if registry.client.is_cluster() {
            tasks.push(tokio::spawn(repair(Arc::downgrade(registry))).abort_handle());
            tasks.push(tokio::spawn(search(Arc::downgrade(registry))).abort_handle());
        }
        Self(tasks)
    }

    pub(crate) fn stop(&self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Drop for CleanUp {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Describes the metrics of deletions.
pub(super) fn describe_metrics() {
    use metrics::{describe_counter, describe_gauge};
    describe_gauge!(
        "event_history_deleted_tenants_on_disk",
        "Deleted tenants whose events may still be on the disk."
    );
    describe_counter!(
        "event_history_erased_tenants_total",
        "Deleted tenants whose events have left the disk."
    );
}

async fn finish(registry: Weak<Registry>) {
    loop {
        sleep(INTERVAL).await;
        let Some(registry) = registry.upgrade() else {
            return;
        };
        // A deletion that another replica began a while ago: it has crashed.
        let finished = async {
            registry.recover(MAX_CREATION).await?;
            registry.delete_late_rows(LATE_INSERTS).await
        };
        if let Err(error) = finished.await {
            tracing::debug!(%error, "interrupted creations and deletions of tenants were not finished");
        }
    }
}

async fn repair(registry: Weak<Registry>) {
    loop {
        let Some(current) = registry.upgrade() else {
            return;
        };
        measure(&current.client).await;
        drop(current);
        sleep(REPAIR_INTERVAL).await;
        let Some(current) = registry.upgrade() else {
            return;
        };
        if let Err(error) = current.repair().await {
            tracing::debug!(%error, "the replicas of the cluster were not compared");
        }
    }
}

async fn search(registry: Weak<Registry>) {
    loop {
        sleep(SEARCH_INTERVAL).await;
        let Some(current) = registry.upgrade() else {
            return;
        };
        let replicas = current.client.topology().replicas();
        if replicas.iter().any(|it| it.node.is_none())
            && let Err(error) = current.discover().await
        {
            tracing::debug!(%error, "the replicas of the cluster were not looked for");
        }
    }
}

async fn erase(registry: Weak<Registry>, erase_after: Duration) {
    let mut pause = INTERVAL;
    loop {
        sleep(pause).await;
        let Some(registry) = registry.upgrade() else {
            return;
        };
        let started = Instant::now();
        pause = match registry.erase(erase_after).await {
            Ok(Merged::Nothing) => INTERVAL,
            Ok(Merged::Everything) => MIN_MERGE_PAUSE.max(started.elapsed() * MERGE_PAUSES),
            Err(error) => {
                tracing::warn!(%error, "the events of deleted tenants were not removed from the disk");
                MIN_MERGE_PAUSE.max(started.elapsed() * MERGE_PAUSES)
            }
        };
    }
}

enum Merged {
    Nothing,
    Everything,
}

impl Registry {
    /// Removes the rows of deleted tenants from the disk, of all of them together once one was deleted long enough ago.
    async fn erase(&self, erase_after: Duration) -> Result<Merged, Error> {
        let deleted: Vec<Entry> = self.entries.unfinished().await?;
        let deleted = deleted
            .into_iter()
            .filter(|entry| entry.state() > State::Deleting);
        let (emptied, others): (Vec<Entry>, Vec<Entry>) =
            deleted.partition(|entry| entry.state() == State::Emptied);
        on_disk().set(count_f64(emptied.len() + others.len()));
        // Merges by themselves may have done it.
        let left = self.advance_erased(emptied).await?;
        on_disk().set(count_f64(left.len() + others.len()));
        if !left.iter().any(|entry| entry.age >= erase_after) {
            return Ok(Merged::Nothing);
        }
        let started = Instant::now();
        let due = left.iter().filter(|entry| entry.age >= erase_after);
        let shards: BTreeSet<ShardName> = due.map(|it| it.assignment.shard.clone()).collect();
        for shard in shards {
            match rows::merge(&self.client, &shard).await {
                // Another replica is merging.
                Err(failure) if failure.is(code::QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING) => {
                    return Ok(Merged::Nothing);
                }
                outcome => outcome?,
            }
        }
        let count = left.len();
        let left = self.advance_erased(left).await?;
        on_disk().set(count_f64(left.len() + others.len()));
        tracing::info!(
            tenants = count - left.len(),
            left = left.len(),
            duration_s = started.elapsed().as_secs(),
            "removed the events of deleted tenants from the disk"
        );
        Ok(Merged::Everything)
    }

    /// Returns the entries of tenants that are still on the disk; notes that the others no longer are.
    async fn advance_erased(&self, entries: Vec<Entry>) -> Result<Vec<Entry>, Error> {
        let mut left = Vec::new();
        for entry in entries {
            let (shard, id) = (&entry.assignment.shard, entry.tenant.client_id);
            if rows::are_on_disk(&self.client, shard, id).await? {
                left.push(entry);
            } else {
                self.advance(&entry, State::Erased).await?;
                counter!("event_history_erased_tenants_total").increment(1);
            }
        }
        Ok(left)
    }
}

fn on_disk() -> metrics::Gauge {
    gauge!("event_history_deleted_tenants_on_disk")
}
