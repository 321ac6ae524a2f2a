//! The shape of event that the whole benchmark writes. benches/http/wrk.lua has a second copy.

use event_history::domain::{
    Clock, Event, EventData, EventId, EventTime, Redactions, SystemClock, SystemEntropy,
};
use jiff::Timestamp;

use crate::random;

pub(super) const TYPE_ID: i32 = 7;
pub(super) const SOURCE_ID: i64 = 7;
pub(super) const SOURCE_TYPE_ID: i32 = 0;
pub(super) const DATA: &str = r#"[{"field":"status","old":"draft","new":"approved"}]"#;

/// The number of records that events belong to in turn, unless a history has another.
pub(super) const RECORDS: u64 = 1000;

/// The precision of event times: microseconds.
const DIGITS: u8 = 6;

pub(super) const fn record_id(number: u64) -> i64 {
    (number % RECORDS).cast_signed()
}

pub(super) fn random_record_id() -> i64 {
    record_id(random::number())
}

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

/// Returns the event of this number of a history of so many records.
pub(super) fn at(number: u64, time_us: i64, records: u64) -> Event {
    Event {
        id: EventId::random(&SystemEntropy),
        time: EventTime::from_parts(time_us, DIGITS).expect("a time of this century"),
        event_type_id: TYPE_ID,
        record_id: (number % records).cast_signed(),
        source_id: SOURCE_ID,
        source_type_id: SOURCE_TYPE_ID,
        source_name: String::new(),
        source_info: String::new(),
        data: EventData::from_stored(DATA.to_owned()),
        files: Vec::new(),
        received_at: None,
        redactions: Redactions::default(),
    }
}

/// Returns an event with a word of its own, and one that it has in common with every hundredth.
pub(super) fn with_words(event: Event, number: u64) -> Event {
    Event {
        source_name: format!("single{number} group{} status", number % 100),
        ..event
    }
}

/// Returns an event in the envelope in which EventBridge would deliver it.
pub(super) fn envelope(source: &str, number: u64) -> String {
    let (id, time) = (EventId::random(&SystemEntropy), now());
    let detail = written(id, time, number);
    format!(
        r#"{{"version":"0","id":"{id}","detail-type":"history","source":"{source}","account":"123456789012","time":"{time:.0}","region":"eu-west-2","resources":[],"detail":{detail}}}"#
    )
}

/// Returns a new event as JSON.
pub(super) fn detail(number: u64) -> String {
    written(EventId::random(&SystemEntropy), now(), number)
}

fn written(id: EventId, time: Timestamp, number: u64) -> String {
    let record = record_id(number);
    format!(
        r#"{{"event_id":"{id}","event_time":"{time:.6}","event_type_id":{TYPE_ID},"record_id":{record},"source_id":{SOURCE_ID},"source_type_id":{SOURCE_TYPE_ID},"event_data":{DATA}}}"#
    )
}
