//! Baseline for reading on ClickHouse: the statements of a page, sent at once, and their rows discarded.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clickhouse::Client;
use futures_util::future::try_join_all;

use crate::clickhouse_client::{Key, connect, read_keys};
use crate::event;
use crate::random::below;
use crate::say;
use crate::timing::{Durations, summary};

#[derive(clap::Args)]
pub(super) struct Options {
    #[arg(long)]
    url: String,
    /// A statement, with any of the parameters `client`, `event` and `record`; repeated: several at once
    #[arg(long = "statement", required = true)]
    statements: Vec<String>,
    /// A file of keys, one a line: a client id and an event id; each round takes a random one
    #[arg(long)]
    keys: PathBuf,
    #[arg(long)]
    seconds: f64,
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let (client, keys) = (connect(&options.url), read_keys(&options.keys)?);
    let duration = Duration::from_secs_f64(options.seconds);
    let (started, mut rounds) = (Instant::now(), Durations::new());
    while started.elapsed() < duration {
        let key = keys[below(keys.len())];
        let record_id = event::random_record_id();
        let round_started = Instant::now();
        let statements = options.statements.iter();
        try_join_all(statements.map(|sql| read(&client, sql, key, record_id))).await?;
        rounds.push(round_started.elapsed());
    }
    let count = u64::try_from(rounds.len())?;
    say(summary(count, started.elapsed(), rounds));
    Ok(())
}

async fn read(client: &Client, sql: &str, key: Key, record_id: i64) -> anyhow::Result<()> {
    let statement = client
        .query_raw(sql)
        .param("client", key.client_id)
        .param("event", key.event_id)
        .param("record", record_id);
    let mut bytes = statement.fetch_bytes("RowBinary")?;
    while bytes.next().await?.is_some() {}
    Ok(())
}
