//! `event_data`: a JSON array of anything, kept as it was sent.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::same_json::same_json;
use crate::domain::{FileId, Invalid};

/// A JSON array: its text without white space between tokens, members in the order in which they
/// were sent and numbers as they were written, so that nothing a sender meant is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventData(String);

/// An invalid `file_id` in an element of the array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataProblem {
    pub index: usize,
    pub invalid: Invalid,
}

impl EventData {
    /// Checks that `json` is an array that every reader can decode: text with valid escapes, numbers
    /// in the range of a double, at most 127 levels deep (the bound of `serde_json`).
    pub fn parse(json: &RawValue) -> Result<Self, Invalid> {
        if !json.get().starts_with('[') {
            return Err(Invalid::new("list_type", "Input should be a valid list"));
        }
        serde_json::from_str::<Decodable>(json.get())
            .map_err(|error| Invalid::new("json_invalid", format!("Invalid JSON: {error}")))?;
        Ok(Self(without_white_space(json.get())))
    }

    /// Returns the data that a backend stored; it was checked when it came in.
    pub fn from_stored(json: String) -> Self {
        Self(json)
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }

    /// Returns the first `file_id` of an object in the array; one that is null counts as absent.
    pub fn file_id(&self) -> Result<Option<FileId>, DataProblem> {
        // Stored data is an array. If it is damaged, it contains no file.
        let Ok(FirstFile(Some((index, value)))) = serde_json::from_str(&self.0) else {
            return Ok(None);
        };
        let problem = |invalid| DataProblem { index, invalid };
        let text: Cow<'_, str> = serde_json::from_str::<Text<'_>>(value.get())
            .map_err(|_| problem(Invalid::new("uuid_type", "UUID input should be a string")))?
            .0;
        FileId::parse(&text).map(Some).map_err(problem)
    }

    pub(super) fn same_content(&self, other: &Self) -> bool {
        self == other || same_json(&self.0, &other.0)
    }
}

/// A JSON string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The first element of an array that is an object with a `file_id` other than null, and that member.
struct FirstFile<'a>(Option<(usize, &'a RawValue)>);

impl<'de> Deserialize<'de> for FirstFile<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstFileVisitor)
    }
}

struct FirstFileVisitor;

impl<'de> Visitor<'de> for FirstFileVisitor {
    type Value = FirstFile<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<FirstFile<'de>, A::Error> {
        let (mut first, mut index) = (None, 0);
        while first.is_none()
            && let Some(element) = elements.next_element::<&RawValue>()?
        {
            // Other elements have no members.
            let member = serde_json::from_str(element.get()).unwrap_or(FileMember(None));
            first = member.0.map(|value| (index, value));
            index += 1;
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(FirstFile(first))
    }
}

/// An object's last member `file_id`, unless it is null.
struct FileMember<'a>(Option<&'a RawValue>);

impl<'de> Deserialize<'de> for FileMember<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FileMemberVisitor)
    }
}

struct FileMemberVisitor;

impl<'de> Visitor<'de> for FileMemberVisitor {
    type Value = FileMember<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<FileMember<'de>, A::Error> {
        let mut found = None;
        while let Some((Text(name), value)) = members.next_entry::<_, &RawValue>()? {
            if name == "file_id" {
                found = Some(value).filter(|value| value.get() != "null");
            }
        }
        Ok(FileMember(found))
    }
}

fn without_white_space(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let mut in_string = false;
    let mut escaped = false;
    for character in json.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        compact.push(character);
    }
    compact
}

/// Decodes every value and keeps none: what `RawValue` alone would let through (lone surrogates,
/// unbounded depth) would fail later, at the reader.
struct Decodable;

impl<'de> Deserialize<'de> for Decodable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DecodableVisitor)
    }
}

struct DecodableVisitor;

impl<'de> Visitor<'de> for DecodableVisitor {
    type Value = Decodable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Decodable, E> {
        Ok(Decodable)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Decodable, E> {
        Ok(Decodable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Decodable, E> {
        Ok(Decodable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Decodable, E> {
        Ok(Decodable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Decodable, E> {
        Ok(Decodable)
    }

    fn visit_str<E>(self, _: &str) -> Result<Decodable, E> {
        Ok(Decodable)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Decodable, A::Error> {
        while elements.next_element::<Decodable>()?.is_some() {}
        Ok(Decodable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Decodable, A::Error> {
        while members.next_entry::<Decodable, Decodable>()?.is_some() {}
        Ok(Decodable)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::EventData;

    fn data(json: &str) -> EventData {
        EventData::parse(&RawValue::from_string(json.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn keeps_numbers_strings_and_order_and_drops_white_space() {
        let sent = "[ 12345678901234567890123, 1.0,\n {\"b\": \" \\\" x \\\\\", \"a\" : [ ] } ]";
        let kept = "[12345678901234567890123,1.0,{\"b\":\" \\\" x \\\\\",\"a\":[]}]";
        assert_eq!(data(sent).as_str(), kept);
    }

    #[test]
    fn compares_as_json() {
        let same = |one, other| data(one).same_content(&data(other));
        assert!(same(r#"[{"a":1,"b":"é"}]"#, r#"[{"b":"\u00e9","a":1}]"#));
        assert!(same("[1.10, 1, 0]", "[1.1,1.0,-0]"));
        assert!(same("[ { \"a\" : 1 } ]", "[{\"a\":1}]"));
        assert!(!same("[12345678901234567890]", "[12345678901234567891]"));
        assert!(!same(r#"[{"a":1}]"#, r#"[{"a":1,"b":null}]"#));
        assert!(!same("[[1],[2]]", "[[1,2]]"));
        assert!(!same("[1]", "[1,2]"));
    }

    #[test]
    fn refuses_what_a_reader_could_not_decode() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        for json in [r#"["\ud800"]"#, "[1e999]", "{}", "null", "\"x\"", &deep] {
            let raw = RawValue::from_string(json.to_owned()).unwrap();
            assert!(
                EventData::parse(&raw).is_err(),
                "{}",
                &json[..json.len().min(20)]
            );
        }
    }

    #[test]
    fn finds_the_first_file_id() {
        let id = "4f0c8c5e-8a4b-4f65-9d3e-0f6f8f6b7a11";
        assert_eq!(data("[1,\"x\",{\"a\":1}]").file_id(), Ok(None));
        let found = data(&format!(
            r#"[{{"file_id":null}},{{"x":1,"file_id":"{id}"}}]"#
        ))
        .file_id();
        assert_eq!(found.unwrap().unwrap().to_string(), id);
        let problem = data(r#"[0,{"file_id":"nope"}]"#).file_id().unwrap_err();
        assert_eq!(problem.index, 1);
        assert!(data(r#"[{"file_id":7}]"#).file_id().is_err());
        assert_eq!(
            data(r#"[[{"file_id":7}],{"file_id":7,"file_id":null}]"#).file_id(),
            Ok(None)
        );
    }
}
