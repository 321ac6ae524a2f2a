//! Finds the events that have the words of a query, in the order of time.
//!
//! Whatever the words are, no more is read than the page needs: the index returns matches in steps of time, the newest or
//! oldest first, and those of one step are sorted, or, where they are many, found by walking through that step in order.

use std::cmp::Ordering as Comparison;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::index::{Bucket, State, have_rows_in_common, row_of, sequences_of};
use crate::domain::{Event, EventId, Ordering, Position, Query, Words};
use crate::store::sqlite::tables::event_rows::{self, COLUMNS};
use crate::store::sqlite::tables::query_filters::{Filters, Index, narrowed};

/// Of a record with fewer events each is looked at, whatever the index has.
const FEW_EVENTS: i64 = if cfg!(test) { 100 } else { 2000 };

/// Matches of one step of time that are looked up one by one. More are found by walking through the step.
const MAX_SORTED: usize = if cfg!(test) { 5 } else { 500 };

/// Matches of one step of time that are kept in memory. If there are more, each event of the step is looked at.
const MAX_KEPT: usize = if cfg!(test) { 50 } else { 100_000 };

/// An event that matches: its number, and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::sqlite::tables) struct Match {
    pub(in crate::store::sqlite::tables) sequence: i64,
    pub(in crate::store::sqlite::tables) position: Position,
}

/// A query for words.
#[derive(Debug)]
pub(in crate::store::sqlite::tables) struct Search<'a> {
    snapshot: &'a Connection,
    query: &'a Query,
    words: &'a Words,
    after: Option<Position>,
    state: State,
}

/// Takes matches, in the order of the query, until it breaks.
pub(in crate::store::sqlite::tables) type Each<'a> = &'a mut dyn FnMut(Match) -> ControlFlow<()>;

type Walked = rusqlite::Result<ControlFlow<()>>;

