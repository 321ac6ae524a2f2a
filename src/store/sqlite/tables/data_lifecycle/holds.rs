//! The table `holds`: a tenant's legal holds.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use crate::domain::{Hold, HoldId, Holds, Reason};

/// Returns the holds that are there.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Holds> {
    let sql = "SELECT id, record_id, reason, created_at FROM holds";
    let mut statement = connection.prepare_cached(sql)?;
    let holds: rusqlite::Result<Vec<Hold>> = statement.query_map([], from_row)?.collect();
    holds.map(Holds::new)
}

/// Adds a hold, unless one with its id is there.
pub(crate) fn insert(connection: &Connection, hold: &Hold) -> rusqlite::Result<()> {
    let Hold {
        id,
        record_id,
        reason,
        created_at,
    } = hold;
    let sql = "INSERT INTO holds (id, record_id, reason, created_at) VALUES (?, ?, ?, ?) \
               ON CONFLICT DO NOTHING";
    let row = params![
        id.uuid(),
        record_id,
        reason.as_str(),
        created_at.to_string()
    ];
    connection.execute(sql, row).map(drop)
}

/// Removes a hold. Returns false if there is none with this id.
pub(crate) fn remove(connection: &Connection, id: HoldId) -> rusqlite::Result<bool> {
    let removed = connection.execute("DELETE FROM holds WHERE id = ?", [id.uuid()])?;
    Ok(removed > 0)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Hold> {
    let created_at: String = row.get(3)?;
    let created_at = Timestamp::from_str(&created_at).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, Type::Text, Box::new(error))
    })?;
    Ok(Hold {
        id: HoldId::from_uuid(row.get(0)?),
        record_id: row.get(1)?,
        reason: Reason::from_stored(row.get(2)?),
        created_at,
    })
}
