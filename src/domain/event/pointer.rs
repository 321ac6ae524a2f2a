//! JSON pointers (RFC 6901) to the members of an event.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::same_json::{Index, Value, string};
use crate::domain::Invalid;

/// The longest pointer: more than the names of some levels of members take.
const MAX_BYTES: usize = 512;

/// The text of a pointer to a member of an event, such as `/event_data/0/new`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberPointer(String);

impl MemberPointer {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let refused = |why: &str| Err(Invalid::new("json_pointer", why));
        if text.len() > MAX_BYTES {
            let message = format!("A JSON pointer should have at most {MAX_BYTES} bytes");
            return Err(Invalid::new("string_too_long", message));
        }
        if !text.starts_with('/') {
            return refused("Input should be a JSON pointer to a member: it begins with '/'");
        }
        let mut escapes = text.split('~').skip(1);
        if !escapes.all(|it| it.starts_with(['0', '1'])) {
            return refused(
                "Input should be a JSON pointer: '~' is written '~0', and '/' in a name '~1'",
            );
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether it leads to what `other` leads to, or into it.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(&other.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the names of members and the indexes of elements on the way.
    pub(super) fn tokens(&self) -> Vec<Cow<'_, str>> {
        let tokens = self.0.split('/').skip(1);
        tokens.map(unescaped).collect()
    }
}

fn unescaped(token: &str) -> Cow<'_, str> {
    if token.contains('~') {
        return Cow::Owned(token.replace("~1", "/").replace("~0", "~"));
    }
    Cow::Borrowed(token)
}

/// Returns the places in a JSON text to which these tokens lead: none, one, or several where an object has several members
/// of one name, so that none of them is missed.
pub(super) fn find(json: &Index<'_>, tokens: &[Cow<'_, str>]) -> Vec<Range<usize>> {
    let mut found = vec![json.root()];
    for token in tokens {
        let children = found.into_iter().map(|value| children(value, token));
        found = children.collect::<Vec<_>>().concat();
    }
    found.into_iter().map(Value::range).collect()
}

fn children<'a>(value: Value<'a>, token: &str) -> Vec<Value<'a>> {
    let mut children = value.children();
    match value.text().as_bytes().first() {
        Some(b'[') => {
            let child = array_index(token).and_then(|index| children.nth(index));
            child.into_iter().collect()
        }
        Some(b'{') => {
            let mut found = Vec::new();
            while let Some((name, child)) = children.next().zip(children.next()) {
                if string(name.text()).is_some_and(|it| it == token) {
                    found.push(child);
                }
            }
            found
        }
        _ => Vec::new(),
    }
}

/// Source: RFC 6901, section 4: digits without leading zeros.
fn array_index(token: &str) -> Option<usize> {
    let is_plain = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| is_plain)
}

/// Replaces these parts of a JSON text by `null`.
pub(super) fn without(json: &str, mut parts: Vec<Range<usize>>) -> String {
    parts.sort_unstable_by_key(|part| (part.start, std::cmp::Reverse(part.end)));
    let mut text = String::with_capacity(json.len());
    let mut at = 0;
    for part in parts {
        if part.start < at {
            continue; // inside of the last one
        }
        text += &json[at..part.start];
        text += "null";
        at = part.end;
    }
    text += &json[at..];
    text
}

#[cfg(test)]
mod tests {
    use super::{Index, MemberPointer, find, without};

    fn redacted(json: &str, pointers: &[&str]) -> String {
        let index = Index::of(json).unwrap();
        let parts = pointers.iter().flat_map(|pointer| {
            let pointer = MemberPointer::parse(pointer).unwrap();
            find(&index, &pointer.tokens())
        });
        without(json, parts.collect())
    }

    /// The examples of RFC 6901, section 5.
    #[test]
    fn pointers_lead_where_the_standard_says() {
        let json = r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        for (pointer, value) in [
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ] {
            let pointer = MemberPointer::parse(pointer).unwrap();
            let index = Index::of(json).unwrap();
            let found = find(&index, &pointer.tokens());
            let found: Vec<&str> = found.into_iter().map(|part| &json[part]).collect();
            assert_eq!(found, [value], "{pointer:?}");
        }
    }

    #[test]
    fn values_are_replaced_and_the_rest_stays_as_it_was_written() {
        let json = r#"[{"a":1.10,"\u0061":[2],"b":{"a":"é"}},3]"#;
        for (pointers, expected) in [
            (
                &["/0/a"][..],
                r#"[{"a":null,"\u0061":null,"b":{"a":"é"}},3]"#,
            ),
            (
                &["/0/b/a", "/1"],
                r#"[{"a":1.10,"\u0061":[2],"b":{"a":null}},null]"#,
            ),
            (&["/0/b/a", "/0", "/0/a/0"], "[null,3]"),
            (
                &["/0/a/0"],
                r#"[{"a":1.10,"\u0061":[null],"b":{"a":"é"}},3]"#,
            ),
            (
                &["/2", "/00", "/-", "/+0", "/1/0", "/0/c", "/0/b/a/0"],
                json,
            ),
        ] {
            assert_eq!(redacted(json, pointers), expected, "{pointers:?}");
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in ["", "a", "#/a", "/~", "/~2", "/a~/b"] {
            let refused = MemberPointer::parse(text).unwrap_err();
            assert_eq!(refused.kind, "json_pointer", "{text}");
        }
        let long = format!("/{}", "x".repeat(512));
        let refused = MemberPointer::parse(&long).unwrap_err();
        assert_eq!(refused.kind, "string_too_long");
        MemberPointer::parse(&long[..512]).unwrap();
    }

    #[test]
    fn a_pointer_is_within_itself_and_what_contains_it() {
        let within = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|it| MemberPointer::parse(it).unwrap());
            one.is_within(&other)
        };
        assert!(within("/a/1", "/a/1"));
        assert!(within("/a/1/b", "/a/1"));
        assert!(!within("/a/1", "/a/1/b"));
        assert!(!within("/a/10", "/a/1"));
    }
}
