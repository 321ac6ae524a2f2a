//! The items of event data that the record view understands.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::FileId;

/// The event types whose data the record view understands, by the names of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    RecordCreated,
    RecordDeleted,
    OwnersAdded,
    OwnersRemoved,
    AssigneesAdded,
    AssigneesRemoved,
    FieldValuesChanged,
    DocumentGenerated,
    StatusInitialized,
}

/// An item in its known shape.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Person {
        id: PersonId,
        name: Cow<'a, str>,
    },
    Field {
        name: Cow<'a, str>,
        label: Option<Cow<'a, str>>,
        value: &'a RawValue,
    },
    Status {
        value: &'a RawValue,
    },
    Document {
        file_id: FileId,
        name: Option<Cow<'a, str>>,
    },
}

/// Identifies an owner or an assignee; a number is not the text of its digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonId {
    Number(i64),
    Text(String),
}

impl Kind {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "record_created" => Self::RecordCreated,
            "record_deleted" => Self::RecordDeleted,
            "owner_initialized" | "owners_added" => Self::OwnersAdded,
            "owners_removed" => Self::OwnersRemoved,
            "assignees_added" => Self::AssigneesAdded,
            "assignees_removed" => Self::AssigneesRemoved,
            "field_values_changed" => Self::FieldValuesChanged,
            "document_generated" => Self::DocumentGenerated,
            "status_initialized" => Self::StatusInitialized,
            _ => return None,
        })
    }
}

impl<'a> Item<'a> {
    /// Parses an item of an event of this type; `None` if it has another shape. Members that the shape does not have
    /// are ignored, and of members with one name the last one counts.
    pub(super) fn parse(kind: Kind, json: &'a RawValue) -> Option<Self> {
        if !json.get().starts_with('{') {
            return None;
        }
        let members: Members<'_> = serde_json::from_str(json.get()).ok()?;
        match kind {
            Kind::OwnersAdded
            | Kind::OwnersRemoved
            | Kind::AssigneesAdded
            | Kind::AssigneesRemoved => Some(Self::Person {
                id: person_id(members.id?)?,
                name: text(members.name?)?,
            }),
            Kind::FieldValuesChanged => {
                members.old?;
                Self::field(&members)
            }
            Kind::RecordCreated => Self::field(&members),
            Kind::StatusInitialized => Some(Self::Status {
                value: members.status?,
            }),
            Kind::DocumentGenerated => Some(Self::Document {
                file_id: FileId::parse(&text(members.file_id?)?).ok()?,
                name: optional_text(members.name)?,
            }),
            Kind::RecordDeleted => None,
        }
    }

    fn field(members: &Members<'a>) -> Option<Self> {
        Some(Self::Field {
            name: text(members.field?)?,
            label: optional_text(members.label)?,
            value: members.new?,
        })
    }
}

fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    let text = serde_json::from_str::<Text<'_>>(json.get());
    text.ok().map(|it| it.0)
}

/// A member that is null counts as absent. `None` if it is no text.
#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn optional_text(json: Option<&RawValue>) -> Option<Option<Cow<'_, str>>> {
    match json.filter(|json| json.get() != "null") {
        None => Some(None),
        Some(json) => text(json).map(Some),
    }
}

/// A 64-bit integer or a text.
fn person_id(json: &RawValue) -> Option<PersonId> {
    if json.get().starts_with('"') {
        return text(json).map(|it| PersonId::Text(it.into_owned()));
    }
    json.get().parse().ok().map(PersonId::Number)
}

/// Calls `each` with every item of a JSON array, one after the other.
pub(super) fn for_each(array: &str, each: impl FnMut(&RawValue)) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(array);
    deserializer.deserialize_seq(ItemsVisitor(each))?;
    deserializer.end()
}

struct ItemsVisitor<F>(F);

impl<'de, F: FnMut(&RawValue)> Visitor<'de> for ItemsVisitor<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&RawValue>()? {
            (self.0)(item);
        }
        Ok(())
    }
}

/// A JSON string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object that some shape has.
#[derive(Default)]
struct Members<'a> {
    id: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
    field: Option<&'a RawValue>,
    label: Option<&'a RawValue>,
    old: Option<&'a RawValue>,
    new: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
    file_id: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(Text(name)) = map.next_key()? {
            let member = match name.as_ref() {
                "id" => &mut members.id,
                "name" => &mut members.name,
                "field" => &mut members.field,
                "label" => &mut members.label,
                "old" => &mut members.old,
                "new" => &mut members.new,
                "status" => &mut members.status,
                "file_id" => &mut members.file_id,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *member = Some(map.next_value()?);
        }
        Ok(members)
    }
}
