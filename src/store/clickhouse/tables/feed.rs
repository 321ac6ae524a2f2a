//! A tenant's events in the order of their arrival.
//!
//! The order is that of the table's time of receipt, event time and id. Several rows of one event may be there until they
//! are merged; the one that was received first counts, wherever the others are.

use std::collections::HashMap;

use uuid::Uuid;

use super::events_table::{COLUMNS, StoredRow};
use super::filters::Filters;
use super::{IdRow, MAX_IDS, TenantTables, indexed};
use crate::domain::{ClientId, Event, EventId, FeedPosition, Query};
use crate::store::READ_BYTES;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::{EVENTS_OF_TENANTS, OWN_ROWS, RECEIVED_AHEAD, Statement};
use crate::store::clickhouse::table_names::TableName;

/// Of the rows of one place the latest revision.
const ARRIVAL_ORDER: &str = "ORDER BY received_at, time_us, UUIDToNum(event_id), revision DESC \
     LIMIT 1 BY received_at, time_us, event_id";

/// A time of receipt in microseconds, an event time, and an id: what rows are ordered by.
pub(super) type Place = (i64, i64, Uuid);

/// Events in the order of their arrival.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) events: Vec<Event>,
    /// The position of each event.
    pub(crate) positions: Vec<FeedPosition>,
    /// Behind the last row that was looked at; `None` if there was none.
    pub(crate) last: Option<FeedPosition>,
    /// Rows that match follow.
    pub(crate) has_more: bool,
}

impl TenantTables {
    /// Returns the events behind a position that were received until `until_us` and match the filters.
    pub(crate) async fn feed(
        &self,
        after: Option<Place>,
        until_us: i64,
        query: &Query,
    ) -> Result<Arrived, Failure> {
        let filters = Filters::new(query);
        let behind = match after {
            Some(_) => {
                " AND received_at >= fromUnixTimestamp64Micro({after_us:Int64}, 'UTC') \
                 AND (received_at, time_us, UUIDToNum(event_id)) > \
                 (fromUnixTimestamp64Micro({after_us:Int64}, 'UTC'), {after_time_us:Int64}, \
                 UUIDToNum({after_id:UUID}))"
            }
            None => "",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {OWN_ROWS} \
             AND received_at <= fromUnixTimestamp64Micro({{until_us:Int64}}, 'UTC'){behind}{} \
             {ARRIVAL_ORDER} LIMIT {{bound:UInt64}}",
            filters.sql()
        );
        let statement = self.statement(sql)?;
        let limit = query.limit.get() as usize;
        let rows = self.client.fetch_up_to::<StoredRow>(
            "feed",
            |it| {
                let request = filters.bind(statement.on(it));
                let request = request.param("until_us", until_us);
                let request = request.param("bound", limit as u64 + 1);
                match after {
                    Some((after_us, after_time_us, after_id)) => request
                        .param("after_us", after_us)
                        .param("after_time_us", after_time_us)
                        .param("after_id", after_id),
                    None => request,
                }
            },
            READ_BYTES,
            StoredRow::weight_bytes,
            |_, _| false,
        );
        let (mut rows, are_all) = rows.await?;
        let has_more = !are_all || rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(|row| position(row.place()));
        let (events, positions) = self.first_of_each(rows).await?;
        Ok(Arrived {
            events,
            positions,
            last,
            has_more,
        })
    }

    /// Returns when the newest event was received, in microseconds since 1970-01-01T00:00:00Z, as far as a read quorum of
    /// replicas knows: also one that the watermark still hides.
    pub(crate) async fn newest_received_us(&self) -> Result<Option<i64>, Failure> {
        let sql = format!(
            "SELECT toUnixTimestamp64Micro(max(received_at)) AS received_us, count() AS events FROM {OWN_ROWS}"
        );
        let statement = self.statement(sql)?;
        let query = |it: &clickhouse::Client| statement.on(it);
        let rows = self
            .client
            .fetch_read_quorum::<NewestRow>("newest_received", query);
        let rows = rows.await?.into_iter().flatten();
        Ok(rows
            .filter(|row| row.events > 0)
            .map(|row| row.received_us)
            .max())
    }

    /// Returns the position of the newest event that was received until `until_us` and, where that is given, not before
    /// `since_us`, which makes it faster.
    pub(crate) async fn newest(
        &self,
        since_us: Option<i64>,
        until_us: i64,
    ) -> Result<Option<FeedPosition>, Failure> {
        let since = match since_us {
            Some(_) => " AND received_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')",
            None => "",
        };
        let sql = format!(
            "SELECT {PLACE} FROM {OWN_ROWS} \
             AND received_at <= fromUnixTimestamp64Micro({{until_us:Int64}}, 'UTC'){since} \
             ORDER BY received_at DESC, time_us DESC, UUIDToNum(event_id) DESC LIMIT 1"
        );
        let statement = self.statement(sql)?;
        let query = |it: &clickhouse::Client| {
            let request = statement.on(it).param("until_us", until_us);
            match since_us {
                Some(since_us) => request.param("since_us", since_us),
                None => request,
            }
        };
        let rows = self.client.fetch::<PlaceRow>("newest", query).await?;
        Ok(rows.first().map(|row| position(row.place())))
    }

