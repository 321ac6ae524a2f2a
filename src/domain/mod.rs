//! Values and rules, without I/O. Every type is valid by construction; this imports no other part of the crate.

pub mod access;
pub mod catalogue;
pub mod cause;
pub mod clock;
pub mod cursor;
pub mod data_lifecycle;
pub mod digest;
pub mod entropy;
pub mod event;
pub mod feed;
pub mod file;
pub mod finding;
pub mod id;
pub mod query;
pub mod record;
pub mod stats;
pub mod tenant;

use std::fmt;

pub use access::{
    Act, ActKind, Actor, ActorKind, KeyText, Limit, LimitedParty, ListedKey, PreviousSecret,
    Requirement, Scope, Scopes, StoredKey, TenantSecrets, UsageLimits,
};
pub use catalogue::Catalogue;
pub use clock::{Clock, SystemClock};
pub use cursor::{Cursor, CursorProblem, Epoch, FeedPosition, PageCursor, TenantCursor};
pub use data_lifecycle::{
    AgeFrom, Cutoffs, Due, Hold, Holds, MAX_HOLDS, MAX_RETENTION_DAYS, MAX_RETENTION_RULES, Reason,
    RetentionPosition, RetentionRule, RetentionRules, RetentionStep,
};
pub use digest::{HistoryDigest, HistorySum};
pub use entropy::{Entropy, SystemEntropy};
pub use event::{
    Event, EventData, EventSchema, EventSchemas, EventTime, MAX_REDACTED_MEMBERS, MemberPointer,
    MemberProblem, Mismatch, Position, ReceivedAt, Redaction, Redactions, Scalar, TenantSchemas,
    WantedChanges, WantedValue, Words,
};
pub use feed::Feed;
pub use file::{
    ContentType, EventFile, FileName, FileRecord, FileSha256, ObjectKey, ObjectLock, Retention,
    RetentionMode, UploadConstraints, UploadRules, Violation,
};
pub use finding::Finding;
pub use id::{ClientId, EventId, FileId, HoldId, KeyId};
pub use query::{Chunk, Count, Counts, Ordering, Page, Query};
pub use record::{RecordDiff, RecordReplay, RecordState};
pub use stats::{Grouping, Stats};
pub use tenant::{
    ClientSecret, DatabaseName, FileTotals, HiddenTenant, Placement, Tenant, TenantMember,
    TenantPage, TenantQuery,
};

/// The reason why a value is invalid: `kind` is for programs (the `type` of a 422 entry), `message` for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    pub kind: &'static str,
    pub message: String,
}

impl Invalid {
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub fn missing() -> Self {
        Self::new("missing", "Field required")
    }

    pub fn at_most(max: impl fmt::Display) -> Self {
        let message = format!("Input should be less than or equal to {max}");
        Self::new("less_than_equal", message)
    }
}
