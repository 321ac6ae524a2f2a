//! The progress of a job, to be displayed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    CountingEvents,
    CopyingEvents,
    VerifyingEvents,
    CountingFiles,
    CopyingFiles,
    CheckingFiles,
    VerifyingFiles,
    BackingUp,
    Restoring,
    VerifyingBackup,
}

/// Counters that grow during a phase and are reset by the next one.
#[derive(Debug, Default)]
pub struct Progress {
    phase: Mutex<Phase>,
    tenants: AtomicU64,
    tenants_done: AtomicU64,
    total: AtomicU64,
    done: AtomicU64,
    skipped: AtomicU64,
    bytes: Arc<AtomicU64>,
}

/// The counters at one instant. `total` and `done` count files in the phases of files, databases and files in those of
/// backups, and events otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    pub phase: Phase,
    pub tenants: u64,
    pub tenants_done: u64,
    /// 0: unknown.
    pub total: u64,
    pub done: u64,
    /// The part of `done` that an earlier run did.
    pub skipped: u64,
    /// Bytes of files that were read or moved.
    pub bytes: u64,
}

impl Progress {
    pub fn snapshot(&self) -> Snapshot {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            phase,
            tenants: read(&self.tenants),
            tenants_done: read(&self.tenants_done),
            total: read(&self.total),
            done: read(&self.done),
            skipped: read(&self.skipped),
            bytes: read(&self.bytes),
        }
    }

    pub(super) fn begin(&self, phase: Phase, tenants: usize, total: u64) {
        let mut current = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *current = phase;
        self.tenants.store(tenants as u64, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        for counter in [&self.tenants_done, &self.done, &self.skipped, &*self.bytes] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn end_tenant(&self) {
        self.tenants_done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts what an earlier run did.
    pub(super) fn skip(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
        self.skipped.fetch_add(count, Ordering::Relaxed);
    }

    /// Returns the counter of the bytes of files.
    pub(super) fn bytes(&self) -> &Arc<AtomicU64> {
        &self.bytes
    }
}
