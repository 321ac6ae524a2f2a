//! The index of the words of events.
//!
//! Each transaction that changes a full-text index writes half a dozen of its pages, and later merges them with others, so
//! the words of several hundred events are written at once. Until then readers look through those events themselves: what
//! is stored is found at once, and a crash leaves the index as complete as the table `word_index` says.
//!
//! A row of the index has a number that sorts by the event's time, in steps of 8.4 seconds, and then has the lower bits of
//! the event's own number. So the newest matches come first whatever their number is, and nothing else has to be stored.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::Event;
use crate::store::sqlite::disk::error_mapping::{damaged_row, is_damaged_row};
use crate::store::sqlite::tables::event_rows::{self, COLUMNS, Stored};

/// The events that are not in the index yet, at most, once a transaction has ended: readers look through them in some two
/// milliseconds.
const MAX_LATE_EVENTS: i64 = 256;

/// A larger event is indexed at once: so those that readers look through are a few megabytes at most.
const LARGE_EVENT_BYTES: usize = 16 * 1024;

/// Where more events than these are not in the index, nothing is searched until they are.
const MAX_SEARCHED_LATE_EVENTS: i64 = 2048;

/// The events that one transaction adds to the index beyond those that it stores, and the changed ones that it removes: some
/// 20 milliseconds.
const STEP_EVENTS: i64 = 1000;

/// The words that are in memory at once. FTS5 writes what it has at about as much.
const MAX_TERM_BYTES: usize = 1024 * 1024;

/// The pages of the index that one transaction merges: some 20 milliseconds.
const MERGED_PAGES: i64 = 200;

/// All that have a number.
const ALL: RangeInclusive<i64> = 0..=i64::MAX;

/// Events whose times agree but for this many bits, 8.4 s, are next to each other in the index.
const TIME_SHIFT: u32 = 23;
const SEQUENCE_BITS: u32 = 24;
const SEQUENCE_MASK: i64 = (1 << SEQUENCE_BITS) - 1;

/// More than the time of any event: the years 0 to 9999.
const MAX_TIME_US: i64 = 1 << 60;

/// The events of one step of time: an interval of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket(i64);

impl Bucket {
    /// Returns the bucket of a time; that of the nearest one that an event may have for others.
    pub(super) fn of_time(time_us: i64) -> Self {
        Self(time_us.clamp(-MAX_TIME_US, MAX_TIME_US) >> TIME_SHIFT)
    }

    /// Returns the bucket of a row of the index.
    pub(super) const fn of_row(row: i64) -> Self {
        Self(row >> SEQUENCE_BITS)
    }

    pub(super) const fn first_row(self) -> i64 {
        self.0 << SEQUENCE_BITS
    }

    pub(super) const fn last_row(self) -> i64 {
        self.first_row() | SEQUENCE_MASK
    }

    /// Returns the time at which it begins; it ends where the next one begins.
    pub(super) const fn start_us(self) -> i64 {
        self.0 << TIME_SHIFT
    }

    pub(super) const fn end_us(self) -> i64 {
        (self.0 + 1) << TIME_SHIFT
    }
}

/// Returns the number under which an event is in the index.
pub(super) fn row_of(time_us: i64, sequence: i64) -> i64 {
    Bucket::of_time(time_us).first_row() | (sequence & SEQUENCE_MASK)
}

/// Returns the numbers that the event of a row may have, the lowest first, up to the last that is indexed: more than one
/// only in databases of more than 16 million events.
pub(super) fn sequences_of(row: i64, last_indexed: i64) -> impl Iterator<Item = i64> {
    let first = row & SEQUENCE_MASK;
    (first..=last_indexed).step_by(1 << SEQUENCE_BITS)
}

/// Tells whether there are so many events that several may be in one row.
pub(super) const fn have_rows_in_common(last_indexed: i64) -> bool {
    last_indexed > SEQUENCE_MASK
}

/// The state of the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) last_indexed: i64,
    /// Indexed events were changed or deleted since.
    has_changed: bool,
    merging: Merging,
}

/// A merge of all of the index, after which no page begins with a word that is in none any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Merging {
    Done = 0,
    Due = 1,
    UnderWay = 2,
}

impl State {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let sql =
            "SELECT last_indexed, EXISTS (SELECT 1 FROM changed_events), merging FROM word_index";
        let state = connection.prepare_cached(sql)?.query_row([], |row| {
            Ok(Self {
                last_indexed: row.get(0)?,
                has_changed: row.get(1)?,
                merging: match row.get(2)? {
                    0 => Merging::Done,
                    1 => Merging::Due,
                    _ => Merging::UnderWay,
                },
            })
        });
        state
            .optional()?
            .ok_or_else(|| damaged_row("the table 'word_index'", "it is empty"))
    }
}

/// Indexes what a transaction has stored, unless that is little; to be called at its end.
pub(crate) fn follow(connection: &Connection, stored: &Stored) -> rusqlite::Result<()> {
    let state = State::read(connection)?;
    if state.has_changed {
        remove_changed(connection, state.last_indexed, ALL)?;
    }
    let late = stored.newest_sequence - state.last_indexed;
    if late >= MAX_LATE_EVENTS || stored.largest_bytes > LARGE_EVENT_BYTES {
        let limit = STEP_EVENTS.saturating_add(stored.events);
        add(connection, state.last_indexed, limit)?;
    }
    Ok(())
}

