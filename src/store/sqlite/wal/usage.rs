//! The bytes that the logs of all databases take, open or closed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::gauge;
use tokio::sync::Notify;

use crate::store::sqlite::disk::file_names::wal_of;

/// Checkpoints remove the logs that were used least recently while all take more than this. Ten thousand tenants fit,
/// each with the log that [`LogBytes::is_scarce`] leaves it.
const LIMIT_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Beyond it each writer shortens its own log, and a database is not closed with one: checkpoints in the background
/// cannot keep up.
const HARD_LIMIT_BYTES: u64 = LIMIT_BYTES + LIMIT_BYTES / 4;

/// The index and the ownership record that a log has beside it.
const COMPANIONS_BYTES: u64 = 36 * 1024;

/// The bytes of all logs of a store.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogUsage(Arc<Total>);

#[derive(Debug)]
struct Total {
    bytes: AtomicU64,
    limit: u64,
    hard_limit: u64,
    /// Notified when there is too much.
    exceeded: Notify,
}

impl Default for Total {
    fn default() -> Self {
        Self {
            bytes: AtomicU64::new(0),
            limit: LIMIT_BYTES,
            hard_limit: HARD_LIMIT_BYTES,
            exceeded: Notify::new(),
        }
    }
}

/// The bytes of one tenant's log: of its file, whatever of it is in use.
#[derive(Debug)]
pub(crate) struct LogBytes {
    bytes: AtomicU64,
    total: LogUsage,
}

impl LogUsage {
    /// With another limit than a service has.
    #[cfg(test)]
    pub(crate) fn limited_to(limit: u64) -> Self {
        Self(Arc::new(Total {
            limit,
            hard_limit: limit + limit / 4,
            ..Total::default()
        }))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn is_exceeded(&self) -> bool {
        self.bytes() > self.0.limit
    }

    pub(crate) fn is_far_exceeded(&self) -> bool {
        self.bytes() > self.0.hard_limit
    }

    fn is_scarce(&self) -> bool {
        self.bytes() > self.0.limit / 4 * 3
    }

    /// Waits until there may be too much.
    pub(crate) async fn exceeded(&self) {
        self.0.exceeded.notified().await;
    }

    fn change(&self, from: u64, to: u64) {
        let bytes = &self.0.bytes;
        let before = if to > from {
            bytes.fetch_add(to - from, Ordering::Relaxed)
        } else {
            bytes.fetch_sub(from - to, Ordering::Relaxed)
        };
        let now = before + to - from;
        gauge!("event_history_sqlite_log_bytes").set(bytes_f64(now));
        if to > from && now > self.0.limit {
            self.0.exceeded.notify_one();
        }
    }
}

impl LogBytes {
    pub(crate) const fn of(total: LogUsage) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            total,
        }
    }

    /// Notes that there is a log, and that its file has this length: its companions count too.
    fn set_length(&self, bytes: u64) {
        self.set(bytes + COMPANIONS_BYTES);
    }

    /// Notes that the log has at least this length: its file keeps it when a commit starts over.
    pub(crate) fn grow_to(&self, bytes: u64) {
        if bytes + COMPANIONS_BYTES > self.get() {
            self.set_length(bytes);
        }
    }

    /// Notes the length of the log of the open database at `path`; an empty one has companions too.
    pub(crate) fn look_at_open(&self, path: &Path) {
        self.set_length(length(path));
    }

    /// Notes the length of the log beside the closed database at `path`. `false` if there is none.
    pub(crate) fn look_at_closed(&self, path: &Path) -> bool {
        match length(path) {
            0 => self.clear(),
            bytes => self.set_length(bytes),
        }
        self.is_there()
    }

    /// Notes that there is no log.
    pub(crate) fn clear(&self) {
        self.set(0);
    }

    pub(crate) fn is_there(&self) -> bool {
        self.get() > 0
    }

    /// Tells whether logs should no longer grow: a checkpoint lets a log start over and keeps its file, which costs two
    /// syncs. Removing a log costs more, and the next commits have to make it longer again.
    pub(crate) fn is_scarce(&self) -> bool {
        self.total.is_scarce()
    }

    /// Tells whether the writer has to shorten its log itself.
    pub(crate) fn is_far_exceeded(&self) -> bool {
        self.total.is_far_exceeded()
    }

    fn get(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn set(&self, bytes: u64) {
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        if before != bytes {
            self.total.change(before, bytes);
        }
    }
}

impl Drop for LogBytes {
    fn drop(&mut self) {
        self.clear();
    }
}

fn length(database: &Path) -> u64 {
    std::fs::metadata(wal_of(database)).map_or(0, |wal| wal.len())
}

#[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
const fn bytes_f64(bytes: u64) -> f64 {
    bytes as f64
}
