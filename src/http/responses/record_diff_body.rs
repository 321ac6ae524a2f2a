//! What changed of a record between two instants, as JSON.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::record_body::{DocumentBody, EventReferenceBody, PersonIdBody};
use crate::domain::record::{Change, EventSummary, FieldChange, PersonChange, PersonChangeKind};
use crate::domain::{Catalogue, EventTime, RecordDiff};

/// What changed of a record between two instants. What is as it was before is left out, whatever was done to it in between.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordDiffBody<'a> {
    record_id: i64,
    /// Events of this instant are before.
    #[schema(format = DateTime)]
    from: String,
    /// Events of this instant are part of the change; null: all later ones are.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Null where the record exists, or does not, as before.
    exists: Option<ExistenceChangeBody<'a>>,
    status: Option<ValueChangeBody<'a>>,
    owners: Vec<PersonChangeBody<'a>>,
    assignees: Vec<PersonChangeBody<'a>>,
    /// By name.
    fields: Vec<FieldChangeBody<'a>>,
    /// The newest 100 that were generated, newest first.
    documents: Vec<DocumentBody<'a>>,
    /// All that were generated.
    document_count: u64,
    /// The events between the two instants.
    event_count: u64,
    /// Their items of event data that have no shape that is known.
    unrecognised_count: u64,
}

/// The events that made a change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedByBody<'a> {
    /// The last 20, oldest first.
    events: Vec<EventReferenceBody<'a>>,
    event_count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExistenceChangeBody<'a> {
    /// Null if the record had no events.
    old: Option<bool>,
    new: bool,
    #[serde(flatten)]
    by: ChangedByBody<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValueChangeBody<'a> {
    /// No event had told a value before; `old` is then null.
    is_new: bool,
    #[schema(value_type = Value)]
    old: Option<&'a RawValue>,
    #[schema(value_type = Value)]
    new: &'a RawValue,
    #[serde(flatten)]
    by: ChangedByBody<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldChangeBody<'a> {
    field: &'a str,
    /// As in the event that last changed the field; null where that had none.
    label: Option<&'a str>,
    #[serde(flatten)]
    change: ValueChangeBody<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonChangeBody<'a> {
    id: PersonIdBody<'a>,
    change: PersonChangeName,
    /// The new name, or the last one of a person who was removed.
    name: &'a str,
    #[serde(flatten)]
    by: ChangedByBody<'a>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PersonChangeName {
    Added,
    Removed,
    Renamed,
}

impl<'a> RecordDiffBody<'a> {
    pub(crate) fn new(
        record_id: i64,
        (from, to): (EventTime, Option<EventTime>),
        diff: &'a RecordDiff,
        catalogue: &'a Catalogue,
    ) -> Self {
        let RecordDiff {
            existence,
            status,
            fields,
            owners,
            assignees,
            documents,
            document_count,
            event_count,
            unrecognised_count,
        } = diff;
        let by = |events, count| ChangedByBody::new(events, count, catalogue);
        let person = |change: &'a PersonChange| {
            let PersonChange {
                id,
                kind,
                name,
                events,
                event_count,
            } = change;
            PersonChangeBody {
                id: id.into(),
                change: (*kind).into(),
                name,
                by: by(events, *event_count),
            }
        };
        let field = |change: &'a FieldChange| {
            let FieldChange {
                name,
                label,
                change,
            } = change;
            FieldChangeBody {
                field: name,
                label: label.as_deref(),
                change: ValueChangeBody::new(change, catalogue),
            }
        };
        let documents = documents.iter();
        let documents = documents.map(|(it, event)| DocumentBody::new(it, event, catalogue));
        Self {
            record_id,
            from: from.to_string(),
            to: to.map(|to| to.to_string()),
            exists: existence.as_ref().map(|it| ExistenceChangeBody {
                old: it.old,
                new: it.new,
                by: by(&it.events, it.event_count),
            }),
            status: status
                .as_ref()
                .map(|it| ValueChangeBody::new(it, catalogue)),
            owners: owners.iter().map(person).collect(),
            assignees: assignees.iter().map(person).collect(),
            fields: fields.iter().map(field).collect(),
            documents: documents.collect(),
            document_count: *document_count,
            event_count: *event_count,
            unrecognised_count: *unrecognised_count,
        }
    }
}

impl<'a> ChangedByBody<'a> {
    fn new(events: &'a [EventSummary], event_count: u64, catalogue: &'a Catalogue) -> Self {
        let events = events.iter();
        Self {
            events: events
                .map(|event| EventReferenceBody::new(event, catalogue))
                .collect(),
            event_count,
        }
    }
}

impl<'a> ValueChangeBody<'a> {
    fn new(
        change: &'a Change<Option<Arc<RawValue>>, Arc<RawValue>>,
        catalogue: &'a Catalogue,
    ) -> Self {
        let Change {
            old,
            new,
            events,
            event_count,
        } = change;
        Self {
            is_new: old.is_none(),
            old: old.as_deref(),
            new,
            by: ChangedByBody::new(events, *event_count, catalogue),
        }
    }
}

impl From<PersonChangeKind> for PersonChangeName {
    fn from(kind: PersonChangeKind) -> Self {
        match kind {
            PersonChangeKind::Added => Self::Added,
            PersonChangeKind::Removed => Self::Removed,
            PersonChangeKind::Renamed => Self::Renamed,
        }
    }
}
