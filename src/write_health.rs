//! The write health of a local folder, for backends that store their data in one.
//!
//! Backends report failed writes. From then on the folder counts as not writable, until a write succeeds: a caller's, or
//! that of a readiness probe.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The interval between probes of a folder: each is an fsync on a disk with problems.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The size of a probe: a disk that is nearly full may still have room for a page.
const PROBE_BYTES: usize = 64 * 1024;

/// One name suffices, as a folder has one owner. If a KILL interrupts a probe, the next one overwrites its file.
const PROBE: &str = ".event-history-probe";

/// The state of the writes to a folder; shared by clones.
#[derive(Debug, Clone)]
pub struct WriteHealth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// Set while there is an `outage`; spares successful writes the lock.
    is_failing: AtomicBool,
    outage: Mutex<Option<Outage>>,
}

#[derive(Debug)]
struct Outage {
    cause: String,
    /// When the last probe began, if there was one.
    probed: Option<Instant>,
}

/// Why a folder is not writable.
#[derive(Debug, thiserror::Error)]
#[error("the last write to '{}' failed: {cause}", folder.display())]
pub struct Unwritable {
    folder: PathBuf,
    cause: String,
}

impl WriteHealth {
    /// Healthy until a write fails.
    pub fn of(folder: &Path) -> Self {
        Self(Arc::new(Inner {
            folder: folder.to_owned(),
            is_failing: AtomicBool::new(false),
            outage: Mutex::default(),
        }))
    }

    /// Reports a write that failed because of the disk, not because of its content.
    pub fn failed(&self, cause: impl fmt::Display) {
        let mut outage = self.outage();
        let cause = cause.to_string();
        if outage.is_none() {
            let folder = self.0.folder.display();
            tracing::error!(%folder, cause, "a write failed: the service is not ready until one succeeds");
        }
        let probed = outage.take().and_then(|outage| outage.probed);
        *outage = Some(Outage { cause, probed });
        self.0.is_failing.store(true, Ordering::Relaxed);
    }

    /// Reports a write that is on the disk.
    pub fn succeeded(&self) {
        if !self.is_failing() {
            return;
        }
        if self.outage().take().is_some() {
            tracing::info!(folder = %self.0.folder.display(), "writes succeed again");
        }
        self.0.is_failing.store(false, Ordering::Relaxed);
    }

    /// Tells whether the last write failed.
    pub fn is_failing(&self) -> bool {
        self.0.is_failing.load(Ordering::Relaxed)
    }

    /// Returns an error if the folder is not writable. After a failure this probes the folder, one caller at a time; it
    /// then does disk I/O.
    pub fn check(&self, now: Instant) -> Result<(), Unwritable> {
        if !self.is_failing() {
            return Ok(());
        }
        {
            let mut outage = self.outage();
            let Some(outage) = outage.as_mut() else {
                return Ok(());
            };
            let is_due = |last: Instant| now.saturating_duration_since(last) >= PROBE_INTERVAL;
            if !outage.probed.is_none_or(is_due) {
                return Err(self.unwritable(&outage.cause));
            }
            outage.probed = Some(now);
        }
        match probe(&self.0.folder) {
            Ok(()) => {
                self.succeeded();
                Ok(())
            }
            Err(error) => {
                let unwritable = self.unwritable(&error.to_string());
                self.failed(error);
                Err(unwritable)
            }
        }
    }

    fn unwritable(&self, cause: &str) -> Unwritable {
        Unwritable {
            folder: self.0.folder.clone(),
            cause: cause.to_owned(),
        }
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.0.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates, syncs and removes a file.
fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(PROBE);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])
            .and_then(|()| file.sync_all())
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::WriteHealth;

    #[test]
    fn a_failure_lasts_until_a_write_succeeds() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data");
        let health = WriteHealth::of(&folder);
        let now = Instant::now();
        health.check(now).unwrap();
        health.failed("no space");
        let why = health.check(now).unwrap_err().to_string();
        assert!(why.contains("No such file"), "it was probed: {why}");
        std::fs::create_dir(&folder).unwrap();
        assert!(health.check(now).is_err(), "no probe so soon again");
        assert!(health.is_failing());
        health.check(now + Duration::from_secs(2)).unwrap();
        assert!(!health.is_failing());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);

        health.failed("no space");
        health.succeeded();
        health.check(now).unwrap();
    }
}
