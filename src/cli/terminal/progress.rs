//! Progress on standard error: a bar on a terminal, otherwise a line every few seconds.

use std::convert::Infallible;
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::config::stderr_takes_escapes;
use crate::jobs::{Phase, Progress, Snapshot};

const BAR_PAUSE: Duration = Duration::from_millis(200);
const LINE_PAUSE: Duration = Duration::from_secs(5);

/// Before this much time has passed, a rate means nothing.
pub(in crate::cli) const MIN_RATED: Duration = Duration::from_millis(200);

/// The progress at one instant, and a line that describes it.
pub(in crate::cli) struct View {
    pub(in crate::cli) done: u64,
    pub(in crate::cli) total: u64,
    pub(in crate::cli) line: String,
}

/// Runs `work` and shows its progress, which `look` returns.
pub(in crate::cli) async fn with_progress<T>(
    look: impl FnMut() -> View,
    work: impl Future<Output = T>,
) -> T {
    tokio::select! {
        outcome = work => outcome,
        never = show(look) => match never {},
    }
}

async fn show(look: impl FnMut() -> View) -> Infallible {
    if stderr_takes_escapes() {
        draw(look).await
    } else {
        write_lines(look).await
    }
}

/// Returns the view of a job.
pub(in crate::cli) fn of_job(progress: &Progress) -> impl FnMut() -> View {
    let (mut phase, mut since) = (Phase::default(), Instant::now());
    move || {
        let snapshot = progress.snapshot();
        if snapshot.phase != phase {
            (phase, since) = (snapshot.phase, Instant::now());
        }
        View {
            done: snapshot.done,
            total: snapshot.total,
            line: describe(snapshot, since.elapsed()),
        }
    }
}

async fn draw(mut look: impl FnMut() -> View) -> Infallible {
    // Cleared when dropped, so that the report does not follow half a bar.
    let bar = Cleared(ProgressBar::with_draw_target(
        Some(0),
        ProgressDrawTarget::stderr(),
    ));
    // If the template did not parse, only the look of the bar would suffer.
    if let Ok(style) = ProgressStyle::with_template("[{wide_bar}] {percent:>3} %\n{wide_msg}") {
        bar.0.set_style(style.progress_chars("=> "));
    }
    loop {
        let View { done, total, line } = look();
        bar.0.set_length(total.max(1));
        bar.0.set_position(done.min(total));
        bar.0.set_message(line);
        tokio::time::sleep(BAR_PAUSE).await;
    }
}

#[expect(clippy::print_stderr, reason = "progress is not part of the result")]
async fn write_lines(mut look: impl FnMut() -> View) -> Infallible {
    let mut written = Instant::now();
    loop {
        tokio::time::sleep(BAR_PAUSE).await;
        let View { line, .. } = look(); // as often as for a bar, to notice where phases begin
        if written.elapsed() >= LINE_PAUSE {
            eprintln!("{line}");
            written = Instant::now();
        }
    }
}

struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn describe(snapshot: Snapshot, elapsed: Duration) -> String {
    let Snapshot {
        phase,
        tenants,
        tenants_done,
        total,
        done,
        skipped,
        bytes,
    } = snapshot;
    let (activity, unit) = match phase {
        Phase::CountingEvents => ("counting events", "events"),
        Phase::CopyingEvents => ("copying events", "events"),
        Phase::VerifyingEvents => ("verifying both sides", "events"),
        Phase::CountingFiles => ("counting files", "files"),
        Phase::CopyingFiles => ("copying files", "files"),
        Phase::CheckingFiles => ("checking the files of events", "files"),
        Phase::VerifyingFiles => ("verifying files", "files"),
        Phase::BackingUp => ("backing up", "databases and files"),
        Phase::Restoring => ("restoring", "databases and files"),
        Phase::VerifyingBackup => ("verifying", "databases and files"),
    };
    let mut parts = Vec::new();
    if tenants > 0 {
        parts.push(format!("{tenants_done} of {tenants} tenants"));
    }
    if total == 0 {
        parts.push(format!("{done} {unit}"));
    } else {
        parts.push(format!("{done} of {total} {unit}"));
    }
    if total > 0 && elapsed >= MIN_RATED {
        let per_second = per_second(done.saturating_sub(skipped), elapsed);
        parts.push(format!("{per_second}/s"));
        if bytes > 0 {
            let rate = self::per_second(bytes, elapsed);
            parts.push(format!("{}/s", HumanBytes(rate)));
        }
        if let Some(seconds) = total.saturating_sub(done).checked_div(per_second) {
            let left = HumanDuration(Duration::from_secs(seconds));
            parts.push(format!("{left} left"));
        }
    }
    format!("{activity}: {}", parts.join(", "))
}

pub(in crate::cli) fn per_second(count: u64, elapsed: Duration) -> u64 {
    let per_second = u128::from(count) * 1000 / elapsed.as_millis().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::describe;
    use crate::jobs::{Phase, Snapshot};

    #[test]
    fn the_rate_leaves_out_what_an_earlier_run_did() {
        let snapshot = Snapshot {
            phase: Phase::CopyingEvents,
            tenants: 50,
            tenants_done: 12,
            total: 1_000_000,
            done: 240_000,
            skipped: 200_000,
            bytes: 0,
        };
        assert_eq!(
            describe(snapshot, Duration::from_secs(4)),
            "copying events: 12 of 50 tenants, 240000 of 1000000 events, 10000/s, 76 seconds left"
        );
        let unknown = Snapshot {
            total: 0,
            tenants: 0,
            ..snapshot
        };
        assert_eq!(
            describe(unknown, Duration::from_secs(4)),
            "copying events: 240000 events"
        );
    }
}
