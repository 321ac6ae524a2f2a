//! Takes a text apart into events: one a line, an array of them, or objects one after another, as `jq` prints them. Only
//! one event is held at a time.

use std::io::{self, Read};

use serde::de::IgnoredAny;

/// The longest text of an event that is sent; the service takes 1 MiB of it, without white space.
const MAX_EVENT_BYTES: usize = 2 * 1024 * 1024;

const BLOCK_BYTES: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An event as it was written.
#[derive(Debug, PartialEq, Eq)]
pub struct InputEvent {
    /// Where it begins, from 1.
    pub line: u64,
    /// Without line breaks; or why it cannot be sent.
    pub json: Result<String, &'static str>,
}

/// A text that cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("cannot read")]
    Io(#[from] io::Error),
    #[error("line {line}: {problem}")]
    Malformed { line: u64, problem: &'static str },
}

/// How the events of a text are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Lines,
    /// Objects, with nothing but white space between them.
    Objects,
    Array,
    /// Behind the array, where nothing may follow.
    Closed,
}

/// Reads events until the text ends or cannot be read any further.
#[derive(Debug)]
pub struct EventReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// The part of `buffer` that was read already.
    at: usize,
    line: u64,
    consumed: u64,
    form: Option<Form>,
    has_ended: bool,
    /// In an array: there was an element, and no comma since.
    needs_comma: bool,
}

