//! `event-history serve`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

use super::open_files;
use super::signals::Signals;
use crate::app::App;
use crate::config::Config;
use crate::telemetry;

pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    telemetry::init_tracing(config.log_format, &config.log_level);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    open_files::raise_limit(config.max_connections);
    let mut signals = Signals::install()?;
    let listener = listen(config.listen)?;
    let bound = listener
        .local_addr()
        .context("the listener has no address")?;
    let public_url = config.public_url(bound);
    let app = tokio::select! {
        app = App::open(config, &public_url) => app?,
        _ = signals.next() => return Ok(ExitCode::SUCCESS), // nothing was begun
    };
    announce(bound)?;
    tracing::info!(address = %bound, database = %config.database, files = %config.files, "listening");
    app.serve(listener, signals.first()).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// How many connections may wait to be accepted, where the system lets so many (`net.core.somaxconn`). With
/// the 128 that `TcpListener::bind` asks for, half of 256 clients that come back at once wait a second.
const BACKLOG: u32 = 4096;

/// Binds the address. From here on connections are accepted, if not answered yet.
pub(super) fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bind = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A restart need not wait until the kernel has forgotten the last process's connections.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().with_context(|| format!("cannot listen on {address}"))
}

/// Prints the one line that tells whoever started us that we are there, and where.
fn announce(bound: SocketAddr) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{bound}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}
