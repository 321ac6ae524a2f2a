//! Batches of events of many tenants, as a writer looks them up and stores them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::events_table::{COLUMNS, NewRow, StoredRow};
use super::tombstones::{FOR_EVENT, REFUSED};
use super::{MAX_IDS, indexed};
use crate::domain::{ClientId, Event, EventId, FileId};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::{
    EVENTS_BY_KEY, INDEXED_EVENTS_BY_KEY, Statement, TOMBSTONES_BY_KEY,
};
use crate::store::clickhouse::table_names::TableName;

/// What tells an event from all others, and a file.
pub(crate) type EventKey = (ClientId, EventId);
pub(crate) type FileKey = (ClientId, FileId);

/// The table into which an INSERT goes: its name follows as parameters.
const TABLE: &str = "{database:Identifier}.{table:Identifier}";

/// A table of events and that of tombstones, for any number of tenants.
#[derive(Debug)]
pub(crate) struct BatchTables<'a> {
    client: &'a Client,
    events: &'a TableName,
}

impl<'a> BatchTables<'a> {
    pub(crate) fn new(client: &'a Client, events: &'a TableName) -> Self {
        Self { client, events }
    }

    /// Compares events with the stored events of the same keys, of which it holds one in memory at a time. Returns for
    /// each key that is stored which of `events` have the stored content, by their index.
    pub(crate) async fn compare(
        &self,
        events: &[(ClientId, &Event)],
    ) -> Result<HashMap<EventKey, Vec<usize>>, Failure> {
        let mut by_key: HashMap<EventKey, Vec<usize>> = HashMap::new();
        for (index, (client_id, event)) in events.iter().enumerate() {
            by_key
                .entry((*client_id, event.id))
                .or_default()
                .push(index);
        }
        let keys: Vec<_> = by_key
            .keys()
            .map(|(client, id)| (client.uuid(), id.uuid()))
            .collect();
        let compare = |row: StoredRow| -> Result<_, Failure> {
            let (client_id, version) = (row.client_id(), row.version());
            let stored = Event::try_from(row)?;
            let key = (client_id, stored.id);
            let indexes = by_key.get(&key).into_iter().flatten().copied();
            let same = indexes.filter(|index| stored.same_content(events[*index].1));
            // Of one id the earliest event counts, and of that the latest version.
            Ok((key, (stored.time.micros(), version), same.collect()))
        };
        let sql = format!("SELECT {COLUMNS} FROM {EVENTS_BY_KEY}");
        let statement = Statement::of_keys(self.events, sql)?;
        let mut first: HashMap<EventKey, (_, Vec<usize>)> = HashMap::new();
        // The index may have rows that were deleted: the table tells.
        for keys in self.indexed_keys(&keys).await?.chunks(MAX_IDS) {
            let query = |it: &clickhouse::Client| indexed(statement.on(it)).param("keys", keys);
            let rows = self.client.fetch_map("compare", query, compare);
            for row in rows.await? {
                let (key, rank, same) = row?;
                match first.entry(key) {
                    Entry::Occupied(entry) if entry.get().0 <= rank => {}
                    entry => _ = entry.insert_entry((rank, same)),
                }
            }
        }
        let first = first.into_iter();
        Ok(first.map(|(key, (_, same))| (key, same)).collect())
    }

    /// Returns those of these keys that the index has: most often none.
    async fn indexed_keys(&self, keys: &[(Uuid, Uuid)]) -> Result<Vec<(Uuid, Uuid)>, Failure> {
        let sql = format!("SELECT client_id, event_id AS id FROM {INDEXED_EVENTS_BY_KEY}");
        let statement = Statement::of_keys(self.events, sql)?;
        let mut found = HashSet::new();
        for keys in keys.chunks(MAX_IDS) {
            let ids: Vec<Uuid> = keys.iter().map(|(_, id)| *id).collect();
            let query =
                |it: &clickhouse::Client| statement.on(it).param("keys", keys).param("ids", &ids);
            let rows = self.client.fetch::<KeyRow>("stored_ids", query).await?;
            found.extend(rows.into_iter().map(|row| (row.client_id, row.id)));
        }
        Ok(found.into_iter().collect())
    }

    /// Returns those files of these events that are tombstoned.
    pub(crate) async fn tombstoned(
        &self,
        events: &[(ClientId, &Event)],
    ) -> Result<HashSet<FileKey>, Failure> {
        let files = events.iter().flat_map(|(client_id, event)| {
            event
                .files
                .iter()
                .map(|file| (client_id.uuid(), file.id.uuid()))
        });
        let files: Vec<(Uuid, Uuid)> = files.collect();
        // A tombstone that was withdrawn for an event stays so: it references the file for good. One that storage refused
        // may be followed by others; those long before it are of sweeps that ended early.
        let sql = format!(
            "SELECT client_id, file_id AS id FROM \
             (SELECT client_id, file_id, tombstoned_at, max(withdrawn) AS state \
              FROM {TOMBSTONES_BY_KEY} GROUP BY client_id, file_id, tombstoned_at) \
             GROUP BY client_id, file_id \
             HAVING countIf(state = {FOR_EVENT}) = 0 \
             AND maxIf(tombstoned_at, state = 0) \
             > maxIf(tombstoned_at, state = {REFUSED}) - INTERVAL 1 HOUR"
        );
        let statement = Statement::of_keys(&self.events.tombstones(), sql)?;
        let mut found = HashSet::new();
        for keys in files.chunks(MAX_IDS) {
            let query = |it: &clickhouse::Client| statement.on(it).param("keys", keys);
            let rows = self.client.fetch::<KeyRow>("tombstoned", query).await?;
            let key = |row: KeyRow| {
                (
                    ClientId::from_uuid(row.client_id),
                    FileId::from_uuid(row.id),
                )
            };
            found.extend(rows.into_iter().map(key));
        }
        Ok(found)
    }

    /// Inserts events. An event that is inserted again, after a lost answer say, is one event to every reader.
    pub(crate) async fn insert(&self, events: &[(ClientId, &Event)]) -> Result<(), Failure> {
        let bind = |insert| self.events.bind_insert(insert);
        let rows = || {
            let events = events.iter().copied();
            events.map(|(client_id, event)| NewRow::new(client_id, event))
        };
        self.client.insert("insert", bind, TABLE, rows).await
    }
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct KeyRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
}
