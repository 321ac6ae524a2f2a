//! The table of retention rules.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{ClientId, Clock, RetentionRules, SystemClock};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;

const TABLE: &str = "default.tenants_retention";

#[derive(Debug, Clone)]
pub(super) struct RetentionTable {
    client: Client,
}

#[derive(Debug, Clone, clickhouse::Row, Serialize)]
struct NewRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    revision: u64,
    rules: String,
}

#[derive(Debug, clickhouse::Row, Deserialize)]
struct Row {
    revision: u64,
    rules: String,
}

impl RetentionTable {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
        }
    }

    pub(super) async fn rules(&self, client_id: ClientId) -> Result<RetentionRules, Failure> {
        let Some(row) = self.latest(client_id).await? else {
            return Ok(RetentionRules::default());
        };
        serde_json::from_str(&row.rules).map_err(|error| {
            Failure::InvalidData(format!("retention rules of client {client_id}: {error}"))
        })
    }

    /// Of two calls at the same moment one counts.
    pub(super) async fn set_rules(
        &self,
        client_id: ClientId,
        rules: &RetentionRules,
    ) -> Result<(), Failure> {
        let last = self.latest(client_id).await?.map_or(0, |row| row.revision);
        let now = u64::try_from(SystemClock.now().as_microsecond()).unwrap_or_default();
        let row = NewRow {
            client_id: client_id.uuid(),
            revision: now.max(last.saturating_add(1)),
            rules: serde_json::to_string(rules)
                .map_err(|error| Failure::Setup(error.to_string()))?,
        };
        let rows = || std::iter::once(row.clone());
        let written = self.client.insert("retention_write", |it| it, TABLE, rows);
        written.await
    }

    /// Returns the row that counts.
    async fn latest(&self, client_id: ClientId) -> Result<Option<Row>, Failure> {
        let sql = format!("SELECT revision, rules FROM {TABLE} WHERE client_id = {{client:UUID}}");
        let query = |it: &clickhouse::Client| it.query_raw(&sql).param("client", client_id.uuid());
        let rows = self.client.fetch_read_quorum::<Row>("retention", query);
        let rows = rows.await?.into_iter().flatten();
        Ok(rows.max_by_key(|row| row.revision))
    }
}
