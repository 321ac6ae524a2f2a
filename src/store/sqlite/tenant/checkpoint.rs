//! Checkpoints of the write-ahead log of one database: when the log is copied into the file, and by which thread.
//!
//! A checkpoint costs two fsyncs and a write for each page, so it is rare, and runs beside the writer: a
//! thread copies what the log holds, while commits continue. What they added meanwhile is little; the
//! writer copies it between two commits, and the next commit restarts the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::background_thread;
use super::connect;
use super::database_file::DatabaseFile;
use crate::store::sqlite::wal::ownership::Checkpointed;
use crate::store::sqlite::wal::recovery;
use crate::store::sqlite::wal::usage::LogBytes;

/// The pages of the log (of 4 KiB) at which a checkpoint starts under load. Pages that are written again and
/// again are copied once; measured in docs/benchmarks-layouts.md, twice as many gain nothing.
const START_AT_PAGES: i32 = 8192;

/// The limit while calls come one by one: the log's file stays small, and is soon one that is overwritten,
/// which takes a commit two thirds of the time of one that makes it longer.
const START_AT_PAGES_WHEN_QUIET: i32 = 1024;

/// The limit while all logs together take much of the space that they may (`wal/usage.rs`), and for a database that was
/// evicted before: it will be again, and then its log has to be short enough to be left (`committer.rs`).
const START_AT_PAGES_WHEN_SHORT: i32 = 32;

/// After so many commits a database counts as one that stays open.
const FIRST_COMMITS: u32 = 64;

/// The pages that the writer copies between two commits: it takes a few milliseconds.
const REST_PAGES: i32 = 512;

/// A log with fewer frames is not worth two syncs.
const MIN_SHORTENED_FRAMES: u64 = 64;

/// A page, and the header of its frame.
const FRAME_BYTES: u64 = 4096 + 24;

/// The passes in which the thread copies what was added, until little is left. Each time less is left, unless
/// commits are faster than the disk, and then waiting would not help.
const MAX_PASSES: usize = 5;

/// The pages that one event changes, and some to spare.
const SMALL_COMMIT_PAGES: i32 = 12;

/// What a checkpoint needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// A thread that copies most of the log.
    Start,
    /// The writer, for the rest of it.
    End,
}

/// Runs the checkpoints of the connection that writes.
#[derive(Debug, Default)]
pub(super) struct Checkpointer {
    /// The length of the log, set by SQLite at each commit.
    pages: Arc<AtomicI32>,
    /// Where the last checkpoint ended: a reader may have kept the log from restarting since.
    copied_pages: i32,
    thread: Option<JoinHandle<()>>,
    /// The commits that are still to come before the database counts as one that stays open.
    first_commits: u32,
}

impl Checkpointer {
    /// Follows the commits of a connection, in place of SQLite's own checkpoints.
    pub(super) fn follow(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let pages = Arc::clone(&self.pages);
        connection.wal_hook(Some(move |_: &mut Wal, count| {
            pages.store(count, Ordering::Relaxed);
            Ok(())
        }))
    }

    /// Keeps the log, which has so many frames, short for now: the database was evicted before.
    pub(super) fn expect_eviction(&mut self, frames: u32) {
        self.first_commits = FIRST_COMMITS;
        let frames = i32::try_from(frames).unwrap_or(i32::MAX);
        self.pages.store(frames, Ordering::Relaxed);
    }

    /// Tells whether [`Self::run_to_end`] has to let the log start over before the next commit. To be asked before each.
    ///
    /// The log of a database that was evicted cannot wait for the time after a commit: if that is the last one before the
    /// next eviction, nothing is written over the log, and whoever opens the database takes all of it for new.
    pub(super) fn is_due_first(&self) -> bool {
        let new = self.pages.load(Ordering::Relaxed) - self.copied_pages;
        self.first_commits > 0 && new > START_AT_PAGES_WHEN_SHORT
    }

    /// Returns what [`Self::run`] has to do. To be asked after each commit.
    pub(super) fn due(&mut self, under_load: bool, log: &LogBytes) -> Option<Due> {
        self.first_commits = self.first_commits.saturating_sub(1);
        if let Some(thread) = &self.thread {
            return thread.is_finished().then_some(Due::End);
        }
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.copied_pages {
            self.copied_pages = 0; // the log was restarted
        }
        if self.first_commits > 0 {
            return None;
        }
        let limit = if log.is_scarce() {
            START_AT_PAGES_WHEN_SHORT
        } else if under_load {
            START_AT_PAGES
        } else {
            START_AT_PAGES_WHEN_QUIET
        };
        let new = pages - self.copied_pages;
        (new > limit).then_some(if new > REST_PAGES {
            Due::Start
        } else {
            Due::End
        })
    }

    /// Starts a checkpoint, or ends it. Called between commits; takes milliseconds at most.
    pub(super) fn run(&mut self, due: Due, file: &Arc<DatabaseFile>, connection: &Connection) {
        match due {
            Due::Start => self.start(file),
            Due::End => self.run_to_end(file, connection),
        }
    }

