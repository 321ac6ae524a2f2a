//! `event-history demo`: the whole flow, against a temporary service.

mod steps;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::backends::random_hex;
use super::process::{Signals, listen};
use crate::app::App;
use crate::config::Config;
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Keep the service running afterwards, for the printed commands, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Address of the service
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    listen: SocketAddr,
}

/// The status is 0 if the downloaded bytes are the uploaded ones.
pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install()?;
    let folder = TempDir::with_prefix("event-history-demo-").context("cannot create a folder")?;
    let api_key = SecretString::from(random_hex());
    let config = Config::isolated(&folder.path().join("data"), options.listen, &api_key)?;
    telemetry::init_tracing(config.log_format, &config.log_level);
    let (listener, bound) = listen(config.listen)?;
    let base = config.public_url(bound);
    let app = App::open(&config, &base).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let service = tokio::spawn(app.serve(listener, async {
        let _ = stopped.await; // an error means that the sender was dropped, which also stops the service
    }));

    let base = base.as_str().trim_end_matches('/');
    let outcome = tokio::select! {
        done = walk(base, &api_key, &folder, options.keep) => done.map(|()| ExitCode::SUCCESS),
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

async fn walk(
    base: &str,
    api_key: &SecretString,
    folder: &TempDir,
    keep: bool,
) -> anyhow::Result<()> {
    let mut out = io::stdout();
    writeln!(
        out,
        "Event History runs on SQLite and its own S3 endpoint in {}.",
        folder.path().display()
    )?;
    let key = api_key.expose_secret();
    let client_id = steps::walk(&mut out, base, key, folder.path()).await?;
    writeln!(out, "\nThe downloaded bytes are the uploaded ones.")?;
    if keep {
        writeln!(
            out,
            "\nThe service and its data stay until Ctrl-C. The commands above can be pasted; the first one\n\
             answers that its tenant exists.\n  address    {base}\n  \
             API key    {key}\n  client id  {client_id}\n  reference  {base}/docs"
        )?;
    }
    out.flush()?;
    Ok(())
}
