//! The writer of a tenant's database: a queue, and a turn on a shared thread whenever something waits in it. A turn stores
//! all that waits in one transaction, and so with one fsync (group commit).

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::committer::{After, Closing, Committer, MaintenanceWork, Opened};
use super::database_file::DatabaseFile;
use super::page_cache::LargeCaches;
use super::readers::Readers;
use super::writer_threads::{Turn, WriterThreads};
use crate::domain::{ClientId, Clock, Event};
use crate::store::Error;
use crate::store::append_queue::{Answer, Append, Backlog, MAX_BATCH_BYTES, MAX_QUEUED_CALLS};
use crate::store::news::NewsBoard;
use crate::store::sqlite::disk::error_mapping::refused;
use crate::store::sqlite::tables::arrival::ArrivalClock;
use crate::store::sqlite::wal::left_log::LeftLog;

/// The events of one transaction, unless one call brings more; it stays under about 50 ms.
const MAX_BATCH_EVENTS: usize = 1000;

/// The maintenance that may wait for one writer.
const MAX_QUEUED_MAINTENANCE: usize = 16;

/// A writer releases what only load needs when no call has come for this long.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// Resources that all databases of a store share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    backlog: Backlog,
    pub(super) caches: LargeCaches,
    pub(super) readers: Readers,
    threads: WriterThreads,
    runtime: Handle,
    clock: Arc<dyn Clock>,
    pub(crate) news: NewsBoard,
}

/// Takes calls for the writer of one database.
#[derive(Debug)]
pub(crate) struct Writer {
    state: Arc<WriterState>,
    shared: Shared,
}

#[derive(Debug)]
struct WriterState {
    queue: Mutex<Queue>,
    /// `None` once the database is closed. Locked during a turn.
    committer: Mutex<Option<Committer>>,
    threads: WriterThreads,
    runtime: Handle,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Append>,
    /// Has turns between those of events.
    maintenance: VecDeque<Maintenance>,
    first: First,
    /// A turn is under way, or a thread will take one.
    has_turn: bool,
    timer: IdleTimer,
    /// When the last turn ended.
    last_turn: Option<Instant>,
    /// The index of words is to be completed when nothing else is to be done.
    is_index_wanted: bool,
    /// A bug ended a turn.
    is_broken: bool,
}

/// What has the next turn where both wait: they alternate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum First {
    #[default]
    Events,
    Maintenance,
}

/// Work in a transaction of its own.
struct Maintenance {
    work: MaintenanceWork,
    after: After,
    /// The caller may have stopped waiting; the work is done anyway.
    answer: oneshot::Sender<Result<(), Error>>,
}

impl Maintenance {
    fn run(self, committer: &mut Committer) {
        let Self {
            work,
            after,
            answer,
        } = self;
        let _ = answer.send(committer.maintain(work, after));
    }
}

impl std::fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maintenance").finish_non_exhaustive()
    }
}

/// Waits for the writer to become idle.
#[derive(Debug, Default, PartialEq, Eq)]
enum IdleTimer {
    #[default]
    Stopped,
    Running,
    /// The next turn is to tell the committer.
    Expired,
}

impl Shared {
    /// At most `max_reads` reads run at once.
    pub(crate) fn start(max_reads: usize, clock: Arc<dyn Clock>) -> io::Result<Self> {
        Ok(Self {
            backlog: Backlog::default(),
            caches: LargeCaches::default(),
            readers: Readers::new(max_reads),
            threads: WriterThreads::start()?,
            runtime: Handle::current(),
            clock,
            news: NewsBoard::default(),
        })
    }

    /// Ends the reads under way, which fail.
    pub(crate) fn stop_reads(&self) {
        self.readers.stop();
    }
}

impl Writer {
    pub(super) fn start(
        file: Arc<DatabaseFile>,
        connection: Connection,
        tenant: ClientId,
        opened: Opened,
        shared: &Shared,
    ) -> Result<Self, Error> {
        let arrivals = ArrivalClock::new(Arc::clone(&shared.clock));
        let news = shared.news.publisher(tenant);
        let committer = Committer::start(file, connection, &shared.caches, arrivals, news, opened)?;
        let has_log_to_empty = committer.has_log_to_empty();
        let state = WriterState {
            queue: Mutex::default(),
            committer: Mutex::new(Some(committer)),
            threads: shared.threads.clone(),
            runtime: shared.runtime.clone(),
        };
        let writer = Self {
            state: Arc::new(state),
            shared: shared.clone(),
        };
        if has_log_to_empty {
            writer.state.queue().has_turn = true;
            writer.state.request_turn();
        }
        Ok(writer)
    }

    /// Has events stored by a thread; the answer comes once they are durable.
    pub(crate) fn append(&self, events: Vec<Event>) -> Result<oneshot::Receiver<Answer>, Error> {
        let (append, answered) = self.shared.backlog.call(events)?;
        let mut queue = self.state.queue();
        if queue.is_broken {
            return Err(stopped());
        }
        if queue.waiting.len() >= MAX_QUEUED_CALLS {
            return Err(Error::Busy);
        }
        queue.waiting.push_back(append);
        let has_turn = std::mem::replace(&mut queue.has_turn, true);
        drop(queue);
        if !has_turn {
            self.state.request_turn();
        }
        Ok(answered)
    }

