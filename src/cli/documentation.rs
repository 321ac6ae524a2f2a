//! `event-history completions` and `event-history man`: what the command line says about itself.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;

const NAME: &str = "event-history";

#[derive(Debug, Args)]
pub(super) struct CompletionsOptions {
    /// Shell that is to complete the commands
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManOptions {
    /// Folder for the pages, one for each command; created if it is missing
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Prints the script that a shell reads.
pub(super) fn completions(options: &CompletionsOptions) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), NAME, &mut script);
    io::stdout()
        .write_all(&script)
        .context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `event-history.1`, `event-history-serve.1` and so on.
pub(super) fn man(options: &ManOptions) -> anyhow::Result<ExitCode> {
    let folder = &options.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot create '{}'", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write to '{}'", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
