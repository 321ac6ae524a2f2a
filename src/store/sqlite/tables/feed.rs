//! Reads a tenant's events in arrival order.

use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use uuid::Uuid;

use super::arrival::{epoch, newest_sequence};
use super::event_rows::{self, COLUMNS};
use super::query_filters::Filters;
use crate::domain::{ClientId, Cursor, CursorProblem, Event, EventId, Feed, FeedPosition, Query};
use crate::store::READ_BYTES;

/// The events that one read with filters looks at: some ten milliseconds.
const EXAMINED_EVENTS: u32 = 10_000;

/// The same where the words of each event have to be looked at.
const SEARCHED_EVENTS: u32 = 2000;

/// The number of an event, and its id.
type Place = (i64, EventId);

/// Reads the events behind `after` that match the filters of `query`, up to its limit and to [`READ_BYTES`].
pub(crate) fn read(
    connection: &mut Connection,
    tenant: ClientId,
    after: Option<&Cursor>,
    query: &Query,
) -> rusqlite::Result<Result<Feed, CursorProblem>> {
    let snapshot = connection.transaction()?;
    let epoch = epoch(&snapshot)?;
    let start = after.map_or(Ok(FeedPosition::Start), |it| it.position_in(tenant, epoch));
    let start = match start {
        Ok(start) => start,
        Err(problem) => return Ok(Err(problem)),
    };
    let after = match start {
        FeedPosition::Start => 0,
        FeedPosition::Sequence { sequence, event_id } => {
            if !is_or_was_at(&snapshot, (sequence, event_id))? {
                return Ok(Err(CursorProblem::Restored));
            }
            sequence
        }
        FeedPosition::Received { .. } => return Ok(Err(CursorProblem::OtherTenant)),
    };
    let (events, places, last) = events_behind(&snapshot, after, query)?;
    let end = last.map_or(after, |(sequence, _)| sequence);
    Ok(Ok(Feed {
        events,
        positions: places.into_iter().map(position).collect(),
        cursor: Cursor::new(tenant, epoch, last.map_or(start, position)),
        has_more: has_more(&snapshot, end)?,
    }))
}

/// Returns the cursor behind the newest event.
pub(crate) fn newest(connection: &mut Connection, tenant: ClientId) -> rusqlite::Result<Cursor> {
    let snapshot = connection.transaction()?;
    let sql = "SELECT sequence, event_id FROM events ORDER BY sequence DESC LIMIT 1";
    let newest = snapshot.query_row(sql, [], place).optional()?;
    let position = newest.map_or(FeedPosition::Start, position);
    Ok(Cursor::new(tenant, epoch(&snapshot)?, position))
}

/// Returns the cursor behind the event with this id; `None` if there is none.
pub(crate) fn behind(
    connection: &mut Connection,
    tenant: ClientId,
    id: EventId,
) -> rusqlite::Result<Option<Cursor>> {
    let snapshot = connection.transaction()?;
    let sql = "SELECT sequence, event_id FROM events WHERE event_id = ?";
    let found = snapshot.query_row(sql, [id.uuid()], place).optional()?;
    let epoch = epoch(&snapshot)?;
    Ok(found.map(|it| Cursor::new(tenant, epoch, position(it))))
}

/// Tells whether the event has this number, or may have had it before it was deleted.
fn is_or_was_at(snapshot: &Connection, (sequence, id): Place) -> rusqlite::Result<bool> {
    let found: Option<Uuid> = snapshot
        .prepare_cached("SELECT event_id FROM events WHERE sequence = ?")?
        .query_row([sequence], |row| row.get(0))
        .optional()?;
    match found {
        Some(found) => Ok(found == id.uuid()),
        None => Ok(sequence <= newest_sequence(snapshot)?),
    }
}

/// The events of one read with their places, and the place of the last event that was looked at.
type Read = (Vec<Event>, Vec<Place>, Option<Place>);

/// Returns the matching events behind a number.
fn events_behind(snapshot: &Connection, after: i64, query: &Query) -> rusqlite::Result<Read> {
    let is_filtered = !query.is_unfiltered();
    let examined = if is_filtered {
        let most = match query.words {
            Some(_) => SEARCHED_EVENTS,
            None => EXAMINED_EVENTS,
        };
        last_examined(snapshot, after, most)?
    } else {
        None
    };
    if is_filtered && examined.is_none() {
        return Ok((Vec::new(), Vec::new(), None));
    }
    let filters = Filters::in_arrival_order(query, after, examined.map(|(sequence, _)| sequence));
    let limit = query.limit.get();
    let sql = format!("SELECT {COLUMNS} FROM {} ORDER BY sequence", filters.sql);
    let mut statement = snapshot.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&filters.values))?;
    let (mut events, mut places, mut read_bytes) = (Vec::new(), Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let event = event_rows::from_row(row)?;
        if query.words.as_ref().is_some_and(|it| !it.are_in(&event)) {
            continue;
        }
        read_bytes += event.weight_bytes();
        places.push((row.get(0)?, event.id));
        events.push(event);
        if read_bytes >= READ_BYTES || events.len() == limit as usize {
            let last = places.last().copied();
            return Ok((events, places, last));
        }
    }
    let last = examined.or(places.last().copied());
    Ok((events, places, last))
}

/// Returns the last of the events that one read looks at.
fn last_examined(snapshot: &Connection, after: i64, most: u32) -> rusqlite::Result<Option<Place>> {
    let sql = "SELECT sequence, event_id FROM \
               (SELECT sequence, event_id FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?) \
               ORDER BY sequence DESC LIMIT 1";
    snapshot
        .prepare_cached(sql)?
        .query_row((after, most), place)
        .optional()
}

fn has_more(snapshot: &Connection, after: i64) -> rusqlite::Result<bool> {
    snapshot
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE sequence > ?)")?
        .query_row([after], |row| row.get(0))
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok((row.get(0)?, EventId::from_uuid(row.get(1)?)))
}

const fn position((sequence, event_id): Place) -> FeedPosition {
    FeedPosition::Sequence { sequence, event_id }
}