    /// Has a thread work in a transaction of its own, between batches of events; the answer comes once what was changed is
    /// durable.
    pub(crate) fn maintain(
        &self,
        work: MaintenanceWork,
        after: After,
    ) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
        let (answer, answered) = oneshot::channel();
        let mut queue = self.state.queue();
        if queue.is_broken {
            return Err(stopped());
        }
        if queue.maintenance.len() >= MAX_QUEUED_MAINTENANCE {
            return Err(Error::Busy);
        }
        queue.maintenance.push_back(Maintenance {
            work,
            after,
            answer,
        });
        let has_turn = std::mem::replace(&mut queue.has_turn, true);
        drop(queue);
        if !has_turn {
            self.state.request_turn();
        }
        Ok(answered)
    }

    /// Has the index of words completed, step by step, so that calls need not wait for all of it.
    pub(crate) fn complete_index(&self) {
        let mut queue = self.state.queue();
        queue.is_index_wanted = true;
        let has_turn = std::mem::replace(&mut queue.has_turn, true);
        drop(queue);
        if !has_turn {
            self.state.request_turn();
        }
    }

    /// Tells whether it works: only a bug ends it early.
    pub(super) fn is_running(&self) -> bool {
        !self.state.queue().is_broken
    }

    /// Writes what is queued and closes the file. Returns the log that is left beside it, if it is one that the next
    /// opening may trust.
    pub(super) fn close(self, how: Closing) -> Option<LeftLog> {
        // A panic has poisoned it.
        let committer = self.state.committer.lock();
        let mut committer = committer.unwrap_or_else(PoisonError::into_inner).take()?;
        if self.state.queue().is_broken {
            return None; // the log stays, and is recovered
        }
        while let Some(batch) = self.state.next_batch() {
            committer.store(batch);
        }
        loop {
            let waiting = self.state.queue().maintenance.pop_front();
            let Some(waiting) = waiting else {
                break;
            };
            waiting.run(&mut committer);
        }
        committer.close(how)
    }
}

impl WriterState {
    fn request_turn(self: &Arc<Self>) {
        self.threads.run(Arc::clone(self) as Arc<dyn Turn>);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the maintenance whose turn it is: it waits for one batch of events at most.
    fn next_maintenance(&self) -> Option<Maintenance> {
        let mut queue = self.queue();
        let first = std::mem::take(&mut queue.first);
        if first == First::Events && !queue.waiting.is_empty() {
            return None;
        }
        queue.maintenance.pop_front()
    }

    /// Takes what waits, up to the limits of a transaction.
    fn next_batch(&self) -> Option<Vec<Append>> {
        let mut queue = self.queue();
        let first = queue.waiting.pop_front()?;
        let mut events = first.events.len();
        let mut bytes = first.weight_bytes();
        let mut batch = vec![first];
        while events < MAX_BATCH_EVENTS && bytes < MAX_BATCH_BYTES {
            let Some(append) = queue.waiting.pop_front() else {
                break;
            };
            events += append.events.len();
            bytes += append.weight_bytes();
            batch.push(append);
        }
        Some(batch)
    }
}

impl Turn for WriterState {
    fn take_turn(self: Arc<Self>) -> bool {
        let mut committer = self
            .committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(committer) = committer.as_mut() else {
            return false; // closed meanwhile
        };
        let mut after_load = false;
        if let Some(maintenance) = self.next_maintenance() {
            after_load = true;
            maintenance.run(committer);
        } else if let Some(batch) = self.next_batch() {
            after_load = batch.len() > 1;
            committer.store(batch);
            self.queue().first = First::Maintenance;
        } else if self.queue().timer == IdleTimer::Expired {
            committer.on_idle();
        } else if std::mem::take(&mut self.queue().is_index_wanted) {
            let has_more = committer.extend_index();
            self.queue().is_index_wanted = has_more;
            after_load = true;
        }
        self.end_turn(after_load || committer.has_large_cache() || committer.has_log_to_empty())
    }

    fn abandon(&self) {
        let mut queue = self.queue();
        queue.is_broken = true;
        queue.is_index_wanted = false;
        queue.maintenance.clear();
        queue.waiting.clear(); // whoever waits is told that the writer has stopped
    }
}

impl WriterState {
    /// Tells whether another turn is due. Otherwise the committer hears of it if no call comes for a while, where it has
    /// something to release then.
    fn end_turn(self: &Arc<Self>, has_to_hear: bool) -> bool {
        let mut queue = self.queue();
        if queue.timer == IdleTimer::Expired {
            queue.timer = IdleTimer::Stopped;
        }
        if !queue.waiting.is_empty() || !queue.maintenance.is_empty() || queue.is_index_wanted {
            return true;
        }
        queue.has_turn = false;
        queue.last_turn = Some(Instant::now());
        if has_to_hear && queue.timer == IdleTimer::Stopped {
            queue.timer = IdleTimer::Running;
            self.runtime.spawn(until_idle(Arc::downgrade(self)));
        }
        false
    }

    /// Returns when the writer counts as idle; `None` if it does now.
    fn idle_at(&self, now: Instant) -> Option<Instant> {
        let queue = self.queue();
        let last = if queue.has_turn {
            Some(now)
        } else {
            queue.last_turn
        };
        last.map(|last| last + IDLE_AFTER).filter(|at| *at > now)
    }
}

/// Waits until a writer is idle, and requests a turn for that.
async fn until_idle(writer: Weak<WriterState>) {
    while let Some(writer) = writer.upgrade() {
        let Some(at) = writer.idle_at(Instant::now()) else {
            let mut queue = writer.queue();
            queue.timer = IdleTimer::Expired;
            if !std::mem::replace(&mut queue.has_turn, true) {
                drop(queue);
                writer.request_turn();
            }
            return;
        };
        drop(writer); // it may be closed meanwhile
        sleep_until(at).await;
    }
}

/// Returns the error of a call whose writer went away before it answered.
pub(crate) fn stopped() -> Error {
    refused("the writer of the database has stopped")
}
