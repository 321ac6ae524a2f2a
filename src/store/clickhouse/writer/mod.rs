//! The writers of events: a queue and a task for each tenant, which stores all waiting calls with one INSERT.
//!
//! A part in ClickHouse is a folder that has to be merged with others, so few large INSERTs are better
//! than many small ones. When idle, a call waits a millisecond for others to join it; under load, INSERTs of
//! one tenant start at most every [`LOADED_INTERVAL`], and take everything that has arrived since the last one.

mod deduplication;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::histogram;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use self::deduplication::deduplicate;
use super::client::Client;
use super::failure::Failure;
use super::table_names::TableName;
use super::tables::TenantTables;
use crate::domain::{ClientId, Entropy, Event, SystemEntropy, Tenant};
use crate::store::append_queue::{Append, Backlog, MAX_BATCH_BYTES, MAX_QUEUED_CALLS, count_f64};
use crate::store::{Appended, Error, closed};

/// The events of one INSERT, unless one call has more: looking up their ids takes less than about 100 ms.
const MAX_BATCH_EVENTS: usize = 1000;

/// The time that the first call after an idle time waits for others.
const IDLE_LINGER: Duration = Duration::from_millis(1);

/// The interval between INSERTs of one tenant under load: 40 parts per second and replica are merged as fast as they
/// are written.
const LOADED_INTERVAL: Duration = Duration::from_millis(25);

/// A tenant whose last INSERT is older than this is idle.
const LOADED_FOR: Duration = Duration::from_millis(100);

/// The time for which a refusal is reported if no events are sent.
const REFUSAL_REPORTED: Duration = Duration::from_mins(1);

/// The maximum number of INSERTs of all tenants in flight, which two or three servers can work on without queueing.
const MAX_INSERTS: usize = 16;

/// The time for which the task of an idle tenant is kept.
const IDLE_TASK: Duration = Duration::from_secs(10);

/// A broken INSERT is sent once more after this, with the same token: the connection may have been stale, the server may
/// have been restarted, or the table is being dropped.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The queues of all tenants that events are written to.
#[derive(Debug, Clone)]
pub(super) struct Writers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    backlog: Backlog,
    inserts: Semaphore,
    /// The last time that ClickHouse refused events for a reason that may pass.
    refused_at: Mutex<Option<Instant>>,
    /// `None` once closed.
    queues: Mutex<Option<HashMap<ClientId, mpsc::Sender<Append>>>>,
    /// Each running task holds one of [`MAX_TASKS`].
    tasks: Arc<Semaphore>,
}

/// More tenants than one replica writes to within [`IDLE_TASK`].
const MAX_TASKS: usize = 100_000;

impl Writers {
    pub(super) fn new(client: &Client) -> Self {
        Self(Arc::new(Inner {
            client: client.clone(),
            backlog: Backlog::default(),
            inserts: Semaphore::new(MAX_INSERTS),
            refused_at: Mutex::default(),
            queues: Mutex::new(Some(HashMap::new())),
            tasks: Arc::new(Semaphore::new(MAX_TASKS)),
        }))
    }

    /// Stores events, each once; returns when they are in the table.
    pub(super) async fn append(
        &self,
        tenant: &Tenant,
        events: Vec<Event>,
    ) -> Result<Vec<Appended>, Error> {
        let (append, answered) = self.0.backlog.call(events)?;
        self.queue(tenant, append)?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Tells whether ClickHouse accepted the last events, of any tenant. A refusal is forgotten after a while if no events
    /// are sent.
    pub(super) fn accept_writes(&self, now: Instant) -> bool {
        let refused_at = *self.0.refused_at();
        refused_at.is_none_or(|at| now.duration_since(at) > REFUSAL_REPORTED)
    }

    /// Writes what is queued; later calls fail.
    pub(super) async fn close(&self) {
        drop(self.0.queues().take());
        let all = u32::try_from(MAX_TASKS).unwrap_or(u32::MAX);
        // An error means that the semaphore is closed, which never happens.
        let _ = self.0.tasks.acquire_many(all).await;
    }

    fn queue(&self, tenant: &Tenant, append: Append) -> Result<(), Error> {
        let mut queues = self.0.queues();
        let queues = queues.as_mut().ok_or_else(closed)?;
        let queue = match queues.entry(tenant.client_id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let task = Arc::clone(&self.0.tasks).try_acquire_owned();
                let task = task.map_err(|_| Error::Busy)?;
                let (queue, waiting) = mpsc::channel(MAX_QUEUED_CALLS);
                let writer = TenantWriter {
                    inner: Arc::clone(&self.0),
                    table: TableName::new(&tenant.database_name, tenant.client_id),
                    client_id: tenant.client_id,
                };
                tokio::spawn(async move {
                    writer.run(waiting).await;
                    drop(task);
                });
                entry.insert(queue)
            }
        };
        queue.try_send(append).map_err(|_| Error::Busy)
    }
}

