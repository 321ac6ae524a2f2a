//! Whatever an event holds comes back, and whatever a filter says is answered as over a plain list.

use std::collections::HashSet;
use std::sync::Arc;

use event_history::domain::query::Limit;
use event_history::domain::{
    ContentType, Count, Entropy as _, Event, EventData, EventFile, EventId, EventTime, FileId,
    FileName, FileRecord, FileSha256, Ordering, Query, ReceivedAt, Redactions, SystemEntropy,
    WantedChanges, WantedValue, Words,
};
use event_history::store::{Created, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::Place;
use crate::samples::{as_sent, data, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn any_value_is_kept_and_found() {
    let place = Place::new();
    let store: Arc<dyn Store> = Arc::new(place.open().await);
    keeps_and_finds_any_value(&store, 64).await;
    store.close().await.unwrap();
}

/// Tries so many histories, each with queries of its own.
pub(crate) async fn keeps_and_finds_any_value(store: &Arc<dyn Store>, cases: u32) {
    let (store, handle) = (Arc::clone(store), Handle::current());
    let tried = tokio::task::spawn_blocking(move || {
        let config = Config {
            cases,
            failure_persistence: None,
            max_shrink_iters: 30, // each is a tenant
            ..Config::default()
        };
        let strategy = (
            prop::collection::vec(event(), 1..9),
            prop::collection::vec(query(), 1..5),
        );
        TestRunner::new(config).run(&strategy, |(events, queries)| {
            handle.block_on(try_one(&*store, events, queries))
        })
    });
    tried.await.unwrap().unwrap();
}

async fn try_one(
    store: &dyn Store,
    mut events: Vec<Event>,
    queries: Vec<Query>,
) -> Result<(), TestCaseError> {
    let mut ids = HashSet::new();
    events.retain(|event| ids.insert(event.id));
    let tenant = tenant(&format!("any-{}", SystemEntropy.uuid_v4()));
    let created = store.create_tenant(tenant.clone()).await.unwrap();
    prop_assert_eq!(created, Created::New);
    store.append(&tenant, events.clone()).await.unwrap();
    for event in &mut events {
        let kept = store.event(&tenant, event.id).await.unwrap();
        prop_assert_eq!(as_sent(kept.clone()), [event.clone()]);
        event.received_at = kept.unwrap().received_at;
    }
    // What a sender chose for one event is what a reader asks for.
    let first = &events[0];
    let own = Query {
        record_ids: vec![first.record_id],
        event_type_ids: vec![first.event_type_id],
        source_ids: vec![first.source_id],
        source_type_ids: vec![first.source_type_id],
        event_ids: vec![first.id],
        from_us: Some(first.time.micros()),
        to_us: first.time.micros().checked_add(1),
        words: Words::parse(&first.source_name).ok(),
        source_names: vec![first.source_name.clone()],
        source_infos: vec![first.source_info.clone()],
        file_ids: first.files.iter().map(|file| file.id).collect(),
        has_file: Some(!first.files.is_empty()),
        received_from_us: first.received_at.map(ReceivedAt::micros),
        received_to_us: first.received_at.map(|it| it.micros() + 1),
        changes: changes_in(first),
        ..Query::default()
    };
    let texts = events
        .iter()
        .flat_map(|it| [&it.source_name, &it.source_info]);
    let searches = texts.map(|text| Query {
        words: Words::parse(text).ok(),
        ..Query::default()
    });
    let queries = queries.into_iter().chain([own, Query::default()]);
    for query in queries.chain(searches.collect::<Vec<_>>()) {
        let mut expected: Vec<Event> = events
            .iter()
            .filter(|it| query.matches(it))
            .cloned()
            .collect();
        expected.sort_by_key(Event::position);
        if query.ordering == Ordering::NewestFirst {
            expected.reverse();
        }
        let page = store.events(&tenant, &query).await.unwrap();
        prop_assert_eq!(page.counts.unwrap().total, events.len() as u64);
        prop_assert_eq!(page.counts.unwrap().filtered, expected.len() as u64);
        let (offset, limit) = (query.offset as usize, query.limit.get() as usize);
        let expected: Vec<Event> = expected.into_iter().skip(offset).take(limit).collect();
        prop_assert_eq!(page.events, expected);
    }
    store.delete_tenant(&tenant).await.unwrap();
    Ok(())
}

/// Returns the changes that the first change of an event is one of.
fn changes_in(event: &Event) -> WantedChanges {
    let items: Vec<serde_json::Value> = serde_json::from_str(event.data.as_str()).unwrap();
    let change = items.iter().find(|it| it.get("new").is_some());
    let Some(change) = change else {
        return WantedChanges::default();
    };
    let [field, value] = ["field", "new"].map(|it| change[it].as_str().unwrap());
    WantedChanges {
        fields: vec![field.to_owned()],
        values: vec![WantedValue::new(value)],
    }
}

/// Any characters, those that statements are made of more often than others.
fn text() -> impl Strategy<Value = String> {
    let statement =
        proptest::string::string_regex("['\"`\\\\{}():;%?$\\-/*\\x00\\n\\t\\rN@#, a]{0,20}");
    prop_oneof![
        any::<String>(),
        statement.unwrap(),
        Just("'; DROP TABLE events; --".to_owned()),
    ]
}

fn json_array() -> impl Strategy<Value = EventData> {
    let object = (text(), text()).prop_map(|(name, value)| serde_json::json!({ name: value }));
    let change = (text(), text())
        .prop_map(|(field, value)| serde_json::json!({ "field": field, "new": value }));
    let element = prop_oneof![
        change,
        object,
        text().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from)
    ];
    let elements = prop::collection::vec(element, 0..4);
    elements.prop_map(|elements| data(&serde_json::Value::from(elements).to_string()))
}

/// Few numbers at the ends and in the middle, so that filters meet them, and any other.
fn long() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), -1..2_i64, any::<i64>()]
}

