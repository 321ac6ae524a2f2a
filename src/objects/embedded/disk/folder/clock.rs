//! The clock that dates what is in the folder. It tolerates a system clock that is set.
//!
//! `<folder>/clock.json` hands the clock's history to the next process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;

use super::Folder;
use crate::domain::Clock;
use crate::objects::clock_skew::{ClockSkew, ClockSkewRecord};

const FILE: &str = "clock.json";
/// A process that is killed loses this much of its history.
const SAVE_EVERY: Duration = Duration::from_mins(1);

/// A clock that records its own adjustments. Every date in the folder comes from it.
#[derive(Debug)]
pub(crate) struct FolderClock {
    folder: Arc<Folder>,
    clock: Arc<dyn Clock>,
    history: Mutex<ClockSkew>,
}

impl FolderClock {
    /// Blocks. `is_new`: this process created the folder, so nothing in it is older.
    pub(crate) fn open(folder: Arc<Folder>, clock: Arc<dyn Clock>, is_new: bool) -> Self {
        let elapsed = clock.elapsed();
        let saved = folder.read_file(FILE).ok();
        let saved = saved.and_then(|json| serde_json::from_slice::<ClockSkewRecord>(&json).ok());
        let history = match saved {
            Some(saved) => ClockSkew::resume(&saved, elapsed, clock.now()),
            None if is_new => ClockSkew::default(),
            None => ClockSkew::unknown(elapsed),
        };
        let clock = Self {
            folder,
            clock,
            history: Mutex::new(history),
        };
        clock.save();
        clock
    }

    /// Returns the time in seconds since 1970.
    pub(crate) fn now_s(&self) -> u64 {
        u64::try_from(self.now().as_second()).unwrap_or_default()
    }

    /// Returns a date such that whatever is dated before it has been here for at least `age`; `None` if
    /// nothing is known to have been.
    pub(crate) fn cutoff(&self, age: Duration) -> Option<Timestamp> {
        self.now();
        self.history().before(self.clock.elapsed(), age)
    }

    /// Returns [`Self::cutoff`] in seconds since 1970; 0 if there is none.
    pub(crate) fn cutoff_s(&self, age: Duration) -> u64 {
        let cutoff = self.cutoff(age).map(Timestamp::as_second);
        cutoff.and_then(|it| it.try_into().ok()).unwrap_or_default()
    }

    /// Saves the history. After a failure the next process takes things to be younger than they are. Blocks.
    fn save(&self) {
        self.now();
        let state = self.history().mark(self.clock.elapsed());
        let saved = serde_json::to_vec(&state)
            .map_err(Into::into)
            .and_then(|json| self.folder.replace_file(FILE, &json));
        if let Err(error) = saved {
            tracing::warn!(%error, "cannot save the clock's history");
        }
    }

    fn history(&self) -> MutexGuard<'_, ClockSkew> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Saves the history every minute until the clock is dropped.
pub(crate) async fn save_periodically(clock: Weak<FolderClock>) {
    loop {
        tokio::time::sleep(SAVE_EVERY).await;
        let Some(clock) = clock.upgrade() else { return };
        let _ = tokio::task::spawn_blocking(move || clock.save()).await; // retried in a minute
    }
}

impl Clock for FolderClock {
    fn now(&self) -> Timestamp {
        let mut history = self.history();
        let now = self.clock.now();
        if let Some(jump) = history.observe(self.clock.elapsed(), now) {
            let seconds = jump.as_secs();
            tracing::warn!(
                seconds,
                "the clock was set: ages are measured by elapsed time"
            );
        }
        now
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}
