//! Batches of events of many tenants, as a writer looks them up and stores them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::events_table::{COLUMNS, CopiedRow, NewRow, StoredRow, Version};
use super::tombstones::{FOR_EVENT, REFUSED};
use super::{MAX_IDS, indexed};
use crate::domain::{ClientId, Event, EventId, FileId};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::{
    EVENTS_BY_KEY, INDEXED_EVENTS_BY_KEY, Statement, TOMBSTONES_BY_KEY,
};
use crate::store::clickhouse::table_names::TableName;

/// The identities of an event and of a file.
pub(crate) type EventKey = (ClientId, EventId);
pub(crate) type FileKey = (ClientId, FileId);

/// The events of a batch that are stored already.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// For each key that is stored, which events of the batch have the stored content, by their index.
    pub(crate) same_content: HashMap<EventKey, Vec<usize>>,
    /// Those of these keys that fewer replicas have than an acknowledged event is on.
    pub(crate) uncertain: Vec<EventKey>,
}

/// The row of a key that counts.
struct First {
    rank: (i64, Version),
    same: Vec<usize>,
    hosts: usize,
}

/// The table into which an INSERT goes: its name follows as parameters.
const TABLE: &str = "{database:Identifier}.{table:Identifier}";

/// A table of events and that of tombstones, for any number of tenants.
#[derive(Debug)]
pub(crate) struct BatchTables<'a> {
    client: Client,
    events: &'a TableName,
}

impl<'a> BatchTables<'a> {
    pub(crate) fn new(client: &Client, events: &'a TableName) -> Self {
        let client = client.of(events);
        Self { client, events }
    }

    /// Compares events with the stored events of the same keys, of which it holds one of each host in memory at a time.
    pub(crate) async fn compare(&self, events: &[(ClientId, &Event)]) -> Result<Stored, Failure> {
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
            let same: Vec<usize> = indexes
                .filter(|index| stored.is_delivered_again_by(events[*index].1))
                .collect();
            // Of one id the earliest event counts, and of that the latest version.
            Ok((key, (stored.time.micros(), version), same))
        };
        let statement = self.rows_by_key()?;
        let mut first: HashMap<EventKey, First> = HashMap::new();
        // The index may have rows that were deleted: the table tells.
        for keys in self.indexed_keys(&keys).await?.chunks(MAX_IDS) {
            let (statement, compare) = (&statement, &compare);
            let ask = |host: Client| async move {
                let query = |it: &clickhouse::Client| indexed(statement.on(it)).param("keys", keys);
                host.fetch_map("compare", query, compare).await
            };
            for row in self.client.ask_majority(ask).await?.into_iter().flatten() {
                let (key, rank, same) = row?;
                match first.entry(key) {
                    Entry::Occupied(mut entry) if entry.get().rank == rank => {
                        entry.get_mut().hosts += 1;
                    }
                    Entry::Occupied(entry) if entry.get().rank < rank => {}
                    entry => {
                        let hosts = 1;
                        entry.insert_entry(First { rank, same, hosts });
                    }
                }
            }
        }
        let needed = self.client.majority()?;
        let uncertain = first.iter().filter(|(_, first)| first.hosts < needed);
        Ok(Stored {
            uncertain: uncertain.map(|(key, _)| *key).collect(),
            same_content: first
                .into_iter()
                .map(|(key, first)| (key, first.same))
                .collect(),
        })
    }

    /// Inserts again what is stored under these keys, as received now. A row that was found on one replica alone may belong to
    /// an INSERT that missed its quorum, and vanish with that replica: before anybody is told that it is there, it has to be,
    /// and those who follow the order of arrival have passed its place.
    pub(crate) async fn insert_again(
        &self,
        keys: &[EventKey],
        not_before_us: i64,
    ) -> Result<(), Failure> {
        let keys: Vec<_> = keys
            .iter()
            .map(|(client, id)| (client.uuid(), id.uuid()))
            .collect();
        let statement = self.rows_by_key()?;
        for keys in keys.chunks(MAX_IDS) {
            let query = |it: &clickhouse::Client| indexed(statement.on(it)).param("keys", keys);
            let rows = self
                .client
                .fetch_majority::<StoredRow>("compare", query)
                .await?;
            // What was removed of an event does not come back.
            let rows: Vec<StoredRow> = rows.into_iter().flatten().collect();
            let mut latest: HashMap<_, u16> = HashMap::new();
            for row in &rows {
                let revision = latest.entry(row.key()).or_default();
                *revision = row.revision().max(*revision);
            }
            let rows = rows
                .into_iter()
                .filter(|row| latest.get(&row.key()) == Some(&row.revision()));
            let again = |row: StoredRow| row.received_again(not_before_us);
            let rows: Vec<NewRow> = rows.map(again).collect::<Result<_, _>>()?;
            if !rows.is_empty() {
                self.insert_rows(|| rows.iter().cloned()).await?;
            }
        }
        Ok(())
    }

    fn rows_by_key(&self) -> Result<Statement, Failure> {
        let sql = format!("SELECT {COLUMNS} FROM {EVENTS_BY_KEY}");
        Statement::of_keys(self.events, sql)
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
            let rows = self.client.fetch_majority::<KeyRow>("stored_ids", query);
            let rows = rows.await?.into_iter().flatten();
            found.extend(rows.map(|row| (row.client_id, row.id)));
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
            let rows = self.client.fetch_majority::<KeyRow>("tombstoned", query);
            let key = |row: KeyRow| {
                (
                    ClientId::from_uuid(row.client_id),
                    FileId::from_uuid(row.id),
                )
            };
            found.extend(rows.await?.into_iter().flatten().map(key));
        }
        Ok(found)
    }

    /// Inserts events, which are not received before a time. An event that is inserted again, after a lost answer say, is one
    /// event to every reader.
    pub(crate) async fn insert(
        &self,
        events: &[(ClientId, &Event)],
        not_before_us: i64,
    ) -> Result<(), Failure> {
        let (copied, new): (Vec<_>, Vec<_>) = events
            .iter()
            .copied()
            .partition(|(_, event)| event.received_at.is_some());
        if !copied.is_empty() {
            let row = |(id, it): (ClientId, &Event)| {
                let received_at = it.received_at?;
                Some(CopiedRow::new(id, it, received_at))
            };
            self.insert_rows(|| copied.iter().copied().filter_map(row))
                .await?;
        }
        if new.is_empty() {
            return Ok(());
        }
        self.insert_rows(|| {
            new.iter()
                .map(|(id, it)| NewRow::new(*id, it, not_before_us))
        })
        .await
    }

    async fn insert_rows<T, R>(&self, rows: impl Fn() -> R) -> Result<(), Failure>
    where
        T: clickhouse::RowWrite + for<'row> clickhouse::Row<Value<'row> = T>,
        R: Iterator<Item = T>,
    {
        let bind = |insert| self.events.bind_insert(insert);
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
