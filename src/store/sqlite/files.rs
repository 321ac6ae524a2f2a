//! Which files a tenant's events reference, and which of the others a sweep was given.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::domain::{EventFile, FileId};

/// Returns the first of these files that was given up.
pub(super) fn given_up(
    connection: &Connection,
    files: &[EventFile],
) -> rusqlite::Result<Option<FileId>> {
    for file in files {
        if state(connection, file.id)? == Some(State::GivenUp) {
            return Ok(Some(file.id));
        }
    }
    Ok(None)
}

/// Notes that an event references these files; runs in the transaction that stores the event.
pub(super) fn refer_to(connection: &Connection, files: &[EventFile]) -> rusqlite::Result<()> {
    for file in files {
        connection
            .prepare_cached("INSERT INTO files (file_id) VALUES (?) ON CONFLICT DO NOTHING")?
            .execute([file.id.uuid()])?;
    }
    Ok(())
}

/// Returns those of these files that no event references.
pub(super) fn unreferenced(
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

/// Gives up those of these files that no event references, in one transaction, and returns them.
pub(super) fn give_up(
    connection: &mut Connection,
    files: &[FileId],
) -> rusqlite::Result<Vec<FileId>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let given_up = unreferenced(&transaction, files)?;
    for file in &given_up {
        transaction
            .prepare_cached(
                "INSERT INTO files (file_id, given_up_s) VALUES (?, unixepoch()) \
                 ON CONFLICT DO NOTHING",
            )?
            .execute([file.uuid()])?;
    }
    transaction.commit()?;
    Ok(given_up)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Referenced,
    GivenUp,
}

/// Returns `None` for a file that was neither referenced nor given up.
fn state(connection: &Connection, file: FileId) -> rusqlite::Result<Option<State>> {
    connection
        .prepare_cached("SELECT given_up_s IS NULL FROM files WHERE file_id = ?")?
        .query_row([file.uuid()], |row| {
            let referenced: bool = row.get(0)?;
            Ok(if referenced {
                State::Referenced
            } else {
                State::GivenUp
            })
        })
        .optional()
}
