//! Baseline for storing on ClickHouse: the client's INSERT in a loop, on a table that the service created.
//! Also creates the longest histories, which would take hours through the service.

use std::time::{Duration, Instant};

use clickhouse::{Client, Row};
use event_history::domain::{Entropy, SystemEntropy};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use uuid::Uuid;

use crate::event::{self, DATA, SOURCE_ID, SOURCE_TYPE_ID, TYPE_ID};
use crate::say;
use crate::timing::{Durations, summary};

/// The time between two events of a history.
const STEP_US: i64 = 1000;

#[derive(clap::Args)]
pub(super) struct Options {
    #[arg(long)]
    url: String,
    #[arg(long)]
    database: String,
    #[arg(long)]
    table: String,
    /// Events per INSERT
    #[arg(long)]
    batch: u64,
    /// How long to insert
    #[arg(long, required_unless_present = "events")]
    seconds: Option<f64>,
    /// How many events to insert instead, as a history
    #[arg(long, conflicts_with = "seconds")]
    events: Option<u64>,
    /// How long ago that history ended
    #[arg(long, default_value_t = 0)]
    age_ms: u64,
}

/// A row of migrations/clickhouse. The one place here that knows its columns.
#[derive(Row, Serialize)]
struct Stored {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    time_us: i64,
    time_digits: u8,
    event_type_id: i32,
    record_id: i64,
    source_id: i64,
    source_type_id: i32,
    source_name: &'static str,
    source_info: &'static str,
    #[serde(with = "clickhouse::serde::uuid::option")]
    file_id: Option<Uuid>,
    event_data: &'static str,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true); // as the service does: Nagle's algorithm would add waits that are not part of a baseline
    let client =
        Client::with_http_client(HyperClient::builder(TokioExecutor::new()).build(connector))
            .with_url(&options.url)
            .with_database(&options.database)
            .with_setting("async_insert", "0")
            .with_validation(false);
    let duration = options.seconds.map(Duration::from_secs_f64);
    let (started, mut events, mut inserts) = (Instant::now(), 0, Durations::new());
    while duration.is_none_or(|it| started.elapsed() < it) && options.events != Some(events) {
        let insert_started = Instant::now();
        let mut insert = client.insert::<Stored>(&options.table).await?;
        let left = options.events.map_or(u64::MAX, |it| it - events);
        for _ in 0..options.batch.min(left) {
            let to_come = options.events.map_or(0, |it| it - events);
            let age_us = options.age_ms.cast_signed() * 1000 + to_come.cast_signed() * STEP_US;
            insert.write(&row(events, age_us)).await?;
            events += 1;
        }
        insert.end().await?;
        inserts.push(insert_started.elapsed());
    }
    say(summary(events, started.elapsed(), inserts));
    Ok(())
}

fn row(number: u64, age_us: i64) -> Stored {
    Stored {
        event_id: SystemEntropy.uuid_v4(),
        time_us: event::now().as_microsecond() - age_us,
        time_digits: 6,
        event_type_id: TYPE_ID,
        record_id: event::record_id(number),
        source_id: SOURCE_ID,
        source_type_id: SOURCE_TYPE_ID,
        source_name: "",
        source_info: "",
        file_id: None,
        event_data: DATA,
    }
}
