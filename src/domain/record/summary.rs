//! An event as what it changed refers to it.

use crate::domain::{Event, EventId, EventTime, ReceivedAt};

/// The memory that a summary takes in addition to its texts, and what names it in a response.
const OVERHEAD_BYTES: usize = 256;

/// Which event made a change, when it happened, and who or what its source was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSummary {
    pub id: EventId,
    pub time: EventTime,
    pub received_at: Option<ReceivedAt>,
    pub event_type_id: i32,
    pub source_id: i64,
    pub source_type_id: i32,
    pub source_name: String,
    pub source_info: String,
}

/// The place of an event in the order of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    time_us: i64,
    received_us: Option<i64>,
    event_id: EventId,
}

impl EventSummary {
    pub(super) fn of(event: &Event) -> Self {
        let Event {
            id,
            time,
            event_type_id,
            record_id: _,
            source_id,
            source_type_id,
            source_name,
            source_info,
            data: _,
            files: _,
            received_at,
            redactions: _,
        } = event;
        Self {
            id: *id,
            time: *time,
            received_at: *received_at,
            event_type_id: *event_type_id,
            source_id: *source_id,
            source_type_id: *source_type_id,
            source_name: source_name.clone(),
            source_info: source_info.clone(),
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            time_us: self.time.micros(),
            received_us: self.received_at.map(ReceivedAt::micros),
            event_id: self.id,
        }
    }

    pub(super) fn weight_bytes(&self) -> usize {
        OVERHEAD_BYTES + self.source_name.len() + self.source_info.len()
    }
}
