//! The changes that event data records, and the filter for them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::same_json::same_number;

/// The name under which an item's member `status` counts as a field.
const STATUS: &str = "status";

/// The fields and values that a change may have. Each list matches any of its values; an empty one does not filter.
///
/// An item of event data, of any event type, records a change of
///
/// - the field that its member `field` names, a string, with the values of its members `old` and `new`;
/// - the field `status`, with the value of its member `status`.
///
/// Of members with one name the last one counts. Anything else records no change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WantedChanges {
    pub fields: Vec<String>,
    pub values: Vec<WantedValue>,
}

/// A value that a change may have: a string of these characters, or the number, `true`, `false` or `null` that they write.
/// Numbers are compared by value, as by [`Event::same_content`](super::Event::same_content). No array or object is it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedValue {
    text: String,
    scalar: Option<Scalar>,
}

/// What a text is when it is read as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    Integer,
    /// A number with a fraction or an exponent.
    Decimal,
    /// `true`, `false` or `null`.
    Word,
}

impl WantedChanges {
    /// Tells whether every event matches, also one without any change.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.values.is_empty()
    }

    /// Tells whether event data has such a change: one whose field is one of these, and one of whose values is one of
    /// these. Data that is no JSON array has none.
    pub fn are_in(&self, event_data: &str) -> bool {
        let mut deserializer = serde_json::Deserializer::from_str(event_data);
        deserializer.deserialize_seq(Items(self)).unwrap_or(false)
    }

    fn are_in_item(&self, item: &RawValue) -> bool {
        if !item.get().starts_with('{') {
            return false;
        }
        let mut deserializer = serde_json::Deserializer::from_str(item.get());
        let Ok(members) = deserializer.deserialize_map(Members::default()) else {
            return false;
        };
        let Members {
            field,
            old,
            new,
            status,
        } = members;
        let has_field = field
            .and_then(text)
            .is_some_and(|it| self.includes_field(&it));
        if has_field && self.includes_value(&[old, new]) {
            return true;
        }
        status.is_some() && self.includes_field(STATUS) && self.includes_value(&[status])
    }

    fn includes_field(&self, name: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|it| it == name)
    }

    fn includes_value(&self, found: &[Option<&RawValue>]) -> bool {
        let mut found = found.iter().flatten();
        self.values.is_empty() || found.any(|it| self.is_value(it))
    }

    fn is_value(&self, json: &RawValue) -> bool {
        let text = text(json);
        self.values.iter().any(|wanted| match &text {
            Some(text) => *text == wanted.text,
            None => wanted.is_scalar(json.get()),
        })
    }
}

impl WantedValue {
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let scalar = Scalar::of(&text);
        Self { text, scalar }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns what the text is when it is read as JSON; `None` where it can only be a string.
    pub const fn scalar(&self) -> Option<Scalar> {
        self.scalar
    }

    fn is_scalar(&self, json: &str) -> bool {
        match self.scalar {
            None => false,
            Some(Scalar::Word) => self.text == json,
            Some(Scalar::Integer | Scalar::Decimal) => {
                self.text == json || same_number(&self.text, json)
            }
        }
    }
}

impl Scalar {
    fn of(text: &str) -> Option<Self> {
        if ["true", "false", "null"].contains(&text) {
            return Some(Self::Word);
        }
        let is_number = text.starts_with(|it: char| it == '-' || it.is_ascii_digit())
            && text.ends_with(|it: char| it.is_ascii_digit()) // no white space
            && serde_json::from_str::<IgnoredAny>(text).is_ok();
        is_number.then(|| {
            if text.contains(['.', 'e', 'E']) {
                Self::Decimal
            } else {
                Self::Integer
            }
        })
    }
}

fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    let inner = json.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(json.get()).map(Cow::Owned).ok();
    }
    Some(Cow::Borrowed(inner))
}

/// Looks for a wanted change among the items of an array.
struct Items<'a>(&'a WantedChanges);

impl<'de> Visitor<'de> for Items<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let mut is_found = false;
        while !is_found && let Some(item) = items.next_element::<&RawValue>()? {
            is_found = self.0.are_in_item(item);
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(is_found)
    }
}

/// The members of an item that tell of changes.
#[derive(Default)]
struct Members<'a> {
    field: Option<&'a RawValue>,
    old: Option<&'a RawValue>,
    new: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
}

impl<'de> Visitor<'de> for Members<'de> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            let member = match name {
                Some(Member::Field) => &mut self.field,
                Some(Member::Old) => &mut self.old,
                Some(Member::New) => &mut self.new,
                Some(Member::Status) => &mut self.status,
                None => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *member = Some(map.next_value()?);
        }
        Ok(self)
    }
}

enum Member {
    Field,
    Old,
    New,
    Status,
}

