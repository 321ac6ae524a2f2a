//! Baseline for storing on SQLite: INSERT and COMMIT in a loop, on a database that the service created and
//! with its durability. No queue, no lookups, no answers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use event_history::domain::{Entropy, SystemEntropy};
use rusqlite::{Connection, params};

use crate::event::{self, DATA, SOURCE_ID, SOURCE_TYPE_ID, TYPE_ID};
use crate::say;
use crate::timing::{Durations, summary};

/// Inserts an event into the tables of migrations/sqlite. The only place in the benchmark that knows their columns.
const INSERT: &str = "INSERT INTO events (event_id, time_us, time_digits, event_type_id, record_id, \
     source_id, source_type_id, source_name, source_info, file_id, checksum, received_after_us, event_data) \
     VALUES (?, ?, 6, ?, ?, ?, ?, '', '', NULL, ?, 1000, ?)";

/// The cache of the service's writing connection.
const CACHE_KIB: i64 = 8 * 1024;

#[derive(clap::Args)]
pub(super) struct Options {
    /// A tenant's database file; must not be open elsewhere
    #[arg(long)]
    database: PathBuf,
    /// Events per transaction
    #[arg(long)]
    batch: u64,
    #[arg(long)]
    seconds: f64,
    /// Ends after so many events if that comes first
    #[arg(long)]
    events: Option<u64>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let mut connection = Connection::open(&options.database)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let duration = Duration::from_secs_f64(options.seconds);
    let (started, mut events, mut commits) = (Instant::now(), 0, Durations::new());
    let most = options.events.unwrap_or(u64::MAX);
    while started.elapsed() < duration && events < most {
        let commit = Instant::now();
        let transaction = connection.transaction()?;
        for _ in 0..options.batch {
            insert(&transaction, events)?;
            events += 1;
        }
        transaction.commit()?;
        commits.push(commit.elapsed());
    }
    say(summary(events, started.elapsed(), commits));
    Ok(())
}

fn insert(connection: &Connection, number: u64) -> rusqlite::Result<usize> {
    let id = SystemEntropy.uuid_v4();
    connection.prepare_cached(INSERT)?.execute(params![
        id,
        event::now().as_microsecond(),
        TYPE_ID,
        event::record_id(number),
        SOURCE_ID,
        SOURCE_TYPE_ID,
        id.as_u64_pair().0.cast_signed(), // as long as a checksum
        DATA,
    ])
}
