//! Events in the format of `CloudEvents` 1.0: the attributes give an event its id and its time, unless its data does.
//!
//! Source: `CloudEvents` 1.0.2, its JSON event format and its HTTP protocol binding.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use percent_encoding::percent_decode;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::{Event, EventId, EventTime, Invalid};
use crate::http::extractors::Problems;
use crate::http::extractors::event_fields::{self, Defaults};
use crate::http::extractors::json_fields::{self, Object, Place};

/// The member with the data of an event in the structured mode.
const DATA: &str = "data";
const DATA_BASE64: &str = "data_base64";

/// The attributes that every event has.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

const SPEC_VERSION: &str = "1.0";

/// The attributes of an event in the binary mode, as its headers have them.
#[derive(Debug)]
pub(super) struct HeaderAttributes(Vec<(&'static str, String)>);

impl HeaderAttributes {
    /// Returns `None` if there is none of those that are required.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let has = |name: &&str| headers.contains_key(format!("ce-{name}"));
        if !REQUIRED.iter().any(has) {
            return None;
        }
        let names = REQUIRED.into_iter().chain(["time"]);
        let read = names.filter_map(|name| {
            let value = headers.get(format!("ce-{name}"))?.as_bytes();
            let text = percent_decode(value).decode_utf8_lossy().into_owned();
            Some((name, text))
        });
        Some(Self(read.collect()))
    }

    /// Parses the data of the event.
    pub(super) fn parse(&self, data: &Object<'_>, problems: &mut Problems) -> Option<Event> {
        event_fields::parse(data, defaults(self, problems), problems)
    }
}

/// Parses an event in the structured mode.
pub(super) fn structured(event: &Object<'_>, problems: &mut Problems) -> Option<Event> {
    let defaults = defaults(event, problems);
    if let Some(encoded) = event.peek(DATA_BASE64, Ok) {
        let decoded = match decode(encoded) {
            Ok(decoded) => decoded,
            Err(invalid) => {
                problems.add(event.loc(DATA_BASE64), invalid);
                return None;
            }
        };
        let place = Place {
            member: Some(DATA_BASE64),
            ..event.place()
        };
        let data = Object::parse(&decoded, place)
            .map_err(|invalid| problems.add(place.loc(), invalid))
            .ok()?;
        return event_fields::parse(&data, defaults, problems);
    }
    let data = event.object(problems, DATA)?;
    event_fields::parse(&data, defaults, problems)
}

/// Returns the member that holds the data of an event in the structured mode.
pub(super) fn data_member(event: &Object<'_>) -> &'static str {
    match event.peek(DATA_BASE64, Ok) {
        Some(_) => DATA_BASE64,
        None => DATA,
    }
}

/// Returns the id that the event would have, as far as it can be read.
pub(super) fn peek_id(event: &Object<'_>) -> Option<EventId> {
    let text = |name| event.peek(name, json_fields::string);
    let own = event.peek_object(DATA);
    let own = own.and_then(|data| data.peek("event_id", event_fields::event_id));
    own.or_else(|| Some(EventId::of_cloud_event(&text("source")?, &text("id")?)))
}

fn decode(json: &RawValue) -> Result<Vec<u8>, Invalid> {
    let text = json_fields::string(json)?;
    STANDARD.decode(text).map_err(|error| {
        Invalid::new(
            "base64_invalid",
            format!("Input should be valid base64, {error}"),
        )
    })
}

/// Where attributes are read.
trait AttributeSource {
    /// Returns `None` if the attribute is absent.
    fn text(&self, name: &'static str) -> Result<Option<Cow<'_, str>>, Invalid>;

    fn attribute_loc(&self, name: &'static str) -> Vec<Value>;
}

impl AttributeSource for HeaderAttributes {
    fn text(&self, name: &'static str) -> Result<Option<Cow<'_, str>>, Invalid> {
        let found = self.0.iter().find(|(it, _)| *it == name);
        Ok(found.map(|(_, value)| value.as_str().into()))
    }

    fn attribute_loc(&self, name: &'static str) -> Vec<Value> {
        vec!["header".into(), format!("ce-{name}").into()]
    }
}

impl AttributeSource for Object<'_> {
    fn text(&self, name: &'static str) -> Result<Option<Cow<'_, str>>, Invalid> {
        let json = self.peek(name, Ok).filter(|json| json.get() != "null");
        json.map(|json| json_fields::string(json).map(Cow::Owned))
            .transpose()
    }

    fn attribute_loc(&self, name: &'static str) -> Vec<Value> {
        self.loc(name)
    }
}

/// Reads what an event takes from its attributes, and adds what is wrong with them to `problems`.
fn defaults(source: &impl AttributeSource, problems: &mut Problems) -> Defaults {
    let [version, id, origin, _] = REQUIRED.map(|name| required(source, name, problems));
    if version.is_some_and(|version| version != SPEC_VERSION) {
        let message = format!("Input should be '{SPEC_VERSION}'");
        let invalid = Invalid::new("literal_error", message);
        problems.add(source.attribute_loc("specversion"), invalid);
    }
    let time = source.text("time").and_then(|text| {
        let time = text.map(|text| EventTime::parse(&text));
        time.transpose()
    });
    let time = time.unwrap_or_else(|invalid| {
        problems.add(source.attribute_loc("time"), invalid);
        Defaults::placeholder().time
    });
    match (origin, id) {
        (Some(origin), Some(id)) => Defaults {
            id: Some(EventId::of_cloud_event(&origin, &id)),
            time,
        },
        _ => Defaults {
            time,
            ..Defaults::placeholder()
        },
    }
}

fn required<'a>(
    source: &'a impl AttributeSource,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Cow<'a, str>> {
    let text = source.text(name).and_then(|text| match text {
        None => Err(Invalid::missing()),
        Some(text) if text.is_empty() => Err(Invalid::new(
            "string_too_short",
            "String should have at least 1 character",
        )),
        Some(text) => Ok(text),
    });
    text.map_err(|invalid| problems.add(source.attribute_loc(name), invalid))
        .ok()
}
