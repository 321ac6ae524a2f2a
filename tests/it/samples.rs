//! Tenants, histories and queries to try a store with, the same in every run. The unit tests of
//! the library include this file too.

#![allow(clippy::unwrap_used, reason = "a failure ends the test")]

use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::domain::query::Limit;
use crate::domain::{
    ClientId, ContentType, Count, DatabaseName, Event, EventData, EventFile, EventId, EventTime,
    FileId, FileName, FileRecord, FileSha256, Ordering, Query, ReceivedAt, Redactions,
    SystemEntropy, Tenant, WantedChanges, WantedValue, Words,
};

/// The span of the times of [`Random::event`]: short, so that many events share an instant.
const TIMES: u64 = 200;
const FIRST_TIME_US: i64 = 1_668_075_972_000_000; // 2022-11-10T10:26:12Z

/// Texts in several scripts.
const SOURCE_INFOS: [&str; 6] = [
    "",
    "",
    "U\u{308}bersicht_2 (FINAL)",
    "東京タワー v3",
    "Ελλάς, 한국어; source",
    "ＡＢＣ 'quoted' \"3\" AND NOT near*",
];

/// What is searched for: some is in many events, some in a few, and some in none, such as the names of members.
const WORDS: [&str; 14] = [
    "source",
    "SOURCE 3",
    "übersicht final",
    "京タワ",
    "東京 v3",
    "한국 ελλασ",
    "abc",
    "and not",
    "vertrage.pdf",
    "pdf 7",
    "17",
    "n",
    "京",
    "source nowhere",
];

/// Names of fields, as queries have them and as event data has them.
const FIELDS: [&str; 6] = ["amount", "title", "status", "", "é \"n\\", "nothing"];
const JSON_FIELDS: [&str; 8] = [
    "\"amount\"",
    "\"\\u0061mount\"",
    "\"title\"",
    "\"status\"",
    "\"\"",
    "\"\\u00e9 \\\"n\\\\\"",
    "7",
    "{\"field\":\"title\"}",
];

/// Values of changes, as queries have them and as event data has them.
const VALUES: [&str; 16] = [
    "1",
    "1.0",
    "draft",
    "true",
    "null",
    "",
    "}{[\"",
    "0",
    "-0",
    "01",
    "[1]",
    " 1",
    "é",
    "12345678901234567890123",
    "9007199254740993",
    "9007199254740992.0",
];
const JSON_VALUES: [&str; 24] = [
    "1",
    "1.0",
    "1e0",
    "\"1\"",
    "\"1.0\"",
    "\"draft\"",
    "\"dr\\u0061ft\"",
    "true",
    "\"true\"",
    "null",
    "\"\"",
    "\"}{[\\\"\"",
    "0",
    "-0",
    "0.0",
    "-0e5",
    "[1]",
    "\"[1]\"",
    "{\"field\":\"amount\",\"new\":1}",
    "\"\\u00e9\"",
    "12345678901234567890123",
    "9007199254740993",
    "9007199254740992",
    "9007199254740992.0",
];

/// Returns a tenant of this name with a client id that no other has.
pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant {
        client_id: ClientId::random(&SystemEntropy),
        database_name: DatabaseName::parse(name).unwrap(),
        client_label: format!("label of {name}"),
        client_secret_sha256: [7; 32],
        created_at: Timestamp::from_microsecond(FIRST_TIME_US + 123_456).unwrap(),
    }
}

/// Returns checked `event_data`.
pub(crate) fn data(json: &str) -> EventData {
    EventData::parse(&RawValue::from_string(json.to_owned()).unwrap()).unwrap()
}

/// Returns events in no order.
pub(crate) fn history(seed: u64, length: usize) -> Vec<Event> {
    let mut random = Random::seeded(seed);
    (0..length).map(|_| random.event()).collect()
}

/// Returns stored events as they were sent, without what the store added.
pub(crate) fn as_sent(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut events: Vec<Event> = events.into_iter().collect();
    for event in &mut events {
        event.received_at = None;
    }
    events
}

/// Returns a file with an id of its own; much of its record may be missing.
pub(crate) fn file(random: &mut Random) -> EventFile {
    let id = FileId::from_uuid(random.uuid());
    let maybe = |random: &mut Random| random.below(3) > 0;
    let record = maybe(random).then(|| FileRecord {
        size_bytes: random.next() >> random.below(64),
        content_type: maybe(random)
            .then(|| ContentType::parse("text/plain; charset=utf-8").unwrap()),
        sha256: maybe(random).then(|| FileSha256::new([7; 32])),
        etag: maybe(random).then(|| "9e107d9d372bb6826bd81d3542a419d6-2".to_owned()),
        version_id: maybe(random)
            .then(|| "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo".to_owned()),
        file_name: maybe(random)
            .then(|| FileName::parse("\u{202e}\"Vertr\u{e4}ge\"\n\u{1f4c4}.pdf").unwrap()),
    });
    EventFile { id, record }
}

