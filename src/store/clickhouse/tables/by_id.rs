//! A tenant's events by their ids.

use super::events_table::{COLUMNS, StoredRow, distinct};
use super::{TenantTables, indexed};
use crate::domain::{Event, EventId};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::OWN_ROWS;

impl TenantTables {
    pub(crate) async fn find(&self, id: EventId) -> Result<Option<Event>, Failure> {
        let sql = format!("SELECT {COLUMNS} FROM {OWN_ROWS} AND event_id = {{event_id:UUID}}");
        let statement = self.statement(sql)?;
        let rows = self.client.fetch_read_quorum::<StoredRow>("find", |it| {
            indexed(statement.on(it)).param("event_id", id.uuid())
        });
        let mut rows: Vec<_> = rows.await?.into_iter().flatten().collect();
        rows.sort_by_key(StoredRow::time_us);
        Ok(distinct(rows)?.into_iter().next())
    }
}
