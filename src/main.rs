//! The program: parse, run, say what went wrong, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    event_history::cli::main()
}
