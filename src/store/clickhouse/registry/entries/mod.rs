//! The table of tenant entries, `default.tenants`.

mod pages;
mod stored_row;

use std::collections::HashMap;
use std::time::Duration;

use clickhouse::query::Query;
use serde::Deserialize;
use uuid::Uuid;

use self::stored_row::{COLUMNS, NewRow, StoredRow, placement};
use super::claims::Claims;
use super::revision::{Revision, State};
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::Error;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::ddl::{DATABASE_ID, Dialect, REGISTRY};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::replicas::latest_rows;
use crate::store::clickhouse::table_names::{Assignment, ShardName, TableName};

const TABLE: &str = "default.tenants";

const DATABASE_ID_TABLE: &str = "default.tenants_database_id";

/// The tenant exists, or may exist.
const IS_ALIVE: &str = "revision % 8 < 4";

const IS_HIDDEN: &str = "revision % 8 = 2";

/// The entry is in none of the states that last.
const IS_UNFINISHED: &str = "revision % 8 IN (0, 3, 4, 5)";

/// Entries in one statement: ClickHouse takes parameters of up to 128 KiB.
pub(super) const MAX_KEYS: usize = 1000;

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) tenant: Tenant,
    pub(super) assignment: Assignment,
    pub(super) revision: Revision,
    /// How often the label was changed in this revision.
    pub(super) label_changes: u32,
    /// Until when a hidden tenant can be restored, and whether its files are deleted with it.
    pub(super) hiding: Hiding,
    /// The time since it was written, by the clock of ClickHouse.
    pub(super) age: Duration,
    /// When it was read, by the same clock: microseconds since 1970-01-01T00:00:00Z. Rows of a later life of the tenant
    /// were received after that.
    pub(super) read_at_us: i64,
}

impl Entry {
    pub(super) fn state(&self) -> State {
        self.revision.state()
    }

    /// Tells whether the tenant has its events: also if they are hidden.
    pub(super) fn has_events(&self) -> bool {
        matches!(self.state(), State::Ready | State::Hidden)
    }

    pub(super) fn table(&self) -> TableName {
        TableName::of(&self.tenant, &self.assignment)
    }
}

/// A deletion that can be undone for a while.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hiding {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub(super) until_us: i64,
    pub(super) with_files: bool,
}

#[derive(Debug, clickhouse::Row, Deserialize)]
struct IdRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
}

#[derive(Debug, Clone)]
pub(super) struct EntriesTable {
    client: Client,
}