/// A generator of pseudo-random values (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        // Far apart, so that two generators do not hand out the same ids.
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// Returns an event with an id of its own and other values from small sets.
    pub(crate) fn event(&mut self) -> Event {
        let micros = FIRST_TIME_US + self.small(TIMES);
        Event {
            id: EventId::from_uuid(self.uuid()),
            time: EventTime::from_parts(micros, 6).unwrap(),
            event_type_id: self.tiny(12),
            record_id: self.small(10),
            source_id: self.small(8) - 2,
            source_type_id: self.tiny(4),
            source_name: format!("source {}", self.below(5)),
            source_info: SOURCE_INFOS[self.index(SOURCE_INFOS.len())].to_owned(),
            data: data(&self.event_data()),
            files: (0..[0, 0, 0, 1, 1, 3][self.index(6)])
                .map(|_| file(self))
                .collect(),
            received_at: None,
            redactions: Redactions::default(),
        }
    }

    /// Returns items that tell of changes, in all spellings, and others that look as if they did.
    fn event_data(&mut self) -> String {
        let items = (0..[1, 1, 1, 2, 4][self.index(5)]).map(|_| match self.below(8) {
            0 => format!("{{\"n\":{}}}", self.below(1000)),
            1 => [
                "[{\"field\":\"amount\"}]",
                "\"field\"",
                "7",
                "{\"x\":{\"field\":\"amount\",\"new\":1}}",
                "{\"field\":null,\"new\":1}",
                "{\"x\":\"\\\\\",\"y\":\"{\\\"field\\\":\\\"amount\\\"}\"}",
            ][self.index(6)]
            .to_owned(),
            2 => format!("{{\"status\":{}}}", self.json_value()),
            _ => {
                let members = (0..=self.below(4)).map(|_| match self.below(6) {
                    0 => format!("\"label\":{}", self.json_value()),
                    1 => format!("\"old\":{}", self.json_value()),
                    2 => format!("\"n\\u0065w\":{}", self.json_value()),
                    3 => format!("\"field\":{}", JSON_FIELDS[self.index(JSON_FIELDS.len())]),
                    _ => format!("\"new\":{}", self.json_value()),
                });
                let members: Vec<String> = members.collect();
                let field = JSON_FIELDS[self.index(JSON_FIELDS.len())];
                format!("{{\"field\":{field},{}}}", members.join(","))
            }
        });
        let items: Vec<String> = items.collect();
        format!("[{}]", items.join(","))
    }

    fn json_value(&mut self) -> &'static str {
        JSON_VALUES[self.index(JSON_VALUES.len())]
    }

    /// Returns a query that finds something more often than not.
    pub(crate) fn query(&mut self, events: &[Event]) -> Query {
        // Without `..`: the conformance suites try only the filters that are drawn here.
        let mut query = Query {
            record_ids: Vec::new(),
            event_type_ids: Vec::new(),
            source_ids: Vec::new(),
            source_type_ids: Vec::new(),
            event_ids: Vec::new(),
            from_us: None,
            to_us: None,
            words: None,
            source_names: Vec::new(),
            source_infos: Vec::new(),
            file_ids: Vec::new(),
            has_file: None,
            received_from_us: None,
            received_to_us: None,
            changes: WantedChanges::default(),
            ordering: Ordering::default(),
            limit: Limit::new([1, 3, 50, 1000][self.index(4)]).unwrap(),
            offset: [0, 0, 0, 2, 45, 5000][self.index(6)],
            after: None,
            count: Count::Exact,
        };
        if self.below(2) == 0 {
            query.ordering = Ordering::OldestFirst;
        }
        if self.below(3) == 0 {
            query.record_ids = self.some(|random| random.small(12));
        }
        if self.below(3) == 0 {
            query.event_type_ids = self.some(|random| random.tiny(12));
        }
        if self.below(4) == 0 {
            query.source_ids = self.some(|random| random.small(8) - 2);
        }
        if self.below(4) == 0 {
            query.source_type_ids = self.some(|random| random.tiny(4));
        }
        if self.below(6) == 0 {
            query.event_ids = self.some(|random| events[random.index(events.len())].id);
            query.event_ids.push(EventId::from_uuid(self.uuid()));
        }
        if self.below(4) == 0 {
            query.from_us = Some(FIRST_TIME_US + self.small(TIMES));
        }
        if self.below(4) == 0 {
            query.to_us = Some(FIRST_TIME_US + self.small(TIMES));
        }
        if self.below(4) == 0 {
            query.words = Some(Words::parse(WORDS[self.index(WORDS.len())]).unwrap());
        }
        self.add_filters_by_content(&mut query, events);
        query
    }

    fn add_filters_by_content(&mut self, query: &mut Query, events: &[Event]) {
        if self.below(8) == 0 {
            query.source_names = self.some(|random| format!("source {}", random.below(6)));
        }
        if self.below(8) == 0 {
            query.source_infos =
                self.some(|random| events[random.index(events.len())].source_info.clone());
        }
        if self.below(10) == 0 {
            let files: Vec<FileId> = events
                .iter()
                .flat_map(|it| &it.files)
                .map(|it| it.id)
                .collect();
            query.file_ids = self.some(|random| match random.below(3) {
                kind if kind == 0 || files.is_empty() => FileId::from_uuid(random.uuid()),
                _ => files[random.index(files.len())],
            });
        }
        if self.below(8) == 0 {
            query.has_file = Some(self.below(2) == 0);
        }
        let received = |random: &mut Self| {
            let at = events[random.index(events.len())].received_at;
            at.map_or(FIRST_TIME_US, ReceivedAt::micros) + random.small(3) - 1
        };
        // Who compares with events as they were sent does not know when they were received.
        let are_received = events.iter().all(|it| it.received_at.is_some());
        if are_received && self.below(8) == 0 {
            query.received_from_us = Some(received(self));
        }
        if are_received && self.below(8) == 0 {
            query.received_to_us = Some(received(self));
        }
        if self.below(4) == 0 {
            query.changes.fields =
                self.some(|random| FIELDS[random.index(FIELDS.len())].to_owned());
        }
        if self.below(4) == 0 {
            query.changes.values =
                self.some(|random| WantedValue::new(VALUES[random.index(VALUES.len())]));
        }
    }

    /// Returns one to five values, some perhaps twice.
    fn some<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..=self.below(5)).map(|_| one(self)).collect()
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }

    fn small(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }

    fn tiny(&mut self, bound: u64) -> i32 {
        i32::try_from(self.below(bound)).unwrap()
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
