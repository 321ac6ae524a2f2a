//! The progress of a transfer, to be displayed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    CallingService,
    Hashing,
    Uploading,
    Downloading,
}

/// Counters that grow during a phase and are reset by the next one.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    now: Arc<Mutex<(Phase, String)>>,
    total_bytes: Arc<AtomicU64>,
    done_bytes: Arc<AtomicU64>,
    skipped_bytes: Arc<AtomicU64>,
}

/// The counters at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub phase: Phase,
    pub name: String,
    /// 0: unknown.
    pub total_bytes: u64,
    pub done_bytes: u64,
    /// The part of `done_bytes` that an earlier run did.
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

    /// Starts to count an attempt, which may fail.
    pub(super) fn attempt(&self) -> Attempt {
        Attempt {
            all: Arc::clone(&self.done_bytes),
            own: Arc::default(),
            succeeded: false,
        }
    }
}

/// Bytes of one attempt. They are subtracted again unless it [succeeds](Attempt::succeed).
#[derive(Debug)]
pub(super) struct Attempt {
    all: Arc<AtomicU64>,
    pub(super) own: Arc<AtomicU64>,
    succeeded: bool,
}

impl Attempt {
    /// Returns a function that counts bytes.
    pub(super) fn counter(&self) -> impl Fn(u64) + Send + Sync + use<> {
        let (all, own) = (Arc::clone(&self.all), Arc::clone(&self.own));
        move |bytes| {
            all.fetch_add(bytes, Ordering::Relaxed);
            own.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn succeed(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.succeeded {
            let own = self.own.load(Ordering::Relaxed);
            self.all.fetch_sub(own, Ordering::Relaxed);
        }
    }
}