    /// Returns where in the log's file the next commit ends, if it is a small one. It starts over behind a checkpoint.
    pub(super) fn next_end_bytes(&self) -> u64 {
        let pages = self.pages.load(Ordering::Relaxed);
        let used = if pages == self.copied_pages { 0 } else { pages };
        u64::try_from(used + SMALL_COMMIT_PAGES).unwrap_or(0) * FRAME_BYTES
    }

    /// Waits for the thread, and copies the rest of the log. Its file keeps its length: overwriting what is there is
    /// faster than making it longer.
    pub(super) fn run_to_end(&mut self, file: &DatabaseFile, connection: &Connection) {
        self.wait();
        if file.has_failed() {
            return; // if the thread's sync failed, one that succeeds now would be taken for all of it
        }
        if let Err(error) = file.ownership.checkpoint(|| copy(connection)) {
            report(file, &error);
        }
        self.copied_pages = self.pages.load(Ordering::Relaxed);
    }

    /// Returns the least length that the log's file has in bytes.
    pub(super) fn wal_bytes(&self) -> u64 {
        self.wal_frames() * FRAME_BYTES
    }

    fn wal_frames(&self) -> u64 {
        u64::try_from(self.pages.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Copies all of the log and empties its file, if it is worth it: when the logs of all databases take too much.
    /// Waits for the disk.
    pub(super) fn shorten(&mut self, file: &DatabaseFile, connection: &Connection) {
        self.wait();
        if file.has_failed() || self.wal_frames() < MIN_SHORTENED_FRAMES {
            return;
        }
        match file.ownership.checkpoint(|| truncate(connection)) {
            Ok(()) => {
                self.pages.store(0, Ordering::Relaxed);
                self.copied_pages = 0;
            }
            Err(error) => report(file, &error),
        }
        file.log.look_at_open(&file.path);
    }

    /// Copies all of the log and empties its file, however short it is. Returns false if that failed, or if a read needs the
    /// log, which is not waited for.
    pub(super) fn empty(&mut self, file: &DatabaseFile, connection: &Connection) -> bool {
        self.wait();
        let truncated = file
            .ownership
            .checkpoint(|| connect::without_waiting(connection, truncate));
        if let Err(error) = truncated {
            report(file, &error);
            return false;
        }
        file.log.look_at_open(&file.path);
        let is_empty = !recovery::has_wal(&file.path).unwrap_or(true);
        if is_empty {
            self.pages.store(0, Ordering::Relaxed);
            self.copied_pages = 0;
        }
        is_empty
    }

    /// Waits until no checkpoint is running.
    pub(super) fn wait(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a checkpoint ended with a panic");
        }
    }

    fn start(&mut self, file: &Arc<DatabaseFile>) {
        let (pages, of) = (Arc::clone(&self.pages), Arc::clone(file));
        let work = move || {
            if let Err(error) = copy_most(&of, &pages) {
                report(&of, &error);
            }
        };
        match background_thread::spawn("sqlite-checkpoint", work) {
            Ok(thread) => self.thread = Some(thread),
            // The next commit tries again.
            Err(error) => {
                tracing::warn!(tenant = %file.name, "starting a checkpoint thread failed: {error}");
            }
        }
    }
}

/// Copies the log until little is left.
fn copy_most(file: &DatabaseFile, pages: &AtomicI32) -> rusqlite::Result<()> {
    let connection = file.connect()?;
    file.ownership.begin_checkpoint()?; // the writer ends it
    for _ in 0..MAX_PASSES {
        let copied = i32::try_from(copy(&connection)?.frames).unwrap_or(i32::MAX);
        if pages.load(Ordering::Relaxed) - copied <= REST_PAGES {
            break;
        }
    }
    Ok(())
}

/// Copies the part of the log that no reader needs.
fn copy(connection: &Connection) -> rusqlite::Result<Checkpointed> {
    checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")
}

/// Does the same and empties the log's file, unless a reader needs it.
fn truncate(connection: &Connection) -> rusqlite::Result<Checkpointed> {
    checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
}

fn checkpoint(connection: &Connection, statement: &str) -> rusqlite::Result<Checkpointed> {
    connection.query_row(statement, [], |row| {
        let (in_wal, frames): (u32, u32) = (row.get(1)?, row.get(2)?);
        Ok(Checkpointed {
            frames,
            is_complete: frames == in_wal,
        })
    })
}

/// Reports a failure. Nothing is lost: what is in the log stays there, and the next attempt finds it. After a sync that
/// failed that attempt has to copy everything again, after the database was opened again.
fn report(file: &DatabaseFile, error: &rusqlite::Error) {
    file.note_failure(error);
    tracing::warn!(tenant = %file.name, "a checkpoint of the write-ahead log failed: {error}");
}
