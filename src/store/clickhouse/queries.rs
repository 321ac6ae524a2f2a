//! The SQL of a [`Query`]: what a caller sent travels beside the text as a parameter, never in it.

use clickhouse::query::Query as Statement;

use super::client::Client;
use super::errors::Failure;
use super::events::{COLUMNS, EventRow, distinct};
use super::names::Table;
use crate::domain::query::Limit;
use crate::domain::{Event, EventId, Ordering, Page, Position, Query};

/// How many rows beyond a page are looked at for the duplicates that stand in or before it.
const SLACK: u64 = 20;

/// Ids in one statement: ClickHouse takes parameters of up to 128 KiB, and an id takes 39 bytes of one.
const MAX_IDS: usize = 1000;

/// A table with fewer rows is read faster than its projections are asked.
const INDEXED_ROWS: &str = "100000";

/// Reads a page and its counts, in three queries at once: what is stored meanwhile may be in one and not
/// in another.
pub(super) async fn page(client: &Client, table: &Table, query: &Query) -> Result<Page, Failure> {
    let filters = Filters { query };
    let total = count(client, table, None);
    let filtered = async {
        if filters.is_empty() {
            Ok(None)
        } else {
            count(client, table, Some(filters)).await.map(Some)
        }
    };
    let first = rows(client, table, filters, SLACK);
    let (total, filtered, mut events) = tokio::try_join!(total, filtered, first)?;
    let filtered = filtered.unwrap_or(total);
    let seen = u64::from(query.offset) + events.len() as u64;
    if events.len() < query.limit.get() as usize && seen < filtered {
        // More duplicates than expected, or these were the last rows: looking at all of them tells.
        events = rows(client, table, filters, filtered).await?;
    }
    let seen = if events.is_empty() {
        0
    } else {
        u64::from(query.offset) + events.len() as u64
    };
    Ok(Page {
        events,
        // Rows that came in between the queries count too.
        total_count: total.max(filtered).max(seen),
        filtered_count: filtered.max(seen),
    })
}

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
        let rows = client.fetch::<EventRow>("scan", |it| {
            let query = table.of(it.query_raw(&sql)).param("limit", bound);
            match &after {
                Some(Position { time_us, event_id }) => query
                    .param("time_us", time_us)
                    .param("event_id", event_id.to_string()),
                None => query,
            }
        });
        let rows = rows.await?;
        let was_last = (rows.len() as u64) < bound;
        let mut events = distinct(rows)?;
        if events.len() >= wanted || was_last {
            events.truncate(wanted);
            return Ok(events);
        }
        bound *= 2; // nothing but duplicates
    }
}

/// The table of a statement, by its two parameters.
pub(super) const TABLE: &str = "{database:Identifier}.{table:Identifier}";

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct IdRow {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: uuid::Uuid,
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

/// Returns a page's events, looking for duplicates among `slack` more rows than the page ends at.
async fn rows(
    client: &Client,
    table: &Table,
    filters: Filters<'_>,
    slack: u64,
) -> Result<Vec<Event>, Failure> {
    let Query { limit, offset, .. } = filters.query;
    let (limit, offset) = (limit.get(), *offset);
    let sql = filters.page_sql();
    let bound = u64::from(offset) + u64::from(limit) + slack;
    let rows = client.fetch::<EventRow>("page", |it| {
        let query = indexed(table.of(it.query_raw(&sql)))
            .param("bound", bound)
            .param("limit", limit)
            .param("offset", offset);
        filters.bind(query)
    });
    let mut events = distinct(rows.await?)?;
    events.truncate(limit as usize);
    Ok(events)
}

/// Lets a statement find rows by the projections.
fn indexed(statement: Statement) -> Statement {
    statement.with_setting("min_table_rows_to_use_projection_index", INDEXED_ROWS)
}

fn texts(ids: &[EventId]) -> Vec<uuid::Uuid> {
    ids.iter().map(EventId::uuid).collect()
}

/// The conditions of a query.
#[derive(Debug, Clone, Copy)]
struct Filters<'a> {
    query: &'a Query,
}

