//! Pages of a tenant's history, read in pieces of bounded size.

use super::events_table::{COLUMNS, EventRow, distinct};
use super::filters::Filters;
use super::{NEWEST_FIRST, OLDEST_FIRST, TABLE, TenantTables, indexed, uuids};
use crate::domain::{Event, EventId, Page, Position, Query};
use crate::store::READ_BYTES;
use crate::store::clickhouse::failure::Failure;

/// Rows to read beyond a page, for the duplicates in or before it.
const SLACK: u64 = 20;

/// Up to this limit a page is read at once, as most pages can be.
const ORDINARY_LIMIT: u32 = 50;

/// The rows that are asked for first if a page is not read at once: [`READ_BYTES`] of ordinary ones, and not too many
/// for ClickHouse to read if they are large.
const FIRST_ROWS: usize = 256;

impl TenantTables<'_> {
    /// Reads a page and its counts, in three queries at once: an event that is stored meanwhile may be in one and not
    /// in another. Of a page that may be large the positions are read first, and then as many of its rows as fit.
    pub(crate) async fn page(&self, query: &Query) -> Result<Page, Failure> {
        let filters = Filters::new(query);
        let is_ordinary = filters.limit.get() <= ORDINARY_LIMIT;
        let total = self.count(None);
        let filtered = async {
            if filters.is_empty() {
                return Ok(None);
            }
            self.count(Some(&filters)).await.map(Some)
        };
        let first = async {
            if is_ordinary {
                return self.rows(&filters).await;
            }
            Ok(None)
        };
        let positions = async {
            if is_ordinary {
                return Ok(None);
            }
            self.positions(&filters, SLACK).await.map(Some)
        };
        let (total, filtered, first, positions) =
            tokio::try_join!(total, filtered, first, positions)?;
        let filtered = filtered.unwrap_or(total);
        let (events, rest) = match first {
            Some(events) if is_whole(&filters, events.len(), filtered) => (events, Vec::new()),
            _ => self.by_positions(&filters, positions, filtered).await?,
        };
        let length = events.len() + rest.len();
        let seen = if length == 0 {
            0
        } else {
            u64::from(filters.offset) + length as u64
        };
        Ok(Page {
            events,
            rest,
            // Rows that came in between the queries count too.
            total_count: total.max(filtered).max(seen),
            filtered_count: filtered.max(seen),
        })
    }

    /// Reads the first events of a page whose positions are known, or are found now.
    async fn by_positions(
        &self,
        filters: &Filters<'_>,
        known: Option<Vec<Position>>,
        filtered: u64,
    ) -> Result<(Vec<Event>, Vec<Position>), Failure> {
        let mut positions = match known {
            Some(positions) => positions,
            None => self.positions(filters, SLACK).await?,
        };
        if !is_whole(filters, positions.len(), filtered) {
            positions = self.positions(filters, filtered).await?;
        }
        if positions.is_empty() {
            return Ok((Vec::new(), positions));
        }
        let first = &positions[..positions.len().min(FIRST_ROWS)];
        let events = self.events_at(first).await?;
        if events.is_empty() {
            return Err(Failure::InvalidData(
                "an event is in the key and not in the table".to_owned(),
            ));
        }
        let rest = positions.split_off(events.len());
        Ok((events, rest))
    }

    /// Returns the events at the beginning of `positions`, which are in the total order in either direction.
    pub(crate) async fn events_at(&self, positions: &[Position]) -> Result<Vec<Event>, Failure> {
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
        let most_rows = u64::try_from(positions.len()).unwrap_or(u64::MAX);
        let found = self.client.fetch_up_to::<EventRow>(
            "events_at",
            |it| {
                let statement = self.events.bind(it.query_raw(&sql));
                let statement = statement.param("event_ids", uuids(&ids));
                statement.param("times", &times)
            },
            (most_rows, READ_BYTES),
            EventRow::weight_bytes,
        );
        let (rows, _) = found.await?;
        let mut events = distinct(rows)?;
        // An event that no longer exists ends what may be shown.
        let same = events.iter().zip(positions);
        let same = same.take_while(|(event, position)| event.position() == **position);
        let length = same.count();
        events.truncate(length);
        Ok(events)
    }

    /// Counts rows, duplicates that are not merged yet included: to leave them out, every row would have to
    /// be read.
    async fn count(&self, filters: Option<&Filters<'_>>) -> Result<u64, Failure> {
        let condition = filters.map(Filters::sql).unwrap_or_default();
        let sql = format!("SELECT count() FROM {TABLE} {condition}");
        let counts = self.client.fetch::<u64>("count", |it| {
            let statement = indexed(self.events.bind(it.query_raw(&sql)));
            match filters {
                Some(filters) => filters.bind(statement),
                None => statement,
            }
        });
        Ok(counts.await?.first().copied().unwrap_or_default())
    }

    /// Returns a page's events, looking for duplicates among [`SLACK`] more rows than the page ends at. `None` if they
    /// come to more than [`READ_BYTES`].
    async fn rows(&self, filters: &Filters<'_>) -> Result<Option<Vec<Event>>, Failure> {
        let sql = filters.page_sql(COLUMNS);
        let rows = self.client.fetch_up_to::<EventRow>(
            "page",
            |it| filters.bind_page(indexed(self.events.bind(it.query_raw(&sql))), SLACK),
            (filters.bound(SLACK), READ_BYTES),
            EventRow::weight_bytes,
        );
        let (rows, are_all) = rows.await?;
        let limit = filters.limit.get() as usize;
        let mut events = distinct(rows)?;
        events.truncate(limit);
        Ok((are_all || events.len() == limit).then_some(events))
    }

    /// Returns the positions of a page's events, looking for duplicates among `slack` more rows than the page ends at.
    async fn positions(&self, filters: &Filters<'_>, slack: u64) -> Result<Vec<Position>, Failure> {
        let sql = filters.page_sql("time_us, event_id");
        let rows = self.client.fetch::<PositionRow>("positions", |it| {
            filters.bind_page(indexed(self.events.bind(it.query_raw(&sql))), slack)
        });
        let rows = rows.await?.into_iter();
        let mut positions: Vec<Position> = rows.map(Position::from).collect();
        positions.dedup();
        positions.truncate(filters.limit.get() as usize);
        Ok(positions)
    }
}

/// Tells whether a page has all the events that it can have. If not, there were more duplicates than expected, or these
/// were the last rows: looking at all of them tells.
fn is_whole(filters: &Filters<'_>, length: usize, filtered: u64) -> bool {
    let seen = u64::from(filters.offset) + length as u64;
    length >= filters.limit.get() as usize || seen >= filtered
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct PositionRow {
    time_us: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: uuid::Uuid,
}

impl From<PositionRow> for Position {
    fn from(row: PositionRow) -> Self {
        let PositionRow { time_us, event_id } = row;
        Self {
            time_us,
            event_id: EventId::from_uuid(event_id),
        }
    }
}
