//! The tables of events and tombstones: how rows are written and read. Values from callers are passed as parameters,
//! never in the SQL.
//!
//! Imports the client, the names of tables and the statements about them, and nothing of the registry or the writer.

mod batch;
mod by_id;
mod change_filter;
mod events_table;
mod feed;
mod filters;
mod paging;
mod parameters;
mod scan;
mod stats;
mod tombstones;

use clickhouse::query::Query;
use uuid::Uuid;

use super::client::Client;
use super::failure::Failure;
use super::statement::Statement;
use super::table_names::TableName;
use crate::domain::{ClientId, EventId};

pub(super) use self::batch::{BatchTables, EventKey, FileKey};
pub(super) use self::feed::{Arrived, arrived, newest_ahead};

/// The total order, in both directions.
const NEWEST_FIRST: &str = "ORDER BY time_us DESC, UUIDToNum(event_id) DESC";
const OLDEST_FIRST: &str = "ORDER BY time_us, UUIDToNum(event_id)";

/// Ids, or keys of two ids, in one statement: ClickHouse takes parameters of up to 128 KiB, and a key takes 80 bytes of
/// one.
const MAX_IDS: usize = 1000;

/// A table with fewer rows is read faster without its projections.
const INDEXED_ROWS: &str = "100000";

/// The rows of one tenant, in the tables that it shares or has for itself.
#[derive(Debug)]
pub(super) struct TenantTables {
    client: Client,
    events: TableName,
    client_id: ClientId,
}

impl TenantTables {
    pub(super) fn new(client: &Client, events: TableName, client_id: ClientId) -> Self {
        Self {
            client: client.of(&events),
            events,
            client_id,
        }
    }

    /// Returns a statement about the tenant's events.
    fn statement(&self, sql: String) -> Result<Statement, Failure> {
        Statement::of_tenant(&self.events, self.client_id, sql)
    }

    /// Runs a statement for each chunk of `ids`, its parameter `ids`, and returns the ids of its column `id`.
    async fn select_ids(
        &self,
        operation: &'static str,
        statement: &Statement,
        ids: Vec<Uuid>,
    ) -> Result<Vec<Uuid>, Failure> {
        let mut found = Vec::new();
        for ids in ids.chunks(MAX_IDS) {
            let query = |it: &clickhouse::Client| statement.on(it).param("ids", ids);
            let rows = self
                .client
                .fetch_read_quorum::<IdRow>(operation, query)
                .await?;
            found.extend(rows.into_iter().flatten().map(|row| row.id));
        }
        Ok(found)
    }
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct IdRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
}

/// Lets a statement use the projections.
fn indexed(query: Query) -> Query {
    query.with_setting("min_table_rows_to_use_projection_index", INDEXED_ROWS)
}

fn uuids(ids: &[EventId]) -> Vec<Uuid> {
    ids.iter().map(EventId::uuid).collect()
}
