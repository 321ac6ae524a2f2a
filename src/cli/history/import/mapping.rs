//! Makes events of the rows of a CSV.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::tz::TimeZone;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::options::MappingOptions;
use crate::cli::terminal::parse_time;
use crate::config::Problems;
use crate::domain::{Catalogue, EventId, FileId};

/// The members of an event that columns can be mapped to. The id of a type counts before its name.
const MEMBERS: [&str; 17] = [
    "event_id",
    "event_time",
    "event_type_id",
    "event_type",
    "record_id",
    "source_id",
    "source_type_id",
    "source_type",
    "source_name",
    "source_info",
    "file_id",
    "files",
    "event_data",
    "field",
    "label",
    "old",
    "new",
];

/// The titles of a CSV that the service exported.
pub(super) const EXPORTED: [&str; 14] = [
    "event_id",
    "event_time",
    "received_at",
    "event_type_id",
    "event_type",
    "record_id",
    "source_id",
    "source_type_id",
    "source_type",
    "source_name",
    "source_info",
    "file_id",
    "files",
    "event_data",
];

/// The columns of an export in which a text that could be taken for a formula begins with an apostrophe.
const DEFUSED: [&str; 4] = ["event_type", "source_type", "source_name", "source_info"];

const RECORD_CREATED: &str = "record_created";

#[derive(Debug)]
enum Source {
    Column(usize),
    Constant(String),
}

/// Makes events of rows.
#[derive(Debug)]
pub(super) struct Mapping {
    titles: Vec<String>,
    members: BTreeMap<&'static str, Source>,
    /// Columns and the names of their fields.
    fields: Vec<(usize, String)>,
    keys: Vec<usize>,
    typed: bool,
    is_exported: bool,
    catalogue: Catalogue,
    zone: TimeZone,
}

