//! `event-history record`.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::event_table::{EventPrinter, Source, value_in_words};
use crate::cli::calls::open_client;
use crate::cli::process::Signals;
use crate::cli::terminal::{
    Reader, Style, Table, inert_json, local_time, parse_time, print, visible,
};
use crate::client::Client;
use crate::config::{
    ClientArguments, ClientConfig, Problems, local_time_zone, stdout_takes_colors,
};
use crate::domain::EventTime;

#[derive(Debug, Args)]
pub(in crate::cli) struct RecordOptions {
    /// Id of the record
    #[arg(value_name = "RECORD", allow_negative_numbers = true)]
    record_id: i64,
    /// Show the record as of this instant: RFC 3339, or local, as in '2026-11-10 11:26' [default: all events count]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// List the record's events too, oldest first
    #[arg(long)]
    history: bool,
    /// Print the record, and each of the events, as the API returns them, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArguments,
}

/// A record as the service shows it.
#[expect(clippy::struct_field_names, reason = "the names of the API")]
#[derive(Deserialize)]
struct Record {
    record_id: i64,
    at: Option<String>,
    exists: bool,
    created: Option<Change>,
    deleted: Option<Change>,
    status: Option<Status>,
    owners: Vec<Person>,
    assignees: Vec<Person>,
    fields: Vec<Field>,
    documents: Vec<Document>,
    document_count: u64,
    event_count: u64,
    event_counts: Vec<EventCount>,
    unrecognised_count: u64,
    first_event: Option<Change>,
    last_event: Option<Change>,
}

/// The event that made a change.
#[derive(Deserialize)]
struct Change {
    event_time: String,
    source_id: i64,
    source_type_id: i32,
    source_type: Option<String>,
    source_name: String,
    source_info: String,
}

#[derive(Deserialize)]
struct Status {
    value: Box<RawValue>,
    event: Change,
}

#[derive(Deserialize)]
struct Person {
    id: Box<RawValue>,
    name: String,
    event: Change,
}

#[expect(clippy::struct_field_names, reason = "the names of the API")]
#[derive(Deserialize)]
struct Field {
    field: String,
    label: Option<String>,
    value: Box<RawValue>,
    event: Change,
}

#[derive(Deserialize)]
struct Document {
    file_id: String,
    name: Option<String>,
    event: Change,
}

#[derive(Deserialize)]
struct EventCount {
    event_type_id: i32,
    event_type: Option<String>,
    events: u64,
}

pub(in crate::cli) async fn run(options: &RecordOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let zone = local_time_zone();
    let at = options.at.as_deref().map(|at| parse_time(at, &zone));
    let at = at
        .transpose()
        .map_err(|problem| Problems(vec![format!("--at: {problem}")]))?;
    let at = at.map(|at| at.to_string());
    let client = open_client(&config)?;
    let mut signals = Signals::install()?;
    tokio::select! {
        outcome = show(options, at.as_deref(), &zone, &client) => outcome.map(|()| ExitCode::SUCCESS),
        status = signals.next() => Ok(ExitCode::from(status)),
    }
}

async fn show(
    options: &RecordOptions,
    at: Option<&str>,
    zone: &TimeZone,
    client: &Client,
) -> anyhow::Result<()> {
    let record_id = options.record_id;
    let Some(json) = client.record(record_id, at).await? else {
        let until = at.map_or_else(String::new, |at| format!(" until {}", local_time(at, zone)));
        bail!("record {record_id} has no events{until}");
    };
    let text = if options.json {
        let json = json.get();
        let json = if io::stdout().is_terminal() {
            inert_json(json)
        } else {
            json.into()
        };
        format!("{json}\n")
    } else {
        let record = serde_json::from_str(json.get());
        let record: Record = record.context("the service's answer does not follow its API")?;
        let takes_colors = stdout_takes_colors();
        View { zone, takes_colors }.of(&record)
    };
    if print(&text)? == Reader::Present && options.history {
        if !options.json {
            print("\n")?;
        }
        list(record_id, at, options.json, client).await?;
    }
    Ok(())
}

/// Lists the events of the record up to the instant, and those at it.
async fn list(record_id: i64, at: Option<&str>, json: bool, client: &Client) -> anyhow::Result<()> {
    let mut printer = EventPrinter::new(json, true);
    let mut filters = vec![
        ("record_id", record_id.to_string()),
        ("ordering", "event_time".to_owned()),
    ];
    filters.extend(at.map(|at| ("event_time_to", behind(at))));
    let mut walk = client.walk(filters, u64::MAX);
    while let Some(events) = walk.next().await? {
        if printer.print(&events)? == Reader::Gone {
            break;
        }
    }
    Ok(())
}

/// Returns the next instant, since a list does not include the end of its range.
fn behind(at: &str) -> String {
    let next = EventTime::parse(at).ok();
    let next = next.and_then(|at| EventTime::from_parts(at.micros() + 1, 6));
    next.map_or_else(|| at.to_owned(), |next| next.to_string())
}

