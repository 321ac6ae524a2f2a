//! Events as rows: the one place that knows which column holds what.

use rusqlite::types::{Type, Value};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::{counts, files};
use crate::domain::{Event, EventData, EventId, EventTime};
use crate::store::{Appended, event_files};

/// Every column of an event, in the order that [`from_row`] and [`Appending`] rely on.
pub(super) const COLUMNS: &str = "event_id, time_us, time_digits, event_type_id, record_id, \
     source_id, source_type_id, source_name, source_info, file_id, event_data, files";

/// Stores events in the caller's transaction, which it ends by [`Appending::finish`].
pub(super) struct Appending<'a> {
    connection: &'a Connection,
    /// Looked up once for all events of the transaction.
    insert: CachedStatement<'a>,
    added: counts::Added,
}

impl<'a> Appending<'a> {
    pub(super) fn start(connection: &'a Connection) -> rusqlite::Result<Self> {
        let sql = format!(
            "INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (event_id) DO NOTHING"
        );
        Ok(Self {
            connection,
            insert: connection.prepare_cached(&sql)?,
            added: counts::Added::default(),
        })
    }

    /// Stores one event unless one with its id is there.
    pub(super) fn append(&mut self, event: &Event) -> rusqlite::Result<Appended> {
        if let Some(file_id) = files::given_up(self.connection, &event.files)? {
            let known = known(self.connection, event)?;
            return Ok(known.unwrap_or(Appended::FileGivenUp(file_id)));
        }
        if self.insert(event)? {
            files::refer_to(self.connection, &event.files)?;
            self.added.note(event);
            return Ok(Appended::Stored);
        }
        Ok(known(self.connection, event)?.unwrap_or(Appended::OtherContent))
    }

    /// Brings the counts up to date with what was stored.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        self.added.write(self.connection)
    }

    fn insert(&mut self, event: &Event) -> rusqlite::Result<bool> {
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
            files,
        } = event;
        let inserted = self.insert.execute(params![
            id.uuid(),
            time.micros(),
            time.digits(),
            event_type_id,
            record_id,
            source_id,
            source_type_id,
            source_name,
            source_info,
            event.file_id().map(|id| id.uuid()),
            data.as_str(),
            event_files::to_text(files),
        ])?;
        Ok(inserted == 1)
    }
}

/// Tells how an event stands to the stored one with its id; `None` if there is none.
fn known(connection: &Connection, event: &Event) -> rusqlite::Result<Option<Appended>> {
    Ok(find(connection, event.id)?.map(|stored| {
        if stored.same_content(event) {
            Appended::AlreadyThere
        } else {
            Appended::OtherContent
        }
    }))
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
    let files: Option<String> = row.get(11)?;
    let files = event_files::from_text(files.as_deref(), row.get(9)?).map_err(|problem| {
        rusqlite::Error::FromSqlConversionFailure(11, Type::Text, problem.into())
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
        data: EventData::from_stored(row.get(10)?),
        files,
    })
}

/// Returns an id as its column holds it: the 16 bytes, whose order is the order of ids.
pub(super) fn id_value(id: &EventId) -> Value {
    Value::Blob(id.uuid().as_bytes().to_vec())
}
