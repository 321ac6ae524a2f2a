//! Telling why something went wrong.

use std::error::Error;

/// Returns an error and all that caused it in one line, for a log or a person: `a: b: c`.
///
/// What servers say may have lines of its own; they are joined.
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
