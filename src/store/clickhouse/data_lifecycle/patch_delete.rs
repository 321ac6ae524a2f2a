//! The deletion of rows of a tenant by patch parts: the rows are gone for every reader at once, and leave the disk when their
//! parts are merged.

use std::time::Duration;

use clickhouse::query::Query;
use tokio::time::sleep;

use crate::domain::ClientId;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::{OWN_ROWS, Statement};
use crate::store::clickhouse::table_names::TableName;

/// A node that lags waits for its replication before it deletes. After this another one is asked.
const REPLICA_TIMEOUT_S: u8 = 2;

/// The attempts at a deletion that other replicas have not heard of yet, and the pauses between.
const MAX_ATTEMPTS: usize = 5;
const REPLICATION_PAUSE: Duration = Duration::from_millis(100);

/// Deletes the rows of a tenant that meet a condition, whose parameters `bind` binds. One node executes it, and acknowledges
/// it before others know of it: it is done when a majority of them has none left.
pub(super) async fn delete_rows(
    client: &Client,
    table: &TableName,
    client_id: ClientId,
    condition: &str,
    bind: impl Fn(Query) -> Query,
) -> Result<(), Failure> {
    let client = client.of(table);
    let rows = format!("FROM {OWN_ROWS} AND {condition}");
    let statement = |sql| Statement::of_tenant(table, client_id, sql);
    let delete = statement(format!(
        "DELETE {rows} SETTINGS \
         lightweight_delete_mode = 'lightweight_update', allow_experimental_lightweight_update = 1, \
         receive_timeout = {REPLICA_TIMEOUT_S}"
    ))?;
    let count = statement(format!("SELECT count() {rows}"))?;
    for attempt in 0..MAX_ATTEMPTS {
        if attempt > 0 {
            sleep(REPLICATION_PAUSE).await;
        }
        let deleted = client.run("delete_rows", |it| bind(delete.on(it)));
        deleted.await?;
        let left = client.fetch_majority::<u64>("count_rows", |it| bind(count.on(it)));
        if left.await?.iter().all(|left| left[..] == [0]) {
            return Ok(());
        }
    }
    Err(Failure::TimedOut)
}
