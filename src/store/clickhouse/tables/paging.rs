//! Pages of a tenant's history, read in pieces of bounded size.

use super::events_table::{COLUMNS, StoredRow, distinct};
use super::filters::Filters;
use super::{NEWEST_FIRST, OLDEST_FIRST, TenantTables, indexed, uuids};
use crate::domain::{Count, Counts, Event, EventId, Grouping, Page, Position, Query};
use crate::store::READ_BYTES;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::OWN_ROWS;

/// Rows to read beyond a page, for the duplicates in or before it.
const SLACK: u64 = 20;

/// Up to this limit a page is read at once, as most pages can be.
const ORDINARY_LIMIT: u32 = 50;

/// The rows that are asked for first if a page is not read at once: [`READ_BYTES`] of ordinary ones, and not too many
/// for ClickHouse to read if they are large.
const FIRST_ROWS: usize = 256;

impl TenantTables {
    /// Reads a page and its counts, in three queries at once: an event that is stored meanwhile may be in one and not
    /// in another. Of a page that may be large the positions are read first, and then as many of its rows as fit.
    pub(crate) async fn page(&self, query: &Query) -> Result<Page, Failure> {
        let filters = Filters::new(query);
        let is_ordinary = filters.limit.get() <= ORDINARY_LIMIT;
        let counts = async {
            match query.count {
                Count::Exact => self.counts_of(&filters).await.map(Some),
                Count::None => Ok(None),
            }
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
        let (counts, first, positions) = tokio::try_join!(counts, first, positions)?;
        let filtered = counts.map(|it| it.filtered);
        let mut page = match first {
            Some(first) if first.is_whole(&filters, filtered) => Page {
                has_more: first.has_more(&filters),
                events: first.found,
                rest: Vec::new(),
                counts,
            },
            _ => {
                let (events, rest, has_more) =
                    self.by_positions(&filters, positions, filtered).await?;
                Page {
                    events,
                    rest,
                    has_more,
                    counts,
                }
            }
        };
        page.events.truncate(filters.limit.get() as usize);
        let length = page.events.len() + page.rest.len();
        if length > 0
            && let Some(Counts { total, filtered }) = &mut page.counts
        {
            // Rows that came in between the queries count too.
            let seen = u64::from(filters.offset) + length as u64;
            *filtered = seen.max(*filtered);
            *total = (*total).max(*filtered);
        }
        Ok(page)
    }

    /// Counts the events of the tenant, and those that match.
    async fn counts_of(&self, filters: &Filters<'_>) -> Result<Counts, Failure> {
        let filtered = async {
            if filters.is_empty() {
                return Ok(None);
            }
            self.count(Some(filters)).await.map(Some)
        };
        let (total, filtered) = tokio::try_join!(self.count(None), filtered)?;
        let filtered = filtered.unwrap_or(total);
        Ok(Counts {
            total: total.max(filtered),
            filtered,
        })
    }

    /// Reads the first events of a page whose positions are known, or are found now. Returns the positions of the others,
    /// and whether more events match.
    async fn by_positions(
        &self,
        filters: &Filters<'_>,
        known: Option<Found<Position>>,
        filtered: Option<u64>,
    ) -> Result<(Vec<Event>, Vec<Position>, bool), Failure> {
        let mut positions = match known {
            Some(positions) => positions,
            None => self.positions(filters, SLACK).await?,
        };
        if !positions.is_whole(filters, filtered) {
            // Up to four rows of each event: more are never seen.
            positions = self.positions(filters, 3 * (filters.end() + 1)).await?;
        }
        let has_more = positions.has_more(filters);
        let mut positions = positions.found;
        positions.truncate(filters.limit.get() as usize);
        let first = &positions[..positions.len().min(FIRST_ROWS)];
        let events = self.events_at(first).await?;
        if events.is_empty() {
            // There were none, or the tenant is being deleted.
            return Ok((Vec::new(), Vec::new(), false));
        }
        let rest = positions.split_off(events.len());
        Ok((events, rest, has_more))
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
        let groups = self.count_by_group("count", filters, Grouping::default());
        Ok(groups.await?.iter().map(|it| it.events).sum())
    }

    /// Returns a page's events and one more, looking for duplicates among [`SLACK`] more rows. `None` if they come to more
    /// than [`READ_BYTES`].
    async fn rows(&self, filters: &Filters<'_>) -> Result<Option<Found<Event>>, Failure> {
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
        let mut found = distinct(rows)?;
        if is_cut {
            found.pop(); // a row of the same event may follow
        }
        let found = Found {
            is_end: are_all && !is_cut && filters.offset == 0,
            found,
        };
        Ok((are_all || found.has_more(filters)).then_some(found))
    }

    /// Returns the positions of a page's events and of one more, looking for duplicates among `slack` more rows.
    async fn positions(
        &self,
        filters: &Filters<'_>,
        slack: u64,
    ) -> Result<Found<Position>, Failure> {
        let statement = self.statement(filters.page_sql("time_us, event_id"))?;
        let rows = self.client.fetch::<PositionRow>("positions", |it| {
            filters.bind_page(indexed(statement.on(it)), slack)
        });
        let rows = rows.await?;
        let is_end = filters.offset == 0 && (rows.len() as u64) < filters.bound(slack);
        let mut found: Vec<Position> = rows.into_iter().map(Position::from).collect();
        found.dedup();
        Ok(Found { found, is_end })
    }
}

/// What was found for a page and the event behind it.
#[derive(Debug)]
struct Found<T> {
    found: Vec<T>,
    /// It is known that nothing else matches.
    is_end: bool,
}

impl<T> Found<T> {
    /// Tells whether the event behind the page was found.
    fn has_more(&self, filters: &Filters<'_>) -> bool {
        self.found.len() > filters.limit.get() as usize
    }

    /// Tells whether these are all events that the page can have. If not, there were more duplicates than expected, or these
    /// were the last rows: looking at more of them tells. `filtered` events match, if that is known.
    fn is_whole(&self, filters: &Filters<'_>, filtered: Option<u64>) -> bool {
        let seen = u64::from(filters.offset) + self.found.len() as u64;
        let is_counted = filters.after.is_none() && filtered.is_some_and(|it| seen >= it);
        self.is_end || self.has_more(filters) || is_counted
    }
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
