//! Compares JSON texts by value, in one pass over each.

use std::borrow::Cow;
use std::ops::Range;

/// The maximum nesting that is compared, which bounds the recursion; that of `serde_json`.
const MAX_DEPTH: usize = 128;

/// Tells whether two JSON texts without white space between tokens say the same.
///
/// The order of an object's members means nothing, and of members with one name the last one counts. Two plain
/// integers are compared digit for digit, all other numbers as IEEE doubles. Texts that are no JSON are not the same.
///
/// Takes time and memory in proportion to the texts, however deep they are: each is indexed once.
pub(in crate::domain) fn same_json(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (Index::of(one), Index::of(other)) else {
        return false;
    };
    same_value(one.root(), other.root())
}

/// Where the values of a text are, in the order in which they begin; the name of a member is a value before the
/// member's own.
pub(super) struct Index<'a> {
    text: &'a str,
    values: Vec<Span>,
}

/// A value's place in the text, and how many values there are in it, itself included.
struct Span {
    start: u32,
    end: u32,
    values: u32,
}

#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    index: &'a Index<'a>,
    place: usize,
}

impl<'a> Index<'a> {
    /// Finds the values of valid JSON. `None` where it is too deep or too long, or where a bracket or a quotation
    /// mark has no match.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut values: Vec<Span> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let start = u32::try_from(at).ok()?;
            match byte {
                b',' | b':' => at += 1,
                b'[' | b'{' => {
                    open.push(values.len());
                    if open.len() > MAX_DEPTH {
                        return None;
                    }
                    at += 1;
                    values.push(Span::at(start));
                }
                b']' | b'}' => {
                    at += 1;
                    let place = open.pop()?;
                    values[place].end = start + 1;
                    values[place].values = u32::try_from(values.len() - place).ok()?;
                }
                _ => {
                    at = scalar_end(bytes, at)?;
                    let mut span = Span::at(start);
                    span.end = u32::try_from(at).ok()?;
                    values.push(span);
                }
            }
        }
        let is_whole = open.is_empty() && values.first()?.values as usize == values.len();
        is_whole.then_some(Self { text, values })
    }

    pub(super) fn root(&self) -> Value<'_> {
        Value {
            index: self,
            place: 0,
        }
    }
}

impl Span {
    const fn at(start: u32) -> Self {
        Self {
            start,
            end: start,
            values: 1,
        }
    }
}

/// Returns where the string, number or word ends that begins at `start`.
fn scalar_end(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes[start] != b'"' {
        let rest = &bytes[start..];
        let length = rest.iter().position(|byte| b",:[]{}\"".contains(byte));
        return Some(length.map_or(bytes.len(), |length| start + length));
    }
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

impl<'a> Value<'a> {
    fn span(self) -> &'a Span {
        &self.index.values[self.place]
    }

    /// Returns where in the text it is, in bytes.
    pub(super) fn range(self) -> Range<usize> {
        let Span { start, end, .. } = self.span();
        *start as usize..*end as usize
    }

    pub(super) fn text(self) -> &'a str {
        // The ends of a value are characters of ASCII.
        self.index.text.get(self.range()).unwrap_or_default()
    }

    /// Returns the values directly in an array or an object: for an object names and values in turn.
    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let end = self.place + self.span().values as usize;
        let mut next = self.place + 1;
        std::iter::from_fn(move || {
            let child = Self {
                place: next,
                ..self
            };
            (next < end).then(|| {
                next += child.span().values as usize;
                child
            })
        })
    }

    /// Returns an object's members by name, the last one of each.
    fn members(self) -> Option<Vec<(Cow<'a, str>, Self)>> {
        let mut children = self.children();
        let mut members = Vec::new();
        while let Some(name) = children.next() {
            members.push((string(name.text())?, children.next()?));
        }
        members.reverse();
        members.sort_by(|(one, _), (other, _)| one.cmp(other)); // stable: the last stays first
        members.dedup_by(|(later, _), (first, _)| later == first);
        Some(members)
    }
}

fn same_value(one: Value<'_>, other: Value<'_>) -> bool {
    let (text, other_text) = (one.text(), other.text());
    match (text.as_bytes().first(), other_text.as_bytes().first()) {
        (Some(b'['), Some(b'[')) => {
            let (mut ones, mut others) = (one.children(), other.children());
            loop {
                match (ones.next(), others.next()) {
                    (None, None) => return true,
                    (Some(one), Some(other)) if same_value(one, other) => {}
                    _ => return false,
                }
            }
        }
        (Some(b'{'), Some(b'{')) => {
            let (Some(ones), Some(others)) = (one.members(), other.members()) else {
                return false;
            };
            ones.len() == others.len()
                && ones
                    .iter()
                    .zip(&others)
                    .all(|(one, other)| one.0 == other.0 && same_value(one.1, other.1))
        }
        (Some(b'"'), Some(b'"')) => {
            text == other_text
                || string(text)
                    .zip(string(other_text))
                    .is_some_and(|(one, other)| one == other)
        }
        _ => text == other_text || same_number(text, other_text),
    }
}

/// Returns a string's characters; `None` where it is none.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(json).map(Cow::Owned).ok();
    }
    Some(Cow::Borrowed(inner))
}

