//! A record as docs/api.md says that its events tell it, computed as simply as possible: for each value all events are
//! looked at again. Events are those of a list of the API, and so is the answer.

use std::collections::BTreeMap;

use event_history::domain::{EventTime, FileId};
use serde_json::{Map, Value, json};

const MAX_EVENTS: usize = 20;
const MAX_DOCUMENTS: usize = 100;
const MAX_UNRECOGNISED: usize = 20;
const MAX_ITEM_BYTES: usize = 4096;

/// A recognised item, and its event.
struct Told<'a> {
    event: &'a Value,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Person(&'static str, bool, Value, Value),
    Field(String, Value, Value),
    Document(Value, Value),
}

fn time(event: &Value) -> i64 {
    micros(event["event_time"].as_str().unwrap())
}

pub(crate) fn micros(text: &str) -> i64 {
    EventTime::parse(text).unwrap().micros()
}

/// Returns the events up to an instant, in the order in which they apply.
fn ordered<'a>(events: &'a [Value], until: Option<&str>) -> Vec<&'a Value> {
    let mut events: Vec<&Value> = events
        .iter()
        .filter(|event| until.is_none_or(|until| time(event) <= micros(until)))
        .collect();
    let text = |event: &Value, member: &str| event[member].as_str().unwrap().to_owned();
    events.sort_by_key(|it| (time(it), text(it, "received_at"), text(it, "event_id")));
    events
}

/// Returns how an answer refers to an event.
fn reference(event: &Value) -> Value {
    let members = [
        "event_id",
        "event_time",
        "event_type_id",
        "event_type",
        "source_id",
        "source_type_id",
        "source_type",
        "source_name",
        "source_info",
    ];
    let members = members.map(|name| (name.to_owned(), event[name].clone()));
    Value::Object(Map::from_iter(members))
}

fn name_of(event: &Value) -> &str {
    event["event_type"].as_str().unwrap_or_default()
}

/// Returns what an item tells; `None` for a shape that the type does not have.
fn what(event: &Value, item: &Value) -> Option<What> {
    let item = item.as_object()?;
    let text = |name: &str| item.get(name).filter(|it| it.is_string()).cloned();
    let optional_text = |name: &str| match item.get(name) {
        None | Some(Value::Null) => Some(Value::Null),
        Some(Value::String(text)) => Some(text.as_str().into()),
        _ => None,
    };
    let person = |kind, is_there| {
        let id = item.get("id")?;
        let is_id = id.is_string() || id.is_i64();
        is_id.then_some(What::Person(kind, is_there, id.clone(), text("name")?))
    };
    let field = || {
        let name = text("field")?.as_str()?.to_owned();
        let label = optional_text("label")?;
        Some(What::Field(name, label, item.get("new")?.clone()))
    };
    match name_of(event) {
        "owner_initialized" | "owners_added" => person("owners", true),
        "owners_removed" => person("owners", false),
        "assignees_added" => person("assignees", true),
        "assignees_removed" => person("assignees", false),
        "record_created" => field(),
        "field_values_changed" if item.contains_key("old") => field(),
        "status_initialized" => {
            let status = item.get("status")?.clone();
            Some(What::Field("status".to_owned(), Value::Null, status))
        }
        "document_generated" => {
            let id = FileId::parse(text("file_id")?.as_str()?).ok()?;
            let name = optional_text("name")?;
            Some(What::Document(id.to_string().into(), name))
        }
        _ => None,
    }
}

fn items(event: &Value) -> &[Value] {
    event["event_data"].as_array().unwrap()
}

/// Returns the files of an event with their recorded names.
fn files(event: &Value) -> Vec<(Value, Value)> {
    let name = |id: &Value, file: &Value| {
        let is_it = file["file_id"] == *id;
        is_it.then(|| file["file_name"].clone())
    };
    let several = event["files"].as_array().cloned().unwrap_or_default();
    if !several.is_empty() {
        let one = |file: &Value| (file["file_id"].clone(), file["file_name"].clone());
        return several.iter().map(one).collect();
    }
    let id = event["file_id"].clone();
    let found = name(&id, &event["file"]).unwrap_or_default();
    id.is_string().then_some((id, found)).into_iter().collect()
}

