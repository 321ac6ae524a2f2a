//! Pages of a tenant's history, read in pieces of bounded size.

use super::events_table::{COLUMNS, StoredRow, distinct};
use super::filters::Filters;
use super::{NEWEST_FIRST, OLDEST_FIRST, TenantTables, indexed, uuids};
use crate::domain::{Event, EventId, Page, Position, Query};
use crate::store::READ_BYTES;
use crate::store::clickhouse::failure::{Failure, code};
use crate::store::clickhouse::statement::{OWN_ROWS, OWN_ROWS_FINAL};

/// Rows to read beyond a page, for the duplicates in or before it.
const SLACK: u64 = 20;

/// Up to this limit a page is read at once, as most pages can be.
const ORDINARY_LIMIT: u32 = 50;

/// The rows that are asked for first if a page is not read at once: [`READ_BYTES`] of ordinary ones, and not too many
/// for ClickHouse to read if they are large.
const FIRST_ROWS: usize = 256;

/// More rows than these are counted with their duplicates: leaving them out takes a tenth of a second per million.
const MAX_EXACT_ROWS: u64 = 1_500_000;

impl TenantTables {
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
            // Up to four rows of each event: more are never seen.
            positions = self.positions(filters, 3 * filtered).await?;
        }
        let first = &positions[..positions.len().min(FIRST_ROWS)];
        let events = self.events_at(first).await?;
        if events.is_empty() {
            // There were none, or the tenant is being deleted.
            return Ok((Vec::new(), Vec::new()));
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
        let statement = self.statement(format!(
            "SELECT {COLUMNS} FROM {OWN_ROWS} AND time_us IN {{times:Array(Int64)}} \
             AND event_id IN {{event_ids:Array(UUID)}} {order}"
        ))?;
        let ids: Vec<EventId> = positions.iter().map(|it| it.event_id).collect();
        let mut times: Vec<i64> = positions.iter().map(|it| it.time_us).collect();
        times.dedup();
        let found = self.client.fetch_up_to::<StoredRow>(
            "events_at",
            |it| {
                let query = statement.on(it).param("event_ids", uuids(&ids));
                query.param("times", &times)
            },
            READ_BYTES,
            StoredRow::weight_bytes,
            StoredRow::is_same_event,
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

    /// Counts events. Duplicates that are not merged yet are left out, unless there are very many rows.
    async fn count(&self, filters: Option<&Filters<'_>>) -> Result<u64, Failure> {
        let condition = filters.map(Filters::sql).unwrap_or_default();
        // The rows of a few records or events are found by an index, which FINAL cannot use.
        let exact = if filters.is_some_and(Filters::are_selective) {
            let rows = format!(
                "SELECT time_us, event_id FROM {OWN_ROWS}{condition} LIMIT {MAX_EXACT_ROWS}"
            );
            let sql = format!(
                "SELECT uniqExact(time_us, event_id) AS events, count() AS rows FROM ({rows})"
            );
            let counts = self.count_by(sql, filters, None).await?;
            (counts.rows < MAX_EXACT_ROWS).then_some(counts)
        } else {
            let sql = format!(
                "SELECT count() AS events, events AS rows FROM {OWN_ROWS_FINAL}{condition}"
            );
            match self.count_by(sql, filters, Some(MAX_EXACT_ROWS)).await {
                Err(failure) if failure.is(code::TOO_MANY_ROWS) => None,
                outcome => Some(outcome?),
            }
        };
        if let Some(counts) = exact {
            return Ok(counts.events);
        }
        let sql = format!("SELECT count() AS events, events AS rows FROM {OWN_ROWS}{condition}");
        Ok(self.count_by(sql, filters, None).await?.events)
    }

    /// Runs a statement that counts; it fails if more than `max_rows` would have to be read.
    async fn count_by(
        &self,
        sql: String,
        filters: Option<&Filters<'_>>,
        max_rows: Option<u64>,
    ) -> Result<CountsRow, Failure> {
        let statement = self.statement(sql)?;
        let counts = self.client.fetch::<CountsRow>("count", |it| {
            let mut query = indexed(statement.on(it));
            if let Some(max_rows) = max_rows {
                query = query.with_setting("max_rows_to_read", max_rows.to_string());
            }
            match filters {
                Some(filters) => filters.bind(query),
                None => query,
            }
        });
        let counts = counts.await?.pop();
        counts.ok_or_else(|| Failure::InvalidData("a count returned no row".to_owned()))
    }

    /// Returns a page's events, looking for duplicates among [`SLACK`] more rows than the page ends at. `None` if they
    /// come to more than [`READ_BYTES`].
    async fn rows(&self, filters: &Filters<'_>) -> Result<Option<Vec<Event>>, Failure> {
        let statement = self.statement(filters.page_sql(COLUMNS))?;
        let rows = self.client.fetch_up_to::<StoredRow>(
            "page",
            |it| filters.bind_page(indexed(statement.on(it)), SLACK),
            READ_BYTES,
            StoredRow::weight_bytes,
            StoredRow::is_same_event,
        );
        let (rows, are_all) = rows.await?;
        let is_cut = rows.len() as u64 == filters.bound(SLACK);
        let limit = filters.limit.get() as usize;
        let mut events = distinct(rows)?;
        if is_cut {
            events.pop(); // a row of the same event may follow
        }
        events.truncate(limit);
        Ok((are_all || events.len() == limit).then_some(events))
    }

    /// Returns the positions of a page's events, looking for duplicates among `slack` more rows than the page ends at.
    async fn positions(&self, filters: &Filters<'_>, slack: u64) -> Result<Vec<Position>, Failure> {
        let statement = self.statement(filters.page_sql("time_us, event_id"))?;
        let rows = self.client.fetch::<PositionRow>("positions", |it| {
            filters.bind_page(indexed(statement.on(it)), slack)
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
struct CountsRow {
    events: u64,
    /// The rows that were looked at, or again the events where that is not known.
    rows: u64,
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
