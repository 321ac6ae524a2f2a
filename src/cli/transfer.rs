//! What `upload` and `download` have in common: the client, and how far it has come.

use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use tokio::time::Instant;

use super::progress::{self, LEAST_RATED, View};
use super::signals::Signals;
use crate::client::{self, Access, Client, Phase, Progress, Snapshot};
use crate::config::{ClientConfig, LogFormat};
use crate::telemetry;

/// How a transfer ended.
pub(super) enum Outcome<T> {
    Done(T),
    /// By a signal, with this exit status.
    Stopped(i32),
}

pub(super) fn client(config: &ClientConfig) -> anyhow::Result<Client> {
    telemetry::init_tracing(LogFormat::Text, "warn");
    Ok(Client::new(Access {
        url: config.url.clone(),
        api_key: config.api_key.clone(),
        client_id: config.client_id.to_string(),
        patience: config.retry_for,
    })?)
}

/// Runs a transfer, and shows it, until it is done or a signal ends it.
pub(super) async fn shown<T>(
    transfer: impl Future<Output = Result<T, client::Error>>,
    progress: &Progress,
) -> anyhow::Result<Outcome<T>> {
    let mut signals = Signals::install()?;
    tokio::select! {
        done = transfer => Ok(Outcome::Done(done?)),
        never = progress::show(look(progress)) => match never {},
        status = signals.next() => Ok(Outcome::Stopped(status)),
    }
}

fn look(progress: &Progress) -> impl FnMut() -> View {
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
    let doing = match phase {
        Phase::Asking => return "asking the service".to_owned(),
        Phase::Hashing => "reading",
        Phase::Uploading => "uploading",
        Phase::Downloading => "downloading",
    };
    // A name may hold what a terminal takes for an order.
    let name = name.replace(char::is_control, " ");
    let (done, total) = (HumanBytes(*done_bytes), HumanBytes(*total_bytes));
    let mut parts = vec![format!("{doing} '{name}': {done} of {total}")];
    if elapsed >= LEAST_RATED {
        let rate = progress::per_second(done_bytes.saturating_sub(*skipped_bytes), elapsed);
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
    fn the_rate_is_of_this_run_and_a_name_gives_no_orders() {
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
