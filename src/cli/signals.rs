//! Being told to stop.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The two signals that ask for an end: TERM from a supervisor, INT from a person (Ctrl-C).
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// What a shell reports of a process that a signal ended: 128 and the signal's number.
const TERMINATED: i32 = 128 + 15;
const INTERRUPTED: i32 = 128 + 2;

impl Signals {
    /// From here on the signals no longer end the process by themselves.
    pub(super) fn install() -> anyhow::Result<Self> {
        let open = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: open(SignalKind::terminate())?,
            interrupt: open(SignalKind::interrupt())?,
        })
    }

    /// Waits for either signal, and returns the exit status that belongs to it.
    pub(super) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => TERMINATED,
            _ = self.interrupt.recv() => INTERRUPTED,
        }
    }

    /// Waits for a signal; another one after it ends the process at once.
    pub(super) async fn first(mut self) {
        self.next().await;
        tracing::info!("stopping");
        tokio::spawn(async move {
            let status = self.next().await;
            std::process::exit(status);
        });
    }
}
