//! Protection of stored files from removal (S3 Object Lock).

use std::time::Duration;

use jiff::Timestamp;

/// For how long a file is protected after an event has referenced it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLock {
    pub mode: RetentionMode,
    pub life: Duration,
}

/// Protects an object version from being removed or overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub mode: RetentionMode,
    pub until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionMode {
    /// Can be lifted by callers with a special permission.
    Governance,
    /// Cannot be lifted by anyone, the account's owner included.
    Compliance,
}
