//! Events: what happened to a record.

mod changes;
mod data;
mod pointer;
mod received_at;
mod redaction;
mod same_json;
mod schema;
mod terms;
mod time;
mod words;

pub use changes::{Scalar, WantedChanges, WantedValue};
pub use data::{DataProblem, EventData};
pub use pointer::MemberPointer;
pub use received_at::ReceivedAt;
pub use redaction::{MAX_REDACTED_MEMBERS, MemberProblem, Redaction, Redactions};
pub(super) use same_json::same_json;
pub use schema::{EventSchema, EventSchemas, Mismatch, TenantSchemas};
pub use time::EventTime;
pub use words::Words;

use super::{EventFile, EventId, FileId};

/// The memory that an event takes in addition to its texts.
const OVERHEAD_BYTES: usize = 256;

/// Something that happened to a record, as it was sent and as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub time: EventTime,
    pub event_type_id: i32,
    pub record_id: i64,
    pub source_id: i64,
    pub source_type_id: i32,
    pub source_name: String,
    pub source_info: String,
    pub data: EventData,
    /// Each once. The first is the one that the documented API knows as the event's file.
    pub files: Vec<EventFile>,
    /// `None` until the store has received the event. One that another store received, and that is copied, keeps its own.
    pub received_at: Option<ReceivedAt>,
    /// Of what was removed from it. No sender provides them.
    pub redactions: Redactions,
}

/// The position of an event in the total order of its tenant's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
    /// Ids are compared as their 16 bytes.
    pub event_id: EventId,
}

impl Event {
    /// Returns the event's position in the total order.
    pub const fn position(&self) -> Position {
        Position {
            time_us: self.time.micros(),
            event_id: self.id,
        }
    }

    /// Estimates the memory that the event takes.
    pub fn weight_bytes(&self) -> usize {
        let texts = self.data.as_str().len() + self.source_name.len() + self.source_info.len();
        texts + self.redactions.weight_bytes() + OVERHEAD_BYTES
    }

    /// Returns the first file that the event references.
    pub fn file_id(&self) -> Option<FileId> {
        self.files.first().map(|file| file.id)
    }

    /// Tells whether `sent` is this stored event, delivered again. Of a redacted event nothing is left to compare with, so
    /// whatever has its id is one. An event that was redacted elsewhere is none of one that was not.
    pub fn is_delivered_again_by(&self, sent: &Self) -> bool {
        if self.redactions.is_empty() {
            return sent.redactions.is_empty() && self.same_content(sent);
        }
        self.id == sent.id
    }

    /// Tells whether `other` has the same content, so that it is a second delivery and not another event.
    ///
    /// Times are compared as instants and `event_data` as JSON by value, because forwarders re-encode JSON: white space and
    /// the order of members are ignored, plain integers are compared digit by digit and all other numbers as doubles. The
    /// records of files, the time of receipt and redactions are ignored, as no sender provides them.
    pub fn same_content(&self, other: &Self) -> bool {
        let Self {
            id,
            time,
            event_type_id,
            record_id,
            source_id,
            source_type_id,
            source_name,
            source_info,
            data,
            files,
            received_at: _,
            redactions: _,
        } = self;
        *id == other.id
            && time.micros() == other.time.micros()
            && *event_type_id == other.event_type_id
            && *record_id == other.record_id
            && *source_id == other.source_id
            && *source_type_id == other.source_type_id
            && *source_name == other.source_name
            && *source_info == other.source_info
            && files
                .iter()
                .map(|file| file.id)
                .eq(other.files.iter().map(|file| file.id))
            && data.same_content(&other.data)
    }
}
