//! The names of event types and source types.

use std::collections::BTreeMap;

/// Names by id. An id without a name is valid, and its name is null in responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    pub event_types: BTreeMap<i32, String>,
    pub source_types: BTreeMap<i32, String>,
}

const EVENT_TYPES: [(i32, &str); 10] = [
    (1, "record_created"),
    (2, "owner_initialized"),
    (3, "owners_added"),
    (4, "owners_removed"),
    (5, "assignees_added"),
    (6, "assignees_removed"),
    (7, "field_values_changed"),
    (8, "record_deleted"),
    (9, "document_generated"),
    (10, "status_initialized"),
];

/// `mcp` is an AI agent; `source_info` then names the model.
pub(super) const SOURCE_TYPES: [(i32, &str); 4] =
    [(0, "user"), (1, "sequence"), (2, "system"), (3, "mcp")];

impl Default for Catalogue {
    fn default() -> Self {
        let named = |pairs: &[(i32, &str)]| {
            pairs
                .iter()
                .map(|&(id, name)| (id, name.to_owned()))
                .collect()
        };
        Self {
            event_types: named(&EVENT_TYPES),
            source_types: named(&SOURCE_TYPES),
        }
    }
}

impl Catalogue {
    pub fn event_type(&self, id: i32) -> Option<&str> {
        self.event_types.get(&id).map(String::as_str)
    }

    pub fn source_type(&self, id: i32) -> Option<&str> {
        self.source_types.get(&id).map(String::as_str)
    }

    /// Parses an event type: any number, or a name.
    pub fn parse_event_type(&self, text: &str) -> Result<i32, String> {
        parse(&self.event_types, "event type", text)
    }

    pub fn parse_source_type(&self, text: &str) -> Result<i32, String> {
        parse(&self.source_types, "source type", text)
    }
}

fn parse(names: &BTreeMap<i32, String>, what: &str, text: &str) -> Result<i32, String> {
    let with_name = || names.iter().find(|(_, name)| *name == text);
    let id = text.parse().ok().or_else(|| Some(*with_name()?.0));
    id.ok_or_else(|| {
        let known: Vec<&str> = names.values().map(String::as_str).collect();
        format!(
            "the service has no {what} '{text}': give a number, or one of {}",
            known.join(", ")
        )
    })
}
