//! Whether a folder takes what the service writes, as far as the service knows: for backends that keep their
//! data in a folder of this machine.
//!
//! A write that fails says so here. From then on the folder counts as one that takes no writes, until a write
//! succeeds: one that a caller wants, or a probe, which readiness makes.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a folder is probed, at most: each probe is an fsync on a disk that has trouble.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What a probe writes: a disk that is nearly full may still take a page.
const PROBE_BYTES: usize = 64 * 1024;

/// A folder has one owner, so one name does, and a probe that a KILL cut short leaves one file that the next
/// writes over.
const PROBE: &str = ".event-history-probe";

/// What is known of the writes to a folder. Clones share it.
#[derive(Debug, Clone)]
pub struct WriteHealth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// Whether `outage` holds something, for those who write all day.
    is_failing: AtomicBool,
    outage: Mutex<Option<Outage>>,
}

#[derive(Debug)]
struct Outage {
    cause: String,
    /// When the last probe began; `None` where none has ended yet.
    probed: Option<Instant>,
}

/// Why a folder counts as one that takes no writes.
#[derive(Debug, thiserror::Error)]
#[error("the last write to '{}' failed: {cause}", folder.display())]
pub struct Unwritable {
    folder: PathBuf,
    cause: String,
}

impl WriteHealth {
    /// Takes writes, until one fails.
    pub fn of(folder: &Path) -> Self {
        Self(Arc::new(Inner {
            folder: folder.to_owned(),
            is_failing: AtomicBool::new(false),
            outage: Mutex::default(),
        }))
    }

    /// Notes that a write failed, for a cause of the disk and not of what was to be written.
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

    /// Notes that a write is on the disk.
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

    /// Says why the folder takes no writes, if it does not. Where the last one failed a moment ago this tries one
    /// itself, and one caller at a time: does disk I/O.
    pub fn check(&self, now: Instant) -> Result<(), Unwritable> {
        if !self.is_failing() {
            return Ok(());
        }
        {
            let mut outage = self.outage();
            let Some(outage) = outage.as_mut() else {
                return Ok(());
            };
            let is_due = |last: Instant| now.saturating_duration_since(last) >= PROBE_EVERY;
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

/// Makes, syncs and removes a file.
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