fn all_told<'a>(events: &[&'a Value]) -> Vec<Told<'a>> {
    let mut all = Vec::new();
    for event in events {
        let told: Vec<What> = items(event)
            .iter()
            .filter_map(|item| what(event, item))
            .collect();
        let mut outside = Vec::new();
        if name_of(event) == "document_generated" {
            for (id, name) in files(event) {
                let is_told = |it: &What| matches!(it, What::Document(told, _) if *told == id);
                if !told.iter().any(is_told) {
                    outside.push(What::Document(id, name));
                }
            }
        }
        all.extend(
            told.into_iter()
                .chain(outside)
                .map(|what| Told { event, what }),
        );
    }
    all
}

/// Returns the record's body, or `None` if there is no such record.
pub(crate) fn record(record_id: i64, events: &[Value], at: Option<&str>) -> Option<Value> {
    let events = ordered(events, at);
    let (first, last) = (events.first()?, events.last()?);
    let told = all_told(&events);
    let last_of = |name: &str| events.iter().rposition(|event| name_of(event) == name);
    let (created, deleted) = (last_of("record_created"), last_of("record_deleted"));
    let exists = deleted.is_none() || created > deleted;
    let mut fields = fields(&told);
    let status = fields
        .remove("status")
        .map(|(_, value, event)| json!({ "value": value, "event": event }));
    let fields: Vec<Value> = fields
        .into_iter()
        .map(|(name, (label, value, event))| {
            json!({ "field": name, "label": label, "value": value, "event": event })
        })
        .collect();
    let mut counts: BTreeMap<i64, (Value, u64)> = BTreeMap::new();
    for event in &events {
        let id = event["event_type_id"].as_i64().unwrap();
        let count = counts.entry(id).or_insert((event["event_type"].clone(), 0));
        count.1 += 1;
    }
    let counts: Vec<Value> = counts
        .into_iter()
        .map(|(id, (name, count))| {
            json!({ "event_type_id": id, "event_type": name, "events": count })
        })
        .collect();
    let (documents, document_count) = documents(&told);
    let (unrecognised, unrecognised_count) = unrecognised(&events);
    Some(json!({
        "record_id": record_id,
        "at": at,
        "exists": exists,
        "created": created.map(|index| reference(events[index])),
        "deleted": deleted.filter(|_| !exists).map(|index| reference(events[index])),
        "status": status,
        "owners": people(&told, "owners"),
        "assignees": people(&told, "assignees"),
        "fields": fields,
        "documents": documents,
        "document_count": document_count,
        "event_count": events.len(),
        "event_counts": counts,
        "unrecognised": unrecognised,
        "unrecognised_count": unrecognised_count,
        "first_event": reference(first),
        "last_event": reference(last),
    }))
}

