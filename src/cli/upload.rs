//! `event-history upload`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use super::copy;
use super::transfer::{self, Outcome};
use crate::client::{Client, NewEvent, NewFile, PartRules, Progress};
use crate::config::{ClientConfig, Problems, UploadArguments};
use crate::domain::{
    Catalogue, Clock, ContentType, EventId, EventTime, FileName, SystemClock, SystemEntropy,
};

/// The most files that the service takes in one event.
const MAX_FILES: usize = 50;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Files to upload
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What happened, by name or number
    #[arg(long, value_name = "TYPE", value_parser = event_type)]
    event_type: i32,
    /// The record that it happened to
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    record_id: i64,
    /// Who or what did it
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    source_id: i64,
    /// The kind of who or what did it, by name or number
    #[arg(long, value_name = "TYPE", default_value = "system", value_parser = source_type)]
    source_type: i32,
    /// When it happened, as in 2026-11-10T10:26:12Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<EventTime>,
    /// Event data: a JSON array
    #[arg(long, value_name = "JSON", default_value = "[]", value_parser = data)]
    data: Data,
    /// Id of the event, so that the command may be repeated [default: a new one]
    #[arg(long, value_name = "UUID", value_parser = event_id)]
    event_id: Option<EventId>,
    /// An event for each file, rather than one for all
    #[arg(long, conflicts_with = "event_id")]
    each: bool,
    /// What the file is called from now on [default: its own name]
    #[arg(long, value_name = "NAME", value_parser = file_name)]
    name: Option<FileName>,
    /// Media type of the files [default: guessed from each name]
    #[arg(long, value_name = "TYPE", value_parser = content_type)]
    content_type: Option<ContentType>,
    #[command(flatten)]
    client: UploadArguments,
}

/// A list that is one value of the command line.
#[derive(Debug, Clone)]
struct Data(Vec<Value>);

/// Prints the id of each event once it is durable.
pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let files = files(options)?;
    if !options.each && files.len() > MAX_FILES {
        bail!("an event takes {MAX_FILES} files at most: give --each, or fewer");
    }
    let client = transfer::client(&config)?;
    let rules = PartRules {
        above_bytes: config.multipart_above_bytes,
        part_bytes: config.part_bytes,
        state_folder: config.state_folder,
    };
    let per_event = if options.each { 1 } else { files.len() };
    for files in files.chunks(per_event) {
        let event = event(options);
        let outcome = upload(&client, files, &event, &rules).await?;
        if let Outcome::Stopped(status) = outcome {
            return copy::stopped(status);
        }
        writeln!(io::stdout(), "{}", event.id).context("cannot write to standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn upload(
    client: &Client,
    files: &[NewFile],
    event: &NewEvent,
    rules: &PartRules,
) -> anyhow::Result<Outcome<()>> {
    let progress = Progress::default();
    let upload = client.upload(files, event, rules, &progress);
    transfer::shown(upload, &progress).await
}

fn files(options: &Options) -> Result<Vec<NewFile>, Problems> {
    if options.name.is_some() && options.files.len() > 1 {
        return Err(Problems(vec!["--name is for one file".to_owned()]));
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
    name.ok_or_else(|| {
        format!(
            "'{}' has no name that is UTF-8: give --name",
            path.display()
        )
    })
}

fn guess(name: &FileName) -> Option<ContentType> {
    let guess = mime_guess::from_path(name.as_str()).first_raw()?;
    ContentType::parse(guess).ok()
}

fn event(options: &Options) -> NewEvent {
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
        event_type_id: options.event_type,
        record_id: options.record_id,
        source_id: options.source_id,
        source_type_id: options.source_type,
        data: options.data.0.clone(),
    }
}

fn event_type(text: &str) -> Result<i32, String> {
    Catalogue::default().parse_event_type(text)
}

fn source_type(text: &str) -> Result<i32, String> {
    Catalogue::default().parse_source_type(text)
}

fn time(text: &str) -> Result<EventTime, String> {
    EventTime::parse(text).map_err(|invalid| invalid.message)
}

fn data(text: &str) -> Result<Data, String> {
    serde_json::from_str(text)
        .map(Data)
        .map_err(|error| format!("it is no JSON array: {error}"))
}

pub(super) fn event_id(text: &str) -> Result<EventId, String> {
    EventId::parse(text).map_err(|invalid| invalid.message)
}

fn file_name(text: &str) -> Result<FileName, String> {
    FileName::parse(text).map_err(|invalid| invalid.message)
}

fn content_type(text: &str) -> Result<ContentType, String> {
    ContentType::parse(text).map_err(|invalid| invalid.message)
}
