//! Redaction of an event: the new row in place of the old one, and the index without the words that were removed.
//!
//! The connection overwrites what it deletes (`secure_delete`), so the old row is in no page of the database any more. The
//! log still has it: see `tenant/committer.rs`.

use rusqlite::Connection;

use super::holds;
use crate::domain::{EventId, Redaction};
use crate::store::Redacted;
use crate::store::sqlite::tables::event_rows;
use crate::store::sqlite::tables::words::index;

/// A redaction, and whether the index of words has to be merged after it.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) redacted: Redacted,
    pub(crate) has_to_merge: bool,
}

impl From<Redacted> for Done {
    fn from(redacted: Redacted) -> Self {
        Self {
            redacted,
            has_to_merge: false,
        }
    }
}

/// Redacts an event in a transaction of the caller's.
pub(crate) fn redact(
    connection: &Connection,
    id: EventId,
    redaction: &Redaction,
) -> rusqlite::Result<Done> {
    let sequence = event_rows::sequence_of(connection, id)?;
    let (Some(sequence), Some(before)) = (sequence, event_rows::find(connection, id)?) else {
        return Ok(Redacted::NoSuchEvent.into());
    };
    if holds::read(connection)?.cover(before.record_id) {
        return Ok(Redacted::UnderHold.into());
    }
    let now = match before.redacted(redaction) {
        Ok(Some(now)) => now,
        Ok(None) => return Ok(Redacted::Event(Box::new(before)).into()),
        Err(problems) => return Ok(Redacted::Refused(problems).into()),
    };
    event_rows::replace(connection, sequence, &now)?;
    let has_to_merge = index::erase(connection, sequence, &before, &now)?;
    Ok(Done {
        redacted: Redacted::Event(Box::new(now)),
        has_to_merge,
    })
}
