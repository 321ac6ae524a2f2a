//! The program's entry point.

use std::process::ExitCode;

/// A request makes dozens of small allocations on one thread and frees them on another; see docs/decisions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    event_history::cli::main()
}
