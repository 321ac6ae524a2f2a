//! The capabilities of the terminal behind standard output and standard error, and the time zone of the person before it.

use std::io::{self, IsTerminal};

use jiff::tz::TimeZone;

/// Tells whether standard error is a terminal that understands escape sequences, such as those that move the cursor.
pub fn stderr_takes_escapes() -> bool {
    io::stderr().is_terminal() && !is_dumb()
}

/// Tells whether output to standard error may be coloured.
///
/// Source: <https://no-color.org>: `NO_COLOR` counts if it is not empty, whatever its value.
pub fn stderr_takes_colors() -> bool {
    stderr_takes_escapes() && !refuses_colors()
}

/// Tells whether standard output is a terminal that understands escape sequences, and may be coloured.
pub fn stdout_takes_colors() -> bool {
    io::stdout().is_terminal() && !is_dumb() && !refuses_colors()
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn refuses_colors() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty())
}

/// Returns the time zone of the person: that of `TZ`, else of the system, else UTC.
pub fn local_time_zone() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}
