//! `event-history demo`: the whole flow, against a service of its own.

mod steps;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::serve::listen;
use super::signals::Signals;
use crate::app::App;
use crate::config::Config;
use crate::domain::{Entropy, SystemEntropy};
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Stays up afterwards, so that the commands can be pasted; Ctrl-C ends it
    #[arg(long)]
    keep: bool,
    /// Address of the service
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    listen: SocketAddr,
}

/// The status is 0 when the bytes that came back were those that went in.
pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install()?;
    let folder = TempDir::with_prefix("event-history-demo-").context("cannot make a folder")?;
    let api_key = random_key();
    let config = Config::isolated(&folder.path().join("data"), options.listen, &api_key)?;
    telemetry::init_tracing(config.log_format, &config.log_level);
    let listener = listen(config.listen)?;
    let bound = listener
        .local_addr()
        .context("the listener has no address")?;
    let base = config.public_url(bound);
    let app = App::open(&config, &base).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let service = tokio::spawn(app.serve(listener, async {
        // Also an end without a word is an end.
        let _ = stopped.await;
    }));

    let base = base.as_str().trim_end_matches('/');
    let walked = tokio::select! {
        walked = walk(base, &api_key, &folder, options.keep) => walked.map(|()| ExitCode::SUCCESS),
        status = signals.next() => Ok(interrupted(status)),
    };
    if options.keep && matches!(walked, Ok(ExitCode::SUCCESS)) {
        signals.next().await;
    }
    // The service has to be gone before its folder.
    drop(stop);
    service.await.context("the service panicked")??;
    folder
        .close()
        .context("cannot remove the temporary folder")?;
    walked
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
    writeln!(out, "\nThe bytes that came back are those that went in.")?;
    if keep {
        writeln!(
            out,
            "\nThe service stays up until Ctrl-C, and its data as long. The commands work when pasted; \
             the first\none answers that its tenant exists.\n  address    {base}\n  \
             API key    {key}\n  client id  {client_id}\n  reference  {base}/docs"
        )?;
    }
    out.flush()?;
    Ok(())
}

fn interrupted(status: i32) -> ExitCode {
    u8::try_from(status).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn random_key() -> SecretString {
    let mut bytes = [0; 24];
    SystemEntropy.fill(&mut bytes);
    hex::encode(bytes).into()
}
