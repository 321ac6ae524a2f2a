//! Real logs, made by SQLite, and what power cuts and damage make of them.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{FRAME_HEADER_BYTES, HEADER_BYTES, Location, scan, scan_file};
use crate::store::samples::Random;

const SECTOR: usize = 512;
const PAGE: usize = 4096;
const FRAME: usize = FRAME_HEADER_BYTES + PAGE;

/// A database whose log is never checkpointed by itself.
struct Database {
    folder: TempDir,
    connection: Connection,
    rows: i64,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join("x.db"));
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        Self {
            folder,
            connection,
            rows: 0,
        }
    }

    /// One transaction of about so many pages.
    fn write(&mut self, pages: i64) {
        self.rows += 1;
        let sql = "INSERT INTO t VALUES (?1 || hex(zeroblob(?2)))";
        let bytes = (pages - 1) * 2048 + 64;
        self.connection.execute(sql, (self.rows, bytes)).unwrap();
    }

    fn log(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("x.db-wal")).unwrap()
    }

    /// Makes the next transaction begin the log again, over what it holds.
    fn start_over(&self) {
        let sql = "PRAGMA wal_checkpoint(RESTART)";
        let done = |row: &rusqlite::Row<'_>| row.get::<_, i32>(0);
        assert_eq!(self.connection.query_row(sql, [], done).unwrap(), 0);
    }

    /// The same files somewhere else, as a KILL leaves them.
    fn fork(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x.db", "x.db-wal"] {
            fs::copy(self.folder.path().join(name), folder.path().join(name)).unwrap();
        }
        let connection = open(&folder.path().join("x.db"));
        Self {
            folder,
            connection,
            rows: 1000 + self.rows,
        }
    }
}

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 10",
        )
        .unwrap();
    connection
}

/// Returns where the log's transactions end, in frames.
fn commits(log: &[u8]) -> Vec<usize> {
    let frames = log[HEADER_BYTES..].chunks_exact(FRAME).enumerate();
    let committing = frames.filter(|(_, frame)| frame[4..8] != [0; 4]);
    committing.map(|(index, _)| index + 1).collect()
}

fn frame_at(number: usize) -> usize {
    HEADER_BYTES + (number - 1) * FRAME
}

fn found(log: &[u8]) -> Option<Location> {
    scan(log).unwrap().map(|damage| damage.location)
}

fn frame(number: usize) -> Location {
    Location::Frame(number as u64)
}

/// A log of eight transactions of different sizes, over the remains of an older one or not.
fn sample(over_an_older_one: bool) -> Vec<u8> {
    let mut database = Database::new();
    if over_an_older_one {
        for pages in [30, 2, 2, 40] {
            database.write(pages);
        }
        database.start_over();
    }
    for pages in [3, 1, 1, 12, 1, 7, 2, 5] {
        database.write(pages);
    }
    database.log()
}

/// Returns the frames of the newest generation.
fn live_frames(log: &[u8]) -> usize {
    let frames = log[HEADER_BYTES..].chunks_exact(FRAME);
    frames.take_while(|it| it[8..16] == log[16..24]).count()
}

#[test]
fn what_sqlite_wrote_is_sound() {
    for over_an_older_one in [false, true] {
        let log = sample(over_an_older_one);
        assert_eq!(commits(&log[..frame_at(live_frames(&log) + 1)]).len(), 8);
        assert_eq!(found(&log), None);
    }
    assert_eq!(found(&[]), None);
    let missing = PathBuf::from("/nowhere/x.db-wal");
    assert_eq!(scan_file(&missing).unwrap(), None);
}

#[test]
fn a_log_that_ends_anywhere_is_sound() {
    let log = sample(false);
    for end in (0..log.len()).step_by(1021) {
        assert_eq!(found(&log[..end]), None, "{end}");
    }
}

#[test]
fn any_part_of_the_last_transaction_may_be_missing() {
    let mut random = Random::seeded(1);
    for over_an_older_one in [false, true] {
        let mut database = Database::new();
        if over_an_older_one {
            // Older commits stand everywhere below the new frames.
            (0..60).for_each(|_| database.write(1));
            database.start_over();
        }
        for pages in [3, 1, 1, 25] {
            database.write(pages);
        }
        let before = database.log();
        database.write(25);
        let after = database.log();
        let without = |is_lost: &mut dyn FnMut(usize) -> bool| {
            let mut log = after.clone();
            for (index, sector) in log.chunks_mut(SECTOR).enumerate() {
                if is_lost(index) {
                    let old = before.get(index * SECTOR..).unwrap_or(&[]);
                    let old = old.iter().copied().chain(std::iter::repeat(0));
                    sector.iter_mut().zip(old).for_each(|(new, old)| *new = old);
                }
            }
            log
        };
        for lost in 0..after.len() / SECTOR {
            let log = without(&mut |index| index == lost);
            assert_eq!(found(&log), None, "without sector {lost}");
        }
        for round in 0..200 {
            let lost = 1 + round % 8;
            let log = without(&mut |_| random.below(8) < lost);
            assert_eq!(found(&log), None, "round {round}");
        }
    }
}

