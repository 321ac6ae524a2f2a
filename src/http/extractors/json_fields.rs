//! Parses a JSON object member by member, so that all its problems are reported at once.
//!
//! The messages are those that callers of the documented API know (pydantic's).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Problems;
use crate::domain::Invalid;
use crate::http::responses::{ApiError, ApiResult, Problem};

/// The first part of the location of every problem in a body.
pub(crate) const BODY: &str = "body";

/// The kind of problem of a text that is no JSON.
pub(crate) const JSON_INVALID: &str = "json_invalid";

/// A JSON object in the body.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    place: Place,
    members: Members<'a>,
}

/// Where an object is in the body: the body itself, the element with this index, or a member of either.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) index: Option<usize>,
    pub(crate) member: Option<&'static str>,
}

impl Place {
    /// Returns the location of what is in this place.
    pub(crate) fn loc(self) -> Vec<Value> {
        let index = self.index.map(Value::from);
        let member = self.member.map(Value::from);
        let loc = [Some(Value::from(BODY)), index, member];
        loc.into_iter().flatten().collect()
    }
}

impl<'a> Object<'a> {
    /// Parses the body, which has to be an object.
    pub(crate) fn from_body(body: &'a [u8]) -> ApiResult<Self> {
        let place = Place::default();
        Self::parse(body, place)
            .map_err(|invalid| ApiError::Invalid(vec![Problem::new(place.loc(), invalid)]))
    }

    /// Parses a JSON text that has to be an object.
    pub(crate) fn parse(json: &'a [u8], place: Place) -> Result<Self, Invalid> {
        if json.is_empty() {
            return Err(missing());
        }
        let malformed = |error| Invalid::new(JSON_INVALID, format!("JSON decode error: {error}"));
        match serde_json::from_slice(json) {
            Ok(members) => Ok(Self { place, members }),
            // Another value: but the whole text has to be JSON.
            Err(error) if error.is_data() => {
                serde_json::from_slice::<&RawValue>(json).map_err(malformed)?;
                Err(not_an_object())
            }
            Err(error) => Err(malformed(error)),
        }
    }

    /// Returns the location of a member in the request.
    pub(crate) fn loc(&self, name: &str) -> Vec<Value> {
        let mut loc = self.place.loc();
        loc.push(name.into());
        loc
    }

    /// Parses a member without noting a problem: `None` if it is absent or wrong.
    pub(crate) fn peek<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&'a RawValue) -> Result<T, Invalid>,
    ) -> Option<T> {
        self.members.get(name).and_then(|json| parse(json).ok())
    }

    /// Returns a member that is an object, without noting a problem.
    pub(crate) fn peek_object(&self, name: &'static str) -> Option<Self> {
        let members = self.peek(name, Members::read)?;
        Some(self.member(name, members))
    }

    /// Returns where this object is.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// Parses a member that is required unless there is a default for it.
    pub(crate) fn required_or<T>(
        &self,
        problems: &mut Problems,
        name: &str,
        default: Option<T>,
        parse: impl FnOnce(&'a RawValue) -> Result<T, Invalid>,
    ) -> Option<T> {
        match default {
            None => self.required(problems, name, parse),
            Some(default) => {
                let parsed = self.optional(problems, name, parse)?;
                Some(parsed.unwrap_or(default))
            }
        }
    }

    /// Parses a required member.
    pub(crate) fn required<T>(
        &self,
        problems: &mut Problems,
        name: &str,
        parse: impl FnOnce(&'a RawValue) -> Result<T, Invalid>,
    ) -> Option<T> {
        let value = self.members.get(name);
        let parsed = value.ok_or_else(missing).and_then(parse);
        parsed
            .map_err(|invalid| problems.add(self.loc(name), invalid))
            .ok()
    }

    /// Parses an optional member: `Some(None)` if it is absent or null, `None` if it is wrong.
    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    pub(crate) fn optional<T>(
        &self,
        problems: &mut Problems,
        name: &str,
        parse: impl FnOnce(&'a RawValue) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        match self.members.get(name) {
            None => Some(None),
            Some(value) if value.get() == "null" => Some(None),
            Some(_) => self.required(problems, name, parse).map(Some),
        }
    }

    /// Parses the elements of a member that is a list. Reports the problem of each at its index; `None` if there is one.
    pub(crate) fn each<T>(
        &self,
        problems: &mut Problems,
        name: &str,
        elements: &[&RawValue],
        parse: impl Fn(&RawValue) -> Result<T, Invalid>,
    ) -> Option<Vec<T>> {
        let mut parsed = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            match parse(element) {
                Ok(value) => parsed.push(value),
                Err(invalid) => {
                    let mut loc = self.loc(name);
                    loc.push(index.into());
                    problems.add(loc, invalid);
                }
            }
        }
        (parsed.len() == elements.len()).then_some(parsed)
    }

    /// Parses a required member that is an object.
    pub(crate) fn object(&self, problems: &mut Problems, name: &'static str) -> Option<Self> {
        let members = self.required(problems, name, Members::read)?;
        Some(self.member(name, members))
    }

    fn member(&self, name: &'static str, members: Members<'a>) -> Self {
        let place = Place {
            member: Some(name),
            ..self.place
        };
        Self { place, members }
    }

    /// Returns the length of a member's JSON text.
    pub(crate) fn size_bytes(&self, name: &str) -> usize {
        self.members.get(name).map_or(0, |value| value.get().len())
    }
}