impl Mapping {
    pub(super) fn new(
        options: &MappingOptions,
        titles: &[String],
        catalogue: Catalogue,
        zone: TimeZone,
    ) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let is_exported = titles == EXPORTED;
        let mut mapping = Self {
            titles: titles.to_vec(),
            members: BTreeMap::new(),
            fields: Vec::new(),
            keys: Vec::new(),
            typed: options.typed,
            is_exported,
            catalogue,
            zone,
        };
        for (index, title) in titles.iter().enumerate() {
            if let Some(member) = member(title) {
                mapping.members.insert(member, Source::Column(index));
            }
        }
        mapping.set_members(options, &mut problems);
        for text in &options.field {
            let (title, name) = text.split_once('=').unwrap_or((text, text));
            match column(titles, title) {
                Ok(index) => mapping.fields.push((index, name.to_owned())),
                Err(problem) => problems.push(format!("--field: {problem}")),
            }
        }
        for title in &options.key {
            match column(titles, title) {
                Ok(index) => mapping.keys.push(index),
                Err(problem) => problems.push(format!("--key: {problem}")),
            }
        }
        mapping.check(&mut problems);
        if problems.is_empty() {
            return Ok(mapping);
        }
        Err(Problems(problems))
    }

    fn set_members(&mut self, options: &MappingOptions, problems: &mut Vec<String>) {
        let mut given = Vec::new();
        for text in &options.map {
            given.push(("--map", text, true));
        }
        for text in &options.set {
            given.push(("--set", text, false));
        }
        for (flag, text, is_column) in given {
            let Some((name, value)) = text.split_once('=') else {
                problems.push(format!("{flag}: '{text}' has no '='"));
                continue;
            };
            let Some(member) = member(name) else {
                let known = MEMBERS.join(", ");
                problems.push(format!("{flag}: '{name}' is none of {known}"));
                continue;
            };
            if is_column {
                match column(&self.titles, value) {
                    Ok(index) => _ = self.members.insert(member, Source::Column(index)),
                    Err(problem) => problems.push(format!("{flag}: {problem}")),
                }
            } else {
                self.members
                    .insert(member, Source::Constant(value.to_owned()));
            }
            // What was given by its name counts, whatever column has the id.
            match member {
                "event_type" => _ = self.members.remove("event_type_id"),
                "source_type" => _ = self.members.remove("source_type_id"),
                _ => {}
            }
        }
    }

    fn check(&self, problems: &mut Vec<String>) {
        let has = |member| self.members.contains_key(member);
        for (name, is_there) in [
            ("event_time", has("event_time")),
            ("event_type", has("event_type") || has("event_type_id")),
            ("record_id", has("record_id")),
        ] {
            if !is_there {
                problems.push(format!(
                    "no column is named '{name}': say which one it is by --map {name}=COLUMN, or what it is by --set {name}=VALUE"
                ));
            }
        }
        if has("event_data") && (has("field") || !self.fields.is_empty()) {
            problems.push("give either event_data or fields".to_owned());
        }
        if has("field") && !has("new") {
            problems.push("a changed field needs its new value: --map new=COLUMN".to_owned());
        }
    }

    /// Returns the event of a row as JSON in one line, or what is wrong with the row.
    pub(super) fn event(&self, row: &[String]) -> Result<String, String> {
        let mut members: Vec<(&str, String)> = Vec::new();
        let event_id = match self.given("event_id", row) {
            Some(id) => EventId::parse(&id).map_err(|invalid| format!("event_id: {invalid}"))?,
            None => self.id_of(row),
        };
        members.push(("event_id", text(&event_id.to_string())));
        let time = self.given("event_time", row).ok_or("event_time is empty")?;
        let time = parse_time(&time, &self.zone).map_err(|error| format!("event_time: {error}"))?;
        members.push(("event_time", text(&time.to_string())));
        let event_type = self.type_id("event_type_id", "event_type", row, |name| {
            self.catalogue.parse_event_type(name)
        })?;
        let event_type = event_type.ok_or("event_type is empty")?;
        members.push(("event_type_id", event_type.to_string()));
        let record_id = self
            .integer("record_id", row)?
            .ok_or("record_id is empty")?;
        members.push(("record_id", record_id.to_string()));
        let source_id = self.integer("source_id", row)?.unwrap_or_default();
        members.push(("source_id", source_id.to_string()));
        let source_type = self.type_id("source_type_id", "source_type", row, |name| {
            self.catalogue.parse_source_type(name)
        })?;
        let system = || self.catalogue.parse_source_type("system");
        let source_type = source_type.map_or_else(system, Ok)?;
        members.push(("source_type_id", source_type.to_string()));
        for name in ["source_name", "source_info"] {
            members.extend(self.given(name, row).map(|value| (name, text(&value))));
        }
        self.add_files(row, &mut members)?;
        members.push(("event_data", self.data(event_type, row)?));
        let members: Vec<String> = members
            .into_iter()
            .map(|(name, json)| format!("\"{name}\":{json}"))
            .collect();
        Ok(format!("{{{}}}", members.join(",")))
    }

    /// Returns what is given for a member; `None` if that is empty.
    fn given(&self, member: &str, row: &[String]) -> Option<String> {
        let value = match self.members.get(member)? {
            Source::Constant(value) => value.clone(),
            Source::Column(index) => {
                let cell = &row[*index];
                match cell.strip_prefix('\'') {
                    Some(text) if self.is_exported && DEFUSED.contains(&member) => text.to_owned(),
                    _ => cell.clone(),
                }
            }
        };
        Some(value).filter(|value| !value.is_empty())
    }

    fn integer(&self, member: &str, row: &[String]) -> Result<Option<i64>, String> {
        let value = self.given(member, row);
        let parsed = value.map(|text| {
            let number = text.trim().parse();
            number.map_err(|_| format!("{member}: '{text}' is not a whole number of 64 bits"))
        });
        parsed.transpose()
    }

    fn type_id(
        &self,
        id: &str,
        name: &str,
        row: &[String],
        parse: impl Fn(&str) -> Result<i32, String>,
    ) -> Result<Option<i32>, String> {
        let text = self.given(id, row).or_else(|| self.given(name, row));
        text.map(|text| parse(text.trim())).transpose()
    }

    fn add_files(&self, row: &[String], members: &mut Vec<(&str, String)>) -> Result<(), String> {
        if let Some(id) = self.given("file_id", row) {
            let id = FileId::parse(&id).map_err(|invalid| format!("file_id: {invalid}"))?;
            members.push(("file_id", text(&id.to_string())));
        }
        if let Some(files) = self.given("files", row) {
            let files: Vec<Value> =
                serde_json::from_str(&files).map_err(|error| format!("files: {error}"))?;
            let ids = files.iter().map(|file| file["file_id"].clone());
            let ids: Vec<Value> = ids.collect();
            if ids.len() > 1 {
                members.push(("file_ids", Value::from(ids).to_string()));
            }
        }
        Ok(())
    }

    fn data(&self, event_type: i32, row: &[String]) -> Result<String, String> {
        if let Some(data) = self.given("event_data", row) {
            let json: Result<Vec<&RawValue>, _> = serde_json::from_str(&data);
            json.map_err(|error| format!("event_data: not a JSON array: {error}"))?;
            // Between tokens alone: in texts they are escaped.
            return Ok(data.replace(['\n', '\r'], " "));
        }
        // A record that is created has no old values.
        let has_old = self.catalogue.event_type(event_type) != Some(RECORD_CREATED);
        let mut items = Vec::new();
        if self.members.contains_key("field") {
            let field = self.given("field", row).ok_or("field is empty")?;
            let label = self.given("label", row);
            let (old, new) = (self.given("old", row), self.given("new", row));
            items.push(self.item(&field, label.as_deref(), has_old.then_some(old), new));
        }
        for (index, name) in &self.fields {
            let new = Some(row[*index].clone()).filter(|cell| !cell.is_empty());
            items.push(self.item(name, None, has_old.then_some(None), new));
        }
        Ok(format!("[{}]", items.join(",")))
    }

    #[expect(clippy::option_option, reason = "absent and null are two things")]
    fn item(
        &self,
        field: &str,
        label: Option<&str>,
        old: Option<Option<String>>,
        new: Option<String>,
    ) -> String {
        let mut item = format!("{{\"field\":{}", text(field));
        if let Some(label) = label {
            _ = write!(item, ",\"label\":{}", text(label));
        }
        if let Some(old) = old {
            _ = write!(item, ",\"old\":{}", self.value(old));
        }
        item + &format!(",\"new\":{}}}", self.value(new))
    }

    /// Returns the JSON of a cell; null if it is empty.
    fn value(&self, cell: Option<String>) -> String {
        let Some(cell) = cell else {
            return "null".to_owned();
        };
        let is_scalar =
            cell.parse::<f64>().is_ok_and(f64::is_finite) || cell == "true" || cell == "false";
        // Rust reads numbers that JSON has not.
        if self.typed && is_scalar && serde_json::from_str::<&RawValue>(&cell).is_ok() {
            return cell;
        }
        text(&cell)
    }

    /// Returns the id of a row: the same at every import, wherever in the file the row is.
    fn id_of(&self, row: &[String]) -> EventId {
        let all: Vec<usize> = (0..row.len()).collect();
        let columns = if self.keys.is_empty() {
            &all
        } else {
            &self.keys
        };
        let mut name = String::new();
        for index in columns {
            for part in [&self.titles[*index], &row[*index]] {
                _ = write!(name, "{}:{part},", part.len());
            }
        }
        import_id(&name)
    }
}

/// Returns the id (UUID of version 5) of an event whose file has none for it.
pub(super) fn import_id(name: &str) -> EventId {
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:event-history:import");
    EventId::from_uuid(Uuid::new_v5(&namespace, name.as_bytes()))
}

fn member(name: &str) -> Option<&'static str> {
    MEMBERS.into_iter().find(|member| *member == name)
}

fn column(titles: &[String], title: &str) -> Result<usize, String> {
    let mut found = titles.iter().enumerate().filter(|(_, it)| *it == title);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some(_), Some(_)) => Err(format!("several columns are named '{title}'")),
        (None, _) => {
            let known = titles.join("', '");
            let hint = match titles {
                [only] if only.contains(';') => ": is it --delimiter ';'?",
                [only] if only.contains('\t') => ": is it --delimiter 'tab'?",
                _ => "",
            };
            Err(format!(
                "no column is named '{title}', they are '{known}'{hint}"
            ))
        }
    }
}

/// Returns a text as JSON.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}
