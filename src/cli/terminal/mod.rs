//! The output of commands: results on standard output; errors and progress on standard error. Imports nothing else of `cli`.

mod local_time;
mod progress;
mod results;
mod table;
mod text;

pub(super) use local_time::{local_time, parse_time};
pub(super) use progress::{MIN_RATED, View, of_job, per_second, with_progress};
pub(super) use results::{Reader, Results, in_one_line, print};
pub(super) use table::{Style, Table};
pub(super) use text::{inert_json, visible};

/// Prints an error with its causes, in one line for each problem.
#[expect(
    clippy::print_stderr,
    reason = "the last words of the program, whether there is a log or not"
)]
pub(super) fn print_error(error: &anyhow::Error) {
    for line in format!("{error:#}").lines() {
        eprintln!("event-history: {}", in_one_line(line));
    }
}
