//! The filters of the commands that read events.

use clap::Args;

use crate::cli::calls::Types;
use crate::cli::terminal::parse_time;
use crate::client::{Client, Parameters};
use crate::config::{Problems, local_time_zone};
use crate::domain::{EventId, FileId};

/// Any number of each by id or type: an event has to match one of them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters (those by id or type may be repeated: any of them matches)")]
pub(super) struct Filters {
    /// Record
    #[arg(
        long,
        visible_alias = "record",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    record_id: Vec<i64>,
    /// Event type: a number, or the name that the service has for it
    #[arg(
        long,
        visible_alias = "type",
        alias = "event-type-id",
        value_name = "TYPE",
        allow_negative_numbers = true
    )]
    event_type: Vec<String>,
    /// Source: who or what caused the event
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    source_id: Vec<i64>,
    /// Source type, given like the event type
    #[arg(
        long,
        alias = "source-type-id",
        value_name = "TYPE",
        allow_negative_numbers = true
    )]
    source_type: Vec<String>,
    /// Event
    #[arg(long, value_name = "UUID", value_parser = EventId::parse)]
    event_id: Vec<EventId>,
    /// Changed field, by its name in the event data
    #[arg(long, value_name = "NAME")]
    field: Vec<String>,
    /// Value that a field was changed from or to
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    value: Vec<String>,
    /// Name of the source, exactly
    #[arg(long, value_name = "NAME")]
    source_name: Vec<String>,
    /// The `source_info` of the event, exactly
    #[arg(long, value_name = "TEXT")]
    source_info: Vec<String>,
    /// File that the event references
    #[arg(long, value_name = "UUID", value_parser = FileId::parse)]
    file_id: Vec<FileId>,
    /// Events that reference a file; with `false`, those that do not
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    has_file: Option<bool>,
    /// Words that the event has: in its data, its source's name and info, or the names of its files
    #[arg(long, value_name = "WORDS")]
    q: Option<String>,
    /// Events at or after this time: RFC 3339, or local, as in '2026-11-10 11:26' or '2026-11-10'
    #[arg(long, visible_alias = "from-time", value_name = "TIME")]
    event_time_from: Option<String>,
    /// Events before this time
    #[arg(long, visible_alias = "to-time", value_name = "TIME")]
    event_time_to: Option<String>,
    /// Events that the service received at or after this time
    #[arg(long, value_name = "TIME")]
    received_from: Option<String>,
    /// Events that it received before this time
    #[arg(long, value_name = "TIME")]
    received_to: Option<String>,
}

impl Filters {
    /// Returns the parameters of the API. The service may be asked for the ids of types.
    pub(super) async fn parameters(&self, client: &Client) -> anyhow::Result<Parameters> {
        let Self {
            record_id,
            event_type,
            source_id,
            source_type,
            event_id,
            field,
            value,
            source_name,
            source_info,
            file_id,
            has_file,
            q,
            event_time_from,
            event_time_to,
            received_from,
            received_to,
        } = self;
        let mut parameters = Parameters::new();
        let mut problems = Vec::new();
        let zone = local_time_zone();
        for (name, flag, text) in [
            ("event_time_from", "--event-time-from", event_time_from),
            ("event_time_to", "--event-time-to", event_time_to),
            ("received_from", "--received-from", received_from),
            ("received_to", "--received-to", received_to),
        ] {
            match text.as_deref().map(|text| parse_time(text, &zone)) {
                None => {}
                Some(Ok(time)) => parameters.push((name, time.to_string())),
                Some(Err(problem)) => problems.push(format!("{flag}: {problem}")),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems).into());
        }
        let types = Types {
            event_types: event_type,
            source_types: source_type,
        };
        let (event_types, source_types) = types.ids(client).await?;
        let mut add = |name, values: Vec<String>| {
            parameters.extend(values.into_iter().map(|value| (name, value)));
        };
        add("record_id", texts(record_id));
        add("event_type_id", texts(&event_types));
        add("source_id", texts(source_id));
        add("source_type_id", texts(&source_types));
        add("event_id", texts(event_id));
        add("field", field.clone());
        add("value", value.clone());
        add("source_name", source_name.clone());
        add("source_info", source_info.clone());
        add("file_id", texts(file_id));
        add("has_file", has_file.iter().map(bool::to_string).collect());
        add("q", q.iter().cloned().collect());
        Ok(parameters)
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