fn short() -> impl Strategy<Value = i32> {
    prop_oneof![Just(i32::MIN), Just(i32::MAX), -1..2_i32, any::<i32>()]
}

fn time_us() -> impl Strategy<Value = i64> {
    prop_oneof![
        -1..2_i64,
        -62_135_596_800_000_000..253_402_207_200_000_000_i64
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let numbers = (long(), short(), long(), short());
    let ids = (any::<u128>(), prop::collection::vec(file(), 0..4));
    (numbers, ids, time_us(), text(), text(), json_array()).prop_map(
        |(
            (record_id, event_type_id, source_id, source_type_id),
            (id, files),
            time,
            name,
            info,
            data,
        )| {
            Event {
                id: EventId::from_uuid(Uuid::from_u128(id)),
                time: EventTime::from_parts(time, 6).unwrap(),
                event_type_id,
                record_id,
                source_id,
                source_type_id,
                source_name: name,
                source_info: info,
                data,
                files,
                received_at: None,
                redactions: Redactions::default(),
            }
        },
    )
}

fn file() -> impl Strategy<Value = EventFile> {
    let name = "\\PC{1,60}|[\\s\\S]{1,60}";
    let record = (
        any::<u64>(),
        any::<Option<[u8; 32]>>(),
        any::<Option<String>>(),
        name,
    )
        .prop_map(|(size_bytes, sha256, text, name)| FileRecord {
            size_bytes,
            content_type: sha256.and_then(|_| ContentType::parse("application/pdf").ok()),
            sha256: sha256.map(FileSha256::new),
            etag: text.clone(),
            version_id: text,
            file_name: FileName::parse(&name).ok(),
        });
    (any::<u128>(), prop::option::of(record)).prop_map(|(id, record)| EventFile {
        id: FileId::from_uuid(Uuid::from_u128(id)),
        record,
    })
}

fn query() -> impl Strategy<Value = Query> {
    let lists = (
        prop::collection::vec(long(), 0..3),
        prop::collection::vec(short(), 0..3),
        prop::collection::vec(long(), 0..3),
        prop::collection::vec(short(), 0..3),
        prop_oneof![4 => Just(vec![]), 1 => prop::collection::vec(any::<u128>(), 1..3)],
    );
    let bound = || prop::option::of(prop_oneof![time_us(), any::<i64>()]);
    let texts = || prop_oneof![9 => Just(vec![]), 1 => prop::collection::vec(text(), 1..3)];
    let by_content = (
        [texts(), texts(), texts(), texts()],
        prop_oneof![9 => Just(vec![]), 1 => prop::collection::vec(any::<u128>(), 1..3)],
        prop_oneof![2 => Just(None), 1 => any::<Option<bool>>()],
        [
            prop_oneof![2 => Just(None), 1 => bound()],
            prop_oneof![2 => Just(None), 1 => bound()],
        ],
    );
    let part = (
        any::<bool>(),
        1..1001_u32,
        prop_oneof![0..3_u32, any::<u32>()],
        prop::option::weighted(0.2, text()),
    );
    let all = (lists, bound(), bound(), by_content, part);
    all.prop_map(
        |(lists, from_us, to_us, by_content, (newest, limit, offset, text))| {
            let (texts, file_ids, has_file, received) = by_content;
            let [source_names, source_infos, fields, values] = texts;
            let [received_from_us, received_to_us] = received;
            let file_ids = file_ids
                .into_iter()
                .map(|id| FileId::from_uuid(Uuid::from_u128(id)));
            let words = text.and_then(|text| Words::parse(&text).ok());
            let (record_ids, event_type_ids, source_ids, source_type_ids, event_ids) = lists;
            let event_ids = event_ids
                .into_iter()
                .map(|id| EventId::from_uuid(Uuid::from_u128(id)));
            Query {
                record_ids,
                event_type_ids,
                source_ids,
                source_type_ids,
                event_ids: event_ids.collect(),
                from_us,
                to_us,
                words,
                source_names,
                source_infos,
                file_ids: file_ids.collect(),
                has_file,
                received_from_us,
                received_to_us,
                changes: WantedChanges {
                    fields,
                    values: values.into_iter().map(WantedValue::new).collect(),
                },
                ordering: if newest {
                    Ordering::NewestFirst
                } else {
                    Ordering::OldestFirst
                },
                limit: Limit::new(limit).unwrap(),
                offset,
                after: None,
                count: Count::Exact,
            }
        },
    )
}