impl<'a> Search<'a> {
    /// Searches behind a position; the ordering of the query is kept, its limit and offset are ignored.
    pub(in crate::store::sqlite::tables) fn new(
        snapshot: &'a Connection,
        query: &'a Query,
        words: &'a Words,
        after: Option<Position>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            snapshot,
            query,
            words,
            after,
            state: State::read(snapshot)?,
        })
    }

    /// Returns matches behind the first `skipped` ones, in the order of the query.
    pub(in crate::store::sqlite::tables) fn take(
        &self,
        skipped: u32,
        wanted: usize,
    ) -> rusqlite::Result<Vec<Match>> {
        let (mut to_skip, mut taken) = (skipped, Vec::new());
        if wanted == 0 {
            return Ok(taken);
        }
        self.for_each(&mut |found| {
            if to_skip > 0 {
                to_skip -= 1;
                return ControlFlow::Continue(());
            }
            taken.push(found);
            if taken.len() == wanted {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(taken)
    }

    /// Counts all matches.
    pub(in crate::store::sqlite::tables) fn count(&self) -> rusqlite::Result<u64> {
        let mut count = 0;
        self.for_each(&mut |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// Passes on the matches, in the order of the query, until `each` breaks.
    pub(in crate::store::sqlite::tables) fn for_each(
        &self,
        each: Each<'_>,
    ) -> rusqlite::Result<()> {
        let walked = if self.looks_at_each()? {
            self.look_at_each(Index::of(self.query).table(), self.query, each)?
        } else {
            self.follow_index(each)?
        };
        let (ControlFlow::Continue(()) | ControlFlow::Break(())) = walked;
        Ok(())
    }

    /// Tells whether the other filters leave so little that the index is not needed.
    fn looks_at_each(&self) -> rusqlite::Result<bool> {
        if !self.query.event_ids.is_empty() {
            return Ok(true);
        }
        if self.query.record_ids.is_empty() {
            return Ok(false);
        }
        let mut filters = Filters::on("record_counts");
        filters.any_of("record_id", self.query.record_ids.iter().copied());
        let sql = format!("SELECT coalesce(sum(events), 0) FROM {}", filters.sql);
        let mut statement = self.snapshot.prepare(&sql)?;
        let events: i64 =
            statement.query_row(params_from_iter(&filters.values), |row| row.get(0))?;
        Ok(events <= FEW_EVENTS)
    }

    /// Looks at each event that a query's other filters leave, in its order.
    fn look_at_each(&self, table: &str, query: &Query, each: Each<'_>) -> Walked {
        self.walk(table, query, &mut |found| {
            if self.look_at(&found)? {
                return Ok(each(found));
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn look_at(&self, found: &Match) -> rusqlite::Result<bool> {
        let event = event_rows::at(self.snapshot, found.sequence)?;
        Ok(event.is_some_and(|it| self.words.are_in(&it)))
    }

    /// Tells whether an event that a row of the index leads to has the words. In a large database two events may have one
    /// row in common.
    fn has_words(&self, found: &Match) -> rusqlite::Result<bool> {
        Ok(!have_rows_in_common(self.state.last_indexed) || self.look_at(found)?)
    }

    /// Passes on what a query's other filters leave, in its order.
    fn walk(&self, table: &str, query: &Query, each: &mut dyn FnMut(Match) -> Walked) -> Walked {
        // Of two bounds of the time on one side SQLite might begin at the wrong one.
        let (after, query) = narrowed(self.after, query);
        let mut filters = Filters::on(table);
        filters.add(&query);
        if let Some(after) = after {
            filters.behind(after, query.ordering);
        }
        let direction = direction(query.ordering);
        let sql = format!(
            "SELECT sequence, time_us, event_id FROM {} ORDER BY time_us {direction}, event_id {direction}",
            filters.sql
        );
        let mut statement = self.snapshot.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(&filters.values))?;
        while let Some(row) = rows.next()? {
            let walked = each(found(row)?)?;
            if walked.is_break() {
                return Ok(walked);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Follows the index, and passes on the matches that are not in it yet between those that are.
    fn follow_index(&self, each: Each<'_>) -> Walked {
        let changed = self.changed()?;
        let mut late = self.late(&changed)?.into_iter().peekable();
        let last_indexed = self.state.last_indexed;
        let mut merged = |found: Match| {
            let is_late = found.sequence > last_indexed || changed.contains(&found.sequence);
            if is_late {
                return ControlFlow::Continue(());
            }
            while let Some(other) = late.next_if(|other| self.compare(other, &found).is_lt()) {
                each(other)?;
            }
            each(found)
        };
        let (sql, (first, last)) = (self.index_sql(), self.index_range());
        let mut statement = self.snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query((self.index_query(), first, last))?;
        let mut step = Step::default();
        loop {
            let row: Option<i64> = rows.next()?.map(|row| row.get(0)).transpose()?;
            let bucket = row.map(Bucket::of_row);
            if bucket != step.bucket {
                if self.pass_on(&step, &mut merged)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                step = Step {
                    bucket,
                    ..Step::default()
                };
            }
            match row {
                Some(row) => step.push(row),
                None => break,
            }
        }
        Ok(late.try_for_each(each))
    }

    fn compare(&self, one: &Match, other: &Match) -> Comparison {
        let compared = one.position.cmp(&other.position);
        match self.query.ordering {
            Ordering::OldestFirst => compared,
            Ordering::NewestFirst => compared.reverse(),
        }
    }

    /// Returns the first and the last row of the index that may be in the range of time and behind the position.
    fn index_range(&self) -> (i64, i64) {
        let bucket = |time_us: Option<i64>| time_us.map(Bucket::of_time);
        let mut first = bucket(self.query.from_us).map_or(i64::MIN, Bucket::first_row);
        let mut last = bucket(self.query.to_us).map_or(i64::MAX, Bucket::last_row);
        if let Some(bucket) = bucket(self.after.map(|it| it.time_us)) {
            match self.query.ordering {
                Ordering::NewestFirst => last = last.min(bucket.last_row()),
                Ordering::OldestFirst => first = first.max(bucket.first_row()),
            }
        }
        (first, last)
    }

    fn index_sql(&self) -> String {
        let direction = direction(self.query.ordering);
        format!(
            "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? \
             ORDER BY rowid {direction}"
        )
    }

    /// Returns the words as FTS5 reads them: in quotes, since some letters and digits are operators.
    fn index_query(&self) -> String {
        let terms = self.words.terms().iter();
        let quoted: Vec<String> = terms.map(|term| format!("\"{term}\"")).collect();
        quoted.join(" ")
    }

    /// Passes on the events of one step of time.
    fn pass_on(&self, step: &Step, each: Each<'_>) -> Walked {
        let Some(bucket) = step.bucket else {
            return Ok(ControlFlow::Continue(()));
        };
        if step.rows.len() <= MAX_SORTED {
            let mut matches = self.look_up(bucket, &step.rows)?;
            matches.sort_unstable_by(|one, other| self.compare(one, other));
            return Ok(matches.into_iter().try_for_each(each));
        }
        let Query { from_us, to_us, .. } = self.query;
        let query = Query {
            from_us: (*from_us).max(Some(bucket.start_us())),
            to_us: Some(to_us.map_or(bucket.end_us(), |to| to.min(bucket.end_us()))),
            ..self.query.clone()
        };
        let table = "events INDEXED BY events_by_time";
        if !step.are_all {
            return self.look_at_each(table, &query, each);
        }
        let mut rows = step.rows.clone();
        rows.sort_unstable();
        self.walk(table, &query, &mut |found| {
            let row = row_of(found.position.time_us, found.sequence);
            if rows.binary_search(&row).is_ok() && self.has_words(&found)? {
                return Ok(each(found));
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Looks up the events of rows of the index that are in one step of time.
    fn look_up(&self, bucket: Bucket, rows: &[i64]) -> rusqlite::Result<Vec<Match>> {
        let mut filters = Filters::on("events NOT INDEXED"); // but for the table's own key
        filters.compare("sequence =", 0);
        filters.compare("time_us >=", bucket.start_us());
        filters.compare("time_us <", bucket.end_us());
        filters.add(self.query);
        if let Some(after) = self.after {
            filters.behind(after, self.query.ordering);
        }
        let sql = format!("SELECT sequence, time_us, event_id FROM {}", filters.sql);
        let mut statement = self.snapshot.prepare_cached(&sql)?;
        let mut matches = Vec::new();
        for row in rows {
            for sequence in sequences_of(*row, self.state.last_indexed) {
                filters.values[0] = Value::Integer(sequence);
                let values = params_from_iter(&filters.values);
                if let Some(found) = statement.query_row(values, found).optional()?
                    && self.has_words(&found)?
                {
                    matches.push(found);
                }
            }
        }
        Ok(matches)
    }

    /// Returns the numbers of indexed events that were changed or deleted since.
    fn changed(&self) -> rusqlite::Result<BTreeSet<i64>> {
        let sql = "SELECT sequence FROM changed_events";
        let mut statement = self.snapshot.prepare_cached(sql)?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    /// Returns the matches among the events that are not in the index as they are, in the order of the query.
    fn late(&self, changed: &BTreeSet<i64>) -> rusqlite::Result<Vec<Match>> {
        let mut matches = Vec::new();
        let mut note = |sequence: i64, event: &Event| {
            let found = Match {
                sequence,
                position: event.position(),
            };
            let is_behind = self.after.is_none_or(|position| {
                let after = Match { sequence, position };
                self.compare(&found, &after).is_gt()
            });
            if is_behind && self.query.matches(event) {
                matches.push(found);
            }
        };
        let sql = format!("SELECT {COLUMNS} FROM events WHERE sequence > ?");
        let mut statement = self.snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query([self.state.last_indexed])?;
        while let Some(row) = rows.next()? {
            note(row.get(0)?, &event_rows::from_row(row)?);
        }
        for sequence in changed {
            if let Some(event) = event_rows::at(self.snapshot, *sequence)? {
                note(*sequence, &event);
            }
        }
        matches.sort_unstable_by(|one, other| self.compare(one, other));
        Ok(matches)
    }
}

/// The matches in one step of time, as rows of the index.
#[derive(Debug)]
struct Step {
    bucket: Option<Bucket>,
    rows: Vec<i64>,
    are_all: bool,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            bucket: None,
            rows: Vec::new(),
            are_all: true,
        }
    }
}

impl Step {
    fn push(&mut self, row: i64) {
        if self.rows.len() < MAX_KEPT {
            self.rows.push(row);
        } else {
            self.are_all = false;
        }
    }
}

const fn direction(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::NewestFirst => "DESC",
        Ordering::OldestFirst => "ASC",
    }
}

/// Reads the number, time and id of an event.
fn found(row: &Row<'_>) -> rusqlite::Result<Match> {
    Ok(Match {
        sequence: row.get(0)?,
        position: Position {
            time_us: row.get(1)?,
            event_id: EventId::from_uuid(row.get(2)?),
        },
    })
}