#[test]
fn a_flipped_bit_before_the_last_two_transactions_is_found_wherever_it_is() {
    let mut random = Random::seeded(2);
    for over_an_older_one in [false, true] {
        let log = sample(over_an_older_one);
        let ends = commits(&log[..frame_at(live_frames(&log) + 1)]);
        let safe = ends[ends.len() - 3];
        for number in 1..=safe {
            // Every byte of the frame's header, and some of its page.
            let header = 0..FRAME_HEADER_BYTES;
            let page = (FRAME_HEADER_BYTES..FRAME).step_by(509);
            for at in header.chain(page) {
                let mut log = log.clone();
                log[frame_at(number) + at] ^= 1 << random.below(8);
                assert_eq!(found(&log), Some(frame(number)), "{number} {at}");
            }
        }
    }
}

#[test]
fn one_later_transaction_is_proof_enough() {
    let log = sample(false);
    let ends = commits(&log);
    let (last_but_one, end) = (ends[ends.len() - 2], ends[ends.len() - 1]);
    assert!(end > last_but_one);
    for number in ends[ends.len() - 3] + 1..=last_but_one {
        for at in [0, 3, 8, 15, 16, 23, 24, 1000, FRAME - 1] {
            let mut log = log.clone();
            log[frame_at(number) + at] ^= 1;
            assert_eq!(found(&log), Some(frame(number)), "{number} {at}");
        }
    }
    // Nothing tells this from a power cut.
    for number in last_but_one + 1..=end {
        let mut log = log.clone();
        log[frame_at(number) + 1000] ^= 1;
        assert_eq!(found(&log), None, "{number}");
    }
}

#[test]
fn frames_that_are_lost_as_a_whole_are_found_too() {
    let log = sample(false);
    let ends = commits(&log);
    for number in 1..=ends[ends.len() - 3] {
        let mut log = log.clone();
        let begin = frame_at(number);
        log[begin..begin + FRAME].fill(0);
        assert_eq!(found(&log), Some(frame(number)), "{number}");
    }
}

#[test]
fn a_damaged_header_is_found_where_transactions_follow_one_another() {
    let log = sample(false);
    for at in 0..HEADER_BYTES {
        let mut log = log.clone();
        log[at] ^= 4;
        let damage = scan(&log[..]).unwrap().unwrap();
        assert_eq!(damage.location, Location::Header, "{at}");
        let text = damage.to_string();
        assert!(text.starts_with("the header of"), "{text}");
    }
    let first = commits(&log)[0];
    let mut one_transaction = log[..frame_at(first + 1)].to_vec();
    one_transaction[0] ^= 1;
    assert_eq!(found(&one_transaction), None);
}

#[test]
fn what_a_failed_transaction_leaves_behind_the_end_is_no_damage() {
    // The same log with three continuations: a failed write of many frames, one of fewer, and a commit.
    let mut base = Database::new();
    for pages in [3, 2, 4] {
        base.write(pages);
    }
    let continued = |sizes: &[i64]| {
        let mut fork = base.fork();
        for &pages in sizes {
            fork.write(pages);
        }
        fork.log()
    };
    let (long, middle, short) = (continued(&[30]), continued(&[12]), continued(&[1]));
    let over = |below: &[u8], above: &[u8]| [above, &below[above.len()..]].concat();
    assert!(long.len() > middle.len() && middle.len() > short.len());
    assert_eq!(long[..32], short[..32], "one generation");
    assert_eq!(found(&over(&long, &short)), None);
    assert_eq!(found(&over(&over(&long, &middle), &short)), None);
    // A flipped bit in front of all that has no later transaction but the short one's.
    let mut damaged = over(&over(&long, &middle), &short);
    damaged[frame_at(1) + 100] ^= 1;
    assert_eq!(found(&damaged), Some(frame(1)));
}

#[test]
fn a_rolled_back_transaction_that_the_cache_could_not_hold_is_no_damage() {
    let mut database = Database::new();
    database.write(2);
    let committed = database.log().len();
    database.connection.execute_batch("BEGIN").unwrap();
    (0..100).for_each(|_| database.write(4));
    database.connection.execute_batch("ROLLBACK").unwrap();
    assert!(database.log().len() > committed, "it was spilled");
    assert_eq!(found(&database.log()), None);
    database.write(1);
    assert_eq!(found(&database.log()), None);
    // One that commits rewrites its frames, their checksums last.
    database.connection.execute_batch("BEGIN").unwrap();
    (0..100).for_each(|_| database.write(4));
    database
        .connection
        .execute_batch("UPDATE t SET x = x || 'y'; COMMIT")
        .unwrap();
    assert_eq!(found(&database.log()), None);
    database.write(1);
    database.write(1);
    let mut damaged = database.log();
    damaged[frame_at(1) + 100] ^= 1;
    assert_eq!(found(&damaged), Some(frame(1)));
}
