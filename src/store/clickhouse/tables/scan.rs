//! A whole history, from the oldest event on.

use super::events_table::{COLUMNS, StoredRow, distinct};
use super::{OLDEST_FIRST, TenantTables};
use crate::domain::query::Limit;
use crate::domain::{Event, Position};
use crate::store::SCAN_BYTES;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::OWN_ROWS;

impl TenantTables {
    /// Returns the next events after `after`, oldest first.
    pub(crate) async fn scan(
        &self,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Failure> {
        let wanted = limit.get() as usize;
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
        let mut bound = u64::from(limit.get()) + 1;
        loop {
            let rows = self.client.fetch_up_to::<StoredRow>(
                "scan",
                |it| {
                    let query = statement.on(it).param("limit", bound);
                    match &after {
                        Some(Position { time_us, event_id }) => query
                            .param("time_us", time_us)
                            .param("event_id", event_id.to_string()),
                        None => query,
                    }
                },
                SCAN_BYTES,
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
                events.truncate(wanted);
                return Ok(events);
            }
            bound *= 2; // duplicates
        }
    }
}
