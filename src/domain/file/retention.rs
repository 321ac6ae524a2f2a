//! Protection of stored files from removal (S3 Object Lock).

use std::time::Duration;

use jiff::Timestamp;

/// For how long a file is protected after an event has referenced it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLock {
    pub mode: RetentionMode,
    pub life: Duration,
}

impl ObjectLock {
    /// Returns the retention of a file that an event references now.
    pub fn retention_from(&self, now: Timestamp) -> Retention {
        Retention {
            mode: self.mode,
            until: now.checked_add(self.life).unwrap_or(Timestamp::MAX),
        }
    }
}

/// Protects an object version from being removed or overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub mode: RetentionMode,
    pub until: Timestamp,
}

impl Retention {
    /// Tells whether this protects for at least as long, and at least as strictly.
    pub fn covers(&self, other: Self) -> bool {
        self.until >= other.until && self.mode >= other.mode
    }
}

/// Ordered by strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetentionMode {
    /// Can be lifted by callers with a special permission.
    Governance,
    /// Cannot be lifted by anyone, the account's owner included.
    Compliance,
}
