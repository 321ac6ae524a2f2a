//! Pages of a tenant's history, read in pieces that memory holds.

use super::filters::Filters;
use super::{NEWEST_FIRST, OLDEST_FIRST, TABLE, indexed, texts};
use crate::domain::{Event, EventId, Page, Position, Query};
use crate::store::READ_BYTES;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::errors::Failure;
use crate::store::clickhouse::events::{COLUMNS, EventRow, distinct};
use crate::store::clickhouse::names::Table;

/// How many rows beyond a page are looked at for the duplicates that stand in or before it.
const SLACK: u64 = 20;

/// Up to this limit a page is read at once, as most pages are and can be.
const ORDINARY_LIMIT: u32 = 50;

/// The rows that are asked for first where a page is not read at once: [`READ_BYTES`] of ordinary ones, and not too much
/// for ClickHouse to read where they are large.
const FIRST_ROWS: usize = 256;

/// Reads a page and its counts, in three queries at once: what is stored meanwhile may be in one and not
/// in another. Of a page that may be large the places are read first, and then as many of its rows as memory holds.
pub(in crate::store::clickhouse) async fn page(
    client: &Client,
    table: &Table,
    query: &Query,
) -> Result<Page, Failure> {
    let filters = Filters { query };
    let total = count(client, table, None);
    let filtered = async {
        if filters.is_empty() {
            Ok(None)
        } else {
            count(client, table, Some(filters)).await.map(Some)
        }
    };
    let first = async {
        if query.limit.get() <= ORDINARY_LIMIT {
            rows(client, table, filters).await
        } else {
            Ok(None)
        }
    };
    let places = async {
        if query.limit.get() <= ORDINARY_LIMIT {
            Ok(None)
        } else {
            places(client, table, filters, SLACK).await.map(Some)
        }
    };
    let (total, filtered, first, places) = tokio::try_join!(total, filtered, first, places)?;
    let filtered = filtered.unwrap_or(total);
    let (events, rest) = match first {
        Some(events) if is_whole(query, events.len(), filtered) => (events, Vec::new()),
        _ => by_places(client, table, filters, places, filtered).await?,
    };
    let length = events.len() + rest.len();
    let seen = if length == 0 {
        0
    } else {
        u64::from(query.offset) + length as u64
    };
    Ok(Page {
        events,
        rest,
        // Rows that came in between the queries count too.
        total_count: total.max(filtered).max(seen),
        filtered_count: filtered.max(seen),
    })
}

/// Tells whether a page has all the events that it can have. Where it does not there were more duplicates than
/// expected, or these were the last rows: looking at all of them tells.
fn is_whole(query: &Query, length: usize, filtered: u64) -> bool {
    let seen = u64::from(query.offset) + length as u64;
    length >= query.limit.get() as usize || seen >= filtered
}

/// Reads the first events of a page whose places are known, or are found now.
async fn by_places(
    client: &Client,
    table: &Table,
    filters: Filters<'_>,
    known: Option<Vec<Position>>,
    filtered: u64,
) -> Result<(Vec<Event>, Vec<Position>), Failure> {
    let mut places = match known {
        Some(places) => places,
        None => self::places(client, table, filters, SLACK).await?,
    };
    if !is_whole(filters.query, places.len(), filtered) {
        places = self::places(client, table, filters, filtered).await?;
    }
    if places.is_empty() {
        return Ok((Vec::new(), places));
    }
    let first = &places[..places.len().min(FIRST_ROWS)];
    let events = events_at(client, table, first).await?;
    if events.is_empty() {
        return Err(Failure::Nonsense(
            "an event is in the key and not in the table".to_owned(),
        ));
    }
    let rest = places.split_off(events.len());
    Ok((events, rest))
}

/// Returns the events at the beginning of `positions`, which are in the total order in either direction.
pub(in crate::store::clickhouse) async fn events_at(
    client: &Client,
    table: &Table,
    positions: &[Position],
) -> Result<Vec<Event>, Failure> {
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
        return Ok(Vec::new());
    };
    let order = if first <= last {
        OLDEST_FIRST
    } else {
        NEWEST_FIRST
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLE} WHERE time_us IN {{times:Array(Int64)}} \
         AND event_id IN {{event_ids:Array(UUID)}} {order}"
    );
    let ids: Vec<EventId> = positions.iter().map(|it| it.event_id).collect();
    let mut times: Vec<i64> = positions.iter().map(|it| it.time_us).collect();
    times.dedup();
    let found = client.fetch_up_to::<EventRow>(
        "events_at",
        |it| {
            let query = table.of(it.query_raw(&sql));
            query.param("event_ids", texts(&ids)).param("times", &times)
        },
        (
            u64::try_from(positions.len()).unwrap_or(u64::MAX),
            READ_BYTES,
        ),
        EventRow::weight_bytes,
    );
    let (rows, _) = found.await?;
    let mut events = distinct(rows)?;
    // An id that is not there any more ends what may be shown.
    let same = events.iter().zip(positions);
    let same = same.take_while(|(event, position)| event.position() == **position);
    let length = same.count();
    events.truncate(length);
    Ok(events)
}

/// Counts rows, duplicates that are not merged yet included: to leave them out every row would have to
/// be read.
async fn count(
    client: &Client,
    table: &Table,
    filters: Option<Filters<'_>>,
) -> Result<u64, Failure> {
    let condition = filters.map(Filters::sql).unwrap_or_default();
    let sql = format!("SELECT count() FROM {TABLE} {condition}");
    let counts = client.fetch::<u64>("count", |it| {
        let query = indexed(table.of(it.query_raw(&sql)));
        match filters {
            Some(filters) => filters.bind(query),
            None => query,
        }
    });
    Ok(counts.await?.first().copied().unwrap_or_default())
}

/// Returns a page's events, looking for duplicates among [`SLACK`] more rows than the page ends at. `None` if they come to
/// more than [`READ_BYTES`].
async fn rows(
    client: &Client,
    table: &Table,
    filters: Filters<'_>,
) -> Result<Option<Vec<Event>>, Failure> {
    let sql = filters.page_sql(COLUMNS);
    let rows = client.fetch_up_to::<EventRow>(
        "page",
        |it| filters.bind_page(indexed(table.of(it.query_raw(&sql))), SLACK),
        (filters.bound(SLACK), READ_BYTES),
        EventRow::weight_bytes,
    );
    let (rows, are_all) = rows.await?;
    let limit = filters.query.limit.get() as usize;
    let mut events = distinct(rows)?;
    events.truncate(limit);
    Ok((are_all || events.len() == limit).then_some(events))
}

/// Returns where a page's events stand, looking for duplicates among `slack` more rows than the page ends at.
async fn places(
    client: &Client,
    table: &Table,
    filters: Filters<'_>,
    slack: u64,
) -> Result<Vec<Position>, Failure> {
    let sql = filters.page_sql("time_us, event_id");
    let rows = client.fetch::<PlaceRow>("places", |it| {
        filters.bind_page(indexed(table.of(it.query_raw(&sql))), slack)
    });
    let rows = rows.await?.into_iter();
    let mut places: Vec<Position> = rows.map(Position::from).collect();
    places.dedup();
    places.truncate(filters.query.limit.get() as usize);
    Ok(places)
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct PlaceRow {
    time_us: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: uuid::Uuid,
}

impl From<PlaceRow> for Position {
    fn from(row: PlaceRow) -> Self {
        let PlaceRow { time_us, event_id } = row;
        Self {
            time_us,
            event_id: EventId::from_uuid(event_id),
        }
    }
}
