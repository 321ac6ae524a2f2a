//! `event-history check`.
use crate::config::Arguments;
use std::process::ExitCode;
pub(super) async fn run(_: &Arguments) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
