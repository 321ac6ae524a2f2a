//! JSON Schemas for `event_data`: what a tenant's events of a type have to look like, where the operator says so.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write};
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::Location;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::EventData;
use crate::domain::{DatabaseName, Invalid};

/// The problems of one event that are looked for: one more than are listed.
const MAX_PROBLEMS: usize = 101;

/// Of an event with a longer text only the first problem is looked for: listing them takes memory for each of its values.
const LISTED_BYTES: usize = 64 * 1024;

/// The longest message, and the longest name in a path: the sender has chosen what they quote.
const MAX_MESSAGE_CHARACTERS: usize = 300;
const MAX_NAME_CHARACTERS: usize = 100;

/// The longest path that is reported; deeper values are reported as of the value at its end.
const MAX_PATH: usize = 32;

/// The largest compiled form of one pattern.
const PATTERN_BYTES: usize = 1024 * 1024;

/// The `type` of each problem.
const KIND: &str = "json_schema";

/// The schemas of all tenants that have any.
#[derive(Debug, Clone, Default)]
pub struct EventSchemas(BTreeMap<DatabaseName, Arc<TenantSchemas>>);

/// The schemas of one tenant, by the id of the event type.
pub type TenantSchemas = HashMap<i32, EventSchema>;

/// What `event_data` has to look like.
#[derive(Debug)]
pub struct EventSchema(Validator);

/// A place in `event_data` that does not match the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Indexes and names, from the array on.
    pub path: Vec<Value>,
    pub invalid: Invalid,
}

impl EventSchemas {
    pub fn new(schemas: BTreeMap<DatabaseName, TenantSchemas>) -> Self {
        let shared = schemas.into_iter();
        Self(
            shared
                .map(|(name, schemas)| (name, Arc::new(schemas)))
                .collect(),
        )
    }

    /// Returns the schemas of a tenant; `None` if nothing restricts its events.
    pub fn of(&self, tenant: &DatabaseName) -> Option<&Arc<TenantSchemas>> {
        self.0.get(tenant)
    }
}

impl EventSchema {
    /// Compiles a schema; the error says what is wrong with it.
    ///
    /// A `$ref` has to stay within the schema, or name one of the standard meta-schemas: nothing is fetched and no file is read.
    /// Patterns take linear time, so they know neither look-around nor back-references. `format` is checked, except `regex`:
    /// compiling what a sender wrote could take any time.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let schema: Value =
            serde_json::from_slice(json).map_err(|error| format!("it is no JSON: {error}"))?;
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_format("regex", |_: &str| true)
            .build(&schema);
        validator.map(Self).map_err(|error| {
            let place = error.instance_path().as_str();
            let place = if place.is_empty() { "its root" } else { place };
            let message = shortened(&error, MAX_MESSAGE_CHARACTERS);
            format!("it is no JSON Schema that can be used, at {place}: {message}")
        })
    }

    /// Returns what does not match, at most 101 mismatches: empty if the data matches.
    pub fn mismatches(&self, data: &EventData) -> Vec<Mismatch> {
        let text = data.as_str();
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Vec::new(); // never: it was parsed as JSON before
        };
        if self.0.is_valid(&value) {
            return Vec::new();
        }
        if text.len() > LISTED_BYTES {
            let first = self.0.validate(&value).err();
            return first.iter().map(|error| mismatch(error, &value)).collect();
        }
        let errors = self.0.iter_errors(&value).take(MAX_PROBLEMS);
        errors.map(|error| mismatch(&error, &value)).collect()
    }
}

fn mismatch(error: &ValidationError<'_>, data: &Value) -> Mismatch {
    let message = shortened(&error.masked_with("Input"), MAX_MESSAGE_CHARACTERS);
    let mut path = path(error.instance_path(), data);
    if let ValidationErrorKind::Required { property } = error.kind() {
        path.push(property.clone()); // where it should be, as for other members that are missing
    }
    Mismatch {
        path,
        invalid: Invalid::new(KIND, message),
    }
}

/// Returns the parts of a JSON pointer into `data`: numbers for the elements of arrays.
fn path(location: &Location, data: &Value) -> Vec<Value> {
    let mut path = Vec::new();
    let mut at = Some(data);
    for part in location.as_str().split('/').skip(1).take(MAX_PATH) {
        let name = part.replace("~1", "/").replace("~0", "~");
        at = match at {
            Some(Value::Array(elements)) => {
                let index: Option<usize> = name.parse().ok();
                path.push(index.map_or(Value::from(name), Value::from));
                index.and_then(|index| elements.get(index))
            }
            at => {
                path.push(shortened(&name, MAX_NAME_CHARACTERS).into());
                at.and_then(|value| value.get(&name))
            }
        };
    }
    path
}

