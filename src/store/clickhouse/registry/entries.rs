//! The table of tenant entries, `default.tenants`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{ClientId, DatabaseName, Placement, Tenant};
use crate::store::Error;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::ddl::{DATABASE_ID, Dialect, REGISTRY};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::table_names::TableName;

const TABLE: &str = "default.tenants";

const DATABASE_ID_TABLE: &str = "default.tenants_database_id";

const COLUMNS: &str = "client_id, revision, database_name, placement, client_label, \
     client_secret_sha256, created_at, \
     toUInt32(greatest(0, dateDiff('second', written_at, now()))) AS age_s, \
     toUnixTimestamp64Micro(now64(6)) AS read_at_us";

/// The tenant exists, or may exist.
const IS_ALIVE: &str = "revision % 8 < 3";

/// The entry is in none of the states that last.
const IS_UNFINISHED: &str = "revision % 8 IN (0, 2, 3, 4)";

/// Entries in one statement: ClickHouse takes parameters of up to 128 KiB.
pub(super) const MAX_KEYS: usize = 1000;

/// The state of a tenant's creation or deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// A replica is creating the database, or crashed while doing so.
    Creating,
    Ready,
    /// The entry is not found any more; the database and the rows are about to be removed.
    Deleting,
    /// The name is free and the rows are gone. Rows of INSERTs that were under way may follow.
    Deleted,
    /// No more rows follow. They may still be on the disk, where nobody can read them.
    Emptied,
    /// Nothing is left on the disk.
    Erased,
}

/// Counts the states of a tenant. It only increases, so that the last state counts in whatever order replicas write;
/// a tenant that is created again after its deletion (copied back, say) continues the count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Revision(u32);

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) tenant: Tenant,
    pub(super) placement: Placement,
    pub(super) revision: Revision,
    /// The time since it was written, by the clock of ClickHouse.
    pub(super) age: Duration,
    /// When it was read, by the same clock: microseconds since 1970-01-01T00:00:00Z. Rows of a later life of the tenant
    /// were received after that.
    pub(super) read_at_us: i64,
}

impl Revision {
    const STATES: u32 = 8;

    pub(super) fn state(self) -> State {
        match self.0 % Self::STATES {
            0 => State::Creating,
            1 => State::Ready,
            2 => State::Deleting,
            3 => State::Deleted,
            4 => State::Emptied,
            _ => State::Erased,
        }
    }

    /// Returns the revision of another state in the same life.
    pub(super) fn with_state(self, state: State) -> Self {
        Self(self.0 - self.0 % Self::STATES + state as u32)
    }

    /// Returns the first revision of a tenant's next life.
    pub(super) fn next_life(self) -> Self {
        Self((self.0 / Self::STATES + 1) * Self::STATES)
    }
}

impl Entry {
    pub(super) fn state(&self) -> State {
        self.revision.state()
    }

    pub(super) fn table(&self) -> TableName {
        TableName::of(&self.tenant, self.placement)
    }
}

#[derive(Debug, clickhouse::Row, Deserialize)]
struct IdRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
}

#[derive(Debug, Clone)]
pub(super) struct EntriesTable {
    client: Client,
    dialect: Dialect,
}

impl EntriesTable {
    /// Creates the table if there is none, and brings it up to date. Replicas may do so at the same time.
    pub(super) async fn open(client: &Client, dialect: &Dialect) -> Result<Self, Error> {
        REGISTRY.apply(client, dialect, &table()).await?;
        Ok(Self {
            client: client.clone(),
            dialect: dialect.clone(),
        })
    }

    pub(super) async fn by_client_id(&self, id: ClientId) -> Result<Option<Entry>, Failure> {
        let sql =
            format!("SELECT {COLUMNS} FROM {TABLE} FINAL WHERE client_id = {{client_id:UUID}}");
        let rows = self.client.fetch::<Row>("tenant", |it| {
            it.query_raw(&sql).param("client_id", id.uuid())
        });
        rows.await?.pop().map(Entry::try_from).transpose()
    }

