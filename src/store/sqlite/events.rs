//! Events as rows: the one place that knows which column holds what.

use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::domain::{Event, EventData, EventId, EventTime, FileId};
use crate::store::Appended;

/// Every column of an event, in the order that [`from_row`] and [`append`] rely on.
pub(super) const COLUMNS: &str = "event_id, time_us, time_digits, event_type_id, record_id, \
     source_id, source_type_id, source_name, source_info, file_id, event_data";

/// Stores one event unless one with its id is there; runs in the caller's transaction.
pub(super) fn append(connection: &Connection, event: &Event) -> rusqlite::Result<Appended> {
    let sql = format!(
        "INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (event_id) DO NOTHING"
    );
    let Event {
        id,
        time,
        event_type_id,
        record_id,
        source_id,
        source_type_id,
        source_name,
        source_info,
        data,
        file_id,
    } = event;
    let inserted = connection.prepare_cached(&sql)?.execute(params![
        id.uuid(),
        time.micros(),
        time.digits(),
        event_type_id,
        record_id,
        source_id,
        source_type_id,
        source_name,
        source_info,
        file_id.map(|id| id.uuid()),
        data.as_str(),
    ])?;
    if inserted == 1 {
        return Ok(Appended::Stored);
    }
    let same = find(connection, *id)?.is_some_and(|stored| stored.same_content(event));
    Ok(if same {
        Appended::AlreadyThere
    } else {
        Appended::OtherContent
    })
}

/// Returns the event with this id.
pub(super) fn find(connection: &Connection, id: EventId) -> rusqlite::Result<Option<Event>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE event_id = ?"))?
        .query_row([id.uuid()], from_row)
        .optional()
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Event> {
    let (micros, digits) = (row.get(1)?, row.get(2)?);
    let time = EventTime::from_parts(micros, digits).ok_or_else(|| {
        let problem = format!("{micros} us with {digits} digits make no time");
        rusqlite::Error::FromSqlConversionFailure(1, Type::Integer, problem.into())
    })?;
    Ok(Event {
        id: EventId::from_uuid(row.get(0)?),
        time,
        event_type_id: row.get(3)?,
        record_id: row.get(4)?,
        source_id: row.get(5)?,
        source_type_id: row.get(6)?,
        source_name: row.get(7)?,
        source_info: row.get(8)?,
        file_id: row.get::<_, Option<Uuid>>(9)?.map(FileId::from_uuid),
        data: EventData::from_stored(row.get(10)?),
    })
}

/// Returns an id as its column holds it: the 16 bytes, whose order is the order of ids.
pub(super) fn id_value(id: &EventId) -> Value {
    Value::Blob(id.uuid().as_bytes().to_vec())
}
