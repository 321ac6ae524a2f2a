//! Compares layouts of a tenant's events on SQLite, and settings, without the service around them:
//! what a new event costs, what it takes on disk, and what the pages that are read most cost.
//!
//! `just bench-sqlite-layouts --help` says what can be chosen.

#![expect(clippy::unwrap_used, reason = "a failure ends the measurement")]
#![expect(clippy::print_stdout, reason = "the figures are the result")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are rounded for people"
)]

mod options;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, params};

use options::{HELP, Layout, Options};

const DATA: &str = r#"[{"field":"status","old":"draft","new":"approved"}]"#;
const FIRST_TIME_US: i64 = 1_700_000_000_000_000;

/// The batches of one fill: the page cache is large then, and nothing is synced.
const FILL_BATCH: u64 = 20_000;

/// One event of the shape that the service's own benchmark sends.
#[derive(Debug)]
struct Row {
    id: [u8; 16],
    time_us: i64,
    record_id: i64,
    type_id: i64,
}

fn main() {
    let Some(options) = Options::parse() else {
        println!("{HELP}");
        return;
    };
    println!("{options:?}");
    for layout in &options.layouts {
        measure(*layout, &options);
    }
    std::fs::remove_dir_all(&options.folder).unwrap();
}

fn measure(layout: Layout, options: &Options) {
    std::fs::create_dir_all(&options.folder).unwrap();
    let path = options.folder.join(format!("{layout:?}.db"));
    create(layout, &path, options);
    let mut rows = Rows { next: 0, options };
    for size in &options.sizes {
        let started = Instant::now();
        fill(layout, &path, &mut rows, *size);
        let bytes = std::fs::metadata(&path).unwrap().len();
        println!(
            "{layout:?} {size}: {:.1} bytes an event, filled in {:.1} s",
            bytes as f64 / *size as f64,
            started.elapsed().as_secs_f64()
        );
        read(layout, &path, options, rows.next);
        for batch in &options.batches {
            insert(layout, &path, &mut rows, *batch);
        }
    }
}

fn create(layout: Layout, path: &Path, options: &Options) {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_update(None, "page_size", options.page)
        .unwrap();
    connection.execute_batch(layout.schema()).unwrap();
    connection
        .execute_batch(match layout {
            Layout::Rowid | Layout::RowidCounts => "",
            Layout::Clustered => "CREATE UNIQUE INDEX events_by_id ON events (event_id);",
            Layout::ClusteredHash => {
                "CREATE TABLE ids (hash INTEGER PRIMARY KEY, time_us INTEGER NOT NULL) STRICT;"
            }
        })
        .unwrap();
    connection
        .execute_batch(
            "CREATE TABLE record_counts (record_id INTEGER NOT NULL, event_type_id INTEGER NOT NULL,
                events INTEGER NOT NULL, PRIMARY KEY (record_id, event_type_id)) STRICT, WITHOUT ROWID;
             CREATE TABLE type_counts (event_type_id INTEGER PRIMARY KEY, events INTEGER NOT NULL) STRICT;",
        )
        .unwrap();
}

/// Makes the events one after the other; the same ones in every run.
#[derive(Debug)]
struct Rows<'a> {
    next: u64,
    options: &'a Options,
}

impl Rows<'_> {
    fn take(&mut self, count: u64) -> Vec<Row> {
        let from = self.next;
        self.next += count;
        (from..self.next).map(|n| self.row(n)).collect()
    }

    fn row(&self, n: u64) -> Row {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&mix(2 * n).to_be_bytes());
        id[8..].copy_from_slice(&mix(2 * n + 1).to_be_bytes());
        let signed = n.cast_signed();
        Row {
            id,
            time_us: FIRST_TIME_US
                + if self.options.times == "ms" {
                    signed * 1000
                } else {
                    0
                },
            record_id: match self.options.records.as_str() {
                "mod" => signed % 1000,
                "runs" => signed / 50,
                _ => (mix(n + 77) % 1_000_000).cast_signed(),
            },
            type_id: 7,
        }
    }
}

