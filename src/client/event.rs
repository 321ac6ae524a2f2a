//! The event that files go into.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::domain::{ContentType, EventId, EventTime, FileName};

/// A file that is to go up.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub path: PathBuf,
    /// What it is called from then on.
    pub name: FileName,
    pub content_type: Option<ContentType>,
}

/// An event that is to be sent once its files are in storage.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub id: EventId,
    /// Somebody chose the id, so the event may be there already: then nothing is sent twice.
    pub may_exist: bool,
    pub time: EventTime,
    pub event_type_id: i32,
    pub record_id: i64,
    pub source_id: i64,
    pub source_type_id: i32,
    pub data: Vec<Value>,
}

impl NewEvent {
    /// Returns the `detail` of the event with its files.
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
        if let [first, further @ ..] = file_ids {
            detail["file_id"] = first.as_str().into();
            if !further.is_empty() {
                detail["file_ids"] = file_ids.into();
            }
        }
        detail
    }
}
