//! `event-history demo`.
use std::process::ExitCode;
#[derive(Debug, clap::Args)]
pub(super) struct Options {}
pub(super) async fn run(_: &Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