    /// Returns the position of the event with this id, and the time at which it was received.
    pub(crate) async fn position_of(
        &self,
        id: EventId,
    ) -> Result<Option<(FeedPosition, i64)>, Failure> {
        let first = self.first_places(&[id.uuid()]).await?;
        let first = first.into_values().next();
        Ok(first.map(|place| (position(place), place.0)))
    }

    /// Returns the events of those rows that are the first of their event. A row that was received later is one event with
    /// it, wherever that is.
    async fn first_of_each(
        &self,
        rows: Vec<StoredRow>,
    ) -> Result<(Vec<Event>, Vec<FeedPosition>), Failure> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.place().2).collect();
        let first = self.first_places(&ids).await?;
        let is_first = |row: &StoredRow| first.get(&row.place().2) == Some(&row.place());
        let firsts: Vec<StoredRow> = rows.into_iter().filter(is_first).collect();
        let positions = firsts.iter().map(|row| position(row.place())).collect();
        let events: Result<_, _> = firsts.into_iter().map(Event::try_from).collect();
        Ok((events?, positions))
    }

    /// Returns the first place of each of these events.
    async fn first_places(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Place>, Failure> {
        let sql = format!("SELECT {PLACE} FROM {OWN_ROWS} AND event_id IN {{ids:Array(UUID)}}");
        let statement = self.statement(sql)?;
        let mut first: HashMap<Uuid, Place> = HashMap::new();
        for ids in ids.chunks(MAX_IDS) {
            let query = |it: &clickhouse::Client| indexed(statement.on(it)).param("ids", ids);
            let rows = self
                .client
                .fetch_read_quorum::<PlaceRow>("first_places", query);
            for row in rows.await?.into_iter().flatten() {
                let place = row.place();
                let known = first.entry(row.event_id).or_insert(place);
                *known = place.min(*known);
            }
        }
        Ok(first)
    }
}

/// Returns those of these tenants that received events after one watermark and until another.
pub(crate) async fn arrived(
    client: &Client,
    table: &TableName,
    tenants: &[ClientId],
    after_us: i64,
    until_us: i64,
) -> Result<Vec<ClientId>, Failure> {
    let sql = format!(
        "SELECT client_id AS id FROM {EVENTS_OF_TENANTS} \
         AND received_at > fromUnixTimestamp64Micro({{after_us:Int64}}, 'UTC') \
         AND received_at <= fromUnixTimestamp64Micro({{until_us:Int64}}, 'UTC') GROUP BY client_id"
    );
    let statement = Statement::of_keys(table, sql)?;
    let client = client.of(table);
    let tenants: Vec<Uuid> = tenants.iter().map(ClientId::uuid).collect();
    let mut found = Vec::new();
    for tenants in tenants.chunks(MAX_IDS) {
        let query = |it: &clickhouse::Client| {
            let request = statement.on(it).param("clients", tenants);
            request
                .param("after_us", after_us)
                .param("until_us", until_us)
        };
        let rows = client.fetch::<IdRow>("arrived", query).await?;
        found.extend(rows.into_iter().map(|row| ClientId::from_uuid(row.id)));
    }
    Ok(found)
}

/// Returns the time of the newest event of all tenants, in microseconds since 1970-01-01T00:00:00Z, if it was received later
/// than now, by the clock of a replica; else 0.
pub(crate) async fn newest_ahead(client: &Client, table: &TableName) -> Result<i64, Failure> {
    let sql = format!("SELECT toUnixTimestamp64Micro(max(received_at)) FROM {RECEIVED_AHEAD}");
    let statement = Statement::of_keys(table, sql)?;
    let query = |it: &clickhouse::Client| statement.on(it);
    let client = client.of(table);
    let newest = client.fetch_majority::<i64>("newest_ahead", query).await?;
    Ok(newest.into_iter().flatten().max().unwrap_or(0))
}

const PLACE: &str = "toUnixTimestamp64Micro(received_at) AS received_us, time_us, event_id";

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct NewestRow {
    received_us: i64,
    events: u64,
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct PlaceRow {
    received_us: i64,
    time_us: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
}

impl PlaceRow {
    const fn place(&self) -> Place {
        (self.received_us, self.time_us, self.event_id)
    }
}

const fn position((received_us, time_us, event_id): Place) -> FeedPosition {
    FeedPosition::Received {
        received_us,
        time_us,
        event_id: EventId::from_uuid(event_id),
    }
}
