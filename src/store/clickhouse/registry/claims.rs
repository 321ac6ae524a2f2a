//! Who has a name on a cluster, and what else its replicas decide once: keys in Keeper, each of which is taken once, whichever
//! replicas are asked.
//!
//! A database cannot decide it there: one can be created on each replica at the same moment, for different tenants.

use std::collections::HashMap;

use clickhouse::insert::Insert;
use uuid::Uuid;

use crate::domain::{ClientId, DatabaseName};
use crate::store::Error;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::ddl::{CLAIMS, Dialect};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::table_names::TableName;

/// The key of the id of the whole database. No tenant's key looks like it.
const DATABASE_ID: &str = "database id";

const TABLE: &str = "default.tenants_claims";

#[derive(Debug, Clone)]
pub(crate) struct Claims {
    client: Client,
}

#[derive(Debug, clickhouse::Row, serde::Serialize)]
struct NewRow {
    key: String,
    #[serde(with = "clickhouse::serde::uuid")]
    owner: Uuid,
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct Row {
    key: String,
    #[serde(with = "clickhouse::serde::uuid")]
    owner: Uuid,
}

impl Claims {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
        }
    }

    /// Creates the table, whose rows are in Keeper.
    pub(super) async fn create_table(&self, dialect: Dialect) -> Result<(), Error> {
        CLAIMS.apply(&self.client, dialect, &table()).await
    }

    /// Takes a name for a tenant unless it is taken, and returns whose it is.
    pub(super) async fn claim(
        &self,
        name: &DatabaseName,
        id: ClientId,
    ) -> Result<ClientId, Failure> {
        let owner = self.take(&key(name), id.uuid()).await?;
        Ok(ClientId::from_uuid(owner))
    }

    /// Returns who has a name.
    pub(super) async fn owner(&self, name: &DatabaseName) -> Result<Option<ClientId>, Failure> {
        let owner = self.find(&key(name)).await?;
        Ok(owner.map(ClientId::from_uuid))
    }

    /// Frees a name if this tenant has it.
    pub(super) async fn release(&self, name: &DatabaseName, id: ClientId) -> Result<(), Failure> {
        let sql = format!(
            "ALTER TABLE {TABLE} DELETE WHERE key = {{key:String}} AND owner = {{owner:UUID}}"
        );
        let key = key(name);
        self.client
            .run("release", |it| {
                let statement = it.query_raw(&sql);
                statement.param("key", &key).param("owner", id.uuid())
            })
            .await
    }

    /// Returns the id of the whole database: `proposed`, unless it has one.
    pub(super) async fn database_id(&self, proposed: Uuid) -> Result<Uuid, Failure> {
        match self.find(DATABASE_ID).await? {
            Some(id) => Ok(id),
            None => self.take(DATABASE_ID, proposed).await,
        }
    }

    async fn take(&self, key: &str, owner: Uuid) -> Result<Uuid, Failure> {
        match self.take_all(vec![key.to_owned()], owner).await {
            Ok(()) => Ok(owner),
            // It is taken; or an answer was lost, and it is this one's.
            Err(failure) => self.find(key).await?.ok_or(failure),
        }
    }

    async fn find(&self, key: &str) -> Result<Option<Uuid>, Failure> {
        let found = self.find_all(vec![key.to_owned()]).await?;
        Ok(found.into_values().next())
    }

    /// Takes all of these keys, or none if one of them is taken.
    pub(crate) async fn take_all(&self, keys: Vec<String>, owner: Uuid) -> Result<(), Failure> {
        if keys.is_empty() {
            return Ok(());
        }
        let strict = |insert: Insert<NewRow>| insert.with_setting("keeper_map_strict_mode", "1");
        let rows = || {
            let rows = keys.iter().cloned();
            rows.map(|key| NewRow { key, owner })
        };
        self.client.insert("claim", strict, TABLE, rows).await
    }

    /// Returns the owners of those of these keys that are taken.
    pub(crate) async fn find_all(
        &self,
        keys: Vec<String>,
    ) -> Result<HashMap<String, Uuid>, Failure> {
        let sql = format!("SELECT key, owner FROM {TABLE} WHERE key IN {{keys:Array(String)}}");
        let query = |it: &clickhouse::Client| it.query_raw(&sql).param("keys", &keys);
        let rows = self.client.fetch::<Row>("claim", query).await?;
        Ok(rows.into_iter().map(|row| (row.key, row.owner)).collect())
    }
}

fn key(name: &DatabaseName) -> String {
    format!("name/{name}")
}

fn table() -> TableName {
    TableName::global("default", "tenants_claims")
}