impl Filters<'_> {
    fn is_empty(self) -> bool {
        self.conditions().is_empty()
    }

    fn conditions(self) -> Vec<&'static str> {
        let Query {
            record_ids,
            event_type_ids,
            source_ids,
            source_type_ids,
            event_ids,
            from_us,
            to_us,
            ordering: _,
            limit: _,
            offset: _,
        } = self.query;
        let all = [
            (
                !record_ids.is_empty(),
                "record_id IN {record_ids:Array(Int64)}",
            ),
            (
                !event_type_ids.is_empty(),
                "event_type_id IN {event_type_ids:Array(Int32)}",
            ),
            (
                !source_ids.is_empty(),
                "source_id IN {source_ids:Array(Int64)}",
            ),
            (
                !source_type_ids.is_empty(),
                "source_type_id IN {source_type_ids:Array(Int32)}",
            ),
            (!event_ids.is_empty(), "event_id IN {event_ids:Array(UUID)}"),
            (from_us.is_some(), "time_us >= {from_us:Int64}"),
            (to_us.is_some(), "time_us < {to_us:Int64}"),
        ];
        all.into_iter()
            .filter_map(|(wanted, condition)| wanted.then_some(condition))
            .collect()
    }

    /// Returns a WHERE clause, or nothing.
    fn sql(self) -> String {
        let conditions = self.conditions();
        if conditions.is_empty() {
            return String::new();
        }
        format!("WHERE {}", conditions.join(" AND "))
    }

    /// Returns the statement of a page, with some rows more than it needs where it begins at the first.
    /// Behind an offset the rows before the page have to be counted without duplicates, or a merge
    /// between two pages would move one past an event: so the keys come first, each compared with its
    /// neighbour, and then the rows that have them. (The outer ORDER BY keeps the window's order.)
    fn page_sql(self) -> String {
        let Query {
            ordering, offset, ..
        } = self.query;
        let order = match ordering {
            Ordering::NewestFirst => "ORDER BY time_us DESC, UUIDToNum(event_id) DESC",
            Ordering::OldestFirst => "ORDER BY time_us, UUIDToNum(event_id)",
        };
        let condition = self.sql();
        if *offset == 0 {
            return format!(
                "SELECT {COLUMNS} FROM {TABLE} {condition} {order} LIMIT {{bound:UInt64}}"
            );
        }
        format!(
            "SELECT {COLUMNS} FROM {TABLE} WHERE (time_us, UUIDToNum(event_id)) IN (\
             SELECT time_us, UUIDToNum(event_id) FROM (\
             SELECT time_us, event_id, lagInFrame(toNullable(event_id)) OVER \
             ({order} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS neighbour FROM (\
             SELECT time_us, event_id FROM {TABLE} {condition} {order} LIMIT {{bound:UInt64}})) \
             WHERE ifNull(event_id != neighbour, 1) \
             {order} LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}) {order}"
        )
    }

    fn bind(self, statement: Statement) -> Statement {
        let Query {
            record_ids,
            event_type_ids,
            source_ids,
            source_type_ids,
            event_ids,
            from_us,
            to_us,
            ordering: _,
            limit: _,
            offset: _,
        } = self.query;
        let mut statement = statement;
        if !record_ids.is_empty() {
            statement = statement.param("record_ids", record_ids);
        }
        if !event_type_ids.is_empty() {
            statement = statement.param("event_type_ids", event_type_ids);
        }
        if !source_ids.is_empty() {
            statement = statement.param("source_ids", source_ids);
        }
        if !source_type_ids.is_empty() {
            statement = statement.param("source_type_ids", source_type_ids);
        }
        if !event_ids.is_empty() {
            statement = statement.param("event_ids", texts(event_ids));
        }
        if let Some(from) = from_us {
            statement = statement.param("from_us", from);
        }
        if let Some(to) = to_us {
            statement = statement.param("to_us", to);
        }
        statement
    }
}
