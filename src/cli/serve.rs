//! `event-history serve`.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use secrecy::ExposeSecret;
use url::Url;

use super::process::{Signals, listen, raise_open_file_limit};
use crate::app::App;
use crate::config::{Config, KeyFile};
use crate::telemetry;

pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    telemetry::init_tracing(config.log_format, &config.log_level);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    raise_open_file_limit(config.max_connections);
    let mut signals = Signals::install()?;
    let (listener, bound) = listen(config.listen)?;
    let admin = config.admin_listen.map(listen).transpose()?;
    let (admin, admin_bound) = admin.unzip();
    let public_url = config.public_url(bound);
    let app = tokio::select! {
        app = App::open(config, &public_url) => app?,
        _ = signals.next() => return Ok(ExitCode::SUCCESS), // nothing has started yet
    };
    if let Some(KeyFile { path, is_new, .. }) = &config.key_file {
        let origin = if *is_new { "generated" } else { "found" };
        tracing::info!(file = %path.display(), "no API key is configured: {origin} one");
    }
    tracing::info!(address = %bound, database = %config.database, files = %config.files, "listening");
    announce(config, bound, admin_bound, &public_url)?;
    app.serve(listener, admin, signals.first()).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Prints the line that says that the service is ready, with its address, and one with its administrative address. A person at a terminal also gets the addresses
/// of the viewer and of the API reference, and the API key if no setting gives one.
fn announce(
    config: &Config,
    bound: SocketAddr,
    admin: Option<SocketAddr>,
    public_url: &Url,
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let mut lines = vec![format!("listening on {}://{bound}", config.scheme())];
    lines.extend(admin.map(|admin| format!("metrics and API reference on http://{admin}")));
    if out.is_terminal() {
        let base = public_url.as_str().trim_end_matches('/');
        lines.push(format!("  viewer         {base}/ui"));
        if admin.is_none() {
            lines.push(format!("  API reference  {base}/docs"));
        }
        if let (Some(file), [key]) = (&config.key_file, config.api_keys.as_slice()) {
            let (key, path) = (key.expose_secret(), file.path.display());
            lines.push(format!("  API key        {key}  (kept in {path})"));
        }
    }
    writeln!(out, "{}", lines.join("\n"))
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}
