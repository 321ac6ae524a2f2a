//! The words of events, and the words that a search is for.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Event, terms};
use crate::domain::Invalid;

/// The words that a search is for: one to [`Words::MAX_TERMS`] terms, each once. An event matches if it has all of them, in
/// any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Of the text that is searched for.
    pub const MAX_BYTES: usize = 1024;
    pub const MAX_TERMS: usize = 32;

    /// Splits a text into the terms that an event has to have.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > Self::MAX_BYTES {
            let message = format!("String should have at most {} bytes", Self::MAX_BYTES);
            return Err(Invalid::new("string_too_long", message));
        }
        let mut found = BTreeSet::new();
        terms::for_each(text, &mut |term| {
            found.insert(term.to_owned());
        });
        if found.is_empty() {
            let message = "Input should have a letter or a digit";
            return Err(Invalid::new("value_error", message));
        }
        if found.len() > Self::MAX_TERMS {
            let message = format!("Input should have at most {} words", Self::MAX_TERMS);
            return Err(Invalid::new("too_long", message));
        }
        Ok(Self(found.into_iter().collect()))
    }

    /// The terms, in the order of their bytes.
    pub fn terms(&self) -> &[String] {
        &self.0
    }

    /// Tells whether an event has all of these words. Backends use an index instead, and the conformance suite compares
    /// them with this.
    pub fn are_in(&self, event: &Event) -> bool {
        let mut found = vec![false; self.0.len()];
        event.for_each_term(&mut |term| {
            if let Ok(index) = self.0.binary_search_by(|it| it.as_str().cmp(term)) {
                found[index] = true;
            }
        });
        found.into_iter().all(|it| it)
    }
}

impl Event {
    /// Calls `each` with the terms by which a search finds the event, some perhaps several times: those of the texts and
    /// numbers in its data, of its source's name and info, and of the names of its files. Names of members and
    /// punctuation are none.
    pub fn for_each_term(&self, each: &mut impl FnMut(&str)) {
        terms::for_each(&self.source_name, each);
        terms::for_each(&self.source_info, each);
        let records = self.files.iter().filter_map(|file| file.record.as_ref());
        for name in records.filter_map(|record| record.file_name.as_ref()) {
            terms::for_each(name.as_str(), each);
        }
        for_each_value(self.data.as_str(), |value| terms::for_each(value, each));
    }
}

/// Calls `each` with every text and number of a JSON array without white space, whatever its depth; numbers as they are
/// written.
fn for_each_value(json: &str, mut each: impl FnMut(&str)) {
    let mut rest = json;
    while let Some(start) = rest.find(|it: char| matches!(it, '"' | '-' | '0'..='9')) {
        rest = &rest[start..];
        if !rest.starts_with('"') {
            let end = rest.find([',', ']', '}']).unwrap_or(rest.len());
            let (number, behind) = rest.split_at(end);
            each(number);
            rest = behind;
            continue;
        }
        let Some(end) = text_end(rest) else {
            return; // damaged
        };
        let (text, behind) = rest.split_at(end);
        if !behind.starts_with(':') {
            each(&unescaped(text));
        }
        rest = behind;
    }
}

/// Returns the end of the JSON text at the beginning of `json`, behind its closing quote.
fn text_end(json: &str) -> Option<usize> {
    let mut from = 1;
    loop {
        let at = from + json.get(from..)?.find(['"', '\\'])?;
        if json[at..].starts_with('"') {
            return Some(at + 1);
        }
        from = at + 2; // what is escaped is one byte, or begins with one
    }
}

/// Returns what a JSON text means.
fn unescaped(text: &str) -> Cow<'_, str> {
    let plain = text.trim_matches('"');
    if plain.contains('\\') {
        // Stored data was decoded when it came in.
        return Cow::Owned(serde_json::from_str(text).unwrap_or_default());
    }
    Cow::Borrowed(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::{Words, for_each_value};
    use crate::domain::{
        Event, EventData, EventFile, EventId, EventTime, FileId, FileName, FileRecord, Redactions,
    };

    fn event(data: &str) -> Event {
        let json = RawValue::from_string(data.to_owned()).unwrap();
        let record = FileRecord {
            file_name: Some(FileName::parse("Kaufvertrag_München.pdf").unwrap()),
            ..FileRecord::default()
        };
        Event {
            id: EventId::from_uuid(uuid::Uuid::nil()),
            time: EventTime::from_parts(0, 0).unwrap(),
            event_type_id: 12345,
            record_id: 67890,
            source_id: 4711,
            source_type_id: 3,
            source_name: "Anna Schmidt".to_owned(),
            source_info: "gpt-4".to_owned(),
            data: EventData::parse(&json).unwrap(),
            files: vec![EventFile {
                id: FileId::from_uuid(uuid::Uuid::nil()),
                record: Some(record),
            }],
            received_at: None,
            redactions: Redactions::default(),
        }
    }

    fn matches(event: &Event, text: &str) -> bool {
        Words::parse(text).unwrap().are_in(event)
    }

    #[test]
    fn an_event_is_found_by_its_values_and_not_by_its_members() {
        let event = event(
            r#"[{"field":"state","old":null,"new":"Open\n\u0041gain","n":1.50},["東京タワー",[-7,true]]]"#,
        );
        for found in [
            "anna",
            "SCHMIDT anna",
            "gpt 4",
            "munchen",
            "Kaufvertrag pdf",
            "state open again",
            "1.50",
            "-7",
            "東京",
            "京タワ",
            "state Anna, München 50!",
        ] {
            assert!(matches(&event, found), "{found}");
        }
        for missing in [
            "field",
            "old",
            "new",
            "n",
            "null",
            "true",
            "ope",
            "nagain",
            "京",
            "東京都",
            "12345",
            "67890",
            "4711",
            "1.5",
            "00000000",
            "anna karenina",
        ] {
            assert!(!matches(&event, missing), "{missing}");
        }
    }

    fn numbered(count: usize) -> String {
        let words = (0..count).map(|number| format!("w{number}"));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn searches_are_bounded() {
        for (text, kind) in [
            (String::new(), "value_error"),
            ("?! \u{1f4c4}".to_owned(), "value_error"),
            ("a".repeat(1025), "string_too_long"),
            (numbered(33), "too_long"),
        ] {
            assert_eq!(Words::parse(&text).unwrap_err().kind, kind, "{text}");
        }
        let twice = format!("{0} {0}", numbered(32));
        assert_eq!(Words::parse(&twice).unwrap().terms().len(), 32);
        let words = Words::parse("b a B").unwrap();
        assert_eq!(words.terms(), ["a", "b"]);
    }

    #[test]
    fn damaged_data_has_few_words() {
        for json in ["[\"", "[\"a\\", "[\"a\\\"", "\"", "[1", "é\"é\\é\""] {
            for_each_value(json, |_| {});
        }
    }

    /// Calls `each` with what [`for_each_value`] is to find, by a JSON library.
    fn values(json: &Value, found: &mut Vec<String>) {
        match json {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => found.push(number.to_string()),
            Value::String(text) => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|it| values(it, found)),
            Value::Object(members) => members.values().for_each(|it| values(it, found)),
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c:,{}\\[\\]\"\\\\é0-9\n-]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\:0-9]{0,3}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_those_of_a_json_library(items in prop::collection::vec(json(), 0..5)) {
            let json = Value::from(items);
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            values(&json, &mut expected);
            for_each_value(&json.to_string(), |value| found.push(value.to_owned()));
            prop_assert_eq!(found, expected);
        }
    }
}
