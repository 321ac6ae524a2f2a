//! The tables of one tenant: how rows are written and read. Values from callers are passed as parameters,
//! never in the SQL.
//!
//! Imports the client and the names of tables, and nothing of the registry or the writer.

mod by_id;
mod events_table;
mod filters;
mod paging;
mod scan;
mod tombstones;

use clickhouse::query::Query as Statement;
use uuid::Uuid;

use super::client::Client;
use super::failure::Failure;
use super::table_names::TableName;
use crate::domain::{EventId, Tenant};

/// The table of a statement, by its two parameters.
const TABLE: &str = "{database:Identifier}.{table:Identifier}";

/// The total order, in both directions.
const NEWEST_FIRST: &str = "ORDER BY time_us DESC, UUIDToNum(event_id) DESC";
const OLDEST_FIRST: &str = "ORDER BY time_us, UUIDToNum(event_id)";

/// Ids in one statement: ClickHouse takes parameters of up to 128 KiB, and an id takes 39 bytes of one.
const MAX_IDS: usize = 1000;

/// A table with fewer rows is read faster without its projections.
const INDEXED_ROWS: &str = "100000";

/// The tables that hold one tenant's events and tombstones.
#[derive(Debug)]
pub(super) struct TenantTables<'a> {
    client: &'a Client,
    events: TableName,
}

impl<'a> TenantTables<'a> {
    pub(super) fn new(client: &'a Client, tenant: &Tenant) -> Self {
        Self {
            client,
            events: TableName::new(&tenant.database_name, tenant.client_id),
        }
    }

    pub(super) fn named(client: &'a Client, events: &TableName) -> Self {
        let events = events.clone();
        Self { client, events }
    }

    /// Runs a query for each chunk of `ids`, its parameter `ids`, and returns the ids of its column `id`.
    async fn select_ids(
        &self,
        operation: &'static str,
        query: impl Fn(&clickhouse::Client) -> Statement,
        ids: Vec<Uuid>,
    ) -> Result<Vec<Uuid>, Failure> {
        let mut found = Vec::new();
        for ids in ids.chunks(MAX_IDS) {
            let query = |it: &clickhouse::Client| query(it).param("ids", ids);
            let rows = self.client.fetch::<IdRow>(operation, query).await?;
            found.extend(rows.into_iter().map(|row| row.id));
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
fn indexed(statement: Statement) -> Statement {
    statement.with_setting("min_table_rows_to_use_projection_index", INDEXED_ROWS)
}

fn uuids(ids: &[EventId]) -> Vec<Uuid> {
    ids.iter().map(EventId::uuid).collect()
}
