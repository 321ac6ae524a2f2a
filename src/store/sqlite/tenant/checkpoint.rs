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
use super::database_file::DatabaseFile;
use crate::store::sqlite::wal::ownership::Checkpointed;

/// The pages of the log (of 4 KiB) at which a checkpoint starts under load. Pages that are written again and
/// again are copied once; measured in docs/benchmarks-layouts.md, twice as many gain nothing.
const START_AT_PAGES: i32 = 8192;

/// The limit while calls come one by one: the log's file stays small, and is soon one that is overwritten,
/// which takes a commit two thirds of the time of one that makes it longer.
const START_AT_PAGES_WHEN_QUIET: i32 = 1024;

/// The pages that the writer copies between two commits: it takes a few milliseconds.
const REST_PAGES: i32 = 512;

/// A log with fewer frames is not worth two syncs.
const MIN_SHORTENED_FRAMES: u64 = 64;

/// A page, and the header of its frame.
const FRAME_BYTES: u64 = 4096 + 24;

/// The passes in which the thread copies what was added, until little is left. Each time less is left, unless
/// commits are faster than the disk, and then waiting would not help.
const MAX_PASSES: usize = 5;

/// Runs the checkpoints of the connection that writes.
#[derive(Debug, Default)]
pub(super) struct Checkpointer {
    /// The length of the log, set by SQLite at each commit.
    pages: Arc<AtomicI32>,
    /// Where the last checkpoint ended: a reader may have kept the log from restarting since.
    copied_pages: i32,
    thread: Option<JoinHandle<()>>,
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

    /// Tells whether [`Self::run`] has something to do. To be asked after each commit.
    pub(super) fn is_due(&mut self, under_load: bool) -> bool {
        if let Some(thread) = &self.thread {
            return thread.is_finished();
        }
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.copied_pages {
            self.copied_pages = 0; // the log was restarted
        }
        let limit = if under_load {
            START_AT_PAGES
        } else {
            START_AT_PAGES_WHEN_QUIET
        };
        pages - self.copied_pages > limit
    }

    /// Starts a checkpoint, or ends it. Called between commits; takes milliseconds at most.
    pub(super) fn run(&mut self, file: &Arc<DatabaseFile>, connection: &Connection) {
        if self.thread.is_some() {
            self.run_to_end(file, connection);
        } else {
            self.start(file);
        }
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
