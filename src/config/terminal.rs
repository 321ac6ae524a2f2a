//! The capabilities of the terminal behind standard error.

use std::io::{self, IsTerminal};

/// Tells whether standard error is a terminal that understands escape sequences, such as those that move the cursor.
pub fn stderr_takes_escapes() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !is_dumb
}

/// Tells whether output to standard error may be coloured.
///
/// Source: <https://no-color.org>: `NO_COLOR` counts if it is not empty, whatever its value.
pub fn stderr_takes_colors() -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
    stderr_takes_escapes() && !is_refused
}
