//! Events as a table for people, or as lines of JSON for programs.

use std::fmt::Write;
use std::io::{self, IsTerminal};

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::cli::terminal::{Reader, Style, Table, inert_json, local_time, print, visible};
use crate::client::HistoryEvent;
use crate::config::local_time_zone;

/// Prints events as they come.
#[derive(Debug)]
pub(super) enum EventPrinter {
    Table {
        table: Table,
        zone: TimeZone,
        with_ids: bool,
    },
    Json {
        is_terminal: bool,
    },
}

impl EventPrinter {
    pub(super) fn new(json: bool, with_ids: bool) -> Self {
        if json {
            let is_terminal = io::stdout().is_terminal();
            return Self::Json { is_terminal };
        }
        let mut columns = vec![
            ("TIME", Style::Dim),
            ("RECORD", Style::Plain),
            ("TYPE", Style::Colored),
            ("SOURCE", Style::Plain),
        ];
        if with_ids {
            columns.push(("EVENT", Style::Dim));
        }
        columns.push(("DATA", Style::Plain));
        Self::Table {
            table: Table::new(&columns),
            zone: local_time_zone(),
            with_ids,
        }
    }

    pub(super) fn print(&mut self, events: &[Box<RawValue>]) -> anyhow::Result<Reader> {
        let text = match self {
            Self::Json { is_terminal } => lines(events, *is_terminal),
            Self::Table {
                table,
                zone,
                with_ids,
            } => {
                let mut rows = Vec::with_capacity(events.len());
                for event in events {
                    rows.push(row(&HistoryEvent::parse(event)?, zone, *with_ids));
                }
                table.lines(&rows)
            }
        };
        print(&text)
    }
}

fn lines(events: &[Box<RawValue>], is_terminal: bool) -> String {
    let mut text = String::new();
    for event in events {
        let json = event.get();
        if is_terminal {
            text.push_str(&inert_json(json));
        } else {
            text.push_str(json);
        }
        text.push('\n');
    }
    text
}

fn row(event: &HistoryEvent, zone: &TimeZone, with_ids: bool) -> Vec<String> {
    let HistoryEvent {
        event_id,
        event_time,
        event_type_id,
        event_type,
        record_id,
        source_id,
        source_type_id,
        source_type,
        source_name,
        source_info,
        event_data,
    } = event;
    let source = Source {
        id: *source_id,
        type_id: *source_type_id,
        type_name: source_type.as_deref(),
        name: source_name,
        info: source_info,
    };
    let mut row = vec![
        visible(&local_time(event_time, zone)).into_owned(),
        record_id.to_string(),
        visible(&named(event_type.as_deref(), *event_type_id)).into_owned(),
        source.shown(),
    ];
    if with_ids {
        row.push(visible(event_id).into_owned());
    }
    row.push(visible(&summary(event_data)).into_owned());
    row
}

/// Who or what caused an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) id: i64,
    pub(super) type_id: i32,
    pub(super) type_name: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) info: &'a str,
}

impl Source<'_> {
    /// Returns a text like `Ada (user 7)` or `user 7`.
    pub(super) fn shown(self) -> String {
        let Self {
            id,
            type_id,
            type_name,
            name,
            info,
        } = self;
        let id = format!("{} {id}", named(type_name, type_id));
        let name = if name.is_empty() { info } else { name };
        let shown = if name.is_empty() {
            id
        } else {
            format!("{name} ({id})")
        };
        visible(&shown).into_owned()
    }
}

/// Returns the name of a type; its id if the service has no name for it.
fn named(name: Option<&str>, id: i32) -> String {
    name.map_or_else(|| id.to_string(), str::to_owned)
}

/// An item of event data that has one of the shapes of the documents.
#[derive(Deserialize)]
struct Item<'a> {
    field: Option<String>,
    label: Option<String>,
    #[serde(borrow)]
    old: Option<&'a RawValue>,
    #[serde(borrow)]
    new: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    name: Option<String>,
    file_id: Option<String>,
}

/// Returns event data in a few words: items of the documented shapes, and others as the JSON that they are.
fn summary(data: &RawValue) -> String {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(data.get()) else {
        return data.get().to_owned();
    };
    let mut words = String::new();
    for item in items {
        if !words.is_empty() {
            words.push_str("; ");
        }
        match serde_json::from_str(item.get())
            .ok()
            .and_then(item_in_words)
        {
            Some(item) => words.push_str(&item),
            None => words.push_str(item.get()),
        }
    }
    words
}

fn item_in_words(item: Item<'_>) -> Option<String> {
    let Item {
        field,
        label,
        old,
        new,
        status,
        id,
        name,
        file_id,
    } = item;
    if let (Some(field), Some(new)) = (field, new) {
        let mut words = label.unwrap_or(field);
        words.push_str(": ");
        if let Some(old) = old {
            _ = write!(words, "{} → ", value_in_words(old));
        }
        return Some(words + &value_in_words(new));
    }
    if let Some(status) = status {
        return Some(format!("status: {}", value_in_words(status)));
    }
    if let Some(file_id) = file_id {
        return Some(name.unwrap_or(file_id));
    }
    let (id, name) = (id?, name?);
    Some(format!("{name} ({})", value_in_words(id)))
}

/// Returns a value as people write it: a text without quotes, unless it is empty or could be taken for something else.
pub(super) fn value_in_words(json: &RawValue) -> String {
    match serde_json::from_str::<String>(json.get()) {
        Ok(text) if !text.is_empty() && !is_json(&text) => text,
        _ => json.get().to_owned(),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::summary;

    #[test]
    fn known_shapes_are_summed_up_and_others_shown() {
        for (data, expected) in [
            ("[]", ""),
            (
                r#"[{"field":"amount","label":"Amount","old":100,"new":120.50},{"field":"status","old":"draft","new":"final"}]"#,
                "Amount: 100 → 120.50; status: draft → final",
            ),
            (r#"[{"field":"a","old":null,"new":"7"}]"#, r#"a: "7""#),
            (r#"[{"field":"a","new":""}]"#, r#"a: """#),
            (
                r#"[{"id":7,"name":"Ada"},{"id":"u-8","name":"Grace"}]"#,
                "Ada (7); Grace (u-8)",
            ),
            (r#"[{"status":"draft"}]"#, "status: draft"),
            (
                r#"[{"file_id":"4f0c","name":"Contract.pdf"}]"#,
                "Contract.pdf",
            ),
            (r#"[{"file_id":"4f0c"}]"#, "4f0c"),
            (
                r#"[1,{"x":[true]},"y",{"id":{"a":1}}]"#,
                r#"1; {"x":[true]}; "y"; {"id":{"a":1}}"#,
            ),
        ] {
            let raw = RawValue::from_string(data.to_owned()).unwrap();
            assert_eq!(summary(&raw), expected, "{data}");
        }
    }
}
