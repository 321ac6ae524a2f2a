//! `event-history upload`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::slice;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use super::run_transfer;
use crate::cli::calls::{Types, open_client};
use crate::cli::process::Signals;
use crate::client::{Client, MultipartRules, NewEvent, NewFile, Progress};
use crate::config::{ClientConfig, Problems, UploadArguments};
use crate::domain::{Clock, ContentType, EventId, EventTime, FileName, SystemClock, SystemEntropy};

/// The service accepts at most this many files in one event.
const MAX_FILES: usize = 50;

#[derive(Debug, Args)]
pub(in crate::cli) struct UploadOptions {
    /// Files to upload
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Event type: a number, or the name that the service has for it
    #[arg(long, value_name = "TYPE", allow_negative_numbers = true)]
    event_type: String,
    /// Id of the record that the event belongs to
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    record_id: i64,
    /// Id of the source: who or what caused the event
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    source_id: i64,
    /// Source type, given in the same way
    #[arg(
        long,
        value_name = "TYPE",
        default_value = "system",
        allow_negative_numbers = true
    )]
    source_type: String,
    /// Event time, such as 2026-11-10T10:26:12Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = EventTime::parse)]
    time: Option<EventTime>,
    /// Event data, as a JSON array
    #[arg(long, value_name = "JSON", default_value = "[]", value_parser = data)]
    data: Data,
    /// Id of the event, which makes the command idempotent [default: a new one]
    #[arg(long, value_name = "UUID", value_parser = EventId::parse)]
    event_id: Option<EventId>,
    /// Store an event for each file, instead of one for all
    #[arg(long, conflicts_with = "event_id")]
    each: bool,
    /// Name to store the file under [default: its own name]
    #[arg(long, value_name = "NAME", value_parser = FileName::parse)]
    name: Option<FileName>,
    /// Media type of the files [default: guessed from their names]
    #[arg(long, value_name = "TYPE", value_parser = ContentType::parse)]
    content_type: Option<ContentType>,
    #[command(flatten)]
    client: UploadArguments,
}

/// A list that is a single value on the command line.
#[derive(Debug, Clone)]
struct Data(Vec<Value>);

/// Prints the id of each event once it is durable.
pub(in crate::cli) async fn run(options: &UploadOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let files = files(options)?;
    if !options.each && files.len() > MAX_FILES {
        bail!("an event references at most {MAX_FILES} files: pass --each, or fewer files");
    }
    let client = open_client(&config)?;
    let types = types(options, &client).await?;
    let rules = MultipartRules {
        above_bytes: config.multipart_above_bytes,
        part_bytes: config.part_bytes,
        state_folder: config.state_folder,
    };
    let per_event = if options.each { 1 } else { files.len() };
    for files in files.chunks(per_event) {
        let event = event(options, types);
        let progress = Progress::default();
        let upload = client.upload(files, &event, &rules, &progress);
        run_transfer(Box::pin(upload), &progress).await?;
        writeln!(io::stdout(), "{}", event.id).context("cannot write to standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn files(options: &UploadOptions) -> Result<Vec<NewFile>, Problems> {
    if options.name.is_some() && options.files.len() > 1 {
        return Err(Problems(vec!["--name is for a single file".to_owned()]));
    }
    let mut problems = Vec::new();
    let mut files = Vec::new();
    for path in &options.files {
        let name = options.name.clone().map_or_else(|| own_name(path), Ok);
        match name {
            Ok(name) => files.push(NewFile {
                path: path.clone(),
                content_type: options.content_type.clone().or_else(|| guess(&name)),
                name,
            }),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(files);
    }
    Err(Problems(problems))
}

fn own_name(path: &Path) -> Result<FileName, String> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.and_then(|name| FileName::parse(name).ok());
    name.ok_or_else(|| format!("the name of '{}' is not UTF-8: pass --name", path.display()))
}

fn guess(name: &FileName) -> Option<ContentType> {
    let guess = mime_guess::from_path(name.as_str()).first_raw()?;
    ContentType::parse(guess).ok()
}

fn event(options: &UploadOptions, (event_type_id, source_type_id): (i32, i32)) -> NewEvent {
    let now = || {
        let now = SystemClock.now().as_microsecond();
        EventTime::from_parts(now, 6)
    };
    NewEvent {
        id: options
            .event_id
            .unwrap_or_else(|| EventId::random(&SystemEntropy)),
        may_exist: options.event_id.is_some(),
        time: options.time.or_else(now).expect("the clock is in this era"),
        event_type_id,
        record_id: options.record_id,
        source_id: options.source_id,
        source_type_id,
        data: options.data.0.clone(),
    }
}

async fn types(options: &UploadOptions, client: &Client) -> anyhow::Result<(i32, i32)> {
    let types = Types {
        event_types: slice::from_ref(&options.event_type),
        source_types: slice::from_ref(&options.source_type),
    };
    let (event_types, source_types) = Signals::install()?.or_stopped(types.ids(client)).await?;
    Ok((event_types[0], source_types[0]))
}

fn data(text: &str) -> Result<Data, String> {
    serde_json::from_str(text)
        .map(Data)
        .map_err(|error| format!("not a JSON array: {error}"))
}
