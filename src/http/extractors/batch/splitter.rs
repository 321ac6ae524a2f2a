//! Cuts a body into the texts of its events, as the bytes come in.

use crate::domain::Invalid;
use crate::http::extractors::MAX_EVENT_BYTES;
use crate::http::extractors::json_fields::JSON_INVALID;

/// The largest text of an event: a `CloudEvent` is an event and its attributes.
const MAX_TEXT_BYTES: usize = MAX_EVENT_BYTES + 64 * 1024;

/// One event of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// It may still be anything.
    Json(&'a [u8]),
    /// It was too long to be kept.
    TooLong,
}

/// Takes the bytes of a body in any portions.
#[derive(Debug)]
pub(super) enum Splitter {
    /// One JSON text.
    Whole(Piece),
    /// One JSON text a line; empty lines count for nothing.
    Lines(Piece),
    /// The elements of a JSON array.
    Elements(Elements),
    /// An array, or one JSON text: the first byte tells.
    Json,
    /// An array: the first byte is its bracket, or it is none.
    Array,
}

#[derive(Debug, Default)]
pub(super) struct Elements {
    piece: Piece,
    /// The arrays and objects in an element that are open.
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The elements that have ended.
    count: usize,
    is_closed: bool,
}

/// A text that may end in a later portion.
#[derive(Debug, Default)]
pub(super) struct Piece {
    bytes: Vec<u8>,
    is_too_long: bool,
}

