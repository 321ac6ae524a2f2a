//! The members of an event, as all senders write them.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::json_fields::{self, Object};
use super::problems::Problems;
use crate::domain::{Event, EventData, EventFile, EventId, EventTime, FileId, Invalid, Redactions};

/// The member with the data of an event.
pub(crate) const EVENT_DATA: &str = "event_data";

/// The most files that one event references: each is looked up in storage while the sender waits.
const MAX_FILES: usize = 50;

/// Something that happened to a record.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct DetailBody {
    /// Chosen by the sender: a second delivery with the same id stores nothing.
    #[schema(format = Uuid, pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    event_id: String,
    /// RFC 3339, with at most six digits of a fraction.
    #[schema(format = DateTime, example = "2022-11-10T10:26:12.111Z")]
    event_time: String,
    #[schema(example = 9)]
    event_type_id: i32,
    record_id: i64,
    source_id: i64,
    source_type_id: i32,
    source_name: Option<String>,
    /// Where the source type is `mcp`: the model.
    source_info: Option<String>,
    /// Anything; the first object in it with a member `file_id` references a file too.
    event_data: Vec<Value>,
    /// A file that was uploaded before the event is sent.
    #[schema(format = Uuid, pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    file_id: Option<String>,
    /// Further files that were uploaded before, at most 50 in all.
    #[schema(value_type = Option<Vec<uuid::Uuid>>, max_items = 50)]
    file_ids: Option<Vec<String>>,
}

/// What stands for members that an event leaves out; `None`: it has to have the member.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Defaults {
    pub(crate) id: Option<EventId>,
    pub(crate) time: Option<EventTime>,
}

impl Defaults {
    /// Stands for members whose source has problems that are noted already: the event will not be used.
    pub(crate) fn placeholder() -> Self {
        Self {
            id: Some(EventId::from_uuid(Uuid::nil())),
            time: EventTime::from_parts(0, 0),
        }
    }
}

/// Parses an event out of its members, and adds what is wrong with them to `problems`.
pub(crate) fn parse(
    detail: &Object<'_>,
    defaults: Defaults,
    problems: &mut Problems,
) -> Option<Event> {
    let id = detail.required_or(problems, "event_id", defaults.id, event_id);
    let time = detail.required_or(problems, "event_time", defaults.time, |json| {
        EventTime::parse(&json_fields::string(json)?)
    });
    let event_type_id = detail.required(problems, "event_type_id", json_fields::small_integer);
    let record_id = detail.required(problems, "record_id", json_fields::integer);
    let source_id = detail.required(problems, "source_id", json_fields::integer);
    let source_type_id = detail.required(problems, "source_type_id", json_fields::small_integer);
    let source_name = detail.optional(problems, "source_name", json_fields::string);
    let source_info = detail.optional(problems, "source_info", json_fields::string);
    let data = detail.required(problems, EVENT_DATA, EventData::parse);
    let file_id = detail.optional(problems, "file_id", |json| {
        FileId::parse(&json_fields::uuid_text(json)?)
    });
    let file_ids = detail.optional(problems, "file_ids", json_fields::elements::<MAX_FILES>);
    let file_ids = file_ids.and_then(|ids| {
        detail.each(problems, "file_ids", &ids.unwrap_or_default(), |json| {
            FileId::parse(&json_fields::uuid_text(json)?)
        })
    });
    let data = data?;
    let file_id = match file_id? {
        Some(file_id) => Some(file_id),
        None => file_id_in_data(detail, &data, problems)?,
    };
    let files = distinct(file_id.into_iter().chain(file_ids?));
    if files.len() > MAX_FILES {
        let message = format!("List should have at most {MAX_FILES} items");
        problems.add(detail.loc("file_ids"), Invalid::new("too_long", message));
    }
    Some(Event {
        id: id?,
        time: time?,
        event_type_id: event_type_id?,
        record_id: record_id?,
        source_id: source_id?,
        source_type_id: source_type_id?,
        source_name: source_name?.unwrap_or_default(),
        source_info: source_info?.unwrap_or_default(),
        data,
        files,
        received_at: None,
        redactions: Redactions::default(),
    })
}

/// Parses the id of an event.
pub(crate) fn event_id(json: &RawValue) -> Result<EventId, Invalid> {
    EventId::parse(&json_fields::uuid_text(json)?)
}

/// Returns each file once, in the order in which they were named, without a record yet.
fn distinct(ids: impl Iterator<Item = FileId>) -> Vec<EventFile> {
    let mut seen = HashSet::new();
    let first = ids.filter(|id| seen.insert(*id));
    first.map(|id| EventFile { id, record: None }).collect()
}

#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn file_id_in_data(
    detail: &Object<'_>,
    data: &EventData,
    problems: &mut Problems,
) -> Option<Option<FileId>> {
    data.file_id()
        .map_err(|problem| {
            let mut loc = detail.loc(EVENT_DATA);
            loc.extend([Value::from(problem.index), Value::from("file_id")]);
            problems.add(loc, problem.invalid);
        })
        .ok()
}
