//! Which files a tenant's events reference, and which of the others are tombstoned.
//!
//! There is no transaction that decides between an event that comes and a sweep that goes. So a sweep
//! says first what it is about to take, waits until every append that may not have heard of it is over,
//! and then looks whether an event references it after all.

use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;

use super::client::Client;
use super::errors::Failure;
use super::names::Table;
use super::queries::TABLE;
use crate::domain::{Event, FileId};

/// How long an append may be under way after it asked whether a file is tombstoned: two INSERTs of 3 s,
/// the pause between, and the 3 s for which ClickHouse may go on with what nobody waits for.
const SETTLING: Duration = Duration::from_secs(15);

/// Ids in one statement: ClickHouse takes parameters of up to 128 KiB, and an id takes 39 bytes of one.
const MAX_IDS: usize = 1000;

#[derive(Debug, clickhouse::Row, serde::Serialize, serde::Deserialize)]
struct IdRow {
    #[serde(with = "clickhouse::serde::uuid")]
    file_id: Uuid,
}

#[derive(Debug, clickhouse::Row, serde::Serialize, serde::Deserialize)]
struct TombstoneRow {
    #[serde(with = "clickhouse::serde::uuid")]
    file_id: Uuid,
    withdrawn: u8,
}

/// Returns those files of these events that are tombstoned.
pub(super) async fn tombstoned(
    client: &Client,
    table: &Table,
    events: &[&Event],
) -> Result<HashSet<FileId>, Failure> {
    let files = events.iter().flat_map(|event| &event.files);
    let files: Vec<FileId> = files.map(|file| file.id).collect();
    // What was withdrawn once is referenced by an event, and so for good.
    let sql = format!(
        "SELECT file_id FROM {TABLE} WHERE file_id IN {{file_ids:Array(UUID)}} \
         GROUP BY file_id HAVING max(withdrawn) = 0"
    );
    let table = table.tombstones();
    let mut found = HashSet::new();
    for files in files.chunks(MAX_IDS) {
        let rows = client.fetch::<IdRow>("tombstoned", |it| {
            table.of(it.query_raw(&sql)).param("file_ids", texts(files))
        });
        let rows = rows.await?.into_iter();
        found.extend(rows.map(|row| FileId::from_uuid(row.file_id)));
    }
    Ok(found)
}

/// Returns those of these files that no event references.
pub(super) async fn unreferenced(
    client: &Client,
    table: &Table,
    files: &[FileId],
) -> Result<Vec<FileId>, Failure> {
    let sql = format!(
        "SELECT DISTINCT arrayJoin(arrayIntersect(file_ids, {{file_ids:Array(UUID)}})) AS file_id \
         FROM {TABLE} WHERE hasAny(file_ids, {{file_ids:Array(UUID)}})"
    );
    let mut referenced: HashSet<FileId> = HashSet::new();
    for files in files.chunks(MAX_IDS) {
        let rows = client.fetch::<IdRow>("unreferenced", |it| {
            table.of(it.query_raw(&sql)).param("file_ids", texts(files))
        });
        let rows = rows.await?.into_iter();
        referenced.extend(rows.map(|row| FileId::from_uuid(row.file_id)));
    }
    let free = files.iter().filter(|file| !referenced.contains(file));
    Ok(free.copied().collect())
}

/// Tombstones those of these files that no event references, and returns them.
pub(super) async fn tombstone(
    client: &Client,
    table: &Table,
    files: &[FileId],
) -> Result<Vec<FileId>, Failure> {
    let wanted = unreferenced(client, table, files).await?;
    if wanted.is_empty() {
        return Ok(wanted);
    }
    note(client, table, &wanted, 0).await?;
    tokio::time::sleep(SETTLING).await;
    let tombstoned = unreferenced(client, table, &wanted).await?;
    let kept: Vec<FileId> = wanted
        .into_iter()
        .filter(|file| !tombstoned.contains(file))
        .collect();
    if !kept.is_empty() {
        note(client, table, &kept, 1).await?;
    }
    Ok(tombstoned)
}

async fn note(
    client: &Client,
    table: &Table,
    files: &[FileId],
    withdrawn: u8,
) -> Result<(), Failure> {
    let table = table.tombstones();
    client
        .insert::<TombstoneRow, _>(
            "tombstone",
            |insert| {
                insert
                    .with_setting("param_database", table.database.as_str())
                    .with_setting("param_table", &table.name)
            },
            TABLE,
            || {
                files.iter().map(|file| TombstoneRow {
                    file_id: file.uuid(),
                    withdrawn,
                })
            },
        )
        .await
}

fn texts(ids: &[FileId]) -> Vec<Uuid> {
    ids.iter().map(FileId::uuid).collect()
}