impl EntriesTable {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
        }
    }

    /// Creates the table if there is none, and brings it up to date. Replicas may do so at the same time.
    pub(super) async fn create_table(&self, dialect: Dialect) -> Result<(), Error> {
        REGISTRY.apply(&self.client, dialect, &table()).await
    }

    pub(super) async fn by_client_id(&self, id: ClientId) -> Result<Option<Entry>, Failure> {
        Ok(self.by_client_ids("tenant", &[id.uuid()]).await?.pop())
    }

    /// Returns the entries with these client ids, and those with these names that are not deleted: after a race or a
    /// crash there may be several with one name, of which at most one owns the database.
    pub(super) async fn find(
        &self,
        ids: &[ClientId],
        names: &[DatabaseName],
    ) -> Result<Vec<Entry>, Failure> {
        let ids: Vec<Uuid> = ids.iter().map(ClientId::uuid).collect();
        let mut found = self.by_client_ids("tenant", &ids).await?;
        // By names every entry is read: those are asked for only if there are any.
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(DatabaseName::as_str).collect();
            let condition = format!("database_name IN {{names:Array(String)}} AND {IS_ALIVE}");
            let bind = |query: Query| query.param("names", &names);
            let selected = self.select("tenant", &condition, bind).await?;
            let others = selected
                .into_iter()
                .filter(|entry| is_alive(entry) && !ids.contains(&entry.tenant.client_id.uuid()));
            found.extend(others);
        }
        Ok(found)
    }

    /// Returns which of these tenants exist, and where their events are.
    pub(super) async fn assignments(
        &self,
        ids: &[ClientId],
    ) -> Result<HashMap<ClientId, Assignment>, Failure> {
        let ids: Vec<Uuid> = ids.iter().map(ClientId::uuid).collect();
        // Without FINAL, which takes three times as long.
        let sql = format!(
            "SELECT client_id, max(revision) AS revision, \
             toInt8(argMax(placement, tenants.revision)) AS placement, \
             argMax(shard, tenants.revision) AS shard \
             FROM {TABLE} AS tenants WHERE client_id IN {{ids:Array(UUID)}} GROUP BY client_id"
        );
        let mut ready = HashMap::new();
        for ids in ids.chunks(MAX_KEYS) {
            let query = |it: &clickhouse::Client| it.query_raw(&sql).param("ids", ids);
            let rows = self
                .client
                .fetch_read_quorum::<AssignmentRow>("tenant", query);
            let latest = latest_rows(rows.await?, |row| row.client_id, |row| row.revision);
            for (client_id, row) in latest {
                let assignment = Assignment {
                    placement: placement(row.placement)?,
                    shard: self.client.topology().resolve(&ShardName::new(&row.shard)),
                };
                if Revision(row.revision).state() == State::Ready {
                    ready.insert(ClientId::from_uuid(client_id), assignment);
                }
            }
        }
        Ok(ready)
    }

    /// Counts the dedicated tenants.
    pub(super) async fn dedicated(&self) -> Result<u64, Failure> {
        let condition = format!("placement = 'dedicated' AND {IS_ALIVE}");
        let mut entries = self.select("tenants", &condition, |query| query).await?;
        entries.retain(is_alive);
        Ok(entries.len() as u64)
    }

    /// Counts the tenants of a shard without the system tenant, as a majority of its nodes know them.
    pub(super) async fn count_in(&self, shard: &ShardName) -> Result<u64, Failure> {
        let sql = format!(
            "SELECT count() FROM {TABLE} FINAL WHERE shard = {{shard:String}} AND {IS_ALIVE} \
             AND database_name != '{}'",
            DatabaseName::SYSTEM
        );
        let count = |it: &clickhouse::Client| it.query_raw(&sql).param("shard", shard.as_str());
        let client = self.client.of_shard(shard);
        let counts = client.fetch_majority::<u64>("tenants", count).await?;
        Ok(counts.into_iter().flatten().max().unwrap_or_default())
    }

    /// Returns all entries that are not deleted, by name.
    pub(super) async fn all(&self) -> Result<Vec<Entry>, Failure> {
        let mut entries = self.select("tenants", IS_ALIVE, |query| query).await?;
        entries.retain(is_alive);
        Ok(entries)
    }

    /// Returns the hidden entries, by name.
    pub(super) async fn hidden(&self) -> Result<Vec<Entry>, Failure> {
        let mut entries = self.select("tenants", IS_HIDDEN, |query| query).await?;
        entries.retain(|entry| entry.state() == State::Hidden);
        Ok(entries)
    }

    /// Tells whether an entry has this name and is not deleted.
    pub(super) async fn has_name(&self, name: &DatabaseName) -> Result<bool, Failure> {
        let found = self.find(&[], std::slice::from_ref(name)).await?;
        Ok(!found.is_empty())
    }

    /// Returns all entries whose creation or deletion is not finished, by name.
    pub(super) async fn unfinished(&self) -> Result<Vec<Entry>, Failure> {
        let mut entries = self.select("tenants", IS_UNFINISHED, |query| query).await?;
        entries.retain(|entry| !matches!(entry.state(), State::Ready | State::Erased));
        Ok(entries)
    }

    /// Returns the entries that a condition selects, by name. On a cluster also those whose state before it selected on a
    /// replica that lags.
    async fn select(
        &self,
        operation: &'static str,
        condition: &str,
        bind: impl Fn(Query) -> Query,
    ) -> Result<Vec<Entry>, Failure> {
        let rows = self.rows(operation, condition, bind).await?;
        self.latest_of(operation, rows).await
    }

    /// Returns the rows that a condition selects on each of several replicas.
    async fn rows(
        &self,
        operation: &'static str,
        condition: &str,
        bind: impl Fn(Query) -> Query,
    ) -> Result<Vec<Vec<StoredRow>>, Failure> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLE} FINAL WHERE {condition}");
        let query = |it: &clickhouse::Client| bind(it.query_raw(&sql));
        self.client.fetch_read_quorum(operation, query).await
    }

    /// Returns the last states of the tenants of these rows, by name.
    async fn latest_of(
        &self,
        operation: &'static str,
        rows: Vec<Vec<StoredRow>>,
    ) -> Result<Vec<Entry>, Failure> {
        let mut entries = self.latest(rows)?;
        if self.client.is_cluster() {
            let ids: Vec<Uuid> = entries
                .iter()
                .map(|it| it.tenant.client_id.uuid())
                .collect();
            entries = self.by_client_ids(operation, &ids).await?;
        }
        entries.sort_by_cached_key(|entry| {
            let Tenant {
                client_id,
                database_name,
                ..
            } = &entry.tenant;
            (database_name.to_string(), client_id.uuid())
        });
        Ok(entries)
    }

    async fn by_client_ids(
        &self,
        operation: &'static str,
        ids: &[Uuid],
    ) -> Result<Vec<Entry>, Failure> {
        let sql =
            format!("SELECT {COLUMNS} FROM {TABLE} FINAL WHERE client_id IN {{ids:Array(UUID)}}");
        let mut found = Vec::new();
        for ids in ids.chunks(MAX_KEYS) {
            let query = |it: &clickhouse::Client| it.query_raw(&sql).param("ids", ids);
            let rows = self.client.fetch_read_quorum::<StoredRow>(operation, query);
            found.extend(self.latest(rows.await?)?);
        }
        Ok(found)
    }

    /// Returns the last state of each tenant, out of the rows of several replicas.
    fn latest(&self, rows: Vec<Vec<StoredRow>>) -> Result<Vec<Entry>, Failure> {
        let latest = latest_rows(rows, |row| row.client_id, StoredRow::version);
        let entries = latest.into_values().map(|row| {
            let mut entry = Entry::try_from(row)?;
            let shard = &mut entry.assignment.shard;
            *shard = self.client.topology().resolve(shard);
            Ok(entry)
        });
        entries.collect()
    }

    /// Writes the state of a tenant. Of a deleted one, label and secret are erased.
    pub(super) async fn write(
        &self,
        tenant: &Tenant,
        assignment: &Assignment,
        revision: Revision,
    ) -> Result<(), Failure> {
        self.insert(&|| NewRow::new(tenant, assignment, revision))
            .await
    }

    /// Writes an entry once more with another label. It stays in its revision: of its rows the one with the most changes
    /// counts, and a state that was written meanwhile has a greater revision.
    pub(super) async fn write_label(&self, entry: &Entry, label: &str) -> Result<(), Failure> {
        let Entry {
            tenant,
            assignment,
            revision,
            label_changes,
            hiding: _,
            age: _,
            read_at_us: _,
        } = entry;
        let tenant = Tenant {
            client_label: label.to_owned(),
            ..tenant.clone()
        };
        let changes = label_changes.saturating_add(1);
        let row = || NewRow::new(&tenant, assignment, *revision).labelled(changes);
        self.insert(&row).await
    }

    /// Writes that a tenant is hidden.
    pub(super) async fn write_hidden(&self, entry: &Entry, hiding: Hiding) -> Result<(), Failure> {
        let revision = entry.revision.with_state(State::Hidden);
        let row = || NewRow::new(&entry.tenant, &entry.assignment, revision).hidden(hiding);
        self.insert(&row).await
    }

    /// Writes that a hidden tenant is ready, unless it is too late by the clock of the server that writes: it decides that
    /// itself, so that however long the statement was under way nothing is restored that is being deleted.
    pub(super) async fn write_restored(&self, entry: &Entry) -> Result<Revision, Failure> {
        let restored = entry.revision.next_life().with_state(State::Ready);
        let kept = "database_name, placement, shard, client_label, client_secret_sha256, created_at, label_changes";
        let sql = format!(
            "INSERT INTO {TABLE} (client_id, revision, {kept}) SELECT client_id, {{restored:UInt32}}, {kept} \
             FROM {TABLE} FINAL WHERE client_id = {{id:UUID}} AND revision = {{hidden:UInt32}} \
             AND restorable_until > now64(6)"
        );
        let write = self.client.run("tenant_restore", |it| {
            it.query_raw(&sql)
                .param("restored", restored.0)
                .param("id", entry.tenant.client_id.uuid())
                .param("hidden", entry.revision.0)
        });
        write.await?;
        Ok(restored)
    }

    async fn insert(&self, row: &(dyn Fn() -> NewRow + Sync)) -> Result<(), Failure> {
        let rows = || std::iter::once(row());
        self.client
            .insert("tenant_write", |it| it, TABLE, rows)
            .await
    }

    /// Returns the id of this database, which the first replica that asks gives it: of several at once, the one whose
    /// table is created.
    pub(super) async fn database_id(&self) -> Result<Uuid, Error> {
        if !self.client.is_cluster()
            && let Some(id) = self.find_database_id().await?
        {
            return Ok(id);
        }
        let sql = "SELECT generateUUIDv4() AS id";
        let generated = self
            .client
            .fetch::<IdRow>("database_id", |it| it.query_raw(sql));
        let generated = generated.await?.pop().map(|row| row.id);
        let generated =
            generated.ok_or_else(|| Error::Damaged("ClickHouse generated no id".to_owned()))?;
        if self.client.is_cluster() {
            return Ok(Claims::new(&self.client).database_id(generated).await?);
        }
        let sql = DATABASE_ID.replace("$ID", &generated.to_string());
        let create = self.client.run("migrate", |it| it.query_raw(&sql));
        create.await.map_err(Error::from)?;
        let id = self.find_database_id().await?;
        id.ok_or_else(|| Error::Damaged(format!("table '{DATABASE_ID_TABLE}' is missing")))
    }

    async fn find_database_id(&self) -> Result<Option<Uuid>, Error> {
        let sql = "SELECT comment FROM system.tables \
                   WHERE database = 'default' AND name = 'tenants_database_id'";
        let rows = self
            .client
            .fetch::<String>("database_id", |it| it.query_raw(sql));
        let comment = rows.await?.pop();
        let id = comment.map(|comment| Uuid::parse_str(&comment));
        id.transpose()
            .map_err(|_| Error::Damaged(format!("table '{DATABASE_ID_TABLE}' has no id")))
    }

    pub(super) async fn ping(&self) -> Result<(), Failure> {
        let sql = format!("SELECT toUInt8(1) FROM (SELECT 1 FROM {TABLE} LIMIT 1)");
        let ping = self.client.fetch::<u8>("ping", |it| it.query_raw(&sql));
        ping.await.map(drop)
    }
}

pub(super) fn table() -> TableName {
    TableName::global("default", "tenants")
}

/// Tells what [`IS_ALIVE`] does.
fn is_alive(entry: &Entry) -> bool {
    entry.state() < State::Deleted
}

#[derive(Debug, clickhouse::Row, Deserialize)]
struct AssignmentRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    revision: u32,
    placement: i8,
    shard: String,
}
