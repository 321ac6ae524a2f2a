//! The table of secrets of tenants that were rotated.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{ClientId, PreviousSecret, TenantSecrets};
use crate::store::clickhouse::ClickHouse;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::ddl::{Dialect, SECRETS};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::registry::entries::{EntriesTable, MAX_KEYS};
use crate::store::clickhouse::registry::revision::State;
use crate::store::clickhouse::replicas::latest_rows;
use crate::store::clickhouse::table_names::TableName;
use crate::store::{Error, SecretStore};

const TABLE: &str = "default.tenants_secrets";

#[derive(Debug, Clone)]
pub(in crate::store::clickhouse::registry) struct SecretsTable {
    client: Client,
}

impl SecretsTable {
    pub(in crate::store::clickhouse::registry) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
        }
    }

    /// Creates the table if there is none. Replicas may do so at the same time.
    pub(in crate::store::clickhouse::registry) async fn create_table(
        &self,
        dialect: Dialect,
    ) -> Result<(), Error> {
        let table = TableName::global("default", "tenants_secrets");
        SECRETS.apply(&self.client, dialect, &table).await
    }

    /// Returns the secrets that were rotated, of these tenants.
    async fn rotated(&self, ids: &[ClientId]) -> Result<HashMap<Uuid, Row>, Failure> {
        let sql = format!(
            "SELECT client_id, rotated_at, sha256, previous_sha256, previous_valid_until FROM {TABLE} FINAL \
             WHERE client_id IN {{ids:Array(UUID)}}"
        );
        let ids: Vec<Uuid> = ids.iter().map(ClientId::uuid).collect();
        let mut latest = HashMap::new();
        for ids in ids.chunks(MAX_KEYS) {
            let query = |it: &clickhouse::Client| it.query_raw(&sql).param("ids", ids);
            let rows = self.client.fetch_read_quorum::<Row>("secrets", query);
            latest.extend(latest_rows(
                rows.await?,
                |row| row.client_id,
                |row| row.rotated_at,
            ));
        }
        Ok(latest)
    }

    /// Returns the secrets of those of these tenants that exist at this moment.
    async fn find(
        &self,
        entries: &EntriesTable,
        ids: &[ClientId],
    ) -> Result<Vec<TenantSecrets>, Failure> {
        let (entries, mut rotated) =
            futures_util::future::try_join(entries.find(ids, &[]), self.rotated(ids)).await?;
        let ready = entries.into_iter().filter(|it| it.state() == State::Ready);
        let secrets = ready.map(|entry| {
            let client_id = entry.tenant.client_id;
            match rotated.remove(&client_id.uuid()) {
                Some(row) => TenantSecrets::try_from(row),
                None => Ok(TenantSecrets {
                    client_id,
                    current_sha256: entry.tenant.client_secret_sha256,
                    previous: None,
                    rotated_at: None,
                }),
            }
        });
        secrets.collect()
    }
}

#[async_trait]
impl SecretStore for ClickHouse {
    async fn find_secrets(&self, ids: &[ClientId]) -> Result<Vec<TenantSecrets>, Error> {
        self.check_open()?;
        let registry = &self.registry;
        Ok(registry.secrets.find(&registry.entries, ids).await?)
    }

    async fn replace_secrets(&self, secrets: &TenantSecrets) -> Result<(), Error> {
        self.check_open()?;
        let row = || std::iter::once(Row::from(secrets));
        let client = &self.registry.secrets.client;
        let write = client.insert("secret_write", |it| it, TABLE, row);
        Ok(write.await?)
    }
}

#[derive(Debug, clickhouse::Row, Serialize, Deserialize)]
struct Row {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    /// As the time below: microseconds since 1970-01-01T00:00:00Z.
    rotated_at: i64,
    sha256: [u8; 32],
    previous_sha256: [u8; 32],
    previous_valid_until: Option<i64>,
}

impl From<&TenantSecrets> for Row {
    fn from(secrets: &TenantSecrets) -> Self {
        let TenantSecrets {
            client_id,
            current_sha256,
            previous,
            rotated_at,
        } = secrets;
        let (previous_sha256, previous_valid_until) = match previous {
            Some(PreviousSecret {
                sha256,
                valid_until,
            }) => (*sha256, Some(valid_until.as_microsecond())),
            None => ([0; 32], None),
        };
        Self {
            client_id: client_id.uuid(),
            rotated_at: rotated_at.unwrap_or(Timestamp::UNIX_EPOCH).as_microsecond(),
            sha256: *current_sha256,
            previous_sha256,
            previous_valid_until,
        }
    }
}

impl TryFrom<Row> for TenantSecrets {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let Row {
            client_id,
            rotated_at,
            sha256,
            previous_sha256,
            previous_valid_until,
        } = row;
        let time = |micros| {
            let time = Timestamp::from_microsecond(micros);
            time.map_err(|error| Failure::InvalidData(format!("{error} in {TABLE}")))
        };
        let previous = match previous_valid_until {
            Some(micros) => Some(PreviousSecret {
                sha256: previous_sha256,
                valid_until: time(micros)?,
            }),
            None => None,
        };
        Ok(Self {
            client_id: ClientId::from_uuid(client_id),
            current_sha256: sha256,
            previous,
            rotated_at: Some(time(rotated_at)?),
        })
    }
}
