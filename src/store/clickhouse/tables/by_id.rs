//! Events by their ids.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::events_table::{COLUMNS, EventRow};
use super::{MAX_IDS, TABLE, TenantTables, indexed, uuids};
use crate::domain::{Event, EventId};
use crate::store::clickhouse::failure::Failure;

impl TenantTables<'_> {
    pub(crate) async fn find(&self, id: EventId) -> Result<Option<Event>, Failure> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLE} WHERE event_id = {{event_id:UUID}} ORDER BY time_us LIMIT 1"
        );
        let rows = self.client.fetch::<EventRow>("find", |it| {
            indexed(self.events.bind(it.query_raw(&sql))).param("event_id", id.uuid())
        });
        rows.await?.pop().map(Event::try_from).transpose()
    }

    /// Compares events with the stored events of the same ids, of which it holds one in memory at a time. Returns for each
    /// id that is stored which of `events` have the stored content, by their index.
    pub(crate) async fn compare(
        &self,
        events: &[&Event],
    ) -> Result<HashMap<EventId, Vec<usize>>, Failure> {
        let mut by_id: HashMap<EventId, Vec<usize>> = HashMap::new();
        for (index, event) in events.iter().enumerate() {
            by_id.entry(event.id).or_default().push(index);
        }
        let ids: Vec<EventId> = by_id.keys().copied().collect();
        let stored_ids = self.stored_ids(&ids).await?;
        let compare = |row: EventRow| -> Result<(EventId, i64, Vec<usize>), Failure> {
            let stored = Event::try_from(row)?;
            let indexes = by_id.get(&stored.id).into_iter().flatten().copied();
            let same = indexes.filter(|index| stored.same_content(events[*index]));
            Ok((stored.id, stored.time.micros(), same.collect()))
        };
        let sql =
            format!("SELECT {COLUMNS} FROM {TABLE} WHERE event_id IN {{event_ids:Array(UUID)}}");
        let mut earliest: HashMap<EventId, (i64, Vec<usize>)> = HashMap::new();
        for ids in stored_ids.chunks(MAX_IDS) {
            let statement = |it: &clickhouse::Client| {
                indexed(self.events.bind(it.query_raw(&sql))).param("event_ids", uuids(ids))
            };
            let rows = self.client.fetch_map("compare", statement, compare);
            for row in rows.await? {
                let (id, time_us, same) = row?;
                match earliest.entry(id) {
                    Entry::Occupied(entry) if entry.get().0 <= time_us => {}
                    entry => _ = entry.insert_entry((time_us, same)),
                }
            }
        }
        let earliest = earliest.into_iter();
        Ok(earliest.map(|(id, (_, same))| (id, same)).collect())
    }

    /// Returns which of these ids are stored: most often none.
    async fn stored_ids(&self, ids: &[EventId]) -> Result<Vec<EventId>, Failure> {
        let sql = format!(
            "SELECT DISTINCT event_id AS id FROM {TABLE} WHERE event_id IN {{ids:Array(UUID)}}"
        );
        let query = |it: &clickhouse::Client| indexed(self.events.bind(it.query_raw(&sql)));
        let stored = self.select_ids("stored_ids", query, uuids(ids)).await?;
        Ok(stored.into_iter().map(EventId::from_uuid).collect())
    }
}
