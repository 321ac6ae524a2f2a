//! The clock that dates what is in the folder, and how long things have been there.
//!
//! `<folder>/clock.json` tells the next process what this one saw of the clock.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;

use super::folder::Folder;
use crate::domain::Clock;
use crate::objects::clock_skew::{ClockSkew, ClockSkewRecord};

const MARK: &str = "clock.json";
/// How often the mark is written: what is lost of a process's life when it is killed.
const MARK_PAUSE: Duration = Duration::from_mins(1);

/// A clock that remembers what it said: every date in the folder comes from it.
#[derive(Debug)]
pub(super) struct Ages {
    folder: Arc<Folder>,
    clock: Arc<dyn Clock>,
    history: Mutex<ClockSkew>,
}

impl Ages {
    /// Blocks. `is_new`: the folder was made by this process, so that nothing in it is older.
    pub(super) fn open(folder: Arc<Folder>, clock: Arc<dyn Clock>, is_new: bool) -> Self {
        let elapsed = clock.elapsed();
        let mark = folder.read_file(MARK).ok();
        let mark = mark.and_then(|json| serde_json::from_slice::<ClockSkewRecord>(&json).ok());
        let history = match mark {
            Some(mark) => ClockSkew::resume(&mark, elapsed, clock.now()),
            None if is_new => ClockSkew::default(),
            None => ClockSkew::unknown(elapsed),
        };
        let ages = Self {
            folder,
            clock,
            history: Mutex::new(history),
        };
        ages.keep();
        ages
    }

    /// Returns the date before which a thing was dated that has been here for `life`; `None` if nothing
    /// is known to have been.
    pub(super) fn before(&self, life: Duration) -> Option<Timestamp> {
        self.now();
        let history = self.history.lock();
        let history = history.unwrap_or_else(PoisonError::into_inner);
        history.before(self.clock.elapsed(), life)
    }

    /// The same in seconds since 1970; 0 if nothing is known to have been here so long.
    pub(super) fn before_s(&self, life: Duration) -> u64 {
        let before = self.before(life).map(Timestamp::as_second);
        before.and_then(|it| it.try_into().ok()).unwrap_or_default()
    }

    /// Writes the mark. Where that fails, the next process takes things for younger. Blocks.
    fn keep(&self) {
        self.now();
        let mark = {
            let history = self.history.lock();
            let history = history.unwrap_or_else(PoisonError::into_inner);
            history.mark(self.clock.elapsed())
        };
        let kept = serde_json::to_vec(&mark)
            .map_err(Into::into)
            .and_then(|json| self.folder.replace_file(MARK, &json));
        if let Err(error) = kept {
            tracing::warn!(%error, "cannot keep what the clock did");
        }
    }
}

/// Writes the mark as long as somebody uses the folder.
pub(super) async fn keep_marks(ages: Weak<Ages>) {
    loop {
        tokio::time::sleep(MARK_PAUSE).await;
        let Some(ages) = ages.upgrade() else { return };
        let _ = tokio::task::spawn_blocking(move || ages.keep()).await; // another try comes soon
    }
}

impl Clock for Ages {
    fn now(&self) -> Timestamp {
        let history = self.history.lock();
        let mut history = history.unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let elapsed = self.clock.elapsed();
        if let Some(jump) = history.observe(elapsed, now) {
            let seconds = jump.as_secs();
            tracing::warn!(
                seconds,
                "the clock was set: files age by the time that passed beside it"
            );
        }
        now
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}
