//! The current time as an argument, so that a test can choose it.

use std::fmt::Debug;

use jiff::Timestamp;

/// Where the service learns what time it is.
pub trait Clock: Debug + Send + Sync {
    /// Returns the current instant.
    fn now(&self) -> Timestamp;
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
}
