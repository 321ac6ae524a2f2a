//! The writers of events: a queue and a task for each table, which stores all waiting calls with one INSERT.
//!
//! Few large INSERTs are better than many small ones. When idle, a call waits a millisecond for others to join it. Under
//! load, each batch takes everything that has arrived since the last one, of all tenants; `pace` says when. At most
//! [`MAX_BATCHES`] are under way.
//!
//! `queue` is what waits, `batch` what becomes of it, `intents` what other services know of it meanwhile.

mod batch;
mod deduplication;
mod intents;
mod pace;
mod queue;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use self::batch::{Context, Decision, Outcome};
use self::pace::Pace;
use self::queue::{Call, Next, TableQueue};
use super::arrival::Arrivals;
use super::client::Client;
use super::failure::Failure;
use super::registry::Registry;
use super::table_names::TableName;
use crate::domain::{Entropy, Event, SystemEntropy, Tenant};
use crate::store::append_queue::Backlog;
use crate::store::{Appended, Error, closed};

/// The time for which a refusal is reported if no events are sent.
const REFUSAL_REPORTED: Duration = Duration::from_mins(1);

/// The batches of one table under way: while a large one is inserted, the ids of the next are looked up.
const MAX_BATCHES: usize = 2;

/// The batches of all tables under way, which two or three servers can work on without queueing.
const MAX_ALL_BATCHES: usize = 16;

/// The time for which the task of an idle table is kept.
const IDLE_TASK: Duration = Duration::from_secs(10);

/// The queues of all tables that events are written to.
#[derive(Debug, Clone)]
pub(super) struct Writers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    registry: Arc<Registry>,
    arrivals: Arc<Arrivals>,
    backlog: Backlog,
    batches: Semaphore,
    /// The last time that ClickHouse refused events for a reason that may pass.
    refused_at: Mutex<Option<Instant>>,
    /// `None` once closed.
    queues: Mutex<Option<HashMap<TableName, Arc<TableQueue>>>>,
    /// Each running task holds one of [`MAX_TASKS`].
    tasks: Arc<Semaphore>,
}

/// The time for which a call is tried again whose ids another service is storing other events under, and the pauses before
/// an attempt that leaves others the precedence: the first, and the longest.
const MAX_SETTLING: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_millis(800);

/// The time in which others have withdrawn that leave this service the precedence.
const WITHDRAWAL: Duration = Duration::from_millis(40);

/// More than there are tables and batches under way.
const MAX_TASKS: u32 = 10_000;

impl Writers {
    pub(super) fn new(client: &Client, registry: &Arc<Registry>, arrivals: &Arc<Arrivals>) -> Self {
        Self(Arc::new(Inner {
            client: client.clone(),
            registry: Arc::clone(registry),
            arrivals: Arc::clone(arrivals),
            backlog: Backlog::default(),
            batches: Semaphore::new(MAX_ALL_BATCHES),
            refused_at: Mutex::default(),
            queues: Mutex::new(Some(HashMap::new())),
            tasks: Arc::new(Semaphore::new(MAX_TASKS as usize)),
        }))
    }

    /// Stores a tenant's events in this table, each once; returns when they are there.
    pub(super) async fn append(
        &self,
        tenant: &Tenant,
        table: TableName,
        events: Vec<Event>,
    ) -> Result<Vec<Appended>, Error> {
        let (append, answered) = self.0.backlog.call(events)?;
        let call = Call {
            client_id: tenant.client_id,
            database: tenant.database_name.clone(),
            append,
        };
        self.queue(table, call)?;
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
        let queues = self.0.queues().take();
        for queue in queues.into_iter().flatten() {
            queue.1.close();
        }
        // An error means that the semaphore is closed, which never happens.
        let _ = self.0.tasks.acquire_many(MAX_TASKS).await;
    }

    fn queue(&self, table: TableName, call: Call) -> Result<(), Error> {
        let mut queues = self.0.queues();
        let queues = queues.as_mut().ok_or_else(closed)?;
        match queues.entry(table) {
            Entry::Occupied(entry) => entry.get().push(call),
            Entry::Vacant(entry) => {
                let task = self.0.task()?;
                let writer = TableWriter {
                    inner: Arc::clone(&self.0),
                    table: entry.key().clone(),
                    queue: Arc::default(),
                    pace: Arc::default(),
                    batches: Arc::new(Semaphore::new(MAX_BATCHES)),
                };
                let queue = Arc::clone(entry.insert(Arc::clone(&writer.queue)));
                tokio::spawn(async move {
                    writer.run().await;
                    drop(task);
                });
                queue.push(call)
            }
        }
    }
}

impl Inner {
    fn task(&self) -> Result<OwnedSemaphorePermit, Error> {
        let task = Arc::clone(&self.tasks).try_acquire_owned();
        task.map_err(|_| Error::Busy)
    }