/// Compares numbers that are not written alike.
pub(super) fn same_number(one: &str, other: &str) -> bool {
    let is_number = |text: &str| text.starts_with(|it: char| it == '-' || it.is_ascii_digit());
    if !is_number(one) || !is_number(other) {
        return false;
    }
    let is_integer = |text: &str| !text.contains(['.', 'e', 'E']);
    if is_integer(one) && is_integer(other) {
        // Without leading zeros there is one way to write an integer, and two for zero.
        return [one, other].iter().all(|it| ["0", "-0"].contains(it));
    }
    match (one.parse::<f64>(), other.parse::<f64>()) {
        #[expect(clippy::float_cmp, reason = "that is the contract")]
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::same_json;

    #[test]
    fn integers_are_compared_by_digits_and_other_numbers_as_doubles() {
        for (one, other) in [
            ("[1.10]", "[1.1]"),
            ("[100]", "[1e2]"),
            ("[100]", "[1E+2]"),
            ("[0]", "[-0]"),
            ("[-0]", "[0.0]"),
            ("[0]", "[-0e7]"),
            ("[1]", "[1.0]"),
            ("[9007199254740993]", "[9007199254740992.0]"),
            ("[0.1]", "[0.1000000000000000055]"),
            ("[1e-400]", "[0]"),
            ("[12345678901234567890]", "[12345678901234567890]"),
        ] {
            assert!(same_json(one, other), "{one} {other}");
            assert!(same_json(other, one), "{other} {one}");
        }
        for (one, other) in [
            ("[9007199254740993]", "[9007199254740992]"),
            ("[12345678901234567890]", "[12345678901234567891]"),
            ("[1]", "[-1]"),
            ("[1.1]", "[1.2]"),
            ("[1]", "[true]"),
            ("[0]", "[null]"),
            ("[1]", r#"["1"]"#),
            ("[1e2]", "[1e3]"),
        ] {
            assert!(!same_json(one, other), "{one} {other}");
            assert!(!same_json(other, one), "{other} {one}");
        }
    }

    #[test]
    fn members_are_compared_by_name_and_elements_in_order() {
        for (one, other) in [
            (r#"[{"a":1,"b":"é"}]"#, r#"[{"b":"\u00e9","a":1}]"#),
            (r#"[{"a":0,"a":1}]"#, r#"[{"a":1}]"#),
            (r#"[{"a":0,"\u0061":[{}]}]"#, r#"[{"a":[{}]}]"#),
            (r#"[{"a":{"c":[],"b":{}}}]"#, r#"[{"a":{"b":{},"c":[]}}]"#),
            (r#"["\ud83d\ude00\"\\"]"#, r#"["😀\"\\"]"#),
            ("[]", "[]"),
        ] {
            assert!(same_json(one, other), "{one} {other}");
            assert!(same_json(other, one), "{other} {one}");
        }
        for (one, other) in [
            (r#"[{"a":1}]"#, r#"[{"a":1,"b":null}]"#),
            (r#"[{"a":1,"a":0}]"#, r#"[{"a":1}]"#),
            (r#"[{"a":1}]"#, r#"[{"b":1}]"#),
            ("[[1],[2]]", "[[1,2]]"),
            ("[[],[]]", "[[[]]]"),
            ("[1,2]", "[2,1]"),
            ("[1]", "[1,2]"),
            ("[{}]", "[[]]"),
            (r#"["a","b"]"#, r#"["a,b"]"#),
            (r#"["]"]"#, r#"["["]"#),
            ("", ""),
            ("[", "["),
            ("[]]", "[]]"),
            (r#"["]"#, r#"["]"#),
            (r#"["\"#, r#"["\"#),
            (r#"[{"a"}]"#, r#"[{"a"}]"#),
            ("[][]", "[][]"),
        ] {
            assert!(!same_json(one, other), "{one} {other}");
            assert!(!same_json(other, one), "{other} {one}");
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(!same_json(&deep, &deep));
    }

    /// Writes a value in a way that means the same.
    fn respelt(value: &serde_json::Value) -> String {
        use serde_json::Value;
        match value {
            Value::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(respelt).collect();
                format!("[{}]", elements.join(","))
            }
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| {
                    format!("{}:{}", respelt(&name.as_str().into()), respelt(value))
                };
                let members: Vec<_> = members.iter().rev().map(member).collect();
                format!("{{{}}}", members.join(","))
            }
            Value::String(text) => {
                let escaped = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
                format!("\"{}\"", escaped.collect::<String>())
            }
            Value::Number(number) => format!("{number}e0"),
            other => other.to_string(),
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-1000..1000).prop_map(Value::from),
            "[a-c\"\\\\é😀]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map("[a-c\"\\\\]{0,2}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_decide_and_not_their_spelling(one in json(), other in json()) {
            let (text, respelt) = (one.to_string(), respelt(&one));
            prop_assert!(same_json(&text, &respelt), "{text} {respelt}");
            prop_assert_eq!(same_json(&text, &other.to_string()), one == other);
        }
    }

    /// The time does not grow with the depth.
    #[test]
    fn depth_costs_nothing() {
        let time = |depth: usize| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            let text = |last: u8| format!("{open}{}{last}{close}", "0,".repeat(200_000));
            let (one, other) = (text(1), text(2));
            let started = Instant::now();
            assert!(!same_json(&one, &other));
            started.elapsed()
        };
        let fastest = |depth| (0..5).map(|_| time(depth)).min().unwrap();
        let (flat, deep) = (fastest(1), fastest(120));
        assert!(deep < 10 * flat, "{flat:?} {deep:?}");
    }
}
