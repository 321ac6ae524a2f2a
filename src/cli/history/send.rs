//! `event-history send`.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::delivery::{Delivery, Place};
use crate::cli::calls::{Types, open_client};
use crate::cli::process::{Signals, exit};
use crate::cli::terminal::parse_time;
use crate::client::{Client, Completed, EventReader, InputEvent, complete};
use crate::config::{ClientArguments, ClientConfig, Problems, local_time_zone};
use crate::domain::{Clock, EventId, EventTime, FileId, SystemClock, SystemEntropy};

/// Events that were read and not yet put into a batch. Each may have 2 MiB.
const MAX_WAITING: usize = 8;

/// How long an event waits for others to be sent with, where they arrive slowly.
const MAX_DELAY: Duration = Duration::from_millis(200);

const STANDARD_INPUT: &str = "standard input";

#[derive(Debug, Args)]
pub(in crate::cli) struct SendOptions {
    /// Files of events: JSON objects, an array, or NDJSON; `-` is standard input [default: `-`]
    #[arg(value_name = "FILE", conflicts_with = "record_id")]
    files: Vec<PathBuf>,
    /// Print what became of events as JSON, one object a line, and the totals last
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    event: EventOptions,
    #[command(flatten)]
    client: ClientArguments,
}

/// One event.
#[derive(Debug, Args)]
#[command(next_help_heading = "One event, instead of files")]
struct EventOptions {
    /// Id of the record that the event belongs to
    #[arg(
        long,
        visible_alias = "record",
        value_name = "NUMBER",
        requires = "event_type",
        allow_negative_numbers = true
    )]
    record_id: Option<i64>,
    /// Event type: a number, or the name that the service has for it
    #[arg(
        long,
        visible_alias = "type",
        value_name = "TYPE",
        requires = "record_id",
        allow_negative_numbers = true
    )]
    event_type: Option<String>,
    /// Id of the source: who or what caused the event [default: 0]
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "record_id",
        allow_negative_numbers = true
    )]
    source_id: Option<i64>,
    /// Source type, given like the event type [default: system]
    #[arg(
        long,
        value_name = "TYPE",
        requires = "record_id",
        allow_negative_numbers = true
    )]
    source_type: Option<String>,
    /// Name of the source
    #[arg(long, value_name = "NAME", requires = "record_id")]
    source_name: Option<String>,
    /// More about the source, such as the model of an AI agent
    #[arg(long, value_name = "TEXT", requires = "record_id")]
    source_info: Option<String>,
    /// Event time: RFC 3339, or local, as in '2026-11-10 11:26' [default: now]
    #[arg(long, value_name = "TIME", requires = "record_id")]
    time: Option<String>,
    /// Event data, as a JSON array; one object counts as an array of one [default: []]
    #[arg(long, value_name = "JSON", requires = "record_id")]
    data: Option<String>,
    /// A file that was uploaded before
    #[arg(long, value_name = "UUID", requires = "record_id", value_parser = FileId::parse)]
    file_id: Option<FileId>,
    /// Id of the event, which makes the command idempotent [default: a new one, which is printed]
    #[arg(long, value_name = "UUID", requires = "record_id", value_parser = EventId::parse)]
    event_id: Option<EventId>,
}

