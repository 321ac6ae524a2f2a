//! A record as its events tell it, as JSON.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::record::{Document, EventSummary, PersonId};
use crate::domain::{Catalogue, EventTime, RecordState};

/// A record at an instant, as its events tell it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordStateBody<'a> {
    record_id: i64,
    /// The instant that was asked for; null: all events count.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// False if the record was deleted, and not created again later.
    exists: bool,
    /// The last event that created the record.
    created: Option<EventReferenceBody<'a>>,
    /// The event that deleted it, if it is deleted.
    deleted: Option<EventReferenceBody<'a>>,
    /// Null if no event told it.
    status: Option<StatusBody<'a>>,
    owners: Vec<PersonBody<'a>>,
    assignees: Vec<PersonBody<'a>>,
    /// By name.
    fields: Vec<FieldBody<'a>>,
    /// The newest 100, newest first.
    documents: Vec<DocumentBody<'a>>,
    /// All documents.
    document_count: u64,
    event_count: u64,
    event_counts: Vec<EventCountBody<'a>>,
    /// The newest 20 items of event data that have no shape that is known, newest first.
    unrecognised: Vec<UnrecognisedBody<'a>>,
    /// All such items.
    unrecognised_count: u64,
    first_event: Option<EventReferenceBody<'a>>,
    last_event: Option<EventReferenceBody<'a>>,
}

/// Which event it was, when it happened, and who or what its source was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventReferenceBody<'a> {
    #[schema(format = Uuid)]
    event_id: String,
    #[schema(format = DateTime)]
    event_time: String,
    event_type_id: i32,
    /// Null where the catalogue has no such type.
    event_type: Option<&'a str>,
    source_id: i64,
    source_type_id: i32,
    /// Null where the catalogue has no such type.
    source_type: Option<&'a str>,
    source_name: &'a str,
    source_info: &'a str,
}

/// An integer of 64 bits or a text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PersonIdBody<'a> {
    Number(i64),
    Text(&'a str),
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusBody<'a> {
    #[schema(value_type = Value)]
    value: &'a RawValue,
    /// The event that set it.
    event: EventReferenceBody<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonBody<'a> {
    id: PersonIdBody<'a>,
    name: &'a str,
    /// The event that last added the person.
    event: EventReferenceBody<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldBody<'a> {
    field: &'a str,
    /// As in the event that last changed the field; null where that had none.
    label: Option<&'a str>,
    #[schema(value_type = Value)]
    value: &'a RawValue,
    /// The event that last changed it.
    event: EventReferenceBody<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentBody<'a> {
    #[schema(format = Uuid)]
    file_id: String,
    name: Option<&'a str>,
    event: EventReferenceBody<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventCountBody<'a> {
    event_type_id: i32,
    event_type: Option<&'a str>,
    events: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnrecognisedBody<'a> {
    /// As it was sent; absent if it takes more than 4 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    item: Option<&'a RawValue>,
    event: EventReferenceBody<'a>,
}

impl<'a> RecordStateBody<'a> {
    pub(crate) fn new(
        record_id: i64,
        at: Option<EventTime>,
        state: &'a RecordState,
        catalogue: &'a Catalogue,
    ) -> Self {
        let event = |event| EventReferenceBody::new(event, catalogue);
        let person = |(id, name, by): (&'a PersonId, &'a str, &'a EventSummary)| PersonBody {
            id: id.into(),
            name,
            event: event(by),
        };
        let status = state.status().map(|(value, by)| StatusBody {
            value,
            event: event(by),
        });
        let fields = state.fields().map(|(field, it, by)| FieldBody {
            field,
            label: it.label.as_deref(),
            value: &it.value,
            event: event(by),
        });
        let documents = state.documents();
        let documents = documents.map(|(it, by)| DocumentBody::new(it, by, catalogue));
        let counts = state.event_counts().map(|(id, events)| EventCountBody {
            event_type_id: id,
            event_type: catalogue.event_type(id),
            events,
        });
        let unrecognised = state.unrecognised().map(|(item, by)| UnrecognisedBody {
            item,
            event: event(by),
        });
        Self {
            record_id,
            at: at.map(|at| at.to_string()),
            exists: state.exists(),
            created: state.created().map(event),
            deleted: state.deleted().map(event),
            status,
            owners: state.owners().map(person).collect(),
            assignees: state.assignees().map(person).collect(),
            fields: fields.collect(),
            documents: documents.collect(),
            document_count: state.document_count(),
            event_count: state.event_count(),
            event_counts: counts.collect(),
            unrecognised: unrecognised.collect(),
            unrecognised_count: state.unrecognised_count(),
            first_event: state.first_event().map(event),
            last_event: state.last_event().map(event),
        }
    }
}

impl<'a> EventReferenceBody<'a> {
    pub(super) fn new(event: &'a EventSummary, catalogue: &'a Catalogue) -> Self {
        let EventSummary {
            id,
            time,
            received_at: _,
            event_type_id,
            source_id,
            source_type_id,
            source_name,
            source_info,
        } = event;
        Self {
            event_id: id.to_string(),
            event_time: time.to_string(),
            event_type_id: *event_type_id,
            event_type: catalogue.event_type(*event_type_id),
            source_id: *source_id,
            source_type_id: *source_type_id,
            source_type: catalogue.source_type(*source_type_id),
            source_name,
            source_info,
        }
    }
}

impl<'a> From<&'a PersonId> for PersonIdBody<'a> {
    fn from(id: &'a PersonId) -> Self {
        match id {
            PersonId::Number(number) => Self::Number(*number),
            PersonId::Text(text) => Self::Text(text),
        }
    }
}

impl<'a> DocumentBody<'a> {
    pub(super) fn new(
        document: &'a Document,
        event: &'a EventSummary,
        catalogue: &'a Catalogue,
    ) -> Self {
        let Document { file_id, name } = document;
        Self {
            file_id: file_id.to_string(),
            name: name.as_deref(),
            event: EventReferenceBody::new(event, catalogue),
        }
    }
}
