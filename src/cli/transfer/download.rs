//! `event-history download`.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{open_client, run_transfer};
use crate::client::{Download, Progress, Target};
use crate::config::{ClientConfig, DownloadArguments};
use crate::domain::{EventId, FileId};

#[derive(Debug, Args)]
pub(in crate::cli) struct DownloadOptions {
    /// Id of the event
    #[arg(value_parser = EventId::parse)]
    event_id: EventId,
    /// One of the event's files [default: the first]
    #[arg(long, value_name = "UUID", value_parser = FileId::parse)]
    file_id: Option<FileId>,
    /// Target: a file, a folder, or `-` for standard output [default: this folder]
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    client: DownloadArguments,
}

/// Prints the path of the file.
pub(in crate::cli) async fn run(options: &DownloadOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let client = open_client(&config)?;
    let progress = Progress::default();
    let DownloadOptions {
        event_id,
        file_id,
        output,
        force,
        client: _,
    } = options;
    let target = match output.as_deref() {
        Some(path) if path == Path::new("-") => None,
        Some(path) if path.is_dir() => Some(Target::Folder(path.to_owned())),
        Some(path) => Some(Target::File(path.to_owned())),
        None => Some(Target::Folder(PathBuf::new())),
    };
    let (path, download) = if let Some(target) = target {
        let transfer = client.download(*event_id, *file_id, &target, *force, &progress);
        let (path, download) = run_transfer(Box::pin(transfer), &progress).await?;
        (Some(path), download)
    } else {
        let (mut out, path) = (tokio::io::stdout(), Path::new("standard output"));
        let transfer = client.download_into(*event_id, *file_id, &mut out, path, &progress);
        (None, run_transfer(Box::pin(transfer), &progress).await?)
    };
    print_verdict(&download);
    if let Some(path) = path {
        let mut line = path.as_os_str().as_bytes().to_vec();
        line.push(b'\n');
        io::stdout()
            .write_all(&line)
            .context("cannot write to standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "not part of the result")]
fn print_verdict(download: &Download) {
    let Download {
        size_bytes,
        sha256,
        is_verified,
    } = download;
    let verdict = if *is_verified {
        "verified against the event's record"
    } else {
        "not verified: no SHA-256 was recorded with the event"
    };
    eprintln!("{size_bytes} bytes, SHA-256 {sha256}, {verdict}");
}