/// Writes at most so many characters.
fn shortened(text: &impl fmt::Display, characters: usize) -> String {
    let mut short = Short {
        text: String::new(),
        left: characters,
    };
    if write!(short, "{text}").is_err() {
        short.text.push('…');
    }
    short.text
}

struct Short {
    text: String,
    left: usize,
}

impl Write for Short {
    /// Fails at the limit, which ends the writing.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(character);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::EventSchema;
    use crate::domain::EventData;

    fn schema(schema: &serde_json::Value) -> Result<EventSchema, String> {
        EventSchema::parse(schema.to_string().as_bytes())
    }

    fn mismatches(schema: &EventSchema, data: &serde_json::Value) -> Vec<String> {
        let found = schema.mismatches(&EventData::from_stored(data.to_string()));
        let texts = found.iter().map(|it| {
            let path = serde_json::to_string(&it.path).unwrap();
            format!("{path} {} {}", it.invalid.kind, it.invalid.message)
        });
        texts.collect()
    }

    #[test]
    fn names_and_indexes_are_told_apart_and_each_problem_has_its_path() {
        let schema = schema(&json!({"items": {
            "required": ["new"], "properties": {"a/b": {"items": {"type": "string"}}, "0": {"maximum": 3}},
        }}));
        let data = json!([{"new": 1, "a/b": ["x", 7], "0": 4}, {}, "no object"]);
        let found = mismatches(&schema.unwrap(), &data);
        let expected = [
            "[0,\"0\"] json_schema Input is greater than the maximum of 3",
            "[0,\"a/b\",1] json_schema Input is not of type \"string\"",
            "[1,\"new\"] json_schema \"new\" is a required property",
        ];
        assert_eq!(found, expected);
    }

    /// A sender chooses what a message and a path would repeat.
    #[test]
    fn problems_stay_short_and_few_whatever_is_sent() {
        let schema = schema(&json!({"items": {"additionalProperties": {"type": "null"}}})).unwrap();
        let name = "n".repeat(20_000);
        let found = schema.mismatches(&EventData::from_stored(
            json!([{ &name: &name }]).to_string(),
        ));
        assert_eq!(found.len(), 1);
        assert!(format!("{found:?}").len() < 600);
        let many = json!(vec![json!({"a": 1}); 5000]).to_string();
        assert_eq!(schema.mismatches(&EventData::from_stored(many)).len(), 101);
        let large = json!(vec![json!({"a": 1}); 50_000]).to_string();
        let found = schema.mismatches(&EventData::from_stored(large));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, [json!(0), json!("a")]);
        let strict = super::tests::schema(&json!({"items": {"additionalProperties": false}}));
        let found = mismatches(&strict.unwrap(), &json!([{ name: 1 }]));
        assert!(found[0].len() < 500, "{found:?}");
    }

    #[test]
    fn nothing_outside_the_schema_is_read() {
        for (reference, is_inside) in [
            ("#/$defs/text", true),
            ("https://json-schema.org/draft/2020-12/schema", true),
            ("#/$defs/missing", false),
            ("other.json", false),
            ("https://example.com/schema.json", false),
            ("file:///etc/hostname", false),
        ] {
            let schema = schema(
                &json!({"items": {"$ref": reference}, "$defs": {"text": {"type": "string"}}}),
            );
            assert_eq!(schema.is_ok(), is_inside, "{reference}");
            if let Err(why) = schema {
                assert!(why.contains(reference.trim_start_matches('#')), "{why}");
            }
        }
    }

    #[test]
    fn a_wrong_schema_says_where() {
        for (wrong, word) in [
            (json!({"items": {"type": "objekt"}}), "/items/type"),
            (json!({"items": {"pattern": "("}}), "/items/pattern"),
            (json!({"items": {"pattern": "(?=a)b"}}), "/items/pattern"),
            (json!({"items": {"format": "emial"}}), "emial"),
            (
                json!({"$schema": "https://example.com/mine"}),
                "example.com/mine",
            ),
            (json!(7), "its root"),
        ] {
            let why = schema(&wrong).unwrap_err();
            assert!(why.contains(word), "{wrong}: {why}");
        }
        assert!(EventSchema::parse(b"{").unwrap_err().contains("no JSON"));
    }
}
