//! Connections that read: kept for the next read of the same database, a limited number in all.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect;

/// The steps of SQLite's machine between two looks at whether the store is being closed: well under a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// The readers of all databases of a store.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Permits to read: as many reads run at once.
    turns: Arc<Semaphore>,
    /// Connections that are not in use, the one that was used last at the end.
    idle: Mutex<VecDeque<Idle>>,
    max: usize,
    next_key: AtomicU64,
    is_stopped: Arc<AtomicBool>,
}

/// An open database, as the readers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u64);

#[derive(Debug)]
struct Idle {
    of: Key,
    connection: Connection,
}

impl Readers {
    /// As many reads run at once, and as many connections are kept besides.
    pub(super) fn new(max: usize) -> Self {
        Self(Arc::new(Shared {
            turns: Arc::new(Semaphore::new(max)),
            idle: Mutex::default(),
            max,
            next_key: AtomicU64::new(0),
            is_stopped: Arc::default(),
        }))
    }

    /// Returns a key for a database that was just opened.
    pub(super) fn key(&self) -> Key {
        Key(self.0.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// Waits for a turn to read. `None` once the store is closed.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.turns).acquire_owned().await.ok()
    }

    /// Reads on a connection to the database at `path`. The caller has a turn. Does disk I/O.
    pub(super) fn read<T>(
        &self,
        of: Key,
        path: &Path,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut connection = match self.take(of) {
            Some(connection) => connection,
            None => self.open(path)?,
        };
        let result = work(&mut connection)?; // one that failed is not used again
        self.keep(Idle { of, connection });
        Ok(result)
    }

    /// Closes the connections of a database that nobody reads from. To be called before the database is closed.
    pub(super) fn close(&self, of: Key) {
        let mut closed = Vec::new();
        let mut idle = self.idle();
        while let Some(at) = idle.iter().position(|it| it.of == of) {
            closed.extend(idle.remove(at));
        }
        drop(idle); // closing takes longer than the others should wait
    }

    /// Ends the reads under way: they fail, and so do later ones.
    pub(super) fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
    }

    fn open(&self, path: &Path) -> rusqlite::Result<Connection> {
        let mut connection = connect::open_reader(path)?;
        let is_stopped = Arc::clone(&self.0.is_stopped);
        let look = move || is_stopped.load(Ordering::Relaxed);
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(look))?;
        Ok(connection)
    }

    fn take(&self, of: Key) -> Option<Connection> {
        let mut idle = self.idle();
        let at = idle.iter().rposition(|it| it.of == of)?;
        idle.remove(at).map(|it| it.connection)
    }

    fn keep(&self, used: Idle) {
        let mut idle = self.idle();
        idle.push_back(used);
        let oldest = (idle.len() > self.0.max).then(|| idle.pop_front());
        drop(idle);
        drop(oldest);
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