    fn refused_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.refused_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn queues(&self) -> MutexGuard<'_, Option<HashMap<TableName, Arc<TableQueue>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls under whose ids another service is storing other events.
#[derive(Debug, Default)]
struct ContestedCalls {
    calls: Vec<Call>,
    have_others_first: bool,
}

/// The task of one table.
#[derive(Debug, Clone)]
struct TableWriter {
    inner: Arc<Inner>,
    table: TableName,
    queue: Arc<TableQueue>,
    pace: Arc<Pace>,
    batches: Arc<Semaphore>,
}

impl TableWriter {
    async fn run(self) {
        loop {
            match self.queue.next() {
                Next::Calls => {}
                Next::End => return,
                Next::Nothing => {
                    let is_idle = timeout(IDLE_TASK, self.queue.changed()).await.is_err();
                    if is_idle && self.closes_if_empty() {
                        return;
                    }
                    continue;
                }
            }
            self.pace.wait(&self.queue).await;
            // Semaphores are never closed.
            let Ok(permit) = Arc::clone(&self.batches).acquire_owned().await else {
                return;
            };
            let batch = self.queue.take();
            if batch.is_empty() {
                drop(permit);
                self.queue.changed().await; // by the batch that all these wait for, if by nothing else
                continue;
            }
            let turn = self.pace.start(&self.queue, batch.len());
            let (writer, task) = (self.clone(), self.inner.task());
            tokio::spawn(async move {
                let keys: Vec<_> = batch.iter().flat_map(Call::keys).collect();
                let contested = writer.write(batch).await;
                drop((turn, permit));
                writer.settle(contested).await;
                writer.queue.finish(&keys);
                drop(task);
            });
        }
    }

    /// Forgets the queue, unless a call has just been put into it.
    fn closes_if_empty(&self) -> bool {
        let mut queues = self.inner.queues();
        if self.queue.next() == Next::Calls {
            return false;
        }
        if let Some(queues) = queues.as_mut() {
            queues.remove(&self.table);
        }
        true
    }

    /// Stores a batch and answers its calls. Returns those that are contested.
    async fn write(&self, batch: Vec<Call>) -> ContestedCalls {
        let outcome = self.store(&batch).await;
        match &outcome {
            Ok(_) => *self.inner.refused_at() = None,
            Err(failure) if failure.is_refusal_to_write() => {
                *self.inner.refused_at() = Some(Instant::now());
            }
            Err(_) => {}
        }
        let mut contested = ContestedCalls::default();
        if batch.len() == 1 || !matches!(&outcome, Err(failure) if failure.is_damage()) {
            self.answer(batch, outcome, &mut contested);
            return contested;
        }
        // Damage that one call meets must not fail the others.
        for call in batch {
            let one = vec![call];
            let outcome = self.store(&one).await;
            self.answer(one, outcome, &mut contested);
        }
        contested
    }

    /// Tries contested calls again, until another service has stored its events or given up.
    async fn settle(&self, mut contested: ContestedCalls) {
        let give_up = Instant::now() + MAX_SETTLING;
        let mut longest_pause = FIRST_PAUSE;
        while !contested.calls.is_empty() && Instant::now() < give_up {
            let mut dice = [0; 2];
            SystemEntropy.fill(&mut dice);
            // Of more than two, several may be neither the first nor the last.
            let part = f64::from(u16::from_le_bytes(dice)) / f64::from(u16::MAX);
            if contested.have_others_first {
                sleep(longest_pause.mul_f64(0.5 + part / 2.0)).await;
                longest_pause = (longest_pause * 2).min(MAX_PAUSE);
            } else {
                sleep(WITHDRAWAL).await;
            }
            contested = self.write(contested.calls).await;
        }
        for call in contested.calls {
            call.append.answer(Err(Error::Unavailable(
                "another service is storing another event under the same id".into(),
            )));
        }
    }

    async fn store(&self, batch: &[Call]) -> Outcome {
        let _permit = self.inner.batches.acquire().await;
        let context = Context {
            client: &self.inner.client,
            registry: &self.inner.registry,
            arrivals: &self.inner.arrivals,
            table: &self.table,
        };
        let calls: Vec<&Call> = batch.iter().collect();
        batch::store(context, &calls).await
    }

    /// Answers calls, but those that are contested.
    fn answer(&self, batch: Vec<Call>, outcome: Outcome, contested: &mut ContestedCalls) {
        match outcome {
            Ok(decisions) => {
                for (call, decision) in batch.into_iter().zip(decisions) {
                    match decision {
                        Decision::Answer(outcomes) => call.append.answer(Ok(outcomes)),
                        Decision::NoTenant => {
                            let error = Error::DatabaseMissing(call.database.clone());
                            call.append.answer(Err(error));
                        }
                        Decision::Contested { is_first } => {
                            contested.have_others_first |= !is_first;
                            contested.calls.push(call);
                        }
                    }
                }
            }
            Err(failure) => {
                for call in batch {
                    let error = self.error(failure.clone(), &call);
                    call.append.answer(Err(error));
                }
            }
        }
    }

    fn error(&self, failure: Failure, call: &Call) -> Error {
        failure.for_tenant(&call.database, &self.table)
    }
}