    /// Returns the entries with these client ids, and those with these names that are not deleted: after a race or a
    /// crash there may be several with one name, of which at most one owns the database.
    pub(super) async fn find(
        &self,
        ids: &[ClientId],
        names: &[DatabaseName],
    ) -> Result<Vec<Entry>, Failure> {
        let ids: Vec<Uuid> = ids.iter().map(ClientId::uuid).collect();
        let names: Vec<&str> = names.iter().map(DatabaseName::as_str).collect();
        // By names every entry is read: those are asked for only if there are any.
        let by_name = if names.is_empty() {
            String::new()
        } else {
            format!(" OR (database_name IN {{names:Array(String)}} AND {IS_ALIVE})")
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLE} FINAL WHERE client_id IN {{ids:Array(UUID)}}{by_name}"
        );
        let rows = self.client.fetch::<Row>("tenant", |it| {
            it.query_raw(&sql).param("ids", &ids).param("names", &names)
        });
        rows.await?.into_iter().map(Entry::try_from).collect()
    }

    /// Returns which of these tenants exist, and how they are placed.
    pub(super) async fn placements(
        &self,
        ids: &[ClientId],
    ) -> Result<HashMap<ClientId, Placement>, Failure> {
        let ids: Vec<Uuid> = ids.iter().map(ClientId::uuid).collect();
        // Without FINAL, which takes three times as long.
        let sql = format!(
            "SELECT client_id, toInt8(argMax(placement, revision)) AS placement FROM {TABLE} \
             WHERE client_id IN {{ids:Array(UUID)}} GROUP BY client_id HAVING max(revision) % 8 = 1"
        );
        let mut placements = HashMap::new();
        for ids in ids.chunks(MAX_KEYS) {
            let rows = self
                .client
                .fetch::<PlacementRow>("tenant", |it| it.query_raw(&sql).param("ids", ids));
            for row in rows.await? {
                let placement = placement(row.placement)?;
                placements.insert(ClientId::from_uuid(row.client_id), placement);
            }
        }
        Ok(placements)
    }

    /// Counts the dedicated tenants.
    pub(super) async fn dedicated(&self) -> Result<u64, Failure> {
        let sql = format!(
            "SELECT count() FROM {TABLE} FINAL WHERE placement = 'dedicated' AND {IS_ALIVE}"
        );
        let counts = self.client.fetch::<u64>("tenants", |it| it.query_raw(&sql));
        Ok(counts.await?.first().copied().unwrap_or_default())
    }

    /// Returns all entries that are not deleted, by name.
    pub(super) async fn all(&self) -> Result<Vec<Entry>, Failure> {
        self.select(IS_ALIVE).await
    }

    /// Returns all entries whose creation or deletion is not finished, by name.
    pub(super) async fn unfinished(&self) -> Result<Vec<Entry>, Failure> {
        self.select(IS_UNFINISHED).await
    }

    async fn select(&self, condition: &str) -> Result<Vec<Entry>, Failure> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLE} FINAL WHERE {condition} ORDER BY database_name, client_id"
        );
        let rows = self.client.fetch::<Row>("tenants", |it| it.query_raw(&sql));
        rows.await?.into_iter().map(Entry::try_from).collect()
    }

    /// Writes the state of a tenant. Of a deleted one, label and secret are erased.
    pub(super) async fn write(
        &self,
        tenant: &Tenant,
        placement: Placement,
        revision: Revision,
    ) -> Result<(), Failure> {
        let row = || std::iter::once(NewRow::new(tenant, placement, revision));
        self.client
            .insert("tenant_write", |it| it, TABLE, row)
            .await
    }

    /// Returns the id of this database, which the first replica that asks gives it: of several at once, the one whose
    /// table is created.
    pub(super) async fn database_id(&self) -> Result<Uuid, Error> {
        if let Some(id) = self.find_database_id().await? {
            return Ok(id);
        }
        let sql = "SELECT generateUUIDv4() AS id";
        let generated = self
            .client
            .fetch::<IdRow>("database_id", |it| it.query_raw(sql));
        let generated = generated.await?.pop().map(|row| row.id);
        let generated =
            generated.ok_or_else(|| Error::Damaged("ClickHouse generated no id".to_owned()))?;
        let sql = self.dialect.statement(DATABASE_ID);
        let sql = sql.replace("$ID", &generated.to_string());
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
    TableName {
        database: "default".to_owned(),
        name: "tenants".to_owned(),
    }
}