/// A step of [`step`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Others have to follow.
    pub(crate) has_more: bool,
    /// Pages that may have had words that were removed for good were written again.
    pub(crate) has_merged: bool,
}

/// Takes a step towards an index of all events without what was removed from it, in a transaction of the caller's.
pub(crate) fn step(connection: &Connection) -> rusqlite::Result<Step> {
    let state = State::read(connection)?;
    remove_changed(connection, state.last_indexed, ALL)?;
    add(connection, state.last_indexed, STEP_EVENTS)?;
    let is_merged = merge(connection, state.merging)?;
    Ok(Step {
        has_more: is_behind(connection)? || !is_merged,
        has_merged: state.merging != Merging::Done,
    })
}

/// Takes the words of an event that was just redacted out of the index, and out of every page of it, and puts in those that
/// it has now. Returns whether a word would stay where one page is told from the next, until [`step`] has merged all.
pub(crate) fn erase(
    connection: &Connection,
    sequence: i64,
    before: &Event,
    now: &Event,
) -> rusqlite::Result<bool> {
    let state = State::read(connection)?;
    if sequence > state.last_indexed {
        return Ok(false);
    }
    secure_delete(connection, true)?;
    remove_changed(connection, state.last_indexed, sequence..=sequence)?;
    // Only what is written meanwhile is removed for good.
    connection.execute("INSERT INTO words (words) VALUES ('flush')", [])?;
    secure_delete(connection, false)?;
    let left = separates_pages(connection, &removed_terms(before, now))?;
    if left && state.merging == Merging::Done {
        note_merging(connection, Merging::Due)?;
    }
    Ok(left)
}

/// Lets FTS5 change the pages that a deleted word is in, instead of noting that it was deleted until they are merged.
fn secure_delete(connection: &Connection, is_on: bool) -> rusqlite::Result<()> {
    let sql = "INSERT INTO words (words, rank) VALUES ('secure-delete', ?)";
    connection.execute(sql, [is_on]).map(drop)
}

fn removed_terms(before: &Event, now: &Event) -> HashSet<String> {
    let mut removed = HashSet::new();
    before.for_each_term(&mut |term| {
        if !removed.contains(term) {
            removed.insert(term.to_owned());
        }
    });
    now.for_each_term(&mut |term| {
        removed.remove(term);
    });
    removed
}

/// Tells whether one of these words is in no event any more, and still where a page of the index is told from the one before.
///
/// Source: `fts5WriteBtreeTerm` in SQLite's `fts5_index.c`: the table has the beginning of a word, and a letter before it.
fn separates_pages(connection: &Connection, words: &HashSet<String>) -> rusqlite::Result<bool> {
    if words.is_empty() {
        return Ok(false);
    }
    let mut statement = connection.prepare("SELECT term FROM words_idx")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let separator = row.get_ref(0)?.as_bytes()?;
        let word = separator.get(1..).and_then(|it| str::from_utf8(it).ok());
        if let Some(word) = word.filter(|it| words.contains(*it))
            && !has_word(connection, word)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_word(connection: &Connection, word: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM words WHERE words MATCH ?)";
    connection.query_row(sql, [format!("\"{word}\"")], |row| row.get(0))
}

/// Takes a step of a merge. Returns whether it is done.
fn merge(connection: &Connection, merging: Merging) -> rusqlite::Result<bool> {
    let pages = match merging {
        Merging::Done => return Ok(true),
        Merging::Due => -MERGED_PAGES,
        Merging::UnderWay => MERGED_PAGES,
    };
    let changes = || connection.query_row("SELECT total_changes()", [], |row| row.get::<_, i64>(0));
    let before = changes()?;
    let sql = "INSERT INTO words (words, rank) VALUES ('merge', ?)";
    connection.execute(sql, [pages])?;
    // Source: the documentation of FTS5, "The 'merge' Command".
    let is_done = changes()? - before < 2;
    let next = if is_done {
        Merging::Done
    } else {
        Merging::UnderWay
    };
    note_merging(connection, next)?;
    Ok(is_done)
}

fn note_merging(connection: &Connection, merging: Merging) -> rusqlite::Result<()> {
    let sql = "UPDATE word_index SET merging = ?";
    connection.execute(sql, [merging as i64]).map(drop)
}

/// Takes the words of changed and deleted events out of the index, some hundred events at a time, in a transaction of the
/// caller's. Returns whether others are left.
pub(crate) fn forget(connection: &Connection) -> rusqlite::Result<bool> {
    let state = State::read(connection)?;
    if !state.has_changed {
        return Ok(false);
    }
    remove_changed(connection, state.last_indexed, ALL)?;
    Ok(State::read(connection)?.has_changed)
}

