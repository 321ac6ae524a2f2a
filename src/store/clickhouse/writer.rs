//! What takes events to ClickHouse: whatever waits for a tenant shares an INSERT.
//!
//! A part in ClickHouse is a folder that has to be merged with others, so few large INSERTs are better
//! than many small ones. When little happens a call waits a millisecond for company; under load INSERTs of
//! one tenant start at most every [`LOADED_INTERVAL`], and take all that came meanwhile.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::histogram;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use uuid::Uuid;

use super::client::Client;
use super::errors::Failure;
use super::events::EventRow;
use super::files;
use super::names::Table;
use super::queries::{self, TABLE};
use crate::domain::{ClientId, Entropy, Event, EventId, FileId, SystemEntropy, Tenant};
use crate::store::queue::{Append, Backlog, MAX_BATCH_BYTES, MAX_QUEUED_CALLS, count_f64};
use crate::store::{Appended, Error, closed};

/// The events of one INSERT, unless one call brings more: looking up whether they are there stays under
/// about 100 ms.
const MAX_BATCH_EVENTS: usize = 1000;

/// An event that takes noticeable time to compare.
const LARGE_EVENT_BYTES: usize = 64 * 1024;

/// How long the first call waits for company when nothing happened of late.
const IDLE_LINGER: Duration = Duration::from_millis(1);

/// How far the INSERTs of one tenant are apart under load: 40 parts a second and replica are merged
/// as fast as they come.
const LOADED_INTERVAL: Duration = Duration::from_millis(25);

/// A tenant whose last INSERT is longer ago than this is idle.
const LOADED_FOR: Duration = Duration::from_millis(100);

/// For how long a refusal is told of if nothing is sent meanwhile.
const REFUSAL_LASTS: Duration = Duration::from_mins(1);

/// INSERTs of all tenants in flight: what two or three servers work on without making each other late.
const MAX_INSERTS: usize = 16;

/// A tenant that nobody writes to keeps no task for longer.
const IDLE_TASK: Duration = Duration::from_secs(10);

/// An INSERT that broke is sent once more after this, with the same token: the connection may have been
/// an old one, the server was restarted, or the table is just going away.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The queues of all tenants that are written to.
#[derive(Debug, Clone)]
pub(super) struct Writers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    backlog: Backlog,
    inserts: Semaphore,
    /// When ClickHouse last refused events that it knows of no reason to refuse for good.
    refused: Mutex<Option<Instant>>,
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
            refused: Mutex::default(),
            queues: Mutex::new(Some(HashMap::new())),
            tasks: Arc::new(Semaphore::new(MAX_TASKS)),
        }))
    }

    /// Stores events, each once; answers when they are in the table.
    pub(super) async fn append(
        &self,
        tenant: &Tenant,
        events: Vec<Event>,
    ) -> Result<Vec<Appended>, Error> {
        let (append, answered) = self.0.backlog.call(events)?;
        self.queue(tenant, append)?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Tells whether ClickHouse took the last events, of whichever tenant. Where nobody has sent any since it
    /// refused some, that is forgotten after a while.
    pub(super) fn take_writes(&self, now: Instant) -> bool {
        let refused = *self.0.refused();
        refused.is_none_or(|at| now.duration_since(at) > REFUSAL_LASTS)
    }

    /// Writes what is queued; later calls fail.
    pub(super) async fn close(&self) {
        drop(self.0.lock().take());
        let all = u32::try_from(MAX_TASKS).unwrap_or(u32::MAX);
        // An error means that the semaphore is closed, which nobody does.
        let _ = self.0.tasks.acquire_many(all).await;
    }

    fn queue(&self, tenant: &Tenant, append: Append) -> Result<(), Error> {
        let mut queues = self.0.lock();
        let queues = queues.as_mut().ok_or_else(closed)?;
        let queue = match queues.entry(tenant.client_id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let task = Arc::clone(&self.0.tasks).try_acquire_owned();
                let task = task.map_err(|_| Error::Busy)?;
                let (queue, waiting) = mpsc::channel(MAX_QUEUED_CALLS);
                let work = Work {
                    inner: Arc::clone(&self.0),
                    table: Table::new(&tenant.database_name, tenant.client_id),
                    client_id: tenant.client_id,
                };
                tokio::spawn(async move {
                    work.run(waiting).await;
                    drop(task);
                });
                entry.insert(queue)
            }
        };
        queue.try_send(append).map_err(|_| Error::Busy)
    }
}

impl Inner {
    fn refused(&self) -> MutexGuard<'_, Option<Instant>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<ClientId, mpsc::Sender<Append>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the task of one tenant works on.
struct Work {
    inner: Arc<Inner>,
    table: Table,
    client_id: ClientId,
}

impl Work {
    async fn run(self, mut waiting: mpsc::Receiver<Append>) {
        let mut last_start: Option<Instant> = None;
        loop {
            let first = match tokio::time::timeout(IDLE_TASK, waiting.recv()).await {
                Ok(Some(first)) => first,
                Ok(None) => return,
                Err(_) if self.ends(&waiting) => return,
                Err(_) => continue,
            };
            let batch = gather(first, &mut waiting, pause(last_start)).await;
            last_start = Some(Instant::now());
            let outcome = self.store(&batch).await;
            match &outcome {
                Ok(_) => *self.inner.refused() = None,
                Err(failure) if failure.is_refusal_to_write() => {
                    *self.inner.refused() = Some(Instant::now());
                }
                Err(_) => {}
            }
            if batch.len() > 1 && matches!(&outcome, Err(failure) if failure.is_damage()) {
                // What one call meets is not in the way of the others.
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

    /// Gives up the queue, unless somebody has just put something into it.
    fn ends(&self, waiting: &mpsc::Receiver<Append>) -> bool {
        let mut queues = self.inner.lock();
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
                    append.answer(Err(failure.clone().of_tenant(&self.table.database)));
                }
            }
        }
    }

