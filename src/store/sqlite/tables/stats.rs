//! Counts events by spans of time and by kind.

use std::ops::ControlFlow;

use rusqlite::{Connection, Row, params_from_iter};

use super::query_filters::Filters;
use super::words::search::Search;
use crate::domain::stats::{Dimension, Grouping, Kind, Tally};
use crate::domain::{Query, Stats, Words};

/// Counts the events that match the filters of `query`. Row by row, in the memory of the counts alone: `GROUP BY` would
/// sort all rows first.
pub(crate) fn read(
    connection: &mut Connection,
    query: &Query,
    grouping: Grouping,
) -> rusqlite::Result<Stats> {
    let snapshot = connection.transaction()?;
    let mut tally = Tally::new(grouping);
    match &query.words {
        None => count_rows(&snapshot, query, grouping, &mut tally)?,
        Some(words) => count_found(&snapshot, (query, words), grouping, &mut tally)?,
    }
    Ok(tally.finish())
}

fn count_rows(
    snapshot: &Connection,
    query: &Query,
    grouping: Grouping,
    tally: &mut Tally,
) -> rusqlite::Result<()> {
    let filters = Filters::of(query);
    let time = grouping.bucket.map_or("0", |_| "time_us");
    let columns = columns(grouping.dimension);
    let sql = format!("SELECT {columns}, {time} FROM {}", filters.sql);
    let mut statement = snapshot.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&filters.values))?;
    while let Some(row) = rows.next()? {
        let kind = kind(row, grouping.dimension)?;
        if !tally.add(number(grouping, row.get(2)?), kind, 1) {
            break;
        }
    }
    Ok(())
}

/// Counts the events that have the words of a query.
fn count_found(
    snapshot: &Connection,
    (query, words): (&Query, &Words),
    grouping: Grouping,
    tally: &mut Tally,
) -> rusqlite::Result<()> {
    let columns = columns(grouping.dimension);
    let sql = format!("SELECT {columns} FROM events WHERE sequence = ?");
    let mut statement = snapshot.prepare_cached(&sql)?;
    let mut outcome = Ok(());
    Search::new(snapshot, query, words, None)?.for_each(&mut |found| {
        let number = number(grouping, found.position.time_us);
        let kind = statement.query_row([found.sequence], |row| kind(row, grouping.dimension));
        match kind {
            Ok(kind) if tally.add(number, kind, 1) => ControlFlow::Continue(()),
            Ok(_) => ControlFlow::Break(()),
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    outcome
}

fn number(grouping: Grouping, time_us: i64) -> i64 {
    grouping.bucket.map_or(0, |it| it.span().number_of(time_us))
}

const fn columns(dimension: Option<Dimension>) -> &'static str {
    match dimension {
        None => "0, 0",
        Some(Dimension::EventType) => "event_type_id, 0",
        Some(Dimension::SourceType) => "source_type_id, 0",
        Some(Dimension::Source) => "source_type_id, source_id",
    }
}

fn kind(row: &Row<'_>, dimension: Option<Dimension>) -> rusqlite::Result<Kind> {
    Ok(match dimension {
        None => Kind::Any,
        Some(Dimension::EventType) => Kind::EventType(row.get(0)?),
        Some(Dimension::SourceType) => Kind::SourceType(row.get(0)?),
        Some(Dimension::Source) => Kind::Source {
            source_type_id: row.get(0)?,
            source_id: row.get(1)?,
        },
    })
}
