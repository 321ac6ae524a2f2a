//! The errors of the service.

use std::time::Duration;

use crate::domain::{
    CursorProblem, EventId, FileId, FileRecord, HoldId, KeyId, Limit, LimitedParty, MemberProblem,
    Scope, Violation,
};
use crate::{objects, store};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API key is missing or wrong")]
    KeyRefused,
    #[error("the credential lacks the scope '{0}'")]
    ScopeMissing(Scope),
    #[error("the view token has expired")]
    ViewTokenExpired,
    #[error("a view token makes no tokens")]
    NotWithViewToken,
    /// The operation is about no tenant, or about all.
    #[error("the credential is for one tenant")]
    OneTenantOnly,
    /// The history of the system tenant is the service's alone to write.
    #[error("the system tenant is not changed by callers")]
    SystemTenant,
    /// The audit of administrators cannot be written: nothing was done.
    #[error("the act cannot be recorded, and was not done")]
    Unrecorded(#[source] store::Error),
    #[error("there is no key {id}")]
    KeyNotFound { id: KeyId },
    #[error("there are {0} keys, which is the limit")]
    TooManyKeys(usize),
    /// The tenant, or the key, has done as much as it may for now.
    #[error("the {} has reached its limit of {}", party.name(), party.limit_name(*limit))]
    LimitReached {
        party: LimitedParty,
        limit: Limit,
        wait: Duration,
    },
    #[error("no client id was sent")]
    ClientMissing,
    #[error("the client id matches no tenant")]
    ClientUnknown,
    /// `tenant` is a database name, or the name from an envelope.
    #[error("there is no database of tenant '{tenant}'")]
    TenantNotFound { tenant: String },
    #[error("a tenant with that database name exists already")]
    NameTaken,
    #[error("there are {0} dedicated tenants, which is the limit")]
    TooManyDedicated(u64),
    #[error("tenant '{tenant}' is under a legal hold")]
    UnderHold { tenant: String },
    /// Nothing of it is removed.
    #[error("event {event_id} is under a legal hold")]
    EventUnderHold { event_id: EventId },
    /// Members of an event that cannot be removed.
    #[error("the redaction is refused")]
    RedactionRefused(Vec<MemberProblem>),
    #[error("there is no hold {hold_id}")]
    HoldNotFound { hold_id: HoldId },
    #[error("there are {0} holds, which is the limit")]
    TooManyHolds(usize),
    #[error("event {event_id} exists with other content")]
    OtherContent { event_id: EventId },
    #[error("file {file_id} is not in storage")]
    FileNotInStorage { file_id: FileId },
    #[error("there is no event {event_id}")]
    EventNotFound { event_id: EventId },
    /// The record has no events, or none until the instant that was asked for.
    #[error("there is no record {record_id}")]
    RecordNotFound { record_id: i64 },
    /// Its owners, assignees and fields are more, or larger, than one answer holds.
    #[error("record {record_id} is too large to show")]
    RecordTooLarge { record_id: i64 },
    /// No such event, or an event without a file: callers cannot tell these apart.
    #[error("event {event_id} has no file")]
    NoFile { event_id: EventId },
    /// The storage does not have the bytes that were recorded.
    #[error("file {} is not what was recorded", .0.file_id)]
    FileChanged(Box<FileChange>),
    /// It violates the rules for uploads; `reason` follows the file's id in a sentence.
    #[error("file {file_id} {reason}")]
    FileNotAllowed { file_id: FileId, reason: String },
    /// The upload violates the operator's rules.
    #[error("the upload is refused")]
    UploadRefused(Vec<Violation>),
    /// No such multipart upload, and no file that it was completed to.
    #[error("there is no upload of file {file_id}")]
    UploadNotFound { file_id: FileId },
    /// The storage rejects the request permanently.
    #[error("object storage refuses: {0}")]
    StorageRefused(String),
    #[error("the cursor is refused: {0}")]
    CursorRefused(CursorProblem),
    /// The tenant's events cannot be searched before they are indexed.
    #[error("the events are being indexed")]
    NotIndexed,
    #[error("no credentials to sign with")]
    Credentials(#[source] objects::Error),
    /// May succeed later. The outcome of the request is unknown.
    #[error("a backend is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An operator has to intervene.
    #[error("the service cannot continue")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The recorded and the current state of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub file_id: FileId,
    pub recorded: FileRecord,
    /// `None` if the storage has no such file.
    pub found: Option<FileRecord>,
}

impl Error {
    /// The task of a request ended without an answer: the service is stopping, or it has a bug.
    pub(super) fn ended() -> Self {
        Self::Unavailable("the request ended early".into())
    }

    pub(super) fn file_changed(
        file_id: FileId,
        recorded: FileRecord,
        found: Option<FileRecord>,
    ) -> Self {
        Self::FileChanged(Box::new(FileChange {
            file_id,
            recorded,
            found,
        }))
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::DatabaseMissing(name) => Self::TenantNotFound {
                tenant: name.to_string(),
            },
            store::Error::EntryMissing(_) | store::Error::Busy | store::Error::Unavailable(_) => {
                Self::Unavailable(error.into())
            }
            store::Error::UnderHold(name) => Self::UnderHold {
                tenant: name.to_string(),
            },
            store::Error::NotIndexed => Self::NotIndexed,
            store::Error::CursorRefused(problem) => Self::CursorRefused(problem),
            store::Error::Damaged(_) => Self::Broken(error.into()),
        }
    }
}

impl From<objects::Error> for Error {
    fn from(error: objects::Error) -> Self {
        match error {
            objects::Error::Credentials(_) => Self::Credentials(error),
            objects::Error::Unavailable(_) => Self::Unavailable(error.into()),
            objects::Error::Damaged(_) => Self::Broken(error.into()),
            objects::Error::Refused(reason) => Self::StorageRefused(reason),
        }
    }
}
