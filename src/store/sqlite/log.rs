//! The write-ahead log of one database: when it is folded back into the file, and by whom.
//!
//! Folding costs two fsyncs and a write for each page, so it is done seldom, and beside the writer: a
//! thread copies what the log holds, while commits go on. What they added meanwhile is little; the
//! writer copies it between two commits, and the next commit starts the log over.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::database::Site;
use super::incarnation::Copied;
use super::threads;

/// The pages of the log (of 4 KiB) at which folding starts under load. Pages that are written again and
/// again are copied once; measured in docs/benchmarks.md, twice as many gain nothing.
const FOLD_AT_PAGES: i32 = 8192;

/// The same while calls come one by one: the log's file stays small, and is soon one that is written over,
/// which takes a commit two thirds of the time of one that makes it longer.
const FOLD_AT_PAGES_AT_EASE: i32 = 1024;

/// What the writer copies between two commits: it takes a few milliseconds.
const TAIL_PAGES: i32 = 512;

/// How often the thread goes over the log until what is left is a tail. Each time less is left, unless
/// commits are faster than the disk, and then waiting would not help.
const MAX_PASSES: usize = 5;

/// Follows the log of the connection that writes.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Set by SQLite at each commit.
    pages: Arc<AtomicI32>,
    /// Where the last folding ended: a reader may have kept the log from starting over since.
    folded: i32,
    folding: Option<JoinHandle<()>>,
}

impl Log {
    /// Takes over from SQLite, which would fold the log within every commit that passes 1000 pages.
    pub(super) fn follow(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let pages = Arc::clone(&self.pages);
        connection.wal_hook(Some(move |_: &mut Wal, count| {
            pages.store(count, Ordering::Relaxed);
            Ok(())
        }))
    }

    /// Tells whether [`Log::fold`] has something to do. To be asked after each commit.
    pub(super) fn is_due(&mut self, under_load: bool) -> bool {
        if let Some(thread) = &self.folding {
            return thread.is_finished();
        }
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.folded {
            self.folded = 0; // it has started over
        }
        let limit = if under_load {
            FOLD_AT_PAGES
        } else {
            FOLD_AT_PAGES_AT_EASE
        };
        pages - self.folded > limit
    }

    /// Begins to fold the log back, or ends it. Called between commits; takes milliseconds at most.
    pub(super) fn fold(&mut self, site: &Arc<Site>, connection: &Connection) {
        match self.folding.take() {
            None => self.start_folding(site),
            Some(thread) => {
                wait_for(thread);
                self.fold_rest(site, connection);
            }
        }
    }

    /// Waits until nobody folds any more, so that the connection can do it to the end.
    pub(super) fn settle(&mut self) {
        if let Some(thread) = self.folding.take() {
            wait_for(thread);
        }
    }

    /// Folds all of the log back, for a moment in which nothing is to be written. Its file keeps its length:
    /// to write over what is there is faster than to make it longer.
    pub(super) fn fold_all(&mut self, site: &Site, connection: &Connection) {
        self.settle();
        self.fold_rest(site, connection);
    }

    fn fold_rest(&mut self, site: &Site, connection: &Connection) {
        if site.has_failed() {
            return; // the thread's sync failed, say: one that succeeds now would be taken for all of it
        }
        if let Err(error) = site.incarnation.checkpoint(|| fold(connection)) {
            failed(site, &error);
        }
        self.folded = self.pages.load(Ordering::Relaxed);
    }

    fn start_folding(&mut self, site: &Arc<Site>) {
        let (pages, of) = (Arc::clone(&self.pages), Arc::clone(site));
        let work = move || {
            if let Err(error) = fold_to_the_tail(&of, &pages) {
                failed(&of, &error);
            }
        };
        match threads::spawn("sqlite-log", work) {
            Ok(thread) => self.folding = Some(thread),
            // The next commit tries again.
            Err(error) => {
                tracing::warn!(tenant = %site.name, "no thread to fold the log back: {error}");
            }
        }
    }
}

fn fold_to_the_tail(site: &Site, pages: &AtomicI32) -> rusqlite::Result<()> {
    let connection = site.connect()?;
    site.incarnation.begin_checkpoint()?; // the writer ends it
    for _ in 0..MAX_PASSES {
        let folded = i32::try_from(fold(&connection)?.frames).unwrap_or(i32::MAX);
        if pages.load(Ordering::Relaxed) - folded <= TAIL_PAGES {
            break;
        }
    }
    Ok(())
}

/// Copies into the file what no reader keeps in the log.
fn fold(connection: &Connection) -> rusqlite::Result<Copied> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (in_log, frames): (u32, u32) = (row.get(1)?, row.get(2)?);
        Ok(Copied {
            frames,
            is_all: frames == in_log,
        })
    })
}

fn wait_for(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("folding a log ended by a panic");
    }
}

/// Nothing is lost: what is in the log stays there, and the next attempt finds it. After a sync that failed that
/// attempt has to be one that copies everything again, after the database was opened anew.
fn failed(site: &Site, error: &rusqlite::Error) {
    site.note(error);
    tracing::warn!(tenant = %site.name, "the write-ahead log was not folded back: {error}");
}