/// Spreads numbers over 64 bits (the finaliser of `SplitMix64`).
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Brings the database to a number of events, as fast as can be.
fn fill(layout: Layout, path: &Path, rows: &mut Rows<'_>, size: u64) {
    let mut connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-3000000;",
        )
        .unwrap();
    while rows.next < size {
        let batch = rows.take(FILL_BATCH.min(size - rows.next));
        write(layout, &mut connection, &batch);
    }
    drop(connection);
    std::fs::File::open(path).unwrap().sync_all().unwrap();
}

fn open(path: &Path, options: &Options) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .unwrap();
    connection
        .pragma_update(None, "synchronous", "FULL")
        .unwrap();
    connection
        .pragma_update(None, "cache_size", -options.cache_kib)
        .unwrap();
    connection
}

fn insert(layout: Layout, path: &Path, rows: &mut Rows<'_>, batch: u64) {
    let options = rows.options;
    let mut connection = open(path, options);
    let pages = Arc::new(AtomicI32::new(0));
    let (wake, waiting) = mpsc::channel();
    let (done, mut asked) = (Arc::new(AtomicBool::new(false)), false);
    let aside = options.checkpoint_aside.then(|| {
        let (path, options, done) = (path.to_owned(), options.clone(), Arc::clone(&done));
        let pages = Arc::clone(&pages);
        std::thread::spawn(move || {
            let connection = open(&path, &options);
            while waiting.recv().is_ok() {
                for _ in 0..5 {
                    let copied = checkpoint(&connection);
                    if pages.load(Relaxed) - copied < 500 {
                        break; // little enough to do on the way of a commit
                    }
                }
                done.store(true, Relaxed);
            }
        })
    });
    if options.checkpoint_aside {
        let pages = Arc::clone(&pages);
        let hook = move |_: &mut Wal, count| {
            pages.store(count, Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(hook)).unwrap();
    } else {
        connection
            .pragma_update(None, "wal_autocheckpoint", options.log_pages)
            .unwrap();
    }
    let started = Instant::now();
    let mut took = Vec::new();
    let (mut cpu_s, cpu_before) = (0.0, cpu());
    while started.elapsed().as_secs_f64() < options.seconds {
        let events = rows.take(batch);
        let begun = Instant::now();
        write(layout, &mut connection, &events);
        if done.swap(false, Relaxed) {
            // The tail that came meanwhile, so that the log starts over.
            checkpoint(&connection);
            asked = false;
        } else if !asked && pages.load(Relaxed) > options.log_pages {
            wake.send(()).unwrap();
            asked = true;
        }
        took.push(begun.elapsed());
    }
    cpu_s += cpu() - cpu_before;
    let events = took.len() as f64 * batch as f64;
    let all: Duration = took.iter().sum();
    took.sort_unstable();
    let at = |share: f64| took[(share * (took.len() - 1) as f64) as usize].as_secs_f64() * 1e3;
    let log = std::fs::metadata(path.with_extension("db-wal")).map_or(0, |it| it.len());
    println!(
        "  batch {batch:>5}: {:>8.0} events/s, ms a commit p50 {:.2} p99 {:.2} most {:.1}, \
         cpu {:.1} us an event, log {} KiB",
        events / all.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
        cpu_s * 1e6 / events,
        log / 1024
    );
    drop((connection, wake));
    if let Some(aside) = aside {
        aside.join().unwrap();
    }
}

/// Returns how many pages of the log are in the file now.
fn checkpoint(connection: &Connection) -> i32 {
    connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2))
        .unwrap()
}