fn placement(value: i8) -> Result<Placement, Failure> {
    match value {
        0 => Ok(Placement::Pooled),
        1 => Ok(Placement::Dedicated),
        _ => Err(Failure::InvalidData(format!(
            "placement {value} in {TABLE}"
        ))),
    }
}

#[derive(Debug, clickhouse::Row, Deserialize)]
struct PlacementRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    placement: i8,
}

#[derive(Debug, clickhouse::Row, Serialize)]
struct NewRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    revision: u32,
    database_name: String,
    placement: i8,
    client_label: String,
    client_secret_sha256: [u8; 32],
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    created_at: i64,
}

#[derive(Debug, clickhouse::Row, Deserialize)]
struct Row {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    revision: u32,
    database_name: String,
    placement: i8,
    client_label: String,
    client_secret_sha256: [u8; 32],
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    created_at: i64,
    age_s: u32,
    read_at_us: i64,
}

impl NewRow {
    fn new(tenant: &Tenant, placement: Placement, revision: Revision) -> Self {
        let Tenant {
            client_id,
            database_name,
            client_label,
            client_secret_sha256,
            created_at,
        } = tenant;
        let is_kept = revision.state() < State::Deleted;
        Self {
            client_id: client_id.uuid(),
            revision: revision.0,
            database_name: database_name.to_string(),
            placement: match placement {
                Placement::Pooled => 0,
                Placement::Dedicated => 1,
            },
            client_label: if is_kept {
                client_label.clone()
            } else {
                String::new()
            },
            client_secret_sha256: if is_kept {
                *client_secret_sha256
            } else {
                [0; 32]
            },
            // Out of range only for years that no clock shows.
            created_at: i64::try_from(created_at.as_nanosecond()).unwrap_or_default(),
        }
    }
}

impl TryFrom<Row> for Entry {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let Row {
            client_id,
            revision,
            database_name,
            placement: placed,
            client_label,
            client_secret_sha256,
            created_at,
            age_s,
            read_at_us,
        } = row;
        let invalid = |what: String| Failure::InvalidData(format!("{what} in {TABLE}"));
        let database_name = DatabaseName::parse(&database_name)
            .map_err(|_| invalid(format!("database name '{database_name}'")))?;
        let tenant = Tenant {
            client_id: ClientId::from_uuid(client_id),
            database_name,
            client_label,
            client_secret_sha256,
            created_at: Timestamp::from_nanosecond(created_at.into())
                .map_err(|error| invalid(error.to_string()))?,
        };
        Ok(Self {
            tenant,
            placement: placement(placed)?,
            revision: Revision(revision),
            age: Duration::from_secs(age_s.into()),
            read_at_us,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Revision, State};

    #[test]
    fn a_revision_counts_states_and_lives() {
        let first = Revision::default();
        assert_eq!(first.state(), State::Creating);
        let mut revision = first;
        for state in [
            State::Ready,
            State::Deleting,
            State::Deleted,
            State::Emptied,
            State::Erased,
        ] {
            let next = revision.with_state(state);
            assert!(next > revision);
            assert_eq!(next.state(), state);
            revision = next;
        }
        let again = revision.next_life();
        assert_eq!(again, Revision(8));
        assert_eq!(again.with_state(State::Deleting), Revision(10));
    }
}
