//! A log that this process left beside a database when it closed it, so that closing syncs nothing.
//!
//! Every commit in it was synced before it was acknowledged, so opening the database again has nothing to prepare
//! (`recovery.rs`), provided that the files are still the ones that were left. Their stamps tell; and SQLite has to find
//! as many frames as there were. Where anything differs, and in every other process, the database is opened as after a
//! crash.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::ownership::WalOwnership;
use crate::store::sqlite::disk::file_names::wal_of;

/// File systems take times from a clock that advances every few milliseconds: two changes within one step are not told
/// apart. So a file that changed this shortly before it was looked at may change again unnoticed.
const CLOCK_STEP: Duration = Duration::from_millis(20);

/// The state of a database when it was closed and its log kept.
#[derive(Debug)]
pub(crate) struct LeftLog {
    ownership: Arc<WalOwnership>,
    database: Stamp,
    wal: Stamp,
    frames: u32,
}

/// Changes whenever the file's content does.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl LeftLog {
    /// Describes a log of so many frames, all of them synced, whose database is being closed. `None` if a later change of a
    /// file could go unnoticed.
    pub(crate) fn of(path: &Path, frames: u32, ownership: &Arc<WalOwnership>) -> Option<Self> {
        Some(Self {
            database: Stamp::settled(path)?,
            wal: Stamp::settled(&wal_of(path))?,
            frames,
            ownership: Arc::clone(ownership),
        })
    }

    /// Returns the number of its frames.
    pub(crate) const fn frames(&self) -> u32 {
        self.frames
    }

    /// Tells whether nothing has touched the files of the database at `path` since.
    pub(crate) fn is_untouched(&self, path: &Path) -> bool {
        let is = |path: &Path, stamp: &Stamp| Stamp::at(path).is_ok_and(|it| it == *stamp);
        is(path, &self.database) && is(&wal_of(path), &self.wal)
    }

    /// Returns the record of the log's ownership, which still holds, if `connection` has found all of the log.
    pub(crate) fn found_by(self, connection: &Connection) -> Option<Arc<WalOwnership>> {
        let found = frames(connection).ok()?;
        (found == self.frames).then_some(self.ownership)
    }
}

/// Returns the number of committed frames in the log of an open database, whether they are in the database file or not.
pub(crate) fn frames(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))
}

impl Stamp {
    fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|it| Self::of(&it))
    }

    fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// Returns `None` for a file that changed a moment ago, or whose times are in whole seconds.
    fn settled(path: &Path) -> Option<Self> {
        let stamp = Self::at(path).ok()?;
        let (seconds, nanoseconds) = stamp.changed;
        let since = Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?);
        let age = now().duration_since(SystemTime::UNIX_EPOCH + since).ok()?;
        (nanoseconds != 0 && age > CLOCK_STEP).then_some(stamp)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock that file systems take their times from"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;
    use std::sync::Arc;

    use rusqlite::Connection;

    use super::{CLOCK_STEP, LeftLog, frames};
    use crate::store::sqlite::disk::file_names::wal_of;
    use crate::store::sqlite::wal::connection::open;
    use crate::store::sqlite::wal::ownership::WalOwnership;

    /// Leaves a log of some transactions.
    fn leave(path: &Path) -> (u32, Arc<WalOwnership>) {
        Connection::open(path).unwrap();
        let connection = open(path).unwrap();
        let fill = "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1);";
        connection.execute_batch(fill).unwrap();
        let ownership = WalOwnership::begin(path).unwrap();
        (frames(&connection).unwrap(), Arc::new(ownership))
    }

    #[test]
    fn a_log_that_nobody_touched_is_recognized_and_its_frames_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let (count, ownership) = leave(&path);
        assert!(count > 1);
        std::thread::sleep(2 * CLOCK_STEP); // times settle
        let left = LeftLog::of(&path, count, &ownership).unwrap();
        assert!(left.is_untouched(&path));
        let connection = open(&path).unwrap();
        connection
            .query_row("SELECT x FROM t", [], |_| Ok(()))
            .unwrap();
        assert!(left.found_by(&connection).is_some());
    }

    #[test]
    fn a_log_with_other_frames_is_not_the_one_that_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let (count, ownership) = leave(&path);
        std::thread::sleep(2 * CLOCK_STEP);
        let left = LeftLog::of(&path, count + 1, &ownership).unwrap();
        let connection = open(&path).unwrap();
        connection
            .query_row("SELECT x FROM t", [], |_| Ok(()))
            .unwrap();
        assert!(left.found_by(&connection).is_none());
    }

    #[test]
    fn a_changed_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        for of_log in [false, true] {
            let path = folder.path().join(format!("{of_log}.db"));
            let (count, ownership) = leave(&path);
            std::thread::sleep(2 * CLOCK_STEP);
            let left = LeftLog::of(&path, count, &ownership).unwrap();
            let changed = if of_log { wal_of(&path) } else { path.clone() };
            let content = fs::read(&changed).unwrap();
            // The same bytes, written again.
            let mut file = fs::File::options().write(true).open(&changed).unwrap();
            file.write_all(&content).unwrap();
            assert!(!left.is_untouched(&path), "{}", changed.display());
        }
    }

    #[test]
    fn a_file_that_changed_a_moment_ago_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let (count, ownership) = leave(&path);
        assert!(LeftLog::of(&path, count, &ownership).is_none());
    }
}