fn missing() -> Invalid {
    Invalid::missing()
}

fn not_an_object() -> Invalid {
    Invalid::new("dict_type", "Input should be a valid dictionary")
}

/// A name borrowed from the text where it has no escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object in the order of the text: a dozen are searched faster than sorted.
#[derive(Debug)]
struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

/// As many as are documented.
const EXPECTED_MEMBERS: usize = 12;

impl<'a> Members<'a> {
    fn read(json: &'a RawValue) -> Result<Self, Invalid> {
        serde_json::from_str(json.get()).map_err(|_| not_an_object())
    }

    /// Returns the last member of this name, as JSON parsers commonly do.
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let mut members = self.0.iter().rev();
        let (_, value) = members.find(|(Text(it), _)| it == name)?;
        Some(value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members<'de>, A::Error> {
        let mut found = Vec::with_capacity(EXPECTED_MEMBERS);
        while let Some(member) = members.next_entry()? {
            found.push(member);
        }
        Ok(Members(found))
    }
}

pub(crate) fn string(json: &RawValue) -> Result<String, Invalid> {
    serde_json::from_str(json.get())
        .map_err(|_| Invalid::new("string_type", "Input should be a valid string"))
}

/// Parses the text of a UUID.
pub(crate) fn uuid_text(json: &RawValue) -> Result<String, Invalid> {
    string(json).map_err(|_| Invalid::new("uuid_type", "UUID input should be a string"))
}

/// Parses an integer of 64 bits, written without fraction or exponent.
pub(crate) fn integer(json: &RawValue) -> Result<i64, Invalid> {
    let text = json.get();
    text.parse().map_err(|_| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Invalid::new(
                "int_parsing_size",
                "Input should be an integer of at most 64 bits",
            )
        } else {
            Invalid::new("int_type", "Input should be a valid integer")
        }
    })
}

/// Parses an integer of 32 bits.
pub(crate) fn small_integer(json: &RawValue) -> Result<i32, Invalid> {
    integer(json)?.try_into().map_err(|_| {
        Invalid::new(
            "int_parsing_size",
            "Input should be an integer of at most 32 bits",
        )
    })
}

/// Parses an integer that is not negative.
pub(crate) fn unsigned<T: TryFrom<i64>>(json: &RawValue) -> Result<T, Invalid> {
    let message = "Input should be an integer in the range of its type";
    T::try_from(integer(json)?).map_err(|_| Invalid::new("int_parsing_size", message))
}

/// Parses a list of at most `MAX` elements: a longer one is refused before any element is parsed.
pub(crate) fn elements<const MAX: usize>(json: &RawValue) -> Result<Vec<&RawValue>, Invalid> {
    let Elements { first, has_more } = serde_json::from_str::<Elements<'_, MAX>>(json.get())
        .map_err(|_| Invalid::new("list_type", "Input should be a valid list"))?;
    if has_more {
        let message = format!("List should have at most {MAX} items");
        return Err(Invalid::new("too_long", message));
    }
    Ok(first)
}

/// The first `MAX` elements of a list.
struct Elements<'a, const MAX: usize> {
    first: Vec<&'a RawValue>,
    has_more: bool,
}

impl<'de, const MAX: usize> Deserialize<'de> for Elements<'de, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor<const MAX: usize>;

impl<'de, const MAX: usize> Visitor<'de> for ElementsVisitor<MAX> {
    type Value = Elements<'de, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < MAX
            && let Some(element) = elements.next_element()?
        {
            first.push(element);
        }
        let mut has_more = false;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            has_more = true;
        }
        Ok(Elements { first, has_more })
    }
}

/// Accepts a list of anything.
pub(crate) fn list(json: &RawValue) -> Result<(), Invalid> {
    let is_list = json.get().starts_with('[');
    is_list
        .then_some(())
        .ok_or_else(|| Invalid::new("list_type", "Input should be a valid list"))
}
