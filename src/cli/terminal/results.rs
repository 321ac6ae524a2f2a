//! Results on standard output.

use std::io::{self, Write};

use anyhow::Context;
use serde_json::Value;

/// Prints the results of a job when they are found, in words or as JSON, so that none is lost if the job is stopped.
pub(in crate::cli) struct Results {
    json: bool,
    outcome: io::Result<()>,
}

impl Results {
    pub(in crate::cli) fn new(json: bool) -> Self {
        Self {
            json,
            outcome: Ok(()),
        }
    }

    /// Prints a line. An error is kept for [`Results::end`], since the job continues.
    pub(in crate::cli) fn line(&mut self, object: &Value, words: &str) {
        if self.outcome.is_ok() {
            let text = if self.json {
                object.to_string()
            } else {
                in_one_line(words)
            };
            let mut out = io::stdout().lock();
            self.outcome = writeln!(out, "{text}").and_then(|()| out.flush());
        }
    }

    pub(in crate::cli) fn end(self) -> anyhow::Result<()> {
        self.outcome.context("cannot write to standard output")
    }
}

/// Tells whether anybody reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Reader {
    Present,
    /// As `head` does once it has enough.
    Gone,
}

/// Writes a text to standard output.
pub(in crate::cli) fn print(text: &str) -> anyhow::Result<Reader> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Present),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}

/// Removes line breaks and terminal escapes, which messages of servers and names of objects may contain.
pub(in crate::cli) fn in_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
