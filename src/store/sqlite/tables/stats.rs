//! Counts events by spans of time and by kind.

use rusqlite::{Connection, Row, params_from_iter};

use super::query_filters::Filters;
use crate::domain::stats::{Dimension, Grouping, Kind, Tally};
use crate::domain::{Query, Stats};

/// Counts the events that match the filters of `query`. Row by row, in the memory of the counts alone: `GROUP BY` would
/// sort all rows first.
pub(crate) fn read(
    connection: &Connection,
    query: &Query,
    grouping: Grouping,
) -> rusqlite::Result<Stats> {
    let filters = Filters::of(query);
    let columns = match grouping.dimension {
        None => "0, 0",
        Some(Dimension::EventType) => "event_type_id, 0",
        Some(Dimension::SourceType) => "source_type_id, 0",
        Some(Dimension::Source) => "source_type_id, source_id",
    };
    let time = grouping.bucket.map_or("0", |_| "time_us");
    let sql = format!("SELECT {time}, {columns} FROM {}", filters.sql);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&filters.values))?;
    let mut tally = Tally::new(grouping);
    while let Some(row) = rows.next()? {
        let time_us = row.get(0)?;
        let number = grouping.bucket.map_or(0, |it| it.span().number_of(time_us));
        if !tally.add(number, kind(row, grouping.dimension)?, 1) {
            break;
        }
    }
    Ok(tally.finish())
}

fn kind(row: &Row<'_>, dimension: Option<Dimension>) -> rusqlite::Result<Kind> {
    Ok(match dimension {
        None => Kind::Any,
        Some(Dimension::EventType) => Kind::EventType(row.get(1)?),
        Some(Dimension::SourceType) => Kind::SourceType(row.get(1)?),
        Some(Dimension::Source) => Kind::Source {
            source_type_id: row.get(1)?,
            source_id: row.get(2)?,
        },
    })
}
