//! The tables of keys that were made while the service ran, and of their last uses.

use std::collections::HashMap;

use async_trait::async_trait;
use clickhouse::query::Query;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{ClientId, KeyId, ListedKey, Scopes, StoredKey};
use crate::store::clickhouse::ClickHouse;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::ddl::{Dialect, KEY_USES, KEYS};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::replicas::latest_rows;
use crate::store::clickhouse::table_names::TableName;
use crate::store::keys::sort_keys;
use crate::store::{Error, KeyStore};

const KEYS_TABLE: &str = "default.tenants_keys";
const USES_TABLE: &str = "default.tenants_key_uses";

const MADE: u8 = 0;
const REVOKED: u8 = 1;

#[derive(Debug, Clone)]
pub(in crate::store::clickhouse::registry) struct KeysTables {
    client: Client,
}

impl KeysTables {
    pub(in crate::store::clickhouse::registry) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
        }
    }

    /// Creates the tables where there are none. Replicas may do so at the same time.
    pub(in crate::store::clickhouse::registry) async fn create_tables(
        &self,
        dialect: Dialect,
    ) -> Result<(), Error> {
        let keys = TableName::global("default", "tenants_keys");
        KEYS.apply(&self.client, dialect, &keys).await?;
        let uses = TableName::global("default", "tenants_key_uses");
        KEY_USES.apply(&self.client, dialect, &uses).await
    }

    /// Returns the keys that a condition selects, revoked ones excepted. `condition` selects all rows of a key or none.
    async fn select(
        &self,
        condition: &str,
        bind: impl Fn(Query) -> Query,
    ) -> Result<Vec<StoredKey>, Failure> {
        let sql = format!(
            "SELECT id, revision, sha256, name, scopes, client_id, created_at, expires_at \
             FROM {KEYS_TABLE} FINAL WHERE {condition}"
        );
        let rows = self
            .client
            .fetch_read_quorum::<KeyRow>("keys", |it| bind(it.query_raw(&sql)));
        let latest = latest_rows(rows.await?, |row| row.id, |row| row.revision);
        let made = latest.into_values().filter(|it| it.revision == MADE);
        made.map(StoredKey::try_from).collect()
    }

    async fn find(&self, ids: &[KeyId]) -> Result<Vec<StoredKey>, Failure> {
        let ids: Vec<Uuid> = ids.iter().map(KeyId::uuid).collect();
        let bind = |query: Query| query.param("ids", &ids);
        self.select("id IN {ids:Array(UUID)}", bind).await
    }

    async fn last_uses(&self) -> Result<HashMap<Uuid, i64>, Failure> {
        let sql = format!("SELECT id, max(used_at) AS used_at FROM {USES_TABLE} GROUP BY id");
        let rows = self
            .client
            .fetch_read_quorum::<UseRow>("keys", |it| it.query_raw(&sql));
        let latest = latest_rows(rows.await?, |row| row.id, |row| row.used_at);
        let used_at = |row: UseRow| (row.id, row.used_at);
        Ok(latest.into_values().map(used_at).collect())
    }

    async fn write(&self, key: &StoredKey, revision: u8) -> Result<(), Failure> {
        let row = || std::iter::once(KeyRow::new(key, revision));
        let write = self.client.insert("key_write", |it| it, KEYS_TABLE, row);
        write.await
    }
}

impl ClickHouse {
    fn keys_tables(&self) -> Result<&KeysTables, Error> {
        self.check_open()?;
        Ok(&self.registry.keys)
    }
}

#[async_trait]
impl KeyStore for ClickHouse {
    async fn create_key(&self, key: &StoredKey) -> Result<(), Error> {
        Ok(self.keys_tables()?.write(key, MADE).await?)
    }

    async fn find_keys(&self, ids: &[KeyId]) -> Result<Vec<StoredKey>, Error> {
        Ok(self.keys_tables()?.find(ids).await?)
    }

    async fn keys(&self) -> Result<Vec<ListedKey>, Error> {
        let tables = self.keys_tables()?;
        let keys = tables.select("1", |query| query).await?;
        let uses = tables.last_uses().await?;
        let listed = keys.into_iter().map(|key| {
            let used_at = uses.get(&key.id.uuid());
            let last_used_at = used_at.map(|it| Timestamp::from_microsecond(*it));
            Ok(ListedKey {
                last_used_at: last_used_at.transpose().map_err(|it| invalid(&it))?,
                key,
            })
        });
        let mut listed: Vec<ListedKey> = listed.collect::<Result<_, Failure>>()?;
        sort_keys(&mut listed);
        Ok(listed)
    }

    async fn revoke_key(&self, id: KeyId) -> Result<bool, Error> {
        let tables = self.keys_tables()?;
        let Some(key) = tables.find(&[id]).await?.pop() else {
            return Ok(false);
        };
        tables.write(&key, REVOKED).await?;
        Ok(true)
    }

    async fn record_key_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), Error> {
        let rows = || {
            let rows = uses.iter();
            rows.map(|(id, used_at)| UseRow {
                id: id.uuid(),
                used_at: used_at.as_microsecond(),
            })
        };
        let client = &self.keys_tables()?.client;
        let write = client.insert("key_write", |it| it, USES_TABLE, rows);
        Ok(write.await?)
    }
}

#[derive(Debug, clickhouse::Row, Serialize, Deserialize)]
struct KeyRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    revision: u8,
    sha256: [u8; 32],
    name: String,
    scopes: u8,
    #[serde(with = "clickhouse::serde::uuid::option")]
    client_id: Option<Uuid>,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    created_at: i64,
    /// Microseconds since 1970-01-01T00:00:00Z.
    expires_at: Option<i64>,
}

#[derive(Debug, clickhouse::Row, Serialize, Deserialize)]
struct UseRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    /// Microseconds since 1970-01-01T00:00:00Z.
    used_at: i64,
}

impl KeyRow {
    fn new(key: &StoredKey, revision: u8) -> Self {
        let StoredKey {
            id,
            sha256,
            name,
            scopes,
            client_id,
            created_at,
            expires_at,
        } = key;
        Self {
            id: id.uuid(),
            revision,
            sha256: if revision == MADE { *sha256 } else { [0; 32] },
            name: name.clone(),
            scopes: scopes.bits(),
            client_id: client_id.map(|it| it.uuid()),
            // Out of range only for years that no clock shows.
            created_at: i64::try_from(created_at.as_nanosecond()).unwrap_or_default(),
            expires_at: expires_at.map(Timestamp::as_microsecond),
        }
    }
}

impl TryFrom<KeyRow> for StoredKey {
    type Error = Failure;

    fn try_from(row: KeyRow) -> Result<Self, Failure> {
        let KeyRow {
            id,
            revision: _,
            sha256,
            name,
            scopes,
            client_id,
            created_at,
            expires_at,
        } = row;
        let expires_at = expires_at.map(Timestamp::from_microsecond).transpose();
        Ok(Self {
            id: KeyId::from_uuid(id),
            sha256,
            name,
            scopes: Scopes::from_bits(scopes)
                .ok_or_else(|| invalid(&format!("scopes {scopes}")))?,
            client_id: client_id.map(ClientId::from_uuid),
            created_at: Timestamp::from_nanosecond(created_at.into()).map_err(|it| invalid(&it))?,
            expires_at: expires_at.map_err(|it| invalid(&it))?,
        })
    }
}

fn invalid(problem: &dyn std::fmt::Display) -> Failure {
    Failure::InvalidData(format!("{problem} in the tables of keys"))
}