/// Tells whether so much is missing in the index that nothing can be searched: it was made for a database that had events
/// already, or many of them were changed.
pub(crate) fn is_behind(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT (SELECT count(*) FROM (SELECT 1 FROM events \
                   WHERE sequence > (SELECT last_indexed FROM word_index) LIMIT ?1)) \
               + (SELECT count(*) FROM (SELECT 1 FROM changed_events LIMIT ?1)) > ?2";
    connection.prepare_cached(sql)?.query_row(
        params![MAX_SEARCHED_LATE_EVENTS + 1, MAX_SEARCHED_LATE_EVENTS],
        |row| row.get(0),
    )
}

/// Adds the events behind `last_indexed`, up to `limit`.
fn add(connection: &Connection, last_indexed: i64, limit: i64) -> rusqlite::Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query((last_indexed, limit))?;
    let (mut batch, mut last) = (Batch::default(), last_indexed);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        if let Some(event) = unless_damaged(event_rows::from_row(row).map(Some))? {
            batch.push(row_of(event.time.micros(), last), terms(&event));
        }
        if batch.bytes >= MAX_TERM_BYTES {
            batch.write(connection)?;
        }
    }
    batch.write(connection)?;
    if last > last_indexed {
        let sql = "UPDATE word_index SET last_indexed = ?";
        connection.execute(sql, [last])?;
    }
    Ok(())
}

/// Takes the words of changed and deleted events of these numbers out of the index, and puts in those that the changed ones
/// have now.
fn remove_changed(
    connection: &Connection,
    last_indexed: i64,
    sequences: RangeInclusive<i64>,
) -> rusqlite::Result<()> {
    let first = *sequences.start();
    let sql = format!(
        "SELECT {COLUMNS} FROM changed_events WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([first, *sequences.end(), STEP_EVENTS])?;
    let mut remove =
        connection.prepare("INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)")?;
    let (mut batch, mut last) = (Batch::default(), 0);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        // The words of a damaged event were not added either.
        if let Some(indexed) = unless_damaged(event_rows::from_row(row).map(Some))? {
            let row = row_of(indexed.time.micros(), last);
            remove.execute((row, terms(&indexed)))?;
            // Of the events that have the row in common, words may have been removed.
            for sequence in sequences_of(row, last_indexed).filter(|it| *it != last) {
                let other = unless_damaged(event_rows::at(connection, sequence))?;
                if let Some(other) = other.filter(|it| row_of(it.time.micros(), sequence) == row) {
                    batch.push(row, terms(&other));
                }
            }
        }
        if let Some(now) = unless_damaged(event_rows::at(connection, last))? {
            batch.push(row_of(now.time.micros(), last), terms(&now));
        }
        if batch.bytes >= MAX_TERM_BYTES {
            batch.write(connection)?;
        }
    }
    batch.write(connection)?;
    let sql = "DELETE FROM changed_events WHERE sequence BETWEEN ? AND ?";
    connection.execute(sql, [first, last])?;
    Ok(())
}

/// Passes over a damaged event: whoever reads it is told.
fn unless_damaged(read: rusqlite::Result<Option<Event>>) -> rusqlite::Result<Option<Event>> {
    match read {
        Err(error) if is_damaged_row(&error) => Ok(None),
        outcome => outcome,
    }
}

/// Returns the terms of an event as a text that FTS5's tokenizer `ascii` splits into them again: it splits at what is in
/// ASCII no letter or digit, which is in no term.
fn terms(event: &Event) -> String {
    let mut terms = String::new();
    event.for_each_term(&mut |term| {
        terms.push_str(term);
        terms.push(' ');
    });
    terms
}

/// Rows that are written in their order: FTS5 would begin another part of the index with each that is not behind the last.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<(i64, String)>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, row: i64, terms: String) {
        self.bytes += terms.len();
        self.rows.push((row, terms));
    }

    fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.bytes = 0;
        let mut rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_unstable_by_key(|(row, _)| *row);
        let mut insert = connection.prepare("INSERT INTO words (rowid, terms) VALUES (?, ?)")?;
        for row in rows {
            insert.execute(row)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, row_of, sequences_of};

    #[test]
    fn rows_are_in_the_order_of_time() {
        let times = [
            -62_167_219_200_000_000, // the first and the last that there are
            -1,
            0,
            1_700_000_000_000_000,
            1_700_000_009_000_000,
            253_402_300_799_999_999,
        ];
        let rows = times.map(|time| row_of(time, 7));
        assert!(rows.is_sorted(), "{rows:?}");
        for (time, row) in times.into_iter().zip(rows) {
            let bucket = Bucket::of_row(row);
            assert_eq!(bucket, Bucket::of_time(time));
            assert!((bucket.start_us()..bucket.end_us()).contains(&time));
            assert!((bucket.first_row()..=bucket.last_row()).contains(&row));
        }
    }

    #[test]
    fn an_event_is_found_by_its_row() {
        for sequence in [1, 0xff_ffff, 0x100_0000, 0x100_0001, 0x3ff_ffff] {
            let row = row_of(-5, sequence);
            let found: Vec<i64> = sequences_of(row, 0x400_0000).collect();
            assert!(found.contains(&sequence), "{sequence} {found:?}");
            assert!(found.len() <= 5, "{found:?}");
        }
    }
}
