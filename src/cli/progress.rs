//! How far a command has come: a bar on a terminal, a line every few seconds elsewhere.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::runs::{Phase, Progress, Snapshot};

const BAR_PAUSE: Duration = Duration::from_millis(200);
const LINE_PAUSE: Duration = Duration::from_secs(5);

/// Before this a rate means nothing.
pub(super) const LEAST_RATED: Duration = Duration::from_millis(200);

/// How far something has come, and what it says of itself.
pub(super) struct View {
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) line: String,
}

/// Shows what `look` sees on standard error for as long as it is polled.
pub(super) async fn show(look: impl FnMut() -> View) -> Infallible {
    if io::stderr().is_terminal() {
        draw(look).await
    } else {
        write_lines(look).await
    }
}

/// Returns what there is to see of a long run.
pub(super) fn of_run(progress: &Progress) -> impl FnMut() -> View {
    let mut pace = Pace::default();
    move || {
        let snapshot = progress.snapshot();
        View {
            done: snapshot.done,
            total: snapshot.total,
            line: pace.line(snapshot),
        }
    }
}

async fn draw(mut look: impl FnMut() -> View) -> Infallible {
    // Cleared when dropped, so that the report does not stand behind half a bar.
    let bar = Cleared(ProgressBar::with_draw_target(
        Some(0),
        ProgressDrawTarget::stderr(),
    ));
    // A template of our own making that does not parse would only cost the bar its look.
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

#[expect(clippy::print_stderr, reason = "progress is no part of the result")]
async fn write_lines(mut look: impl FnMut() -> View) -> Infallible {
    let mut written = Instant::now();
    loop {
        tokio::time::sleep(BAR_PAUSE).await;
        let View { line, .. } = look(); // as often as for a bar, to see where phases begin
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

/// Knows when the phase began, and so how fast it goes.
struct Pace {
    phase: Phase,
    since: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            phase: Phase::default(),
            since: Instant::now(),
        }
    }
}

impl Pace {
    fn line(&mut self, snapshot: Snapshot) -> String {
        if snapshot.phase != self.phase {
            (self.phase, self.since) = (snapshot.phase, Instant::now());
        }
        describe(snapshot, self.since.elapsed())
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
    let (doing, things) = match phase {
        Phase::Counting => ("counting events", "events"),
        Phase::CopyingEvents => ("copying events", "events"),
        Phase::VerifyingEvents => ("verifying both sides", "events"),
        Phase::CountingFiles => ("counting files", "files"),
        Phase::CopyingFiles => ("copying files", "files"),
        Phase::VerifyingFiles => ("verifying files", "files"),
    };
    let mut parts = Vec::new();
    if tenants > 0 {
        parts.push(format!("{tenants_done} of {tenants} tenants"));
    }
    if total == 0 {
        parts.push(format!("{done} {things}"));
    } else {
        parts.push(format!("{done} of {total} {things}"));
    }
    if total > 0 && elapsed >= LEAST_RATED {
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
    format!("{doing}: {}", parts.join(", "))
}

pub(super) fn per_second(count: u64, elapsed: Duration) -> u64 {
    let per_second = u128::from(count) * 1000 / elapsed.as_millis().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::describe;
    use crate::runs::{Phase, Snapshot};

    #[test]
    fn the_rate_is_of_this_run() {
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
