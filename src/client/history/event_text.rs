//! Adds to the text of an event what it lacks, and leaves the rest as it was written: numbers keep their digits.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::domain::{EventId, EventTime};

/// An event that has an id and a time.
#[derive(Debug, PartialEq, Eq)]
pub struct Completed {
    pub json: String,
    /// The id that it was given; `None`: it had one.
    pub new_id: Option<EventId>,
}

/// The names of an event's members. One that is null is there: the service refuses it.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Returns an event with an id and a time. A text that is no JSON object is returned as it is: the service says what is
/// wrong with it.
pub fn complete(json: String, now: EventTime, new_id: impl FnOnce() -> EventId) -> Completed {
    let is_object = json.trim_start().starts_with('{');
    let members: Result<Members<'_>, _> = serde_json::from_str(&json);
    let Some(members) = members.ok().filter(|_| is_object) else {
        return Completed { json, new_id: None };
    };
    let new_id = (!members.contains_key("event_id")).then(new_id);
    let mut added = Vec::new();
    if let Some(id) = new_id {
        added.push(format!("\"event_id\":\"{id}\""));
    }
    if !members.contains_key("event_time") {
        added.push(format!("\"event_time\":\"{now}\""));
    }
    if added.is_empty() {
        return Completed { json, new_id };
    }
    let rest = json.trim_start()[1..].trim_start();
    let comma = if rest.starts_with('}') { "" } else { "," };
    Completed {
        json: format!("{{{}{comma}{rest}", added.join(",")),
        new_id,
    }
}

#[cfg(test)]
mod tests {
    use super::complete;
    use crate::domain::{EventId, EventTime};

    const ID: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

    fn completed(json: &str) -> (String, bool) {
        let now = EventTime::parse("2026-11-10T10:26:12Z").unwrap();
        let completed = complete(json.to_owned(), now, || EventId::parse(ID).unwrap());
        (completed.json, completed.new_id.is_some())
    }

    #[test]
    fn only_what_is_missing_is_added() {
        let (id, time) = (
            format!("\"event_id\":\"{ID}\""),
            "\"event_time\":\"2026-11-10T10:26:12Z\"",
        );
        for (json, expected, has_new_id) in [
            ("{}", format!("{{{id},{time}}}"), true),
            (
                " { \"n\": 1.10e5 }",
                format!("{{{id},{time},\"n\": 1.10e5 }}"),
                true,
            ),
            (
                "{\"event_time\":1,\"n\":12345678901234567890123}",
                format!("{{{id},\"event_time\":1,\"n\":12345678901234567890123}}"),
                true,
            ),
            (
                "{\"event_id\":null}",
                format!("{{{time},\"event_id\":null}}"),
                false,
            ),
            (
                "{\"event_id\":\"x\"}",
                format!("{{{time},\"event_id\":\"x\"}}"),
                false,
            ),
            (
                "{\"event_id\":\"x\",\"event_time\":\"y\"}",
                "{\"event_id\":\"x\",\"event_time\":\"y\"}".to_owned(),
                false,
            ),
        ] {
            assert_eq!(completed(json), (expected, has_new_id), "{json}");
        }
        for other in ["", "7", "[1]", "{", "{\"event_id\"", "{} {}"] {
            assert_eq!(completed(other), (other.to_owned(), false));
        }
    }
}
