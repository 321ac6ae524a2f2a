//! A whole history, from the oldest event on.

use super::events_table::{COLUMNS, EventRow, distinct};
use super::{OLDEST_FIRST, TABLE, TenantTables};
use crate::domain::query::Limit;
use crate::domain::{Event, Position};
use crate::store::SCAN_BYTES;
use crate::store::clickhouse::failure::Failure;

impl TenantTables<'_> {
    /// Returns the next events after `after`, oldest first.
    pub(crate) async fn scan(
        &self,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Failure> {
        let wanted = limit.get() as usize;
        let condition = match after {
            Some(_) => {
                "WHERE time_us >= {time_us:Int64} AND (time_us, UUIDToNum(event_id)) > \
                 ({time_us:Int64}, UUIDToNum({event_id:UUID}))"
            }
            None => "",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLE} {condition} {OLDEST_FIRST} LIMIT {{limit:UInt64}}"
        );
        let mut bound = u64::from(limit.get()) + 1;
        loop {
            let rows = self.client.fetch_up_to::<EventRow>(
                "scan",
                |it| {
                    let statement = self.events.bind(it.query_raw(&sql)).param("limit", bound);
                    match &after {
                        Some(Position { time_us, event_id }) => statement
                            .param("time_us", time_us)
                            .param("event_id", event_id.to_string()),
                        None => statement,
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
}
