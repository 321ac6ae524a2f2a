//! Makes a write-ahead log longer before commits need it.
//!
//! A sync of a file that has become longer also waits for the file system's journal, and with many files for that of
//! others: 32 threads that synced files of their own got three times as many syncs a second where they wrote over what
//! was there (docs/decisions/sqlite.md). So a log grows by several commits at once. What is added are zeros, since blocks
//! that are only allocated need the journal again when they are first written. SQLite takes a frame of zeros for the
//! end of the log, and so does `scan.rs`.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::store::sqlite::disk::file_names::wal_of;

/// What is added at once: as much as there is, within these limits. A few commits of one event, and some twenty.
const MIN_BYTES: u64 = 64 * 1024;
const MAX_BYTES: u64 = 512 * 1024;

static ZEROS: [u8; 512 * 1024] = [0; 512 * 1024];

/// Makes the log of the database at `path` longer if its file is shorter than `end`, and returns its length. An empty log
/// stays as it is. The caller is the only one who may write to the log now, which is when it holds SQLite's lock for
/// that. Where it fails, the commit reports the reason.
pub(crate) fn extend(path: &Path, end: u64) -> u64 {
    let wal = wal_of(path);
    let length = fs::metadata(&wal).map_or(0, |it| it.len());
    if length == 0 || end <= length {
        return length;
    }
    let bytes = length.clamp(MIN_BYTES, MAX_BYTES);
    let zeros = usize::try_from(bytes).map_or(&ZEROS[..], |it| &ZEROS[..it]);
    let extended: io::Result<()> = OpenOptions::new()
        .write(true)
        .open(&wal)
        .and_then(|file| file.write_all_at(zeros, length));
    match extended {
        Ok(()) => length + bytes,
        Err(_) => length,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rusqlite::Connection;

    use super::{MIN_BYTES, extend, wal_of};
    use crate::store::sqlite::wal::scan::require_sound;

    #[test]
    fn a_longer_log_is_read_like_the_one_before_and_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let connection = Connection::open(&path).unwrap();
        let create = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)";
        connection.execute_batch(create).unwrap();
        let insert = |number| connection.execute("INSERT INTO t VALUES (?)", [number]);
        insert(1).unwrap();
        let wal = wal_of(&path);
        let written = fs::read(&wal).unwrap();
        let length = written.len() as u64;
        assert_eq!(extend(&path, length), length, "it is long enough");
        assert_eq!(extend(&path, length + 1), length + MIN_BYTES);
        let extended = fs::read(&wal).unwrap();
        assert_eq!(extended[..written.len()], written);
        assert!(extended[written.len()..].iter().all(|byte| *byte == 0));
        let sum = |path| -> i64 {
            let other = Connection::open(path).unwrap();
            other
                .query_row("SELECT sum(x) FROM t", [], |row| row.get(0))
                .unwrap()
        };
        let copy = folder.path().join("copy.db");
        for (number, total) in [(2, 1), (4, 3)] {
            // What a process that was killed now would leave.
            for (from, to) in [(&path, &copy), (&wal, &wal_of(&copy))] {
                fs::copy(from, to).unwrap();
            }
            require_sound(&copy).unwrap();
            assert_eq!(sum(&copy), total);
            insert(number).unwrap();
            assert_eq!(fs::metadata(&wal).unwrap().len(), length + MIN_BYTES);
        }
        assert_eq!(sum(&path), 7);
    }

    #[test]
    fn an_empty_log_stays_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        assert_eq!(extend(&path, 1), 0);
        assert!(!wal_of(&path).exists());
        fs::write(wal_of(&path), "").unwrap();
        assert_eq!(extend(&path, 1), 0);
        assert!(fs::read(wal_of(&path)).unwrap().is_empty());
    }
}