/// How a record is shown.
#[derive(Clone, Copy)]
struct View<'a> {
    zone: &'a TimeZone,
    takes_colors: bool,
}

impl View<'_> {
    fn of(self, record: &Record) -> String {
        let Record {
            record_id,
            at,
            exists,
            created,
            deleted,
            status,
            owners,
            assignees,
            fields,
            documents,
            document_count,
            event_count,
            event_counts,
            unrecognised_count,
            first_event,
            last_event,
        } = record;
        let title = Style::Strong.paint(&format!("Record {record_id}"), self.takes_colors);
        let state = if *exists {
            "exists".to_owned()
        } else {
            Style::Alarming.paint("deleted", self.takes_colors)
        };
        let at = at.as_deref();
        let at = at.map_or_else(String::new, |at| {
            format!(", as of {}", local_time(at, self.zone))
        });
        let mut text = format!("{title} {state}{at}\n");
        let mut line = |name: &str, value: String| {
            let name = Style::Dim.paint(&format!("{name:<11}"), self.takes_colors);
            _ = writeln!(text, "  {name} {value}");
        };
        for (name, event) in [("created", created), ("deleted", deleted)] {
            if let Some(event) = event {
                line(name, self.change(event));
            }
        }
        if let Some(Status { value, event }) = status {
            let value = visible(&value_in_words(value)).into_owned();
            line("status", format!("{value}, set {}", self.change(event)));
        }
        for (name, people) in [("owner", owners), ("assignee", assignees)] {
            for Person {
                id,
                name: person,
                event,
            } in people
            {
                let person = format!("{person} ({})", value_in_words(id));
                line(
                    name,
                    format!("{}, added {}", visible(&person), self.change(event)),
                );
            }
        }
        let counts: Vec<String> = event_counts.iter().map(count).collect();
        line("events", format!("{event_count}: {}", counts.join(", ")));
        for (name, event) in [("first event", first_event), ("last event", last_event)] {
            if let Some(event) = event {
                line(name, self.change(event));
            }
        }
        if *unrecognised_count > 0 {
            let note = "items of event data of other shapes (--json shows the newest)";
            line("others", format!("{unrecognised_count} {note}"));
        }
        self.add_fields(fields, &mut text);
        self.add_documents(documents, *document_count, &mut text);
        text
    }

    fn add_fields(self, fields: &[Field], text: &mut String) {
        if fields.is_empty() {
            return;
        }
        let mut table = Table::new(&[
            ("FIELD", Style::Plain),
            ("VALUE", Style::Strong),
            ("CHANGED", Style::Dim),
            ("BY", Style::Plain),
        ]);
        let rows = fields.iter().map(|it| {
            let Field {
                field,
                label,
                value,
                event,
            } = it;
            let name = match label {
                Some(label) if label != field => format!("{label} ({field})"),
                _ => field.clone(),
            };
            vec![
                visible(&name).into_owned(),
                visible(&value_in_words(value)).into_owned(),
                visible(&local_time(&event.event_time, self.zone)).into_owned(),
                event.source(),
            ]
        });
        let rows: Vec<_> = rows.collect();
        text.push('\n');
        text.push_str(&table.lines(&rows));
    }

    fn add_documents(self, documents: &[Document], document_count: u64, text: &mut String) {
        if documents.is_empty() {
            return;
        }
        let mut table = Table::new(&[
            ("DOCUMENT", Style::Plain),
            ("FILE", Style::Dim),
            ("GENERATED", Style::Dim),
            ("BY", Style::Plain),
        ]);
        let rows = documents.iter().map(|it| {
            let Document {
                file_id,
                name,
                event,
            } = it;
            vec![
                visible(name.as_deref().unwrap_or_default()).into_owned(),
                visible(file_id).into_owned(),
                visible(&local_time(&event.event_time, self.zone)).into_owned(),
                event.source(),
            ]
        });
        let rows: Vec<_> = rows.collect();
        text.push('\n');
        text.push_str(&table.lines(&rows));
        let left = document_count.saturating_sub(rows.len() as u64);
        if left > 0 {
            _ = writeln!(text, "and {left} older ones");
        }
    }

    /// Returns when and by whom.
    fn change(self, event: &Change) -> String {
        let time = local_time(&event.event_time, self.zone);
        format!("{} by {}", visible(&time), event.source())
    }
}

impl Change {
    fn source(&self) -> String {
        let Self {
            event_time: _,
            source_id,
            source_type_id,
            source_type,
            source_name,
            source_info,
        } = self;
        let source = Source {
            id: *source_id,
            type_id: *source_type_id,
            type_name: source_type.as_deref(),
            name: source_name,
            info: source_info,
        };
        source.shown()
    }
}

fn count(count: &EventCount) -> String {
    let EventCount {
        event_type_id,
        event_type,
        events,
    } = count;
    let name = event_type.clone();
    let name = name.unwrap_or_else(|| format!("of type {event_type_id}"));
    format!("{events} {}", visible(&name))
}
