//! What can be chosen on the command line, and the layouts.

use std::path::PathBuf;

pub(crate) const HELP: &str = "\
usage: sqlite_layouts [option=value …]
  folder=/tmp/…        where the databases are made; it must not exist
  layouts=rowid,…      of rowid, rowid-counts, clustered, clustered-hash
  sizes=100000,…       events that are there when something is measured
  batches=1,32,256     events a transaction
  records=mod          mod: record n % 1000; runs: n / 50; random: any of a million
  times=ms             ms: a millisecond apart; same: all equal
  page=4096            bytes a page
  cache=8192           KiB of page cache that a connection may fill
  log=1000             pages of write-ahead log at which a checkpoint starts
  checkpoint=commit    commit: by the writer, after a commit; aside: by a thread of its own
  seconds=3            how long each batch size is measured";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A row id, and indexes for the id, the total order, and one record's history.
    Rowid,
    /// The same, and counts that the writer keeps.
    RowidCounts,
    /// The table itself in the total order; indexes for the id and one record's history; counts.
    Clustered,
    /// The same, but ids are found by a hash of 8 bytes.
    ClusteredHash,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) folder: PathBuf,
    pub(crate) layouts: Vec<Layout>,
    pub(crate) sizes: Vec<u64>,
    pub(crate) batches: Vec<u64>,
    pub(crate) records: String,
    pub(crate) times: String,
    pub(crate) page: u32,
    pub(crate) cache_kib: i64,
    pub(crate) log_pages: i32,
    pub(crate) checkpoint_aside: bool,
    pub(crate) seconds: f64,
}

impl Options {
    pub(crate) fn parse() -> Option<Self> {
        let mut options = Self {
            folder: std::env::temp_dir().join("sqlite-layouts"),
            layouts: vec![Layout::Rowid, Layout::Clustered, Layout::ClusteredHash],
            sizes: vec![100_000, 1_000_000],
            batches: vec![1, 32, 256, 1000],
            records: "mod".to_owned(),
            times: "ms".to_owned(),
            page: 4096,
            cache_kib: 8192,
            log_pages: 1000,
            checkpoint_aside: false,
            seconds: 3.0,
        };
        for argument in std::env::args().skip(1).filter(|it| it != "--bench") {
            let (name, value) = argument.split_once('=')?;
            let numbers = || value.split(',').map(str::parse).collect::<Result<_, _>>();
            match name {
                "folder" => options.folder = value.into(),
                "layouts" => {
                    options.layouts = value.split(',').map(Layout::parse).collect::<Option<_>>()?;
                }
                "sizes" => options.sizes = numbers().ok()?,
                "batches" => options.batches = numbers().ok()?,
                "records" => value.clone_into(&mut options.records),
                "times" => value.clone_into(&mut options.times),
                "page" => options.page = value.parse().ok()?,
                "cache" => options.cache_kib = value.parse().ok()?,
                "log" => options.log_pages = value.parse().ok()?,
                "checkpoint" => options.checkpoint_aside = value == "aside",
                "seconds" => options.seconds = value.parse().ok()?,
                _ => return None,
            }
        }
        Some(options)
    }
}

impl Layout {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "rowid" => Self::Rowid,
            "rowid-counts" => Self::RowidCounts,
            "clustered" => Self::Clustered,
            "clustered-hash" => Self::ClusteredHash,
            _ => return None,
        })
    }

    pub(crate) fn schema(self) -> &'static str {
        match self {
            Self::Rowid | Self::RowidCounts => {
                "CREATE TABLE events (
                    event_id BLOB NOT NULL UNIQUE CHECK (length(event_id) = 16),
                    time_us INTEGER NOT NULL, time_digits INTEGER NOT NULL,
                    event_type_id INTEGER NOT NULL, record_id INTEGER NOT NULL,
                    source_id INTEGER NOT NULL, source_type_id INTEGER NOT NULL,
                    source_name TEXT NOT NULL, source_info TEXT NOT NULL, file_id BLOB,
                    checksum INTEGER NOT NULL, event_data TEXT NOT NULL) STRICT;
                 CREATE INDEX events_by_time ON events (time_us, event_id);
                 CREATE INDEX events_by_record ON events (record_id, time_us, event_id);"
            }
            Self::Clustered | Self::ClusteredHash => {
                "CREATE TABLE events (
                    time_us INTEGER NOT NULL,
                    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
                    record_id INTEGER NOT NULL, event_type_id INTEGER NOT NULL,
                    time_digits INTEGER NOT NULL,
                    source_id INTEGER NOT NULL, source_type_id INTEGER NOT NULL,
                    source_name TEXT NOT NULL, source_info TEXT NOT NULL, file_id BLOB,
                    checksum INTEGER NOT NULL, event_data TEXT NOT NULL, PRIMARY KEY (time_us, event_id)) STRICT, WITHOUT ROWID;
                 CREATE INDEX events_by_record ON events (record_id, time_us, event_id);"
            }
        }
    }
}
