//! How far a transfer has come, for whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a transfer is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Asking,
    Hashing,
    Uploading,
    Downloading,
}

/// Figures that grow while a file moves; they begin anew with each phase.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    now: Arc<Mutex<(Phase, String)>>,
    total_bytes: Arc<AtomicU64>,
    pub(super) done_bytes: Arc<AtomicU64>,
    skipped_bytes: Arc<AtomicU64>,
}

/// The figures of one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub phase: Phase,
    pub name: String,
    /// 0: not known.
    pub total_bytes: u64,
    pub done_bytes: u64,
    /// Of `done_bytes`, what an earlier run had done.
    pub skipped_bytes: u64,
}

impl Progress {
    pub fn snapshot(&self) -> Snapshot {
        let (phase, name) = self
            .now
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Snapshot {
            phase,
            name,
            total_bytes: self.total_bytes.load(Ordering::Relaxed),
            done_bytes: self.done_bytes.load(Ordering::Relaxed),
            skipped_bytes: self.skipped_bytes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn begin(&self, phase: Phase, name: &str, total_bytes: u64, skipped_bytes: u64) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = (phase, name.to_owned());
        self.total_bytes.store(total_bytes, Ordering::Relaxed);
        self.done_bytes.store(skipped_bytes, Ordering::Relaxed);
        self.skipped_bytes.store(skipped_bytes, Ordering::Relaxed);
    }

    /// Begins to count what may turn out to be in vain.
    pub(super) fn attempt(&self) -> Attempt {
        Attempt {
            all: Arc::clone(&self.done_bytes),
            own: Arc::default(),
            counts: false,
        }
    }
}

/// Bytes of one attempt: they count for nothing unless it is [kept](Attempt::keep).
#[derive(Debug)]
pub(super) struct Attempt {
    all: Arc<AtomicU64>,
    pub(super) own: Arc<AtomicU64>,
    counts: bool,
}

impl Attempt {
    /// Returns what counts bytes as they go.
    pub(super) fn counter(&self) -> impl Fn(u64) + Send + Sync + use<> {
        let (all, own) = (Arc::clone(&self.all), Arc::clone(&self.own));
        move |bytes| {
            all.fetch_add(bytes, Ordering::Relaxed);
            own.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn keep(mut self) {
        self.counts = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.counts {
            let own = self.own.load(Ordering::Relaxed);
            self.all.fetch_sub(own, Ordering::Relaxed);
        }
    }
}
