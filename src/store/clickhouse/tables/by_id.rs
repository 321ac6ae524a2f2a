//! Events by their ids.

use uuid::Uuid;

use super::events_table::{COLUMNS, EventRow, distinct};
use super::{MAX_IDS, TABLE, TenantTables, indexed, uuids};
use crate::domain::{Event, EventId};
use crate::store::clickhouse::failure::Failure;

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct IdRow {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
}

impl TenantTables<'_> {
    pub(in crate::store::clickhouse) async fn find(
        &self,
        id: EventId,
    ) -> Result<Option<Event>, Failure> {
        Ok(self.find_all(&[id]).await?.pop())
    }

    /// Returns the events with these ids, in no order.
    pub(in crate::store::clickhouse) async fn find_all(
        &self,
        ids: &[EventId],
    ) -> Result<Vec<Event>, Failure> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLE} WHERE event_id IN {{event_ids:Array(UUID)}} \
             ORDER BY event_id, time_us"
        );
        let mut events = Vec::new();
        for ids in ids.chunks(MAX_IDS) {
            let rows = self.client.fetch::<EventRow>("find", |it| {
                indexed(self.events.bind(it.query_raw(&sql))).param("event_ids", uuids(ids))
            });
            events.extend(distinct(rows.await?)?);
        }
        Ok(events)
    }

    /// Returns which of these ids are stored: cheaper than [`Self::find_all`], as most often none is.
    pub(in crate::store::clickhouse) async fn stored_ids(
        &self,
        ids: &[EventId],
    ) -> Result<Vec<EventId>, Failure> {
        let sql = format!(
            "SELECT DISTINCT event_id FROM {TABLE} WHERE event_id IN {{event_ids:Array(UUID)}}"
        );
        let mut stored = Vec::new();
        for ids in ids.chunks(MAX_IDS) {
            let rows = self.client.fetch::<IdRow>("stored_ids", |it| {
                indexed(self.events.bind(it.query_raw(&sql))).param("event_ids", uuids(ids))
            });
            let rows = rows.await?.into_iter();
            stored.extend(rows.map(|row| EventId::from_uuid(row.event_id)));
        }
        Ok(stored)
    }
}
