//! `event-history query`.

use std::process::ExitCode;

use clap::Args;

use super::event_table::EventPrinter;
use super::filters::Filters;
use crate::cli::calls::open_client;
use crate::cli::process::Signals;
use crate::cli::terminal::Reader;
use crate::client::Client;
use crate::config::{ClientArguments, ClientConfig};

#[expect(clippy::struct_excessive_bools, reason = "they are independent flags")]
#[derive(Debug, Args)]
pub(in crate::cli) struct QueryOptions {
    /// The most events to list
    #[arg(
        long,
        short = 'n',
        value_name = "NUMBER",
        default_value_t = 50,
        conflicts_with = "all"
    )]
    limit: u32,
    /// List all events that match
    #[arg(long)]
    all: bool,
    /// List the oldest events first
    #[arg(long)]
    oldest_first: bool,
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

pub(in crate::cli) async fn run(options: &QueryOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let client = open_client(&config)?;
    let mut signals = Signals::install()?;
    tokio::select! {
        outcome = list(options, &client) => outcome.map(|()| ExitCode::SUCCESS),
        status = signals.next() => Ok(ExitCode::from(status)),
    }
}

async fn list(options: &QueryOptions, client: &Client) -> anyhow::Result<()> {
    let mut filters = options.filters.parameters(client).await?;
    if options.oldest_first {
        filters.push(("ordering", "event_time".to_owned()));
    }
    let mut printer = EventPrinter::new(options.json, options.ids);
    let limit = if options.all {
        u64::MAX
    } else {
        options.limit.into()
    };
    let mut walk = client.walk(filters, limit);
    while let Some(events) = walk.next().await? {
        if printer.print(&events)? == Reader::Gone {
            break;
        }
    }
    Ok(())
}
