//! Formatting of errors.

use std::error::Error;

/// Formats an error and its causes in one line: `a: b: c`. Line breaks in the messages of servers are removed.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.replace(['\n', '\r'], " ")
}
