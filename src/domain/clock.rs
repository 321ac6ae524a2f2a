//! The current time as an argument, so that a test can choose it.

use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Where the service learns what time it is.
pub trait Clock: Debug + Send + Sync {
    /// Returns the current instant.
    fn now(&self) -> Timestamp;

    /// Returns the time since an instant that stays the same while the process lives. Unlike [`Clock::now`]
    /// it is never set: how long something took is told by it alone.
    fn elapsed(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        FIRST.elapsed()
    }
}
