//! `event-history download`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::run_transfer;
use crate::cli::calls::open_client;
use crate::client::{Client, Download, FileOfEvent, Progress, Target};
use crate::config::{ClientArguments, ClientConfig};
use crate::domain::{EventId, FileId};

#[derive(Debug, Args)]
pub(in crate::cli) struct DownloadOptions {
    /// Id of the event
    #[arg(value_parser = EventId::parse)]
    event_id: EventId,
    /// One of the event's files [default: the first]
    #[arg(long, value_name = "UUID", value_parser = FileId::parse)]
    file_id: Option<FileId>,
    /// All of the event's files, into a folder
    #[arg(long, conflicts_with = "file_id")]
    all: bool,
    /// Target: a file, a folder, or `-` for standard output [default: this folder]
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    client: ClientArguments,
}

/// Prints the path of each file.
pub(in crate::cli) async fn run(options: &DownloadOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let client = open_client(&config)?;
    let DownloadOptions {
        event_id,
        file_id,
        all,
        output,
        force,
        client: _,
    } = options;
    if *all {
        let folder = output.as_deref().unwrap_or(Path::new("."));
        return download_all(&client, *event_id, folder, *force).await;
    }
    let progress = Progress::default();
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
    if file_id.is_none() && download.file_count > 1 {
        print_others(download.file_count);
    }
    if let Some(path) = path {
        print_path(&path)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Downloads the files of an event one after the other. Of several with one name, the later ones are saved with their
/// ids before it.
async fn download_all(
    client: &Client,
    event_id: EventId,
    folder: &Path,
    force: bool,
) -> anyhow::Result<ExitCode> {
    if !folder.is_dir() {
        bail!("'{}' is not a folder: --all needs one", folder.display());
    }
    let mut taken = BTreeSet::new();
    for FileOfEvent { id, name } in client.files(event_id).await? {
        let name = name.map_or_else(|| id.to_string(), |name| name.to_local());
        let name = if taken.insert(name.clone()) {
            name
        } else {
            format!("{id}-{name}")
        };
        let target = Target::File(folder.join(name));
        let progress = Progress::default();
        let transfer = client.download(event_id, Some(id), &target, force, &progress);
        let (path, download) = run_transfer(Box::pin(transfer), &progress).await?;
        print_verdict(&download);
        print_path(&path)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_path(path: &Path) -> anyhow::Result<()> {
    let mut line = path.as_os_str().as_bytes().to_vec();
    line.push(b'\n');
    let mut out = io::stdout();
    out.write_all(&line)
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

#[expect(clippy::print_stderr, reason = "not part of the result")]
fn print_others(file_count: usize) {
    eprintln!(
        "this is the first of the event's {file_count} files: --all downloads all of them, \
         --file-id another one"
    );
}

#[expect(clippy::print_stderr, reason = "not part of the result")]
fn print_verdict(download: &Download) {
    let Download {
        size_bytes,
        sha256,
        is_verified,
        file_count: _,
    } = download;
    let verdict = if *is_verified {
        "verified against the event's record"
    } else {
        "not verified: no SHA-256 was recorded with the event"
    };
    eprintln!("{size_bytes} bytes, SHA-256 {sha256}, {verdict}");
}
