//! `event-history files`.

mod sweep;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::{LogFormat, SweepArguments, SweepConfig, VerifyArguments, VerifyConfig};
use crate::telemetry;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Find files that no event references, and remove them with --delete
    ///
    /// Prints a line for each. Files uploaded less than --older-than ago are ignored, because their
    /// event may still arrive. Removed files can no longer be referenced. Files under names that no
    /// tenant has are listed as such, and removed only with --of-no-tenant. Exits with status 1 if a file
    /// could not be removed, or if a tenant was skipped because its database cannot be read.
    Sweep(#[command(flatten)] SweepArguments),
    /// Read every file that an event references, and report those that differ from their records
    ///
    /// Prints a line for each file that is missing, changed or unreadable, and exits with status 1 if
    /// there is one. A file of which no digest is known is reported as "unverified"; without other
    /// problems the status is then 3. With --state FILE, a stopped command can be run again to resume.
    Verify(#[command(flatten)] VerifyArguments),
}

pub(super) async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Sweep(arguments) => {
            let config = SweepConfig::load(arguments)?;
            telemetry::init_tracing(LogFormat::Text, "warn");
            sweep::run(&config).await
        }
        Command::Verify(arguments) => {
            let config = VerifyConfig::load(arguments)?;
            telemetry::init_tracing(LogFormat::Text, "warn");
            verify::run(&config).await
        }
    }
}