/// Processor seconds that this process has used.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn write(layout: Layout, connection: &mut Connection, rows: &[Row]) {
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .unwrap();
    let columns = "event_id, time_us, record_id, time_digits, event_type_id, source_id, \
                   source_type_id, source_name, source_info, file_id, checksum, event_data";
    let ignore = if layout == Layout::ClusteredHash {
        ""
    } else {
        "ON CONFLICT (event_id) DO NOTHING"
    };
    let sql = format!("INSERT INTO events ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) {ignore}");
    let mut insert = transaction.prepare_cached(&sql).unwrap();
    let mut ids = (layout == Layout::ClusteredHash).then(|| {
        let sql = "INSERT INTO ids (hash, time_us) VALUES (?, ?) ON CONFLICT DO NOTHING";
        transaction.prepare_cached(sql).unwrap()
    });
    for row in rows {
        if let Some(ids) = &mut ids {
            let hash = i64::from_be_bytes(row.id[..8].try_into().unwrap()) >> 8;
            assert_eq!(ids.execute(params![hash, row.time_us]).unwrap(), 1);
        }
        let stored = insert
            .execute(params![
                row.id,
                row.time_us,
                row.record_id,
                6,
                row.type_id,
                7,
                0,
                "",
                "",
                None::<&[u8]>,
                i64::from_be_bytes(row.id[..8].try_into().unwrap()), // as long as a checksum
                DATA
            ])
            .unwrap();
        assert_eq!(stored, 1);
    }
    if layout != Layout::Rowid {
        count(&transaction, rows);
    }
    drop((insert, ids));
    transaction.commit().unwrap();
}

fn count(connection: &Connection, rows: &[Row]) {
    let mut counts = std::collections::BTreeMap::new();
    for row in rows {
        *counts.entry((row.record_id, row.type_id)).or_insert(0_i64) += 1;
    }
    let mut add = connection
        .prepare_cached(
            "INSERT INTO record_counts VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )
        .unwrap();
    for ((record, kind), events) in counts {
        add.execute(params![record, kind, events]).unwrap();
    }
    connection
        .prepare_cached(
            "INSERT INTO type_counts VALUES (7, ?)
             ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )
        .unwrap()
        .execute([i64::try_from(rows.len()).unwrap()])
        .unwrap();
}

fn read(layout: Layout, path: &Path, options: &Options, events: u64) {
    let connection = open(path, options);
    let last = events.cast_signed() - 1;
    let records = if options.records == "runs" {
        last / 50
    } else {
        1000.min(last)
    };
    for one_record in [false, true] {
        let wheres = if one_record {
            "WHERE record_id = ?1"
        } else {
            "WHERE ?1 IS NOT NULL"
        };
        let page = if matches!(layout, Layout::Rowid | Layout::RowidCounts) {
            format!(
                "SELECT * FROM events WHERE rowid IN (SELECT rowid FROM events {wheres}
                 ORDER BY time_us DESC, event_id DESC LIMIT 50)"
            )
        } else {
            format!("SELECT * FROM events {wheres} ORDER BY time_us DESC, event_id DESC LIMIT 50")
        };
        let counts = if layout == Layout::Rowid {
            vec![
                "SELECT count(*) FROM events".to_owned(),
                format!("SELECT count(*) FROM events {wheres}"),
            ]
        } else {
            let of_record = "SELECT sum(events) FROM record_counts WHERE record_id = ?1";
            vec![
                "SELECT sum(events) FROM type_counts".to_owned(),
                of_record.to_owned(),
            ]
        };
        let mut took = Vec::new();
        let begun = Instant::now();
        while took.len() < 500 && begun.elapsed().as_secs_f64() < options.seconds {
            let record = (mix(took.len() as u64) % records.unsigned_abs().max(1)).cast_signed();
            let started = Instant::now();
            for sql in &counts {
                let mut statement = connection.prepare_cached(sql).unwrap();
                let bound = statement.parameter_count() == 1;
                let row = |row: &rusqlite::Row<'_>| row.get::<_, Option<i64>>(0);
                let _ = if bound {
                    statement.query_row([record], row)
                } else {
                    statement.query_row([], row)
                };
            }
            let mut statement = connection.prepare_cached(&page).unwrap();
            let mut found = statement.query([record]).unwrap();
            let mut bytes = 0;
            while let Some(row) = found.next().unwrap() {
                bytes += row.get_ref(10).unwrap().as_str().unwrap().len();
            }
            std::hint::black_box(bytes);
            took.push(started.elapsed());
        }
        took.sort_unstable();
        let at = |share: f64| took[(share * (took.len() - 1) as f64) as usize].as_secs_f64() * 1e3;
        let what = if one_record {
            "one record's"
        } else {
            "the tenant's"
        };
        println!(
            "  {what} newest 50 and counts: ms p50 {:.3} p99 {:.3}",
            at(0.5),
            at(0.99)
        );
    }
}
