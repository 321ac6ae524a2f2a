//! The SQL of a query: what a caller sent travels beside the text as a parameter, never in it.

mod filters;
mod pages;

use clickhouse::query::Query as Statement;

use super::client::Client;
use super::errors::Failure;
use super::events::{COLUMNS, EventRow, distinct};
use super::names::Table;
use crate::domain::query::Limit;
use crate::domain::{Event, EventId, Position};
use crate::store::SCAN_BYTES;

pub(super) use pages::{events_at, page};

/// Ids in one statement: ClickHouse takes parameters of up to 128 KiB, and an id takes 39 bytes of one.
const MAX_IDS: usize = 1000;

/// A table with fewer rows is read faster than its projections are asked.
const INDEXED_ROWS: &str = "100000";

/// Returns the event with this id.
pub(super) async fn find(
    client: &Client,
    table: &Table,
    id: EventId,
) -> Result<Option<Event>, Failure> {
    Ok(find_all(client, table, &[id]).await?.pop())
}

/// Returns the events with these ids, in no order.
pub(super) async fn find_all(
    client: &Client,
    table: &Table,
    ids: &[EventId],
) -> Result<Vec<Event>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLE} WHERE event_id IN {{event_ids:Array(UUID)}} \
         ORDER BY event_id, time_us"
    );
    let mut events = Vec::new();
    for ids in ids.chunks(MAX_IDS) {
        let rows = client.fetch::<EventRow>("find", |it| {
            indexed(table.of(it.query_raw(&sql))).param("event_ids", texts(ids))
        });
        events.extend(distinct(rows.await?)?);
    }
    Ok(events)
}

/// Returns which of these ids are there: cheaper than [`find_all`], as most often none is.
pub(super) async fn known(
    client: &Client,
    table: &Table,
    ids: &[EventId],
) -> Result<Vec<EventId>, Failure> {
    let sql = format!(
        "SELECT DISTINCT event_id FROM {TABLE} WHERE event_id IN {{event_ids:Array(UUID)}}"
    );
    let mut known = Vec::new();
    for ids in ids.chunks(MAX_IDS) {
        let rows = client.fetch::<IdRow>("known", |it| {
            indexed(table.of(it.query_raw(&sql))).param("event_ids", texts(ids))
        });
        let rows = rows.await?.into_iter();
        known.extend(rows.map(|row| EventId::from_uuid(row.event_id)));
    }
    Ok(known)
}

/// Returns the next events behind `after`, oldest first.
pub(super) async fn scan(
    client: &Client,
    table: &Table,
    after: Option<Position>,
    limit: Limit,
) -> Result<Vec<Event>, Failure> {
    let wanted = limit.get() as usize;
    let behind = match after {
        Some(_) => {
            "WHERE time_us >= {time_us:Int64} AND (time_us, UUIDToNum(event_id)) > \
             ({time_us:Int64}, UUIDToNum({event_id:UUID}))"
        }
        None => "",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLE} {behind} \
         ORDER BY time_us, UUIDToNum(event_id) LIMIT {{limit:UInt64}}"
    );
    let mut bound = u64::from(limit.get()) + 1;
    loop {
        let rows = client.fetch_up_to::<EventRow>(
            "scan",
            |it| {
                let query = table.of(it.query_raw(&sql)).param("limit", bound);
                match &after {
                    Some(Position { time_us, event_id }) => query
                        .param("time_us", time_us)
                        .param("event_id", event_id.to_string()),
                    None => query,
                }
            },
            (bound, SCAN_BYTES),
            EventRow::weight_bytes,
        );
        let (rows, are_all) = rows.await?;
        let was_last = are_all && (rows.len() as u64) < bound;
        let mut events = distinct(rows)?;
        if events.len() >= wanted || was_last || !are_all {
            events.truncate(wanted);
            return Ok(events);
        }
        bound *= 2; // nothing but duplicates
    }
}

/// The total order, in both directions.
const NEWEST_FIRST: &str = "ORDER BY time_us DESC, UUIDToNum(event_id) DESC";
const OLDEST_FIRST: &str = "ORDER BY time_us, UUIDToNum(event_id)";

/// The table of a statement, by its two parameters.
pub(super) const TABLE: &str = "{database:Identifier}.{table:Identifier}";

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct IdRow {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: uuid::Uuid,
}

/// Lets a statement find rows by the projections.
fn indexed(statement: Statement) -> Statement {
    statement.with_setting("min_table_rows_to_use_projection_index", INDEXED_ROWS)
}

fn texts(ids: &[EventId]) -> Vec<uuid::Uuid> {
    ids.iter().map(EventId::uuid).collect()
}