impl Inner {
    fn refused_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.refused_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn queues(&self) -> MutexGuard<'_, Option<HashMap<ClientId, mpsc::Sender<Append>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of one tenant.
struct TenantWriter {
    inner: Arc<Inner>,
    table: TableName,
    client_id: ClientId,
}

impl TenantWriter {
    async fn run(self, mut waiting: mpsc::Receiver<Append>) {
        let mut last_start: Option<Instant> = None;
        loop {
            let first = match tokio::time::timeout(IDLE_TASK, waiting.recv()).await {
                Ok(Some(first)) => first,
                Ok(None) => return,
                Err(_) if self.closes_if_empty(&waiting) => return,
                Err(_) => continue,
            };
            let batch = drain(first, &mut waiting, next_start(last_start)).await;
            last_start = Some(Instant::now());
            let outcome = self.store(&batch).await;
            match &outcome {
                Ok(_) => *self.inner.refused_at() = None,
                Err(failure) if failure.is_refusal_to_write() => {
                    *self.inner.refused_at() = Some(Instant::now());
                }
                Err(_) => {}
            }
            if batch.len() > 1 && matches!(&outcome, Err(failure) if failure.is_damage()) {
                // Damage that one call meets must not fail the others.
                for append in batch {
                    let one = vec![append];
                    let outcome = self.store(&one).await;
                    self.answer(one, outcome);
                }
            } else {
                self.answer(batch, outcome);
            }
        }
    }

    /// Closes the queue, unless a call has just been put into it.
    fn closes_if_empty(&self, waiting: &mpsc::Receiver<Append>) -> bool {
        let mut queues = self.inner.queues();
        if !waiting.is_empty() {
            return false;
        }
        if let Some(queues) = queues.as_mut() {
            queues.remove(&self.client_id);
        }
        true
    }

    fn answer(&self, batch: Vec<Append>, outcome: Result<Vec<Appended>, Failure>) {
        match outcome {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                for append in batch {
                    let own = outcomes.by_ref().take(append.events.len()).collect();
                    append.answer(Ok(own));
                }
            }
            Err(failure) => {
                for append in batch {
                    append.answer(Err(failure.clone().for_tenant(&self.table.database)));
                }
            }
        }
    }

    /// Stores those events of a batch that are new.
    async fn store(&self, batch: &[Append]) -> Result<Vec<Appended>, Failure> {
        let events: Vec<&Event> = batch.iter().flat_map(|append| &append.events).collect();
        let permit = self.inner.inserts.acquire().await;
        let started = Instant::now();
        let tables = TenantTables::named(&self.inner.client, &self.table);
        let stored = tables.compare(&events).await?;
        // Asked last: from now on a sweep waits for as long as the INSERT may take.
        let tombstoned = tables.tombstoned(&events).await?;
        let (outcomes, new) = deduplicate(&events, &stored, &tombstoned).await;
        if !new.is_empty() {
            insert(&tables, &new).await?;
            histogram!("event_history_commit_events").record(count_f64(new.len()));
            histogram!("event_history_commit_duration_seconds").record(started.elapsed());
        }
        drop(permit);
        Ok(outcomes)
    }
}

async fn insert(tables: &TenantTables<'_>, events: &[&Event]) -> Result<(), Failure> {
    let token = SystemEntropy.uuid_v4();
    match tables.insert(events, token).await {
        Err(failure) if failure.is_transient() => {
            tokio::time::sleep(RETRY_PAUSE).await;
            tables.insert(events, token).await
        }
        outcome => outcome,
    }
}

/// Returns when the next INSERT may start.
fn next_start(last_start: Option<Instant>) -> Instant {
    let now = Instant::now();
    match last_start {
        Some(last) if now < last + LOADED_FOR => last + LOADED_INTERVAL,
        _ => now + IDLE_LINGER,
    }
}

/// Drains the queue until `end`, up to the bounds of a batch.
async fn drain(first: Append, waiting: &mut mpsc::Receiver<Append>, end: Instant) -> Vec<Append> {
    let mut events = first.events.len();
    let mut bytes = first.weight_bytes();
    let mut batch = vec![first];
    while events < MAX_BATCH_EVENTS && bytes < MAX_BATCH_BYTES {
        // Calls that are waiting already are taken even after `end`.
        let next = match waiting.try_recv() {
            Ok(append) => Some(append),
            Err(_) => tokio::time::timeout_at(end, waiting.recv())
                .await
                .ok()
                .flatten(),
        };
        let Some(append) = next else {
            break;
        };
        events += append.events.len();
        bytes += append.weight_bytes();
        batch.push(append);
    }
    batch
}
