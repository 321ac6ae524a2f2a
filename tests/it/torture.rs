//! Disks that fail, power that is cut, files that are damaged: what was acknowledged is there, or what is in the
//! way is named. `just torture` runs more of it; CONTRIBUTING.md says what it models.

#![expect(
    clippy::print_stdout,
    reason = "a recipe says what it did; without --no-capture it is shown at a failure"
)]

mod callers;
mod copies;
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

/// Returns the settings of a server whose events and files are in `root`.
fn settings_of(root: &Path) -> [(&'static str, String); 2] {
    let root = root.display();
    [
        ("EVENT_HISTORY_DATABASE", format!("sqlite:{root}")),
        ("EVENT_HISTORY_FILES", format!("file:{root}/files")),
    ]
}

/// Prepares such a server.
fn server_on(root: &Path) -> Builder {
    let settings = settings_of(root).into_iter();
    settings.fold(Server::builder(), |builder, (name, value)| {
        builder.env(name, value)
    })
}