/// Reads the name of a member, whether or not it has escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<Member>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(match name {
            "field" => Some(Member::Field),
            "old" => Some(Member::Old),
            "new" => Some(Member::New),
            STATUS => Some(Member::Status),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Scalar, WantedChanges, WantedValue};

    fn wanted(fields: &[&str], values: &[&str]) -> WantedChanges {
        WantedChanges {
            fields: fields.iter().map(ToString::to_string).collect(),
            values: values.iter().copied().map(WantedValue::new).collect(),
        }
    }

    #[track_caller]
    fn found(fields: &[&str], values: &[&str], data: &str) {
        assert!(wanted(fields, values).are_in(data), "{data}");
    }

    #[track_caller]
    fn missing(fields: &[&str], values: &[&str], data: &str) {
        assert!(!wanted(fields, values).are_in(data), "{data}");
    }

    #[test]
    fn an_item_names_the_field_that_it_changes() {
        let data = r#"[1,"field",{"field":"amount","old":1,"new":2},{"field":"title","new":"x"}]"#;
        found(&["amount"], &[], data);
        found(&["nothing", "title"], &[], data);
        found(&[], &["2"], data);
        found(&["amount"], &["7", "1"], data);
        missing(&["amount"], &["x"], data); // of another item
        missing(&["nothing"], &[], data);
        found(&["amount"], &[], r#"[{"\u0066ield":"\u0061mount"}]"#);
        found(&["b"], &[], r#"[{"field":"a","field":"b"}]"#);
        missing(&["a"], &[], r#"[{"field":"a","field":"b"}]"#);
        missing(&["a"], &[], r#"[{"field":"a","field":null}]"#);
        missing(&["a"], &[], r#"[[{"field":"a"}],{"x":{"field":"a"}}]"#);
        missing(&[], &["1"], r#"[{"old":1},{"field":7,"new":1}]"#);
        missing(&["a"], &[], r#"{"field":"a"}"#);
        missing(&["a"], &[], r#"[{"field":"a""#);
    }

    #[test]
    fn a_status_is_a_field() {
        found(&["status"], &["draft"], r#"[{"status":"draft"}]"#);
        found(&["status"], &[], r#"[{"status":null}]"#);
        found(&[], &["draft"], r#"[{"status":"draft"}]"#);
        found(
            &["status"],
            &["draft"],
            r#"[{"field":"status","old":"draft"}]"#,
        );
        missing(&["amount"], &["draft"], r#"[{"status":"draft"}]"#);
        missing(
            &["status"],
            &["1"],
            r#"[{"field":"amount","new":1,"status":2}]"#,
        );
        missing(&["status"], &[], "[]");
    }

    #[test]
    fn a_value_is_a_string_or_what_it_reads_as() {
        for (value, json) in [
            ("final", "\"final\""),
            ("é\"\\", r#""\u00e9\"\\""#),
            ("100", "100"),
            ("100", "\"100\""),
            ("100", "1e2"),
            ("1.10", "1.1"),
            ("-0", "0"),
            ("0", "-0.0"),
            ("9007199254740993", "9007199254740992.0"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("true", "true"),
            ("null", "null"),
            ("null", "\"null\""),
            ("", "\"\""),
            ("01", "\"01\""),
            ("[1]", "\"[1]\""),
        ] {
            let data = format!(r#"[{{"field":"f","old":"?","new":{json}}}]"#);
            found(&["f"], &[value], &data);
            found(&[], &["other", value], &data);
        }
        for (value, json) in [
            ("Final", "\"final\""),
            ("\"final\"", "\"final\""),
            ("100", "101"),
            (" 100", "100"),
            ("100 ", "100"),
            ("+100", "100"),
            ("01", "1"),
            ("1.", "1"),
            ("-", "0"),
            ("1e999", "100"),
            ("-inf", "0"),
            ("9007199254740993", "9007199254740992"),
            ("[1]", "[1]"),
            ("{}", "{}"),
            ("", "null"),
            ("0", "false"),
        ] {
            let data = format!(r#"[{{"field":"f","old":{json}}}]"#);
            missing(&["f"], &[value], &data);
        }
    }

    #[test]
    fn only_json_is_read_as_a_scalar() {
        for (text, scalar) in [
            ("-12", Some(Scalar::Integer)),
            ("1e5", Some(Scalar::Decimal)),
            ("-0.5E-3", Some(Scalar::Decimal)),
            ("false", Some(Scalar::Word)),
            ("1.", None),
            ("01", None),
            ("-", None),
            ("1\n", None),
            ("\t1", None),
            ("[1]", None),
            ("\"1\"", None),
            ("1,2", None),
            ("1-2", None),
        ] {
            assert_eq!(WantedValue::new(text).scalar(), scalar, "{text:?}");
        }
    }
}
