//! `event-history download`.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::transfer::{self, Outcome};
use super::{copy, upload};
use crate::client::{Progress, Received, Target};
use crate::config::{ClientConfig, DownloadArguments};
use crate::domain::{EventId, FileId};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Id of the event
    #[arg(value_parser = upload::event_id)]
    event_id: EventId,
    /// Which of the event's files [default: the first]
    #[arg(long, value_name = "UUID", value_parser = file_id)]
    file_id: Option<FileId>,
    /// Where to: a file, a folder, or `-` for standard output [default: this folder]
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replaces what is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    client: DownloadArguments,
}

/// Prints where the file is.
pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let client = transfer::client(&config)?;
    let progress = Progress::default();
    let Options {
        event_id,
        file_id,
        output,
        force,
        client: _,
    } = options;
    let target = match output.as_deref() {
        Some(path) if path == Path::new("-") => None,
        Some(path) if path.is_dir() => Some(Target::In(path.to_owned())),
        Some(path) => Some(Target::At(path.to_owned())),
        None => Some(Target::In(PathBuf::new())),
    };
    let (path, received) = if let Some(target) = target {
        let download = client.download(*event_id, *file_id, &target, *force, &progress);
        match transfer::shown(download, &progress).await? {
            Outcome::Done((path, received)) => (Some(path), received),
            Outcome::Stopped(status) => return copy::stopped(status),
        }
    } else {
        let (mut out, path) = (tokio::io::stdout(), Path::new("standard output"));
        let download = client.download_into(*event_id, *file_id, &mut out, path, &progress);
        match transfer::shown(download, &progress).await? {
            Outcome::Done(received) => (None, received),
            Outcome::Stopped(status) => return copy::stopped(status),
        }
    };
    tell(&received);
    if let Some(path) = path {
        let mut line = path.as_os_str().as_bytes().to_vec();
        line.push(b'\n');
        io::stdout()
            .write_all(&line)
            .context("cannot write to standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "a remark, and no part of the result")]
fn tell(received: &Received) {
    let Received {
        size_bytes,
        sha256,
        is_verified,
    } = received;
    let verdict = if *is_verified {
        "as recorded with the event"
    } else {
        "not verified: no SHA-256 was recorded with the event"
    };
    eprintln!("{size_bytes} bytes, SHA-256 {sha256}, {verdict}");
}

fn file_id(text: &str) -> Result<FileId, String> {
    FileId::parse(text).map_err(|invalid| invalid.message)
}
