//! Signals that ask the process to stop.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// TERM, from a supervisor, and INT, from a person (Ctrl-C).
#[derive(Debug)]
pub(in crate::cli) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// A signal stopped the command. Has the exit status.
#[derive(Debug, thiserror::Error)]
#[error("stopped; run the same command again to resume")]
pub(super) struct Stopped(pub(super) u8);

/// The statuses that shells report for processes ended by these signals: 128 plus the signal's number.
const TERMINATED: u8 = 128 + 15;
const INTERRUPTED: u8 = 128 + 2;

impl Signals {
    /// Handles the signals from here on. They no longer end the process by themselves.
    pub(in crate::cli) fn install() -> anyhow::Result<Self> {
        let open = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: open(SignalKind::terminate())?,
            interrupt: open(SignalKind::interrupt())?,
        })
    }

    /// Waits for either signal and returns its exit status.
    pub(in crate::cli) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.terminate.recv() => TERMINATED,
            _ = self.interrupt.recv() => INTERRUPTED,
        }
    }

    /// Waits for a signal. A second one ends the process at once.
    pub(in crate::cli) async fn first(mut self) {
        self.next().await;
        tracing::info!("stopping");
        self.exit_at_next();
    }

    /// Ends the process at once when the next signal arrives.
    pub(in crate::cli) fn exit_at_next(mut self) {
        tokio::spawn(async move {
            let status = self.next().await;
            std::process::exit(status.into());
        });
    }

    /// Runs a command that can be resumed, until it is done or a signal stops it.
    pub(in crate::cli) async fn or_stopped<T>(
        &mut self,
        command: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            outcome = command => outcome,
            status = self.next() => Err(Stopped(status).into()),
        }
    }
}
