//! Records as their events tell them: the replay is compared with a naive model, for random histories.

#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

pub(crate) mod naive;

use event_history::domain::record::{
    Change, EventSummary, PersonChange, PersonChangeKind, PersonId,
};
use event_history::domain::{
    Catalogue, Event, EventFile, EventId, EventTime, FileId, FileName, FileRecord, ReceivedAt,
    RecordDiff, RecordReplay, RecordState, Redactions,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::samples::data;
use crate::support;

const RECORD: i64 = 42;
const MAX_BYTES: usize = 4 * 1024 * 1024;
const FIRST_TIME_US: i64 = 1_668_075_972_000_000; // 2022-11-10T10:26:12Z

/// Returns the JSON of a known shape, or of one that is almost one.
pub(crate) fn item() -> impl Strategy<Value = String> {
    let id = prop::sample::select(vec!["1", "2", "0", r#""1""#, r#""\u0031""#, r#""x""#]);
    let person = (id, prop::sample::select(vec!["Ada", "Bo", "\\u0042o"]))
        .prop_map(|(id, name)| format!(r#"{{"id":{id},"name":"{name}"}}"#));
    let field = prop::sample::select(vec!["a", "b", "status", "\\u0061", ""]);
    let label = prop::sample::select(vec!["", r#""label":"A label","#, r#""label":null,"#]);
    let value = prop::sample::select(vec![
        "1",
        "1.0",
        "2",
        "null",
        "\"1\"",
        "[]",
        r#"{"x":1,"y":[2]}"#,
        r#"{"y":[2.0],"x":1}"#,
    ]);
    let old = prop::sample::select(vec![r#""old":0,"#, r#""old":null,"#, ""]);
    let field = (field, label, old, value).prop_map(|(field, label, old, value)| {
        format!(r#"{{"field":"{field}",{label}{old}"new":{value}}}"#)
    });
    let status = prop::sample::select(vec!["1", "null", "\"open\"", "{}"])
        .prop_map(|status| format!(r#"{{"status":{status}}}"#));
    let document = (
        0..4_u8,
        prop::sample::select(vec!["", r#","name":"A.pdf""#, r#","name":null"#]),
    )
        .prop_map(|(file, name)| format!(r#"{{"file_id":"{}"{name}}}"#, file_id(file)));
    let foreign = prop::sample::select(vec![
        "17",
        "null",
        "[]",
        "\"x\"",
        "{}",
        r#"{"id":1}"#,
        r#"{"id":null,"name":"x"}"#,
        r#"{"id":1.5,"name":"x"}"#,
        r#"{"id":1e0,"name":"x"}"#,
        r#"{"id":true,"name":"x"}"#,
        r#"{"id":9223372036854775808,"name":"x"}"#,
        r#"{"id":1,"name":null}"#,
        r#"{"field":7,"old":1,"new":2}"#,
        r#"{"field":"a","old":1}"#,
        r#"{"field":"a","old":1,"new":2,"label":7}"#,
        r#"{"file_id":"nope"}"#,
        r#"{"file_id":null}"#,
        // Further members are none of the shape's, and of two with one name the last counts.
        r#"{"id":1,"name":"Ada","mail":{"x":[1]},"field":"a","old":1,"new":3,"status":4}"#,
        r#"{"id":2,"id":1,"name":7,"name":"Cy"}"#,
        r#"{"field":"b","old":1,"new":2,"field":"a","label":null,"label":"Last"}"#,
    ]);
    let large = (0..2_usize).prop_map(|more| format!("\"{}\"", "x".repeat(4094 + more)));
    prop_oneof![
        6 => person, 6 => field, 3 => status, 3 => document, 5 => foreign.prop_map(str::to_owned),
        1 => large
    ]
}

fn file_id(number: u8) -> FileId {
    FileId::from_uuid(Uuid::from_u128(u128::from(number) << 64))
}

/// Returns events that share few instants, with ids and times of receipt in no order.
fn history() -> impl Strategy<Value = Vec<Event>> {
    let event = (
        (1..13_i32, 0..6_i64, 0..40_i64, any::<u128>(), 0..2_u8),
        prop::collection::vec(item(), 0..5),
        prop::option::weighted(0.2, (0..4_u8, any::<bool>())),
    );
    let event = event.prop_map(|((kind, second, received, id, source), items, file)| {
        let received_us = FIRST_TIME_US + 60_000_000 + received;
        Event {
            id: EventId::from_uuid(Uuid::from_u128(id)),
            time: EventTime::from_parts(FIRST_TIME_US + second * 1_000_000, 3).unwrap(),
            event_type_id: kind,
            record_id: RECORD,
            source_id: i64::from(source),
            source_type_id: i32::from(source),
            source_name: format!("source {source}"),
            source_info: String::new(),
            data: data(&format!("[{}]", items.join(","))),
            files: file
                .map(|(number, is_named)| named(number, is_named))
                .into_iter()
                .collect(),
            received_at: ReceivedAt::from_micros(received_us),
            redactions: Redactions::default(),
        }
    });
    prop::collection::vec(event, 0..40)
}

fn named(number: u8, is_named: bool) -> EventFile {
    let record = is_named.then(|| FileRecord {
        file_name: FileName::parse("Recorded.pdf").ok(),
        ..FileRecord::default()
    });
    EventFile {
        id: file_id(number),
        record,
    }
}

/// Returns what the API lists of an event.
fn listed(event: &Event, catalogue: &Catalogue) -> Value {
    let file = event.files.first();
    let record = file.and_then(|file| file.record.as_ref());
    let data: Value = serde_json::from_str(event.data.as_str()).unwrap();
    let mut listed = json!({
        "event_id": event.id.to_string(),
        "event_time": event.time.to_string(),
        "event_type_id": event.event_type_id,
        "event_type": catalogue.event_type(event.event_type_id),
        "record_id": event.record_id,
        "source_id": event.source_id,
        "source_type_id": event.source_type_id,
        "source_type": catalogue.source_type(event.source_type_id),
        "source_name": event.source_name,
        "source_info": event.source_info,
        "event_data": data,
        "file_id": file.map(|file| file.id.to_string()),
        "received_at": event.received_at.map(|it| it.to_string()),
    });
    if let Some(record) = record {
        let name = record.file_name.as_ref().map(FileName::as_str);
        listed["file"] = json!({ "file_id": listed["file_id"], "file_name": name });
    }
    listed
}

fn reference(event: &EventSummary) -> Value {
    let catalogue = Catalogue::default();
    json!({
        "event_id": event.id.to_string(),
        "event_time": event.time.to_string(),
        "event_type_id": event.event_type_id,
        "event_type": catalogue.event_type(event.event_type_id),
        "source_id": event.source_id,
        "source_type_id": event.source_type_id,
        "source_type": catalogue.source_type(event.source_type_id),
        "source_name": event.source_name,
        "source_info": event.source_info,
    })
}

fn id(id: &PersonId) -> Value {
    match id {
        PersonId::Number(number) => json!(number),
        PersonId::Text(text) => json!(text),
    }
}

fn people<'a>(people: impl Iterator<Item = (&'a PersonId, &'a str, &'a EventSummary)>) -> Value {
    people
        .map(|(it, name, event)| json!({ "id": id(it), "name": name, "event": reference(event) }))
        .collect()
}

/// Returns what the API answers for a state.
fn body(state: &RecordState, at: Option<&str>) -> Option<Value> {
    let fields: Value = state
        .fields()
        .map(|(name, it, event)| {
            json!({ "field": name, "label": it.label.as_deref(), "value": value(it.value.get()),
                    "event": reference(event) })
        })
        .collect();
    let documents: Value = state
        .documents()
        .map(|(it, event)| {
            json!({ "file_id": it.file_id.to_string(), "name": it.name.as_deref(), "event": reference(event) })
        })
        .collect();
    let counts: Value = state
        .event_counts()
        .map(|(id, count)| {
            json!({ "event_type_id": id, "event_type": Catalogue::default().event_type(id), "events": count })
        })
        .collect();
    let unrecognised: Value = state
        .unrecognised()
        .map(|(item, event)| {
            let mut shown = json!({ "event": reference(event) });
            if let Some(item) = item {
                shown["item"] = value(item.get());
            }
            shown
        })
        .collect();
    Some(json!({
        "record_id": RECORD,
        "at": at,
        "exists": state.exists(),
        "created": state.created().map(reference),
        "deleted": state.deleted().map(reference),
        "status": state.status().map(|(it, event)| json!({ "value": value(it.get()), "event": reference(event) })),
        "owners": people(state.owners()),
        "assignees": people(state.assignees()),
        "fields": fields,
        "documents": documents,
        "document_count": state.document_count(),
        "event_count": state.event_count(),
        "event_counts": counts,
        "unrecognised": unrecognised,
        "unrecognised_count": state.unrecognised_count(),
        "first_event": reference(state.first_event()?),
        "last_event": state.last_event().map(reference),
    }))
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn change<O, N>(change: &Change<O, N>) -> Value {
    changed_by(&change.events, change.event_count)
}

fn changed_by(events: &[EventSummary], count: u64) -> Value {
    let events: Vec<Value> = events.iter().map(reference).collect();
    json!({ "events": events, "event_count": count })
}

fn person_change(it: &PersonChange) -> Value {
    let mut body = changed_by(&it.events, it.event_count);
    body["id"] = id(&it.id);
    body["name"] = json!(it.name.as_ref());
    body["change"] = json!(match it.kind {
        PersonChangeKind::Added => "added",
        PersonChangeKind::Removed => "removed",
        PersonChangeKind::Renamed => "renamed",
    });
    body
}

/// Returns what the API answers for a diff.
fn diff_body(diff: &RecordDiff, from: &str, to: Option<&str>) -> Value {
    let existence = diff.existence.as_ref().map(|it| {
        let mut body = change(it);
        body["old"] = it.old.into();
        body["new"] = it.new.into();
        body
    });
    let values = |it: &Change<_, _>| {
        let old: &Option<std::sync::Arc<serde_json::value::RawValue>> = &it.old;
        let new: &std::sync::Arc<serde_json::value::RawValue> = &it.new;
        let mut body = change(it);
        body["is_new"] = old.is_none().into();
        body["old"] = old.as_ref().map_or(Value::Null, |it| value(it.get()));
        body["new"] = value(new.get());
        body
    };
    let fields: Vec<Value> = diff
        .fields
        .iter()
        .map(|it| {
            let mut body = values(&it.change);
            body["field"] = json!(it.name.as_ref());
            body["label"] = json!(it.label.as_deref());
            body
        })
        .collect();
    let documents: Vec<Value> = diff
        .documents
        .iter()
        .map(|(it, event)| {
            json!({ "file_id": it.file_id.to_string(), "name": it.name.as_deref(), "event": reference(event) })
        })
        .collect();
    let people = |changes: &[PersonChange]| changes.iter().map(person_change).collect::<Vec<_>>();
    json!({
        "record_id": RECORD,
        "from": from,
        "to": to,
        "exists": existence,
        "status": diff.status.as_ref().map(values),
        "owners": people(&diff.owners),
        "assignees": people(&diff.assignees),
        "fields": fields,
        "documents": documents,
        "document_count": diff.document_count,
        "event_count": diff.event_count,
        "unrecognised_count": diff.unrecognised_count,
    })
}

/// Replays the events up to an instant in the total order, as a store returns them.
fn replay(mut replay: RecordReplay, events: &[Event], until: Option<&str>) -> RecordReplay {
    let mut events: Vec<&Event> = events
        .iter()
        .filter(|it| until.is_none_or(|until| it.time.micros() <= naive::micros(until)))
        .collect();
    events.sort_by_key(|event| event.position());
    for event in events {
        replay.apply(event, &Catalogue::default()).unwrap();
    }
    replay
}

fn instant(second: i64) -> String {
    let micros = FIRST_TIME_US + second * 1_000_000;
    EventTime::from_parts(micros, 0).unwrap().to_string()
}

fn configuration() -> ProptestConfig {
    let cases = support::number_from_environment("EVENT_HISTORY_TEST_HISTORIES", 250);
    let cases = u32::try_from(cases).unwrap();
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn a_record_at_an_instant_is_that_of_a_naive_replay(events in history(), second in -1..7_i64) {
        let catalogue = Catalogue::default();
        let listed: Vec<Value> = events.iter().map(|it| listed(it, &catalogue)).collect();
        let at = instant(second);
        for at in [None, Some(&*at)] {
            let state = replay(RecordReplay::new(MAX_BYTES), &events, at).into_state();
            prop_assert_eq!(body(&state, at), naive::record(RECORD, &listed, at));
        }
    }

    #[test]
    fn a_diff_is_that_of_two_naive_replays(events in history(), from in -1..7_i64, more in 0..7_i64) {
        let catalogue = Catalogue::default();
        let listed: Vec<Value> = events.iter().map(|it| listed(it, &catalogue)).collect();
        let (start, end) = (instant(from), instant(from + more));
        for to in [None, Some(&*end)] {
            let replay = replay(RecordReplay::since(naive::micros(&start), MAX_BYTES), &events, to);
            let expected = naive::diff(RECORD, &listed, &start, to);
            let diff = expected.is_some().then(|| diff_body(&replay.diff(), &start, to));
            prop_assert_eq!(diff, expected);
        }
    }
}

#[test]
fn memory_is_bounded_by_what_is_left_and_not_by_what_was() {
    let event = |number: u32, kind: i32, items: &str| Event {
        id: EventId::from_uuid(Uuid::from_u128(number.into())),
        time: EventTime::from_parts(FIRST_TIME_US + i64::from(number), 6).unwrap(),
        event_type_id: kind,
        record_id: RECORD,
        source_id: 0,
        source_type_id: 0,
        source_name: String::new(),
        source_info: String::new(),
        data: data(items),
        files: Vec::new(),
        received_at: ReceivedAt::from_micros(FIRST_TIME_US),
        redactions: Redactions::default(),
    };
    let catalogue = Catalogue::default();
    let mut replay = RecordReplay::new(128 * 1024);
    for number in 0..3000 {
        let person = json!([{ "id": number / 4, "name": "x".repeat(100) }]).to_string();
        let changed = json!([{ "field": "a", "old": 0, "new": number }]).to_string();
        let document = json!([{ "file_id": Uuid::nil() }]).to_string();
        let kinds = [(3, &person), (4, &person), (7, &changed), (9, &document)];
        let (kind, items) = kinds[number as usize % 4];
        replay
            .apply(&event(number, kind, items), &catalogue)
            .unwrap();
    }
    let outcome = (3000..6000).try_for_each(|number| {
        let items = json!([{ "id": number, "name": "x" }]).to_string();
        replay.apply(&event(number, 5, &items), &catalogue)
    });
    let error = outcome.unwrap_err().to_string();
    assert_eq!(error, "the record's state takes more than 131072 bytes");

    // One event alone may be too much.
    let items: Vec<Value> = (0..10_000)
        .map(|id| json!({ "field": id.to_string(), "new": 1 }))
        .collect();
    let mut replay = RecordReplay::new(1024 * 1024);
    let refused = replay.apply(&event(1, 1, &json!(items).to_string()), &catalogue);
    assert!(refused.is_err());
}