/// Returns label, value and event of each field by name, the status among them.
fn fields(told: &[Told<'_>]) -> BTreeMap<String, (Value, Value, Value)> {
    let names = told.iter().filter_map(|it| match &it.what {
        What::Field(name, ..) => Some(name.clone()),
        _ => None,
    });
    let last = |name: &String| {
        let last = told
            .iter()
            .rfind(|it| matches!(&it.what, What::Field(it, ..) if it == name));
        let Told { event, what } = last.unwrap();
        let What::Field(_, label, value) = what else {
            unreachable!()
        };
        (label.clone(), value.clone(), reference(event))
    };
    names.map(|name| (name.clone(), last(&name))).collect()
}

/// Numbers first, then texts.
fn sort_key(id: &Value) -> (bool, i64, String) {
    let text = id.as_str().unwrap_or_default().to_owned();
    (id.is_string(), id.as_i64().unwrap_or_default(), text)
}

fn ids(told: &[Told<'_>], kind: &str) -> BTreeMap<(bool, i64, String), Value> {
    let ids = told.iter().filter_map(|it| match &it.what {
        What::Person(it, _, id, _) if *it == kind => Some((sort_key(id), id.clone())),
        _ => None,
    });
    ids.collect()
}

/// Returns the names of a person's last event, if that added the person.
fn person<'a>(told: &'a [Told<'_>], kind: &str, id: &Value) -> Option<(&'a Value, &'a Value)> {
    let is_it =
        |it: &&Told<'_>| matches!(&it.what, What::Person(a, _, b, _) if *a == kind && b == id);
    let last = told.iter().rfind(is_it)?;
    match &last.what {
        What::Person(_, true, _, name) => Some((name, last.event)),
        _ => None,
    }
}

fn people(told: &[Told<'_>], kind: &str) -> Vec<Value> {
    let ids = ids(told, kind);
    let people = ids.values().filter_map(|id| {
        let (name, event) = person(told, kind, id)?;
        Some(json!({ "id": id, "name": name, "event": reference(event) }))
    });
    people.collect()
}

fn documents(told: &[Told<'_>]) -> (Vec<Value>, usize) {
    let documents = told.iter().filter_map(|it| match &it.what {
        What::Document(file_id, name) => {
            Some(json!({ "file_id": file_id, "name": name, "event": reference(it.event) }))
        }
        _ => None,
    });
    let mut documents: Vec<Value> = documents.collect();
    let count = documents.len();
    documents.reverse();
    documents.truncate(MAX_DOCUMENTS);
    (documents, count)
}

fn unrecognised(events: &[&Value]) -> (Vec<Value>, usize) {
    let mut found = Vec::new();
    for event in events {
        for item in items(event).iter().filter(|it| what(event, it).is_none()) {
            let mut shown = json!({ "event": reference(event) });
            if item.to_string().len() <= MAX_ITEM_BYTES {
                shown["item"] = item.clone();
            }
            found.push(shown);
        }
    }
    let count = found.len();
    found.reverse();
    found.truncate(MAX_UNRECOGNISED);
    (found, count)
}

/// Returns the body of what changed between two instants, or `None` if there is no such record at the second.
pub(crate) fn diff(
    record_id: i64,
    events: &[Value],
    from: &str,
    to: Option<&str>,
) -> Option<Value> {
    let after = record(record_id, events, to)?;
    let before = record(record_id, events, Some(from));
    let (old, all) = (ordered(events, Some(from)), ordered(events, to));
    let window = &all[old.len()..];
    let (told_before, told_after) = (all_told(&old), all_told(&all));
    let told = all_told(window);
    let by = |is_it: &dyn Fn(&Told<'_>) -> bool| {
        let mut by: Vec<Value> = told
            .iter()
            .filter(|it| is_it(it))
            .map(|it| reference(it.event))
            .collect();
        by.dedup();
        changed_by(&by)
    };

    let mut existence = Value::Null;
    let existed = before.as_ref().map(|before| before["exists"].clone());
    if existed.as_ref() != Some(&after["exists"]) {
        let by = window
            .iter()
            .filter(|it| matches!(name_of(it), "record_created" | "record_deleted"))
            .map(|it| reference(it));
        existence = changed_by(&by.collect::<Vec<_>>());
        existence["old"] = existed.into();
        existence["new"] = after["exists"].clone();
    }

    let (before_fields, after_fields) = (fields(&told_before), fields(&told_after));
    let mut status = Value::Null;
    let mut field_changes = Vec::new();
    for (name, (label, new, _)) in after_fields {
        let old = before_fields.get(&name).map(|(_, value, _)| value);
        if old.is_some_and(|old| same(old, &new)) {
            continue;
        }
        let mut change = by(&|it| matches!(&it.what, What::Field(it, ..) if *it == name));
        change["is_new"] = old.is_none().into();
        change["old"] = old.cloned().into();
        change["new"] = new;
        if name == "status" {
            status = change;
            continue;
        }
        change["field"] = name.into();
        change["label"] = label;
        field_changes.push(change);
    }

    let people = |kind: &str| {
        let mut changes = Vec::new();
        for id in ids(&told_after, kind).values() {
            let old = person(&told_before, kind, id).map(|it| it.0);
            let new = person(&told_after, kind, id).map(|it| it.0);
            let (what, name) = match (old, new) {
                (None, Some(name)) => ("added", name),
                (Some(name), None) => ("removed", name),
                (Some(old), Some(name)) if old != name => ("renamed", name),
                _ => continue,
            };
            let mut change =
                by(&|it| matches!(&it.what, What::Person(a, _, b, _) if *a == kind && b == id));
            change["id"] = id.clone();
            change["change"] = what.into();
            change["name"] = name.clone();
            changes.push(change);
        }
        changes
    };
    let (documents, document_count) = documents(&told);
    Some(json!({
        "record_id": record_id,
        "from": from,
        "to": to,
        "exists": existence,
        "status": status,
        "owners": people("owners"),
        "assignees": people("assignees"),
        "fields": field_changes,
        "documents": documents,
        "document_count": document_count,
        "event_count": window.len(),
        "unrecognised_count": unrecognised(window).1,
    }))
}

/// Returns the events of a change: the last ones, oldest first.
fn changed_by(events: &[Value]) -> Value {
    let shown = &events[events.len().saturating_sub(MAX_EVENTS)..];
    json!({ "events": shown, "event_count": events.len() })
}

/// Compares numbers as the store does.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || ((one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_in = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|other| same(value, other))
            };
            one.len() == other.len() && one.iter().all(is_in)
        }
        _ => one == other,
    }
}
