//! `event-history serve`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;

use super::process::{Signals, listen, raise_open_file_limit};
use crate::app::App;
use crate::config::Config;
use crate::telemetry;

pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    telemetry::init_tracing(config.log_format, &config.log_level);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    raise_open_file_limit(config.max_connections);
    let mut signals = Signals::install()?;
    let (listener, bound) = listen(config.listen)?;
    let public_url = config.public_url(bound);
    let app = tokio::select! {
        app = App::open(config, &public_url) => app?,
        _ = signals.next() => return Ok(ExitCode::SUCCESS), // nothing has started yet
    };
    announce(bound)?;
    tracing::info!(address = %bound, database = %config.database, files = %config.files, "listening");
    app.serve(listener, signals.first()).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Prints the one line that says that the service is ready, with its address.
fn announce(bound: SocketAddr) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{bound}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}
