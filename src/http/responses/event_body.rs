//! Events and file records as JSON.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{ApiError, ApiResult};
use crate::domain::{Catalogue, Event, EventFile, FileRecord, Redaction};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventBody {
    #[schema(format = Uuid)]
    event_id: String,
    /// In UTC, to the precision in which it was sent.
    #[schema(format = DateTime)]
    event_time: String,
    event_type_id: i32,
    /// Null where the catalogue has no such type.
    event_type: Option<String>,
    record_id: i64,
    source_id: i64,
    source_type_id: i32,
    /// Null where the catalogue has no such type.
    source_type: Option<String>,
    source_name: String,
    source_info: String,
    #[schema(value_type = Vec<Value>)]
    event_data: Box<RawValue>,
    #[schema(format = Uuid)]
    file_id: Option<String>,
    /// The record of the event's file, made when the event was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileBody>,
    /// All files of the event, where it references several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileBody>,
    /// When the store received the event, in UTC.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<String>,
    /// What was removed of the event; absent if nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redactions: Vec<RedactionBody>,
}

/// What was removed at one time: the values of members are null since, and texts empty.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RedactionBody {
    /// JSON pointers into the event.
    #[schema(example = json!(["/event_data/0/new"]))]
    members: Vec<String>,
    #[schema(example = "Request 2026-17")]
    reason: String,
    /// The credential.
    #[schema(example = "configured key")]
    redacted_by: String,
    #[schema(format = DateTime)]
    redacted_at: String,
}

/// The record of a file, made when an event referenced it; members that storage did not report are null.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FileBody {
    #[schema(format = Uuid)]
    file_id: String,
    #[serde(flatten)]
    record: RecordBody,
}

/// A file's fingerprint and name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RecordBody {
    size_bytes: u64,
    content_type: Option<String>,
    /// In hexadecimal, of the whole file.
    sha256: Option<String>,
    etag: Option<String>,
    version_id: Option<String>,
    file_name: Option<String>,
}

impl EventBody {
    pub(crate) fn new(event: Event, catalogue: &Catalogue) -> ApiResult<Self> {
        let Event {
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
            received_at,
            redactions,
        } = event;
        let file_id = files.first().map(|file| file.id.to_string());
        let bodies: Vec<FileBody> = files.iter().filter_map(FileBody::new).collect();
        Ok(Self {
            event_id: id.to_string(),
            event_time: time.to_string(),
            event_type_id,
            event_type: catalogue.event_type(event_type_id).map(str::to_owned),
            record_id,
            source_id,
            source_type_id,
            source_type: catalogue.source_type(source_type_id).map(str::to_owned),
            source_name,
            source_info,
            event_data: RawValue::from_string(data.into_string())
                .map_err(|error| ApiError::damaged(id, error))?,
            file: bodies
                .first()
                .filter(|it| Some(&it.file_id) == file_id.as_ref())
                .cloned(),
            file_id,
            files: if files.len() > 1 { bodies } else { Vec::new() },
            received_at: received_at.map(|at| at.to_string()),
            redactions: redactions
                .as_slice()
                .iter()
                .map(RedactionBody::new)
                .collect(),
        })
    }
}

impl RedactionBody {
    pub(crate) fn new(redaction: &Redaction) -> Self {
        let Redaction {
            members,
            reason,
            redacted_by,
            redacted_at,
        } = redaction;
        Self {
            members: members.iter().map(|it| it.as_str().to_owned()).collect(),
            reason: reason.to_string(),
            redacted_by: redacted_by.clone(),
            redacted_at: redacted_at.to_string(),
        }
    }
}

impl FileBody {
    /// Returns `None` for a file without a record.
    pub(crate) fn new(file: &EventFile) -> Option<Self> {
        let EventFile { id, record } = file;
        Some(Self {
            file_id: id.to_string(),
            record: RecordBody::new(record.as_ref()?),
        })
    }
}

impl RecordBody {
    pub(crate) fn new(record: &FileRecord) -> Self {
        let FileRecord {
            size_bytes,
            content_type,
            sha256,
            etag,
            version_id,
            file_name,
        } = record;
        Self {
            size_bytes: *size_bytes,
            content_type: content_type.as_ref().map(ToString::to_string),
            sha256: sha256.map(|sha256| sha256.to_string()),
            etag: etag.clone(),
            version_id: version_id.clone(),
            file_name: file_name.as_ref().map(|name| name.as_str().to_owned()),
        }
    }
}
