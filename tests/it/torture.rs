//! Disks that fail, power that is cut, files that are damaged: what was acknowledged is there, or what is in the
//! way is named. `just torture` runs more of it; CONTRIBUTING.md says what it models.

#![expect(
    clippy::print_stdout,
    reason = "a recipe says what it did; without --no-capture it is shown at a failure"
)]

mod callers;
mod cuts;
mod damage;
mod dice;
mod disk;
mod form;
mod ledger;
mod load;
mod record;
mod verify;

use std::path::Path;

use crate::support::{self, Builder, Server};

/// Returns the seed of a test: the one that a failure has printed, or a new one. It repeats what chance
/// decides here; not what the system does with threads and sockets.
fn seed() -> u64 {
    let new = support::random_below(1_000_000);
    let seed = support::number_from_environment("EVENT_HISTORY_TEST_SEED", new);
    println!("EVENT_HISTORY_TEST_SEED={seed}");
    seed
}

/// Prepares a server whose events and files are in `root`.
fn server_on(root: &Path) -> Builder {
    let root = root.display();
    Server::builder()
        .env("EVENT_HISTORY_DATABASE", format!("sqlite:{root}"))
        .env("EVENT_HISTORY_FILES", format!("file:{root}/files"))
}
