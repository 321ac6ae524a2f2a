//! Histories from one position to the next: the whole, from the oldest event on, and what matches a query.

use clickhouse::query::Query as Request;

use super::events_table::{COLUMNS, StoredRow, distinct};
use super::filters::Filters;
use super::{OLDEST_FIRST, TenantTables, indexed};
use crate::domain::query::Limit;
use crate::domain::{Chunk, Event, Position, Query};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::{OWN_ROWS, Statement};
use crate::store::{READ_BYTES, SCAN_BYTES};

impl TenantTables {
    /// Returns the events behind a position that match the filters of `query`, in its ordering.
    pub(crate) async fn events_behind(
        &self,
        after: Option<Position>,
        query: &Query,
    ) -> Result<Chunk, Failure> {
        let mut filters = Filters::new(query);
        filters.after = after;
        let statement = self.statement(filters.behind_sql(COLUMNS))?;
        let bind = |request, bound| filters.bind_behind(indexed(request), bound);
        self.walk("behind", &statement, bind, query.limit, READ_BYTES)
            .await
    }

    /// Returns the next events after `after`, oldest first.
    pub(crate) async fn scan(
        &self,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Failure> {
        let condition = match after {
            Some(_) => {
                " AND time_us >= {time_us:Int64} AND (time_us, UUIDToNum(event_id)) > \
                 ({time_us:Int64}, UUIDToNum({event_id:UUID}))"
            }
            None => "",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {OWN_ROWS}{condition} {OLDEST_FIRST} LIMIT {{limit:UInt64}}"
        );
        let statement = self.statement(sql)?;
        let bind = |request: Request, bound| {
            let request = request.param("limit", bound);
            match &after {
                Some(Position { time_us, event_id }) => request
                    .param("time_us", time_us)
                    .param("event_id", event_id.to_string()),
                None => request,
            }
        };
        let chunk = self
            .walk("scan", &statement, bind, limit, SCAN_BYTES)
            .await?;
        Ok(chunk.events)
    }

    /// Reads the events of a statement's rows, which are in the total order in either direction: at most `limit`, up to
    /// this many bytes. `bind` binds the statement's parameters and the most rows that it may return.
    async fn walk(
        &self,
        operation: &'static str,
        statement: &Statement,
        bind: impl Fn(Request, u64) -> Request,
        limit: Limit,
        most_bytes: usize,
    ) -> Result<Chunk, Failure> {
        let wanted = limit.get() as usize;
        let mut bound = u64::from(limit.get()) + 1;
        loop {
            let rows = self.client.fetch_up_to::<StoredRow>(
                operation,
                |it| bind(statement.on(it), bound),
                most_bytes,
                StoredRow::weight_bytes,
                StoredRow::is_same_event,
            );
            let (rows, are_all) = rows.await?;
            let is_cut = are_all && rows.len() as u64 == bound;
            let mut events = distinct(rows)?;
            if is_cut {
                events.pop(); // a row of the same event may follow
            }
            if !is_cut || events.len() >= wanted {
                let has_more = is_cut || !are_all || events.len() > wanted;
                events.truncate(wanted);
                return Ok(Chunk { events, has_more });
            }
            bound *= 2; // duplicates
        }
    }
}
