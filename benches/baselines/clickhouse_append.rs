//! Baseline for storing on ClickHouse: what the service asks of it for a batch of new events, a look-up of their ids
//! and an INSERT, in a loop on a table that the service created.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clickhouse::{Client, Row};
use event_history::domain::{Entropy, SystemEntropy};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clickhouse_client::{Key, connect, read_keys};
use crate::event::{self, DATA, SOURCE_ID, SOURCE_TYPE_ID, TYPE_ID};
use crate::random::below;
use crate::say;
use crate::timing::{Durations, summary};

/// ClickHouse takes parameters of up to 128 KiB.
const MAX_IDS: usize = 1000;

#[derive(clap::Args)]
pub(super) struct Options {
    #[arg(long)]
    url: String,
    #[arg(long)]
    database: String,
    #[arg(long)]
    table: String,
    /// A file of keys, one a line: a client id and an event id; events are spread over these tenants
    #[arg(long)]
    keys: PathBuf,
    /// Events per look-up and INSERT
    #[arg(long)]
    batch: u64,
    /// Batches in flight at once
    #[arg(long, default_value_t = 1)]
    concurrency: u32,
    #[arg(long)]
    seconds: f64,
    /// Ends after so many events if that comes first
    #[arg(long)]
    events: Option<u64>,
}

/// A row of migrations/clickhouse, as far as its columns have no defaults. The one place here that knows them.
#[derive(Row, Serialize)]
struct Stored {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
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
    files: &'static str,
}

#[derive(Row, Deserialize)]
struct Found {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
}

/// The table and the tenants that one of several loops writes to.
struct Target {
    client: Client,
    table: String,
    look_up: String,
    keys: Vec<Key>,
    batch: u64,
    /// Events of each loop, at most.
    most: u64,
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let (database, table) = (&options.database, &options.table);
    let target = Arc::new(Target {
        client: connect(&options.url).with_database(database),
        table: table.clone(),
        look_up: format!(
            "SELECT client_id, event_id FROM mergeTreeProjection('{database}', '{table}', by_id) \
             WHERE (client_id, event_id) IN {{ids:Array(Tuple(UUID, UUID))}}"
        ),
        keys: read_keys(&options.keys)?,
        batch: options.batch,
        most: options
            .events
            .map_or(u64::MAX, |it| it / u64::from(options.concurrency)),
    });
    let (started, duration) = (Instant::now(), Duration::from_secs_f64(options.seconds));
    let loops: Vec<_> = (0..options.concurrency)
        .map(|_| {
            let target = Arc::clone(&target);
            tokio::spawn(async move { target.append_for(duration).await })
        })
        .collect();
    let mut batches = Durations::new();
    for each in loops {
        batches.extend(each.await??);
    }
    let events = u64::try_from(batches.len())? * options.batch;
    say(summary(events, started.elapsed(), batches));
    Ok(())
}

impl Target {
    async fn append_for(&self, duration: Duration) -> anyhow::Result<Durations> {
        let (started, mut batches, mut number) = (Instant::now(), Durations::new(), 0);
        while started.elapsed() < duration && number < self.most {
            let rows: Vec<Stored> = (number..number + self.batch)
                .map(|number| self.row(number))
                .collect();
            number += self.batch;
            let batch_started = Instant::now();
            self.append(rows).await?;
            batches.push(batch_started.elapsed());
        }
        Ok(batches)
    }

    async fn append(&self, rows: Vec<Stored>) -> anyhow::Result<()> {
        let ids: Vec<(Uuid, Uuid)> = rows.iter().map(|it| (it.client_id, it.event_id)).collect();
        for ids in ids.chunks(MAX_IDS) {
            let look_up = self.client.query_raw(&self.look_up).param("ids", ids);
            let found = look_up.fetch_all::<Found>().await?;
            if let Some(Found {
                client_id,
                event_id,
            }) = found.first()
            {
                anyhow::bail!("event {event_id} of {client_id} is new and was found");
            }
        }
        let mut insert = self.client.insert::<Stored>(&self.table).await?;
        for row in &rows {
            insert.write(row).await?;
        }
        insert.end().await?;
        Ok(())
    }

    fn row(&self, number: u64) -> Stored {
        Stored {
            client_id: self.keys[below(self.keys.len())].client_id,
            event_id: SystemEntropy.uuid_v4(),
            time_us: event::now().as_microsecond(),
            time_digits: 6,
            event_type_id: TYPE_ID,
            record_id: event::record_id(number),
            source_id: SOURCE_ID,
            source_type_id: SOURCE_TYPE_ID,
            source_name: "",
            source_info: "",
            file_id: None,
            event_data: DATA,
            files: "",
        }
    }
}
