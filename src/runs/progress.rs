//! How far a run has come, for whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Counting,
    CopyingEvents,
    VerifyingEvents,
    CountingFiles,
    CopyingFiles,
    VerifyingFiles,
}

/// Figures that grow while a run goes on; they begin anew with each phase.
#[derive(Debug, Default)]
pub struct Progress {
    phase: Mutex<Phase>,
    tenants: AtomicU64,
    pub tenants_done: AtomicU64,
    total: AtomicU64,
    pub done: AtomicU64,
    /// Of `done`, what an earlier run had done.
    skipped: AtomicU64,
    /// Bytes of files that were read or moved.
    pub bytes: Arc<AtomicU64>,
}

/// The figures of one instant. In the phases of files, `total` and `done` count files, else events;
/// a total of 0 is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    pub phase: Phase,
    pub tenants: u64,
    pub tenants_done: u64,
    pub total: u64,
    pub done: u64,
    pub skipped: u64,
    pub bytes: u64,
}

impl Progress {
    pub fn snapshot(&self) -> Snapshot {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
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

    pub fn begin(&self, phase: Phase, tenants: usize, total: u64) {
        let mut current = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *current = phase;
        self.tenants.store(tenants as u64, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        for figure in [&self.tenants_done, &self.done, &self.skipped, &*self.bytes] {
            figure.store(0, Ordering::Relaxed);
        }
    }

    pub fn end_tenant(&self) {
        self.tenants_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the bytes of files.
    pub fn bytes(&self) -> &AtomicU64 {
        &self.bytes
    }

    pub fn advance(&self, count: usize) {
        self.done.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts what was done before this run.
    pub fn skip(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
        self.skipped.fetch_add(count, Ordering::Relaxed);
    }
}
