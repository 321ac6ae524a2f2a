//! The table of tenant entries, `default.tenants`.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::Error;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::ddl::{DATABASE_ID, Dialect, REGISTRY};
use crate::store::clickhouse::failure::Failure;

const TABLE: &str = "default.tenants";

const DATABASE_ID_TABLE: &str = "default.tenants_database_id";

const COLUMNS: &str = "client_id, revision, database_name, client_label, client_secret_sha256, created_at, \
     toUInt32(greatest(0, dateDiff('second', written_at, now()))) AS age_s";

const NOT_DELETED: &str = "revision % 4 != 3";

/// The state of a tenant's creation or deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// A replica is creating the database, or crashed while doing so.
    Creating,
    Ready,
    /// The entry is not found any more; the database is about to be dropped.
    Deleting,
    Deleted,
}

/// Counts the states of a tenant. It only increases, so that the last state counts in whatever order replicas write;
/// a tenant that is created again after its deletion (copied back, say) continues the count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Revision(u32);

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) tenant: Tenant,
    pub(super) revision: Revision,
    /// The time since it was written, by the clock of ClickHouse.
    pub(super) age: Duration,
}

impl Revision {
    const STATES: u32 = 4;

    pub(super) fn state(self) -> State {
        match self.0 % Self::STATES {
            0 => State::Creating,
            1 => State::Ready,
            2 => State::Deleting,
            _ => State::Deleted,
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
        for step in REGISTRY.all() {
            let sql = dialect.statement(step);
            client
                .run("migrate", |it| it.query_raw(&sql))
                .await
                .map_err(Error::from)?;
        }
        let comment = comment(client).await?.unwrap_or_default();
        for step in REGISTRY.missing(TABLE, &comment)? {
            let sql = dialect.statement(step);
            client.run("migrate", |it| it.query_raw(&sql)).await?;
        }
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

    /// Returns all entries with this name that are not deleted: after a race or a crash there may be several, of which
    /// at most one owns the database.
    pub(super) async fn by_name(&self, name: &DatabaseName) -> Result<Vec<Entry>, Failure> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLE} FINAL \
             WHERE database_name = {{name:String}} AND {NOT_DELETED}"
        );
        let rows = self.client.fetch::<Row>("tenant", |it| {
            it.query_raw(&sql).param("name", name.as_str())
        });
        rows.await?.into_iter().map(Entry::try_from).collect()
    }

    /// Returns all entries that are not deleted, by name.
    pub(super) async fn all(&self) -> Result<Vec<Entry>, Failure> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLE} FINAL WHERE {NOT_DELETED} \
             ORDER BY database_name, client_id"
        );
        let rows = self.client.fetch::<Row>("tenants", |it| it.query_raw(&sql));
        rows.await?.into_iter().map(Entry::try_from).collect()
    }

    /// Writes the state of a tenant. Of a deleted one, label and secret are erased.
    pub(super) async fn write(&self, tenant: &Tenant, revision: Revision) -> Result<(), Failure> {
        let row = || std::iter::once(NewRow::new(tenant, revision));
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

/// Returns what is wrong with the schema of the table, if it exists. Changes nothing.
pub(crate) async fn check_schema(client: &Client) -> Result<Option<Error>, Failure> {
    let comment = comment(client).await?;
    Ok(comment.and_then(|comment| REGISTRY.missing(TABLE, &comment).err()))
}

/// Returns the comment of the table, which holds its version; `None` if there is no table.
async fn comment(client: &Client) -> Result<Option<String>, Failure> {
    let sql = "SELECT comment FROM system.tables WHERE database = 'default' AND name = 'tenants'";
    let comments = client.fetch::<String>("migrate", |it| it.query_raw(sql));
    Ok(comments.await?.pop())
}

#[derive(Debug, clickhouse::Row, Serialize)]
struct NewRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    revision: u32,
    database_name: String,
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
    client_label: String,
    client_secret_sha256: [u8; 32],
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    created_at: i64,
    age_s: u32,
}

impl NewRow {
    fn new(tenant: &Tenant, revision: Revision) -> Self {
        let Tenant {
            client_id,
            database_name,
            client_label,
            client_secret_sha256,
            created_at,
        } = tenant;
        let is_kept = revision.state() != State::Deleted;
        Self {
            client_id: client_id.uuid(),
            revision: revision.0,
            database_name: database_name.to_string(),
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
            client_label,
            client_secret_sha256,
            created_at,
            age_s,
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
            revision: Revision(revision),
            age: Duration::from_secs(age_s.into()),
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
        let deleted = first.with_state(State::Ready).with_state(State::Deleted);
        assert_eq!(deleted, Revision(3));
        let again = deleted.next_life();
        assert_eq!(again, Revision(4));
        assert_eq!(again.with_state(State::Deleting), Revision(6));
        assert_eq!(again.with_state(State::Deleting).state(), State::Deleting);
    }
}