impl<R: Read> EventReader<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            at: 0,
            line: 1,
            consumed: 0,
            form: None,
            has_ended: false,
            needs_comma: false,
        }
    }

    /// Continues at a line of a text whose events are lines, `offset` bytes behind its beginning.
    pub fn resume(input: R, offset: u64, line: u64) -> Self {
        Self {
            line,
            consumed: offset,
            form: Some(Form::Lines),
            ..Self::new(input)
        }
    }

    /// The bytes up to the end of the event that was returned last.
    pub const fn offset(&self) -> u64 {
        self.consumed
    }

    /// The line on which the text continues.
    pub const fn next_line(&self) -> u64 {
        self.line
    }

    /// Tells whether each event is a line of its own, so that reading can resume behind any of them.
    pub fn is_by_line(&self) -> bool {
        self.form == Some(Form::Lines)
    }

    fn read(&mut self) -> Result<Option<InputEvent>, InputError> {
        let form = match self.form {
            Some(form) => form,
            None => self.find_form()?,
        };
        self.form = Some(form);
        match form {
            Form::Lines => self.read_line(),
            Form::Objects => match self.skip_white_space()? {
                None => Ok(None),
                Some(_) => self.read_value().map(Some),
            },
            Form::Array => self.read_element(),
            Form::Closed => match self.skip_white_space()? {
                None => Ok(None),
                Some(_) => Err(self.malformed("something follows the end of the array")),
            },
        }
    }

    /// Looks ahead as far as necessary, and no further: the rest may not have been written yet.
    fn find_form(&mut self) -> Result<Form, InputError> {
        while self.buffer.len() < BYTE_ORDER_MARK.len() && self.fill()? {}
        if self.consumed == 0 && self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.advance(BYTE_ORDER_MARK.len());
        }
        match self.skip_white_space()? {
            None => return Ok(Form::Lines),
            Some(b'[') => {
                self.advance(1);
                return Ok(Form::Array);
            }
            Some(_) => {}
        }
        let mut end = None;
        while end.is_none() && self.rest().len() <= MAX_EVENT_BYTES {
            end = self.rest().iter().position(|byte| *byte == b'\n');
            if end.is_none() && !self.fill()? {
                return Ok(Form::Lines); // the only one
            }
        }
        let Some(end) = end else {
            return Ok(Form::Lines); // too long
        };
        let first = serde_json::from_slice::<IgnoredAny>(&self.rest()[..end]);
        if !first.is_err_and(|error| error.is_eof()) {
            return Ok(Form::Lines);
        }
        // Unfinished: an object of several lines, or a line that was cut off.
        loop {
            let mut further = self.rest()[end..].iter().copied();
            match further.find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'{') => return Ok(Form::Lines),
                Some(_) => return Ok(Form::Objects),
                None if self.rest().len() > MAX_EVENT_BYTES || !self.fill()? => {
                    return Ok(Form::Lines);
                }
                None => {}
            }
        }
    }

    /// Reads a line that is not empty.
    fn read_line(&mut self) -> Result<Option<InputEvent>, InputError> {
        loop {
            let line = self.line;
            let mut json = Vec::new();
            let mut is_too_long = false;
            loop {
                if self.rest().is_empty() && !self.fill()? {
                    break;
                }
                let end = self.rest().iter().position(|byte| *byte == b'\n');
                let length = end.map_or(self.rest().len(), |end| end + 1);
                is_too_long |= json.len() + length > MAX_EVENT_BYTES;
                if !is_too_long {
                    json.extend_from_slice(&self.rest()[..length]);
                }
                self.advance(length);
                if end.is_some() {
                    break;
                }
            }
            let is_empty = json.iter().all(u8::is_ascii_whitespace);
            if !is_empty || is_too_long {
                return Ok(Some(event(line, json, is_too_long)));
            }
            if self.rest().is_empty() && !self.fill()? {
                return Ok(None);
            }
        }
    }

    fn read_element(&mut self) -> Result<Option<InputEvent>, InputError> {
        let next = self.skip_white_space()?;
        let next = match next {
            Some(b',') if self.needs_comma => {
                self.advance(1);
                self.needs_comma = false;
                match self.skip_white_space()? {
                    Some(b']') => return Err(self.malformed("an event is missing behind ','")),
                    next => next,
                }
            }
            Some(b']') => {
                self.advance(1);
                self.form = Some(Form::Closed);
                return self.read();
            }
            Some(_) if self.needs_comma => {
                return Err(self.malformed("',' or ']' is missing"));
            }
            next => next,
        };
        if next.is_none() {
            return Err(self.malformed("the text ends within the array"));
        }
        self.needs_comma = true;
        self.read_value().map(Some)
    }

    /// Reads a value up to its end, without checking what is in it.
    fn read_value(&mut self) -> Result<InputEvent, InputError> {
        let line = self.line;
        let (mut json, mut is_too_long) = (Vec::new(), false);
        let (mut depth, mut in_string, mut is_escaped) = (0_u64, false, false);
        loop {
            let Some(byte) = self.peek()? else {
                if depth > 0 || in_string {
                    return Err(self.malformed("the text ends within an event"));
                }
                break;
            };
            if in_string {
                in_string = is_escaped || byte != b'"';
                is_escaped = !is_escaped && byte == b'\\';
            } else {
                let is_at_end = byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}');
                if depth == 0 && is_at_end && !json.is_empty() {
                    break;
                }
                match byte {
                    b'"' => in_string = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            is_too_long |= json.len() >= MAX_EVENT_BYTES;
            if !is_too_long {
                json.push(byte);
            }
            self.advance(1);
            if depth == 0 && !in_string && matches!(byte, b'}' | b']') {
                break;
            }
        }
        Ok(event(line, json, is_too_long))
    }

    fn skip_white_space(&mut self) -> Result<Option<u8>, InputError> {
        loop {
            match self.peek()? {
                Some(byte) if byte.is_ascii_whitespace() => self.advance(1),
                next => return Ok(next),
            }
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, InputError> {
        if self.rest().is_empty() && !self.fill()? {
            return Ok(None);
        }
        Ok(self.rest().first().copied())
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    fn advance(&mut self, length: usize) {
        let passed = &self.buffer[self.at..self.at + length];
        let breaks = passed.split(|byte| *byte == b'\n').count() - 1;
        self.line += breaks as u64;
        self.at += length;
        self.consumed += length as u64;
    }

    /// Reads some more; `false` at the end.
    fn fill(&mut self) -> Result<bool, InputError> {
        if self.has_ended {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + BLOCK_BYTES, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.buffer
            .truncate(length + read.as_ref().map_or(0, |read| *read));
        self.has_ended = read? == 0;
        Ok(!self.has_ended)
    }

    fn malformed(&self, problem: &'static str) -> InputError {
        let line = self.line;
        InputError::Malformed { line, problem }
    }
}

impl<R: Read> Iterator for EventReader<R> {
    type Item = Result<InputEvent, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn event(line: u64, mut json: Vec<u8>, is_too_long: bool) -> InputEvent {
    if is_too_long {
        let json = Err("it is longer than 2 MiB");
        return InputEvent { line, json };
    }
    // JSON has them between tokens only.
    for byte in &mut json {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    let json = String::from_utf8(json).map_err(|_| "it is not UTF-8");
    let json = json.map(|json| json.trim().to_owned());
    InputEvent { line, json }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::{EventReader, MAX_EVENT_BYTES};

    /// Gives a byte at a time, as a slow pipe does.
    struct Slow<'a>(Cursor<&'a [u8]>);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    fn events(text: &str) -> Vec<String> {
        let in_words = |event: Result<super::InputEvent, super::InputError>| match event {
            Ok(event) => match event.json {
                Ok(json) => format!("{}:{json}", event.line),
                Err(problem) => format!("{}!{problem}", event.line),
            },
            Err(error) => format!("error: {error}"),
        };
        let mut shown = Vec::new();
        for event in EventReader::new(text.as_bytes()) {
            let is_error = event.is_err();
            shown.push(in_words(event));
            if is_error {
                break;
            }
        }
        let mut by_byte = Vec::new();
        for event in EventReader::new(Slow(Cursor::new(text.as_bytes()))) {
            let is_error = event.is_err();
            by_byte.push(in_words(event));
            if is_error {
                break;
            }
        }
        assert_eq!(shown, by_byte);
        shown
    }

    #[test]
    fn events_are_read_in_all_forms() {
        for (text, expected) in [
            ("", vec![]),
            (" \n\n", vec![]),
            ("{\"a\":1}", vec!["1:{\"a\":1}"]),
            ("\u{feff}{}\n", vec!["1:{}"]),
            (
                "\n{\"a\":1}\r\n\n7\n{broken\n{}",
                vec!["2:{\"a\":1}", "4:7", "5:{broken", "6:{}"],
            ),
            ("{\"cut\n{\"a\":1}\n", vec!["1:{\"cut", "2:{\"a\":1}"]),
            ("{\"cut", vec!["1:{\"cut"]),
            (
                "{\n  \"a\": \"}\\\"{\"\n}\n{\n  \"b\": [1,\n2]}",
                vec!["1:{   \"a\": \"}\\\"{\" }", "4:{   \"b\": [1, 2]}"],
            ),
            ("[]", vec![]),
            (" [\n]\n", vec![]),
            (
                "[{\"a\":[\"]\"]},\n 7 ,\n\"x,]\",{x}]\n",
                vec!["1:{\"a\":[\"]\"]}", "2:7", "3:\"x,]\"", "3:{x}"],
            ),
            (
                "[{}\n{}]",
                vec!["1:{}", "error: line 2: ',' or ']' is missing"],
            ),
            (
                "[{},\n]",
                vec!["1:{}", "error: line 2: an event is missing behind ','"],
            ),
            (
                "[{},{\n",
                vec!["1:{}", "error: line 2: the text ends within an event"],
            ),
            (
                "[{},",
                vec!["1:{}", "error: line 1: the text ends within the array"],
            ),
            (
                "[] {}",
                vec!["error: line 1: something follows the end of the array"],
            ),
        ] {
            assert_eq!(events(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_endless_event_is_skipped() {
        let long = "x".repeat(MAX_EVENT_BYTES);
        let problem = "it is longer than 2 MiB";
        let shown = |text: String| {
            let events: Vec<_> = EventReader::new(text.as_bytes()).collect();
            let shown = events.into_iter().map(|event| {
                let event = event.unwrap();
                (event.line, event.json.unwrap_or_else(str::to_owned))
            });
            shown.collect::<Vec<_>>()
        };
        let expected = [(1, problem.to_owned()), (2, "{}".to_owned())];
        assert_eq!(shown(format!("\"{long}\"\n{{}}")), expected);
        assert_eq!(shown(format!("[\"{long}\",\n{{}}]")), expected);
    }
}
