//! `event-history export`.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};
use tokio::time::Instant;

use super::filters::Filters;
use crate::cli::calls::open_client;
use crate::cli::process::Signals;
use crate::cli::terminal::{MIN_RATED, View, per_second, with_progress};
use crate::client::{self, Client, Export, ExportProgress, TextFormat};
use crate::config::{ClientArguments, ClientConfig};

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportOptions {
    /// Format: NDJSON is one JSON object on each line; CSV is safe to open in a spreadsheet
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// File to write; `-` is standard output [default: `-`]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    client: ClientArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Ndjson,
    Csv,
}

pub(in crate::cli) async fn run(options: &ExportOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let client = open_client(&config)?;
    let mut signals = Signals::install()?;
    match signals.or_stopped(export(options, &client)).await {
        Ok(events) => report(events),
        Err(error) if is_reader_gone(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells whether the reader of a pipe has gone, as `head` does once it has enough.
fn is_reader_gone(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(client::Error::File { cause, .. })
        if cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Returns the number of events.
async fn export(options: &ExportOptions, client: &Client) -> anyhow::Result<u64> {
    let filters = options.filters.parameters(client).await?;
    // For the progress alone: a count that takes too long is not worth waiting for.
    let total = client.count(&filters).await.unwrap_or_default();
    let format = match options.format {
        Format::Ndjson => TextFormat::Ndjson,
        Format::Csv => TextFormat::Csv,
    };
    let export = Export { format, filters };
    let progress = ExportProgress::default();
    let work = async {
        match options.output.as_deref() {
            Some(path) if path != Path::new("-") => {
                client
                    .export_to(&export, path, options.force, &progress)
                    .await
            }
            _ => {
                let path = Path::new("standard output");
                let out = io::BufWriter::new(io::stdout());
                client.export_into(&export, out, path, &progress).await
            }
        }
    };
    Ok(with_progress(view_of(&progress, total), work).await?)
}

fn view_of(progress: &ExportProgress, total: u64) -> impl FnMut() -> View + use<> {
    let (progress, begin) = (progress.clone(), Instant::now());
    move || {
        let done = progress.events.load(Ordering::Relaxed);
        let skipped = progress.skipped.load(Ordering::Relaxed);
        let of = if total > 0 {
            format!(" of {total}")
        } else {
            String::new()
        };
        let mut line = format!("exporting: {done}{of} events");
        let elapsed = begin.elapsed();
        if elapsed >= MIN_RATED {
            let rate = per_second(done.saturating_sub(skipped), elapsed);
            _ = write!(line, ", {rate}/s");
        }
        View { done, total, line }
    }
}

#[expect(clippy::print_stderr, reason = "not part of the result")]
fn report(events: u64) {
    eprintln!("{events} events exported");
}