    /// Stores those events of a batch that are not there yet.
    async fn store(&self, batch: &[Append]) -> Result<Vec<Appended>, Failure> {
        let events: Vec<&Event> = batch.iter().flat_map(|append| &append.events).collect();
        let turn = self.inner.inserts.acquire().await;
        let started = Instant::now();
        let stored = self.stored(&events).await?;
        // Asked last: from now on a sweep waits for as long as the INSERT may take.
        let tombstoned = files::tombstoned(&self.inner.client, &self.table, &events).await?;
        let (outcomes, new) = sort_out(&events, &stored, &tombstoned).await;
        if !new.is_empty() {
            self.insert(&new).await?;
            histogram!("event_history_commit_events").record(count_f64(new.len()));
            histogram!("event_history_commit_duration_seconds").record(started.elapsed());
        }
        drop(turn);
        Ok(outcomes)
    }

    /// Returns the stored events that have an id of one of these.
    async fn stored(&self, events: &[&Event]) -> Result<HashMap<EventId, Event>, Failure> {
        let client = &self.inner.client;
        let mut ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let known = queries::known(client, &self.table, &ids).await?;
        if known.is_empty() {
            return Ok(HashMap::new());
        }
        let stored = queries::find_all(client, &self.table, &known).await?;
        Ok(stored.into_iter().map(|event| (event.id, event)).collect())
    }

    async fn insert(&self, events: &[&Event]) -> Result<(), Failure> {
        let token = SystemEntropy.uuid_v4();
        match self.insert_once(events, token).await {
            Err(failure) if failure.is_worth_a_second_try() => {
                tokio::time::sleep(RETRY_PAUSE).await;
                self.insert_once(events, token).await
            }
            outcome => outcome,
        }
    }

    async fn insert_once(&self, events: &[&Event], token: Uuid) -> Result<(), Failure> {
        self.inner
            .client
            .insert::<EventRow, _>(
                "insert",
                |insert| {
                    insert
                        .with_setting("param_database", self.table.database.as_str())
                        .with_setting("param_table", &self.table.name)
                        .with_setting("insert_deduplication_token", token.to_string())
                },
                TABLE,
                || events.iter().copied().map(EventRow::from),
            )
            .await
    }
}

/// Returns when the next INSERT may start.
fn pause(last_start: Option<Instant>) -> Instant {
    let now = Instant::now();
    match last_start {
        Some(last) if now < last + LOADED_FOR => last + LOADED_INTERVAL,
        _ => now + IDLE_LINGER,
    }
}

/// Takes what comes until `end`, up to the bounds of a batch.
async fn gather(first: Append, waiting: &mut mpsc::Receiver<Append>, end: Instant) -> Vec<Append> {
    let mut events = first.events.len();
    let mut bytes = first.weight_bytes();
    let mut batch = vec![first];
    while events < MAX_BATCH_EVENTS && bytes < MAX_BATCH_BYTES {
        // What is there already is taken even when the time is over.
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

/// Decides about each event, and returns those that are new too. Lets others go on between two large events: one
/// is compared in milliseconds, a batch of them is not.
async fn sort_out<'a>(
    events: &[&'a Event],
    stored: &HashMap<EventId, Event>,
    tombstoned: &HashSet<FileId>,
) -> (Vec<Appended>, Vec<&'a Event>) {
    let mut new: Vec<&'a Event> = Vec::new();
    let mut new_by_id: HashMap<EventId, &'a Event> = HashMap::new();
    let mut outcomes = Vec::with_capacity(events.len());
    for event in events {
        let there = stored.get(&event.id).or(new_by_id.get(&event.id).copied());
        if there.is_some() && event.data.as_str().len() > LARGE_EVENT_BYTES {
            tokio::task::yield_now().await;
        }
        let mut files = event.files.iter().map(|file| file.id);
        let gone = files.find(|file| tombstoned.contains(file));
        outcomes.push(match (there, gone) {
            (Some(there), _) if there.same_content(event) => Appended::AlreadyThere,
            (Some(_), _) => Appended::OtherContent,
            (None, Some(file)) => Appended::FileTombstoned(file),
            (None, None) => {
                new.push(event);
                new_by_id.insert(event.id, event);
                Appended::Stored
            }
        });
    }
    (outcomes, new)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::sort_out;
    use crate::domain::Event;
    use crate::store::Appended::{AlreadyThere, OtherContent, Stored};
    use crate::store::samples::Random;

    #[tokio::test]
    async fn each_event_of_a_batch_is_stored_once() {
        let mut random = Random::seeded(1);
        let (one, two, there) = (random.event(), random.event(), random.event());
        let other = Event {
            record_id: one.record_id + 1,
            ..one.clone()
        };
        let stored = HashMap::from([(there.id, there.clone())]);
        let (outcomes, new) = sort_out(
            &[&one, &there, &one, &other, &two],
            &stored,
            &HashSet::new(),
        )
        .await;
        assert_eq!(
            outcomes,
            [Stored, AlreadyThere, AlreadyThere, OtherContent, Stored]
        );
        assert_eq!(new, [&one, &two]);
    }
}
