//! The table `files`: those that a tenant's events reference, and those that are tombstoned.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::domain::{EventFile, FileId, FileTotals};
use crate::store::Tombstone;

/// Returns the first of these files that is tombstoned.
pub(super) fn tombstoned(
    connection: &Connection,
    files: &[EventFile],
) -> rusqlite::Result<Option<FileId>> {
    for file in files {
        if state(connection, file.id)? == Some(State::Tombstoned) {
            return Ok(Some(file.id));
        }
    }
    Ok(None)
}

/// Records that an event references these files; runs in the transaction that stores the event.
pub(super) fn insert(connection: &Connection, files: &[EventFile]) -> rusqlite::Result<()> {
    for file in files {
        connection
            .prepare_cached(
                "INSERT INTO files (file_id, events, size_bytes) VALUES (?, 1, ?) \
                 ON CONFLICT DO UPDATE SET events = events + 1, size_bytes = coalesce(size_bytes, excluded.size_bytes)",
            )?
            .execute(params![file.id.uuid(), size_bytes(file)])?;
    }
    Ok(())
}

/// Takes back that an event references these files; runs in the transaction that deletes the event. Of a file without
/// another reference nothing is left: a sweep may remove it.
pub(super) fn release(connection: &Connection, files: &[EventFile]) -> rusqlite::Result<()> {
    for file in files {
        let sql = "UPDATE files SET events = events - 1 WHERE file_id = ? AND tombstoned_s IS NULL";
        connection.prepare_cached(sql)?.execute([file.id.uuid()])?;
        let sql = "DELETE FROM files WHERE file_id = ? AND tombstoned_s IS NULL AND events <= 0";
        connection.prepare_cached(sql)?.execute([file.id.uuid()])?;
    }
    Ok(())
}

/// Returns the recorded size of a file.
fn size_bytes(file: &EventFile) -> Option<i64> {
    let record = file.record.as_ref()?;
    i64::try_from(record.size_bytes).ok()
}

/// Counts the files that events reference, and their bytes.
pub(crate) fn totals(connection: &Connection) -> rusqlite::Result<FileTotals> {
    let sql = "SELECT count(*), coalesce(sum(size_bytes), 0) FROM files WHERE tombstoned_s IS NULL";
    connection.query_row(sql, [], |row| {
        let (files, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(FileTotals {
            files: files.unsigned_abs(),
            bytes: bytes.unsigned_abs(),
        })
    })
}

/// Returns those of these files that no event references.
pub(crate) fn unreferenced(
    connection: &Connection,
    files: &[FileId],
) -> rusqlite::Result<Vec<FileId>> {
    let mut unreferenced = Vec::new();
    for file in files {
        if state(connection, *file)? != Some(State::Referenced) {
            unreferenced.push(*file);
        }
    }
    Ok(unreferenced)
}

/// Tombstones those of these files that no event references, in one transaction, and returns them.
pub(crate) fn tombstone(
    connection: &mut Connection,
    files: &[FileId],
) -> rusqlite::Result<Vec<Tombstone>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut tombstones = Vec::new();
    for file in unreferenced(&transaction, files)? {
        // A second that no tombstone of the file had before.
        let stamp = transaction
            .prepare_cached(
                "INSERT INTO files (file_id, tombstoned_s) VALUES (?, unixepoch()) \
                 ON CONFLICT DO UPDATE SET tombstoned_s = max(unixepoch(), tombstoned_s + 1) \
                 RETURNING tombstoned_s",
            )?
            .query_row([file.uuid()], |row| row.get(0))?;
        tombstones.push(Tombstone { file, stamp });
    }
    transaction.commit()?;
    Ok(tombstones)
}

/// Withdraws those of these tombstones that are the newest of their files, in one transaction.
pub(crate) fn withdraw(
    connection: &mut Connection,
    tombstones: &[Tombstone],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for Tombstone { file, stamp } in tombstones {
        transaction
            .prepare_cached("DELETE FROM files WHERE file_id = ? AND tombstoned_s = ?")?
            .execute(params![file.uuid(), stamp])?;
    }
    transaction.commit()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Referenced,
    Tombstoned,
}

/// Returns `None` for a file that was neither referenced nor tombstoned.
fn state(connection: &Connection, file: FileId) -> rusqlite::Result<Option<State>> {
    connection
        .prepare_cached("SELECT tombstoned_s IS NULL FROM files WHERE file_id = ?")?
        .query_row([file.uuid()], |row| {
            let referenced: bool = row.get(0)?;
            Ok(if referenced {
                State::Referenced
            } else {
                State::Tombstoned
            })
        })
        .optional()
}
