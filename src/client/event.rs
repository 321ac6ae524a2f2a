//! The event that references the uploaded files.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::domain::{ContentType, EventId, EventTime, FileName};

/// A file to upload.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub path: PathBuf,
    /// The name that it is stored under.
    pub name: FileName,
    pub content_type: Option<ContentType>,
}

/// An event to store once its files are in storage.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub id: EventId,
    /// The caller chose the id, so the event may exist already. Then nothing is sent again.
    pub may_exist: bool,
    pub time: EventTime,
    pub event_type_id: i32,
    pub record_id: i64,
    pub source_id: i64,
    pub source_type_id: i32,
    pub data: Vec<Value>,
}

impl NewEvent {
    /// Returns the `detail` of the event's envelope, with its files.
    pub(super) fn detail(&self, file_ids: &[String]) -> Value {
        let Self {
            id,
            may_exist: _,
            time,
            event_type_id,
            record_id,
            source_id,
            source_type_id,
            data,
        } = self;
        let mut detail = json!({
            "event_id": id.to_string(),
            "event_time": time.to_string(),
            "event_type_id": event_type_id,
            "record_id": record_id,
            "source_id": source_id,
            "source_type_id": source_type_id,
            "event_data": data,
        });
        if let [first, others @ ..] = file_ids {
            detail["file_id"] = first.as_str().into();
            if !others.is_empty() {
                detail["file_ids"] = file_ids.into();
            }
        }
        detail
    }
}
