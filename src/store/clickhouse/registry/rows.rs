//! The rows of tenants that are being deleted.
//!
//! A deletion writes patch parts: the rows are gone for every reader at once, however many there are. They leave the disk
//! when their parts are merged.

use crate::domain::ClientId;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::{OWN_ROWS, Statement};
use crate::store::clickhouse::table_names::{ShardName, TableName};

/// The time limit of a merge of all events.
const MAX_MERGE: std::time::Duration = std::time::Duration::from_hours(12);

/// The id of the statement that merges a table. ClickHouse runs one statement of an id at a time, so one replica merges.
const MERGE_ID: &str = "event-history-erase";

/// A node that lags waits for its replication before it deletes. After this another one is asked.
const REPLICA_TIMEOUT_S: u8 = 2;

/// A table that has rows of tenants, and the column that says when one was received.
#[derive(Debug, Clone)]
struct Rows {
    table: TableName,
    received: &'static str,
}

/// The two tables of a shard's pooled tenants.
fn pool(shard: &ShardName) -> [Rows; 2] {
    let events = TableName::pooled(shard);
    [
        Rows {
            table: events.tombstones(),
            received: "tombstoned_at",
        },
        Rows {
            table: events,
            received: "received_at",
        },
    ]
}

/// Deletes a pooled tenant's rows that were received before `until_us`, in microseconds since 1970-01-01T00:00:00Z. Returns
/// whether none of them is left on a majority of the nodes: one of them executes the deletion, and acknowledges it before
/// others know of it.
pub(super) async fn delete(
    client: &Client,
    shard: &ShardName,
    id: ClientId,
    until_us: i64,
) -> Result<bool, Failure> {
    let client = client.of_shard(shard);
    let mut is_done = true;
    for rows in pool(shard) {
        let condition = rows.received_before();
        let sql = format!(
            "DELETE FROM {OWN_ROWS} AND {condition} SETTINGS \
             lightweight_delete_mode = 'lightweight_update', allow_experimental_lightweight_update = 1, \
             receive_timeout = {REPLICA_TIMEOUT_S}"
        );
        let statement = Statement::of_tenant(&rows.table, id, sql)?;
        let delete = client.run("delete_rows", |it| {
            statement.on(it).param("until_us", until_us)
        });
        delete.await?;
        let sql = format!("SELECT count() FROM {OWN_ROWS} AND {condition}");
        let statement = Statement::of_tenant(&rows.table, id, sql)?;
        let left = client.fetch_majority::<u64>("count_rows", |it| {
            statement.on(it).param("until_us", until_us)
        });
        is_done &= left.await?.iter().all(|left| left[..] == [0]);
    }
    Ok(is_done)
}

/// Tells whether rows of a deleted tenant are still on the disk, where nobody can read them.
pub(super) async fn are_on_disk(
    client: &Client,
    shard: &ShardName,
    id: ClientId,
) -> Result<bool, Failure> {
    let client = client.of_shard(shard);
    for rows in pool(shard) {
        let sql = format!("SELECT count() FROM {OWN_ROWS}");
        let statement = Statement::of_tenant(&rows.table, id, sql)?;
        let left = client.fetch::<u64>("count_rows", |it| {
            let statement = statement.on(it).with_setting("apply_deleted_mask", "0");
            statement.with_setting("apply_patch_parts", "0")
        });
        if left.await?.first() != Some(&0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Merges each table of a shard into as few parts as there can be, without the rows that were deleted.
pub(super) async fn merge(client: &Client, shard: &ShardName) -> Result<(), Failure> {
    let client = client.of_shard(shard);
    for rows in pool(shard) {
        merge_table(&client, &rows.table).await?;
    }
    Ok(())
}

/// Does the same with one table. Fails while another replica merges one.
pub(crate) async fn merge_table(client: &Client, table: &TableName) -> Result<(), Failure> {
    let sql = "OPTIMIZE TABLE {database:Identifier}.{table:Identifier} FINAL";
    let client = client.of(table);
    let merge = client.run_within("erase_rows", MAX_MERGE, |it| {
        let statement = table.bind(it.query_raw(sql));
        statement.with_setting("query_id", MERGE_ID)
    });
    merge.await
}

impl Rows {
    fn received_before(&self) -> String {
        format!(
            "{} < fromUnixTimestamp64Micro({{until_us:Int64}}, 'UTC')",
            self.received
        )
    }
}
