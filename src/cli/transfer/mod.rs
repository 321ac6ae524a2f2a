//! `event-history upload` and `event-history download`, the commands that move files to and from a running service.

mod download;
mod upload;

use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use tokio::time::Instant;

use super::process::Signals;
use super::terminal::{self, MIN_RATED, View, in_one_line, with_progress};
use crate::client::{self, Phase, Progress, Snapshot};

pub(super) use download::{DownloadOptions, run as download};
pub(super) use upload::{UploadOptions, run as upload};

/// Runs a transfer and shows its progress, until it is done or a signal stops it.
async fn run_transfer<T>(
    transfer: impl Future<Output = Result<T, client::Error>>,
    progress: &Progress,
) -> anyhow::Result<T> {
    let transfer = async { Ok(transfer.await?) };
    let transfer = with_progress(view_of(progress), transfer);
    Signals::install()?.or_stopped(transfer).await
}

fn view_of(progress: &Progress) -> impl FnMut() -> View {
    let mut now = (Phase::default(), String::new());
    let mut since = Instant::now();
    move || {
        let snapshot = progress.snapshot();
        if (snapshot.phase, &snapshot.name) != (now.0, &now.1) {
            now = (snapshot.phase, snapshot.name.clone());
            since = Instant::now();
        }
        View {
            done: snapshot.done_bytes,
            total: snapshot.total_bytes,
            line: describe(&snapshot, since.elapsed()),
        }
    }
}

fn describe(snapshot: &Snapshot, elapsed: Duration) -> String {
    let Snapshot {
        phase,
        name,
        total_bytes,
        done_bytes,
        skipped_bytes,
    } = snapshot;
    let activity = match phase {
        Phase::CallingService => return "calling the service".to_owned(),
        Phase::Hashing => "reading",
        Phase::Uploading => "uploading",
        Phase::Downloading => "downloading",
    };
    let name = in_one_line(name);
    let (done, total) = (HumanBytes(*done_bytes), HumanBytes(*total_bytes));
    let mut parts = vec![format!("{activity} '{name}': {done} of {total}")];
    if elapsed >= MIN_RATED {
        let rate = terminal::per_second(done_bytes.saturating_sub(*skipped_bytes), elapsed);
        parts.push(format!("{}/s", HumanBytes(rate)));
        if let Some(seconds) = total_bytes.saturating_sub(*done_bytes).checked_div(rate) {
            let left = HumanDuration(Duration::from_secs(seconds));
            parts.push(format!("{left} left"));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::describe;
    use crate::client::{Phase, Snapshot};

    #[test]
    fn the_rate_leaves_out_what_an_earlier_run_did_and_escapes_are_removed() {
        let snapshot = Snapshot {
            phase: Phase::Uploading,
            name: "a\u{1b}[2Jb".to_owned(),
            total_bytes: 100 << 20,
            done_bytes: 60 << 20,
            skipped_bytes: 40 << 20,
        };
        assert_eq!(
            describe(&snapshot, Duration::from_secs(2)),
            "uploading 'a [2Jb': 60.00 MiB of 100.00 MiB, 10.00 MiB/s, 4 seconds left"
        );
    }
}