/// Receives each text, in order.
type Emit<'a, E> = &'a mut dyn FnMut(Text<'_>) -> Result<(), E>;

impl Splitter {
    /// An error of type [`Invalid`] is of the whole body.
    pub(super) fn feed<E: From<Invalid>>(
        &mut self,
        bytes: &[u8],
        emit: Emit<'_, E>,
    ) -> Result<(), E> {
        match self {
            Self::Whole(piece) => piece.extend(bytes),
            Self::Lines(piece) => return piece.feed_lines(bytes, emit),
            Self::Elements(elements) => return elements.feed(bytes, emit),
            Self::Json | Self::Array => return self.begin(bytes.trim_ascii_start(), emit),
        }
        Ok(())
    }

    /// Decides by the first byte.
    fn begin<E: From<Invalid>>(&mut self, bytes: &[u8], emit: Emit<'_, E>) -> Result<(), E> {
        match bytes {
            [] => Ok(()),
            [b'[', rest @ ..] => {
                *self = Self::Elements(Elements::default());
                self.feed(rest, emit)
            }
            _ if matches!(self, Self::Array) => {
                Err(Invalid::new("list_type", "Input should be a valid list").into())
            }
            _ => {
                *self = Self::Whole(Piece::default());
                self.feed(bytes, emit)
            }
        }
    }

    /// Ends the body.
    pub(super) fn finish<E: From<Invalid>>(self, emit: Emit<'_, E>) -> Result<(), E> {
        match self {
            Self::Whole(mut piece) | Self::Lines(mut piece) => piece.end(&[], emit),
            Self::Elements(elements) if elements.is_closed => Ok(()),
            Self::Elements(_) => Err(malformed(
                "the body ends inside an array or object, or closes one that is not open",
            )
            .into()),
            Self::Json | Self::Array => Ok(()),
        }
    }
}

impl Elements {
    fn feed<E: From<Invalid>>(&mut self, bytes: &[u8], emit: Emit<'_, E>) -> Result<(), E> {
        let mut start = 0;
        for (at, byte) in bytes.iter().copied().enumerate() {
            if self.is_closed {
                if !byte.is_ascii_whitespace() {
                    return Err(malformed("trailing characters").into());
                }
            } else if self.ends_at(byte) {
                let is_closed = byte == b']';
                let text = &bytes[start..at];
                start = at + 1;
                self.end(text, is_closed, emit)?;
            }
        }
        if !self.is_closed {
            self.piece.extend(&bytes[start..]);
        }
        Ok(())
    }

    /// Follows the brackets and strings, and tells whether an element ends before this byte. If the element is no JSON,
    /// its end may be anywhere.
    fn ends_at(&mut self, byte: u8) -> bool {
        if self.in_string {
            let was_escaped = std::mem::take(&mut self.is_escaped);
            match byte {
                b'\\' => self.is_escaped = !was_escaped,
                b'"' => self.in_string = was_escaped,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b',' if self.depth == 0 => return true,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }

    fn end<E: From<Invalid>>(
        &mut self,
        text: &[u8],
        is_closed: bool,
        emit: Emit<'_, E>,
    ) -> Result<(), E> {
        self.is_closed = is_closed;
        if !self.piece.is_empty_with(text) {
            self.count += 1;
            return self.piece.end(text, emit);
        }
        if is_closed && self.count == 0 {
            return Ok(());
        }
        Err(malformed("expected value").into())
    }
}

impl Piece {
    fn extend(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > MAX_TEXT_BYTES {
            self.bytes = Vec::new();
            self.is_too_long = true;
        }
        if !self.is_too_long {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Tells whether there is nothing but white space, `rest` included.
    fn is_empty_with(&self, rest: &[u8]) -> bool {
        !self.is_too_long && self.bytes.trim_ascii().is_empty() && rest.trim_ascii().is_empty()
    }

    /// Emits the text with `rest` at its end, unless there is none, and begins the next.
    fn end<E>(&mut self, rest: &[u8], emit: Emit<'_, E>) -> Result<(), E> {
        if self.is_empty_with(rest) {
            self.bytes.clear();
            return Ok(());
        }
        let ends_in_one_portion =
            self.bytes.is_empty() && !self.is_too_long && rest.len() <= MAX_TEXT_BYTES;
        if ends_in_one_portion {
            return emit(Text::Json(rest));
        }
        self.extend(rest);
        let outcome = if std::mem::take(&mut self.is_too_long) {
            emit(Text::TooLong)
        } else {
            emit(Text::Json(&self.bytes))
        };
        self.bytes.clear();
        outcome
    }

    fn feed_lines<E>(&mut self, mut bytes: &[u8], emit: Emit<'_, E>) -> Result<(), E> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.end(&bytes[..end], emit)?;
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
        Ok(())
    }
}

fn malformed(what: &str) -> Invalid {
    Invalid::new(JSON_INVALID, format!("JSON decode error: {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Elements, MAX_TEXT_BYTES, Piece, Splitter, Text};
    use crate::domain::Invalid;

    /// Returns the texts of a body that comes in portions of `portion` bytes; `None` for one that is too long.
    fn split(
        mut splitter: Splitter,
        body: &[u8],
        portion: usize,
    ) -> Result<Vec<Option<Vec<u8>>>, Invalid> {
        let mut texts = Vec::new();
        let mut emit = |text: Text<'_>| {
            texts.push(match text {
                Text::Json(json) => Some(json.trim_ascii().to_vec()),
                Text::TooLong => None,
            });
            Ok::<_, Invalid>(())
        };
        for bytes in body.chunks(portion) {
            splitter.feed(bytes, &mut emit)?;
        }
        splitter.finish(&mut emit)?;
        Ok(texts)
    }

    fn lines() -> Splitter {
        Splitter::Lines(Piece::default())
    }

    #[test]
    fn lines_are_texts_and_empty_ones_are_none() {
        for portion in 1..20 {
            let texts = split(lines(), b"\n{\"a\":1}\r\n \n\n[2]\n3", portion).unwrap();
            let expected = ["{\"a\":1}", "[2]", "3"].map(|it| Some(it.as_bytes().to_vec()));
            assert_eq!(texts, expected);
        }
        assert_eq!(split(lines(), b"", 1).unwrap(), []);
    }

    #[test]
    fn what_is_no_array_is_refused() {
        for body in [
            "[", "[1", "[1,", "[,1]", "[1,]", "[1,,2]", "[]]", "[1] 2", "[\"", "[{]", "[[1]",
        ] {
            for portion in 1..=body.len() {
                let refused = split(Splitter::Json, body.as_bytes(), portion);
                assert!(refused.is_err(), "{body}: {refused:?}");
            }
        }
        assert_eq!(
            split(Splitter::Array, b" {}", 1).unwrap_err().kind,
            "list_type"
        );
        for body in ["[]", " [ ] \n"] {
            assert_eq!(split(Splitter::Json, body.as_bytes(), 1).unwrap(), []);
        }
        let whole = split(Splitter::Json, b"  {\"a\":[1,2]} ", 3).unwrap();
        assert_eq!(whole, [Some(b"{\"a\":[1,2]}".to_vec())]);
    }

    #[test]
    fn a_text_that_is_too_long_is_not_kept_and_spares_the_others() {
        let long = "x".repeat(MAX_TEXT_BYTES + 1);
        for portion in [1000, 64 * 1024, 4 * MAX_TEXT_BYTES] {
            let texts = split(lines(), format!("1\n{long}\n2").as_bytes(), portion).unwrap();
            assert_eq!(texts, [Some(b"1".to_vec()), None, Some(b"2".to_vec())]);
            let body = format!("[1,\"{long}\",2]");
            let texts = split(Splitter::Json, body.as_bytes(), portion).unwrap();
            assert_eq!(texts, [Some(b"1".to_vec()), None, Some(b"2".to_vec())]);
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            (-9..9).prop_map(Value::from),
            "[a\\\\\"\\[\\]{},: é]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a\\\\\"\\]}]{0,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn elements_are_those_of_the_array(
            values in prop::collection::vec(json(), 0..6),
            is_pretty in any::<bool>(),
            portion in 1_usize..40,
        ) {
            let body = if is_pretty {
                serde_json::to_string_pretty(&values).unwrap()
            } else {
                serde_json::to_string(&values).unwrap()
            };
            let elements = Splitter::Elements(Elements::default());
            for (splitter, body) in [(Splitter::Json, &body[..]), (elements, &body[1..])] {
                let texts = split(splitter, body.as_bytes(), portion).unwrap();
                let found: Vec<Value> = texts
                    .iter()
                    .map(|text| serde_json::from_slice(text.as_ref().unwrap()).unwrap())
                    .collect();
                prop_assert_eq!(&found, &values);
            }
        }
    }
}
