//! The files that a tenant's events reference, and the tombstones of others.
//!
//! No transaction decides between an append and a sweep. So a sweep first writes the tombstones, waits until every
//! append that may have missed them is over, and then withdraws those of files that an event references after all. A
//! sweep withdraws its own tombstones only, which its time tells apart: of a file that another sweep has tombstoned too,
//! that sweep may be deleting the file.

use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;

use super::TenantTables;
use crate::domain::{Clock, FileId, SystemClock};
use crate::store::Tombstone;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::OWN_ROWS;

/// The longest time between an append's check of tombstones and the end of its INSERT: two INSERTs of 3 s,
/// the pause between, and the 3 s for which ClickHouse may continue a statement that nobody waits for.
const MAX_APPEND: Duration = Duration::from_secs(15);

/// The table into which an INSERT goes: its name follows as parameters.
const TABLE: &str = "{database:Identifier}.{table:Identifier}";

/// Why a tombstone is withdrawn: an event references the file after all.
pub(super) const FOR_EVENT: u8 = 1;
/// Why a tombstone is withdrawn: storage refused to delete the file.
pub(super) const REFUSED: u8 = 2;

#[derive(Debug, clickhouse::Row, serde::Serialize)]
struct TombstoneRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    file_id: Uuid,
    /// Microseconds since 1970. The same in the row that withdraws it.
    tombstoned_at: i64,
    withdrawn: u8,
}

impl TenantTables {
    /// Returns those of these files that no event references.
    pub(crate) async fn unreferenced(&self, files: &[FileId]) -> Result<Vec<FileId>, Failure> {
        let sql = format!(
            "SELECT DISTINCT arrayJoin(arrayIntersect(file_ids, {{ids:Array(UUID)}})) AS id \
             FROM {OWN_ROWS} AND hasAny(file_ids, {{ids:Array(UUID)}})"
        );
        let statement = self.statement(sql)?;
        let found = self
            .select_ids("unreferenced", &statement, uuids(files))
            .await?;
        let referenced: HashSet<FileId> = found.into_iter().map(FileId::from_uuid).collect();
        let unreferenced = files.iter().filter(|file| !referenced.contains(file));
        Ok(unreferenced.copied().collect())
    }

    /// Tombstones those of these files that no event references, and returns them.
    pub(crate) async fn tombstone(&self, files: &[FileId]) -> Result<Vec<Tombstone>, Failure> {
        let candidates = self.unreferenced(files).await?;
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let stamp = SystemClock.now().as_microsecond();
        let stamped = |file: &FileId| Tombstone { file: *file, stamp };
        let mut tombstones: Vec<_> = candidates.iter().map(stamped).collect();
        self.write_tombstones(&tombstones, 0).await?;
        tokio::time::sleep(MAX_APPEND).await;
        let free: HashSet<FileId> = self.unreferenced(&candidates).await?.into_iter().collect();
        let referenced = tombstones.extract_if(.., |it| !free.contains(&it.file));
        let referenced: Vec<Tombstone> = referenced.collect();
        if !referenced.is_empty() {
            self.write_tombstones(&referenced, FOR_EVENT).await?;
        }
        Ok(tombstones)
    }

    /// Withdraws tombstones of files that storage refused to delete.
    pub(crate) async fn withdraw(&self, tombstones: &[Tombstone]) -> Result<(), Failure> {
        if tombstones.is_empty() {
            return Ok(());
        }
        self.write_tombstones(tombstones, REFUSED).await
    }

    async fn write_tombstones(
        &self,
        tombstones: &[Tombstone],
        withdrawn: u8,
    ) -> Result<(), Failure> {
        let table = self.events.tombstones();
        let rows = || {
            tombstones.iter().map(|tombstone| TombstoneRow {
                client_id: self.client_id.uuid(),
                file_id: tombstone.file.uuid(),
                tombstoned_at: tombstone.stamp,
                withdrawn,
            })
        };
        let bind = |insert| table.bind_insert(insert);
        self.client.insert("tombstone", bind, TABLE, rows).await
    }
}

fn uuids(ids: &[FileId]) -> Vec<Uuid> {
    ids.iter().map(FileId::uuid).collect()
}
