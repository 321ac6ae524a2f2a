//! `event-history tail`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::event_table::EventPrinter;
use super::filters::Filters;
use crate::cli::calls::open_client;
use crate::cli::process::Signals;
use crate::cli::terminal::Reader;
use crate::client::{Client, FeedPage};
use crate::config::{ClientArguments, ClientConfig};

/// The longest that the service waits for an event before it answers.
const WAIT: Duration = Duration::from_secs(25);

/// The most events in one response.
const LIMIT: u32 = 200;

const BEGINNING: &str = "beginning";

/// The API's word for the position behind the newest event.
const LATEST: &str = "latest";

#[derive(Debug, Args)]
pub(in crate::cli) struct TailOptions {
    /// Where to start: `beginning`, or the cursor that an earlier run ended with [default: now]
    #[arg(long, value_name = "START")]
    from: Option<String>,
    /// End once there is nothing new
    #[arg(long)]
    no_follow: bool,
    /// Print events as the API returns them, one a line, for programs
    #[arg(long)]
    json: bool,
    /// Show the ids of the events
    #[arg(long, conflicts_with = "json")]
    ids: bool,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    client: ClientArguments,
}

/// Prints events in the order in which they arrive, until a signal ends it.
pub(in crate::cli) async fn run(options: &TailOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let client = open_client(&config)?;
    let mut signals = Signals::install()?;
    let mut seen = None;
    let ended = tokio::select! {
        outcome = follow(options, client, &mut seen) => outcome.map(|()| ExitCode::SUCCESS),
        status = signals.next() => Ok(ExitCode::from(status)),
    };
    if let Some(cursor) = seen {
        report_cursor(&cursor);
    }
    ended
}

/// `seen` is the cursor behind what was printed.
async fn follow(
    options: &TailOptions,
    client: Client,
    seen: &mut Option<String>,
) -> anyhow::Result<()> {
    let filters = options.filters.parameters(&client).await?;
    let mut printer = EventPrinter::new(options.json, options.ids);
    let mut after = match options.from.as_deref() {
        Some(BEGINNING) => None,
        Some(cursor) => Some(cursor.to_owned()),
        None => Some(LATEST.to_owned()),
    };
    let wait = if options.no_follow {
        Duration::ZERO
    } else {
        WAIT
    };
    // It answers at once, so that its cursor is not older than what was meant by "now".
    let mut page = client
        .feed(after.as_deref(), &filters, LIMIT, Duration::ZERO)
        .await?;
    // The service has answered, so its address and the key are right: from here on it is only waited for.
    let client = client.patient();
    loop {
        let FeedPage {
            cursor,
            has_more,
            results,
        } = page;
        if !results.is_empty() && printer.print(&results)? == Reader::Gone {
            return Ok(());
        }
        *seen = Some(cursor.clone());
        after = Some(cursor);
        if options.no_follow && !has_more {
            return Ok(());
        }
        page = client.feed(after.as_deref(), &filters, LIMIT, wait).await?;
    }
}

#[expect(clippy::print_stderr, reason = "not part of the result")]
fn report_cursor(cursor: &str) {
    eprintln!("continue with the same filters and: event-history tail --from {cursor}");
}
