//! `event-history demo`: the whole flow, against a temporary service.

mod contracts;
mod steps;
mod story;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::backends::random_hex;
use super::process::{Signals, listen};
use crate::app::App;
use crate::config::{Config, listen_address};
use crate::domain::{Clock, SystemClock};
use crate::http::SignInCode;
use crate::telemetry;

const WHAT_NEXT: &str = "
The service of this demo has ended, and its data is gone. What next?
  event-history demo --keep   leaves it running with a month of events, and prints a link that opens
                              them; you can paste the commands above, and read the API reference at /docs
  event-history serve         runs the service; the first start generates an API key. The README's
                              \"Five minutes with curl\" is a tour of it
  event-history --help        lists all commands";

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Keep the service running afterwards, until Ctrl-C, with a month of events to look at
    #[arg(long)]
    keep: bool,
    /// Address of the service
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = listen_address)]
    listen: SocketAddr,
}

/// The status is 0 if the downloaded bytes are the uploaded ones.
pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install()?;
    let folder = temporary_folder()?;
    let api_key = SecretString::from(random_hex());
    let config = Config::isolated(&folder.path().join("data"), options.listen, &api_key)?;
    telemetry::init_tracing(config.log_format, &config.log_level);
    let (listener, bound) = listen(config.listen)?;
    let base = config.public_url(bound);
    let app = App::open(&config, &base).await?;
    let sign_in_code = app.sign_in_code();
    let (stop, stopped) = oneshot::channel::<()>();
    let service = tokio::spawn(app.serve(listener, None, async {
        let _ = stopped.await; // an error means that the sender was dropped, which also stops the service
    }));

    let base = base.as_str().trim_end_matches('/');
    let outcome = tokio::select! {
        done = walk(base, &api_key, &folder, options.keep.then_some(&*sign_in_code)) => done.map(|()| ExitCode::SUCCESS),
        status = signals.next() => Ok(ExitCode::from(status)),
    };
    if options.keep && matches!(outcome, Ok(ExitCode::SUCCESS)) {
        signals.next().await;
    }
    // The service must end before its folder is removed.
    drop(stop);
    service.await.context("the service panicked")??;
    folder
        .close()
        .context("cannot remove the temporary folder")?;
    outcome
}

/// Creates the folder of the demo: where the environment says (`TMPDIR`, or `/tmp`), else in the working directory, else
/// in memory. A container with a read-only root has only the last one.
fn temporary_folder() -> anyhow::Result<TempDir> {
    const PREFIX: &str = "event-history-demo-";
    const IN_MEMORY: &str = "/dev/shm";
    let mut refusals = Vec::new();
    let attempts: [(&str, &dyn Fn() -> io::Result<TempDir>); 3] = [
        ("the folder for temporary files", &|| {
            TempDir::with_prefix(PREFIX)
        }),
        ("the working directory", &|| {
            TempDir::with_prefix_in(PREFIX, std::path::absolute(Path::new("."))?)
        }),
        (IN_MEMORY, &|| TempDir::with_prefix_in(PREFIX, IN_MEMORY)),
    ];
    for (place, attempt) in attempts {
        match attempt() {
            Ok(folder) => return Ok(folder),
            Err(error) => refusals.push(format!("{place}: {error}")),
        }
    }
    let refusals = refusals.join("; ");
    bail!("cannot create a folder for the demo ({refusals}): set TMPDIR to one that is writable")
}

/// Goes through the steps. With `kept`, where a code can be set, it also leaves something to look at.
async fn walk(
    base: &str,
    api_key: &SecretString,
    folder: &TempDir,
    kept: Option<&SignInCode>,
) -> anyhow::Result<()> {
    let mut out = io::stdout();
    writeln!(
        out,
        "Event History runs on SQLite and its own S3 endpoint in {}.",
        folder.path().display()
    )?;
    let key = api_key.expose_secret();
    let client_id = steps::walk(&mut out, base, key, folder.path()).await?;
    writeln!(
        out,
        "\nThe downloaded bytes are the uploaded ones, and the second delivery stored nothing."
    )?;
    if let Some(sign_in_code) = kept {
        writeln!(
            out,
            "\nThe service and its data stay until Ctrl-C. The commands above can be pasted; the first one\n\
             answers that its tenant exists.\n  address    {base}\n  \
             API key    {key}\n  client id  {client_id}\n  viewer     {base}/ui\n  reference  {base}/docs"
        )?;
        out.flush()?;
        let told = story::tell(base, key, SystemClock.now()).await?;
        let code = SecretString::from(random_hex());
        sign_in_code.set(&code, told.view_token);
        writeln!(
            out,
            "\nAnother tenant has {} events of the last {} days. This link opens them, once:\n  {base}/ui/#code={}",
            told.events,
            told.days,
            code.expose_secret()
        )?;
    } else {
        writeln!(out, "{WHAT_NEXT}")?;
    }
    out.flush()?;
    Ok(())
}
