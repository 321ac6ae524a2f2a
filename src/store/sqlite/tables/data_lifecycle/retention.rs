//! The retention rules of a tenant, and the deletion of the events that are due.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::holds;
use crate::domain::{Cutoffs, Due, Event, Holds, RetentionPosition, RetentionRules, RetentionStep};
use crate::store::sqlite::disk::error_mapping::{damaged_row, is_damaged_row};
use crate::store::sqlite::tables::words::index;
use crate::store::sqlite::tables::{event_rows, file_references};

/// The events that one step deletes, at most: some ten milliseconds.
const DELETED_EVENTS: usize = 200;

/// The events that one step looks at, at most: those that are old and not due yet, such as imports, and those under a hold.
const EXAMINED_EVENTS: usize = 4000;

/// Returns the rules of the tenant.
pub(crate) fn rules(connection: &Connection) -> rusqlite::Result<RetentionRules> {
    let sql = "SELECT rules FROM retention";
    let mut statement = connection.prepare_cached(sql)?;
    let json: Option<String> = statement.query_row([], |row| row.get(0)).optional()?;
    let Some(json) = json else {
        return Ok(RetentionRules::default());
    };
    serde_json::from_str(&json)
        .map_err(|error| damaged_row("the table 'retention'", format!("no rules: {error}")))
}

/// Replaces the rules of the tenant.
pub(crate) fn set_rules(connection: &Connection, rules: &RetentionRules) -> rusqlite::Result<()> {
    let json = serde_json::to_string(rules)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let sql = "INSERT INTO retention (only_row, rules) VALUES (1, ?) \
               ON CONFLICT DO UPDATE SET rules = excluded.rules";
    connection.execute(sql, [json]).map(drop)
}

/// Whether a step deletes what is due, or only counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Delete,
    Count,
}

/// Takes a step through the events that are due at `now`, in a transaction of the caller's. Walks through each event type
/// that has a rule from the oldest event on, so what is not old enough is not looked at.
pub(crate) fn step(
    connection: &Connection,
    now: Timestamp,
    after: Option<RetentionPosition>,
    mode: Mode,
) -> rusqlite::Result<RetentionStep> {
    let rules = rules(connection)?;
    if rules.keep_everything() {
        return Ok(RetentionStep::default());
    }
    let holds = holds::read(connection)?;
    if mode == Mode::Delete && holds.cover_everything() {
        return Ok(RetentionStep::default());
    }
    let mut walk = Walk {
        connection,
        due: rules.due_at(now),
        held: holds.records(),
        holds,
        mode,
        examined: 0,
        step: RetentionStep::default(),
    };
    walk.take(after)?;
    let mut step = walk.step;
    if mode == Mode::Delete && (step.events > 0 || after == Some(END)) {
        // Words that were waiting to be removed before may be more than one step removes.
        if index::forget(connection)? && step.next.is_none() {
            step.next = Some(END);
        }
    }
    Ok(step)
}

/// Behind every event.
const END: RetentionPosition = RetentionPosition {
    event_type_id: i32::MAX,
    time_us: i64::MAX,
    sequence: i64::MAX,
};

struct Walk<'a> {
    connection: &'a Connection,
    due: Due,
    holds: Holds,
    held: BTreeSet<i64>,
    mode: Mode,
    examined: usize,
    step: RetentionStep,
}

/// An event that is old enough by its time.
struct Candidate {
    sequence: i64,
    time_us: i64,
    received_us: i64,
    record_id: i64,
}

impl Walk<'_> {
    fn take(&mut self, after: Option<RetentionPosition>) -> rusqlite::Result<()> {
        let first = after.map_or(i32::MIN, |it| it.event_type_id);
        for event_type_id in self.types_from(first)? {
            let cutoffs = self.due.of_type(event_type_id);
            if cutoffs == Cutoffs::NEVER {
                continue;
            }
            let after = after.filter(|it| it.event_type_id == event_type_id);
            self.take_type(event_type_id, cutoffs, after)?;
            if self.step.next.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the types that there are events of, from `first` on.
    fn types_from(&self, first: i32) -> rusqlite::Result<Vec<i32>> {
        let sql = "SELECT event_type_id FROM type_counts WHERE event_type_id >= ? AND events > 0 \
                   ORDER BY event_type_id";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_map([first], |row| row.get(0))?.collect()
    }

    fn take_type(
        &mut self,
        event_type_id: i32,
        cutoffs: Cutoffs,
        after: Option<RetentionPosition>,
    ) -> rusqlite::Result<()> {
        let (time_us, sequence) =
            after.map_or((i64::MIN, i64::MIN), |it| (it.time_us, it.sequence));
        let limit = self.room();
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT sequence, time_us, time_us + received_after_us, record_id \
                   FROM events INDEXED BY events_by_type \
                   WHERE event_type_id = ? AND (time_us, sequence) > (?, ?) AND time_us < ? \
                   ORDER BY time_us, sequence LIMIT ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let values = params![event_type_id, time_us, sequence, cutoffs.time_us, most];
        let candidates = statement.query_map(values, |row| {
            Ok(Candidate {
                sequence: row.get(0)?,
                time_us: row.get(1)?,
                received_us: row.get(2)?,
                record_id: row.get(3)?,
            })
        })?;
        let candidates: Vec<Candidate> = candidates.collect::<rusqlite::Result<_>>()?;
        drop(statement);
        let mut looked_at = 0;
        for candidate in &candidates {
            looked_at += 1;
            self.examined += 1;
            if candidate.received_us < cutoffs.received_us {
                self.take_due(candidate)?;
            }
            if self.is_full() {
                break;
            }
        }
        if let Some(last) = candidates.get(..looked_at).and_then(<[_]>::last)
            && (looked_at == limit || looked_at < candidates.len() || self.is_full())
        {
            self.step.next = Some(RetentionPosition {
                event_type_id,
                time_us: last.time_us,
                sequence: last.sequence,
            });
        }
        Ok(())
    }

    /// Returns how many more events this step may look at.
    const fn room(&self) -> usize {
        EXAMINED_EVENTS - self.examined
    }

    fn is_full(&self) -> bool {
        let deletes_enough = self.mode == Mode::Delete && self.step.events >= DELETED_EVENTS as u64;
        deletes_enough || self.room() == 0
    }

    fn take_due(&mut self, candidate: &Candidate) -> rusqlite::Result<()> {
        if self.holds.cover_everything() || self.held.contains(&candidate.record_id) {
            self.step.held += 1;
            return Ok(());
        }
        if self.mode == Mode::Count {
            self.step.events += 1;
            return Ok(());
        }
        // What the columns say counts only if the row's checksum is right.
        match event_rows::at(self.connection, candidate.sequence) {
            Ok(Some(event)) if self.due.has(&event) && !self.held.contains(&event.record_id) => {
                delete(self.connection, candidate.sequence, &event)?;
                self.step.events += 1;
            }
            Ok(_) => {}
            Err(error) if is_damaged_row(&error) => self.step.unreadable += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Deletes an event. Triggers keep the counts of events, the arrival order and what has to leave the index of words.
fn delete(connection: &Connection, sequence: i64, event: &Event) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM events WHERE sequence = ?")?
        .execute([sequence])?;
    file_references::release(connection, &event.files)?;
    connection
        .prepare_cached(
            "DELETE FROM record_counts WHERE record_id = ? AND event_type_id = ? AND events <= 0",
        )?
        .execute((event.record_id, event.event_type_id))?;
    Ok(())
}
