//! `event-history check`.
use std::process::ExitCode;
use crate::config::Arguments;
pub(super) async fn run(_: &Arguments) -> anyhow::Result<ExitCode> { anyhow::bail!("not there yet") }