/// An event that was read from a file, or the end of reading.
enum Found {
    Event(Place, Result<String, &'static str>),
    Failed(anyhow::Error),
}

/// Prints the ids that events were given. Exits with status 1 if an event was rejected.
pub(in crate::cli) async fn run(options: &SendOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let client = open_client(&config)?;
    let mut signals = Signals::install()?;
    let mut delivery = Delivery::new(&client, options.json);
    let outcome = tokio::select! {
        outcome = send(options, &client, &mut delivery) => outcome,
        status = signals.next() => {
            report_stop(&delivery);
            return Ok(ExitCode::from(status));
        }
    };
    if outcome.is_err() && delivery.settled.is_some() {
        report_stop(&delivery);
    }
    outcome?;
    delivery.report_totals()?;
    Ok(exit::success_if(delivery.totals.rejected == 0))
}

async fn send(
    options: &SendOptions,
    client: &Client,
    delivery: &mut Delivery<'_>,
) -> anyhow::Result<()> {
    if options.event.record_id.is_some() {
        let json = event(&options.event, client).await?;
        let place = Place {
            file: "command line".into(),
            line: 1,
        };
        push(delivery, place, json).await?;
        return delivery.flush().await;
    }
    let mut found = read_files(options.files.clone())?;
    loop {
        let next = if delivery.is_empty() {
            found.recv().await
        } else {
            let Ok(next) = timeout(MAX_DELAY, found.recv()).await else {
                delivery.flush().await?;
                continue;
            };
            next
        };
        match next {
            Some(Found::Event(place, Ok(json))) => push(delivery, place, json).await?,
            Some(Found::Event(place, Err(problem))) => delivery.reject(&place, problem),
            Some(Found::Failed(error)) => {
                delivery.flush().await?;
                return Err(error);
            }
            None => return delivery.flush().await,
        }
    }
}

async fn push(delivery: &mut Delivery<'_>, place: Place, json: String) -> anyhow::Result<()> {
    let Completed { json, new_id } = complete(json, now(), || EventId::random(&SystemEntropy));
    if !delivery.has_room_for(&json) {
        delivery.flush().await?;
    }
    delivery.push(place, &json, new_id);
    Ok(())
}

/// Reads files on a thread of its own: standard input may have nothing to read for any time.
fn read_files(mut files: Vec<PathBuf>) -> anyhow::Result<mpsc::Receiver<Found>> {
    if files.is_empty() {
        if io::stdin().is_terminal() {
            let problem = "give files, or an event by --record-id and --event-type, or events on standard input";
            return Err(Problems(vec![problem.to_owned()]).into());
        }
        files.push(PathBuf::from("-"));
    }
    let (sender, found) = mpsc::channel(MAX_WAITING);
    let read = move || {
        for path in files {
            if let Err(error) = read_file(&path, &sender) {
                let _ = sender.blocking_send(Found::Failed(error)); // nobody may be waiting any more
                return;
            }
        }
    };
    std::thread::Builder::new()
        .spawn(read)
        .context("cannot start a thread")?;
    Ok(found)
}

fn read_file(path: &Path, sender: &mpsc::Sender<Found>) -> anyhow::Result<()> {
    let (input, name): (Box<dyn Read>, _) = if path == Path::new("-") {
        (Box::new(io::stdin().lock()), STANDARD_INPUT.to_owned())
    } else {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot open '{name}'"))?;
        (Box::new(file), name)
    };
    let file: Arc<str> = name.into();
    for event in EventReader::new(input) {
        let InputEvent { line, json } = event.with_context(|| file.to_string())?;
        let file = Arc::clone(&file);
        let event = Found::Event(Place { file, line }, json);
        if sender.blocking_send(event).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Returns the event that the flags describe.
async fn event(options: &EventOptions, client: &Client) -> anyhow::Result<String> {
    let EventOptions {
        record_id,
        event_type,
        source_id,
        source_type,
        source_name,
        source_info,
        time,
        data,
        file_id,
        event_id,
    } = options;
    let data = data.as_deref().unwrap_or("[]").trim();
    let wrong = |problem: String| anyhow!(Problems(vec![problem]));
    let parsed: &RawValue =
        serde_json::from_str(data).map_err(|error| wrong(format!("--data: not JSON: {error}")))?;
    let data = match parsed.get().as_bytes().first() {
        Some(b'[') => parsed.get().to_owned(),
        Some(b'{') => format!("[{parsed}]"),
        _ => {
            return Err(wrong(
                "--data: neither a JSON array nor an object".to_owned(),
            ));
        }
    };
    let time = time
        .as_deref()
        .map(|time| parse_time(time, &local_time_zone()));
    let time = time
        .transpose()
        .map_err(|problem| wrong(format!("--time: {problem}")))?;
    let system = "system".to_owned();
    let types = Types {
        event_types: event_type.as_slice(),
        source_types: slice::from_ref(source_type.as_ref().unwrap_or(&system)),
    };
    let (event_types, source_types) = types.ids(client).await?;
    let mut members = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        members.extend(value.map(|value| (name.to_owned(), value)));
    };
    add(
        "event_type_id",
        event_types.first().copied().map(Value::from),
    );
    add(
        "source_type_id",
        source_types.first().copied().map(Value::from),
    );
    add("record_id", record_id.map(Value::from));
    add("source_id", Some(source_id.unwrap_or_default().into()));
    add("source_name", source_name.clone().map(Value::from));
    add("source_info", source_info.clone().map(Value::from));
    add("file_id", file_id.map(|id| id.to_string().into()));
    add("event_id", event_id.map(|id| id.to_string().into()));
    add("event_time", time.map(|time| time.to_string().into()));
    let mut json = Value::Object(members).to_string();
    json.pop(); // the closing brace
    // As it was written: numbers keep their digits.
    let data = data.replace(['\n', '\r'], " ");
    Ok(format!("{json},\"event_data\":{data}}}"))
}

fn now() -> EventTime {
    let now = SystemClock.now().as_microsecond();
    EventTime::from_parts(now, 6).expect("the clock is in this era")
}

/// Says how far a run came that did not come to its end.
#[expect(clippy::print_stderr, reason = "not part of the result")]
fn report_stop(delivery: &Delivery<'_>) {
    match &delivery.settled {
        None => eprintln!("stopped: nothing is known to be stored"),
        Some(Place { file, line }) => eprintln!(
            "stopped behind {file}:{line}. Further events may be stored, too: sending those that have an id of their own \
             again stores nothing twice"
        ),
    }
}
