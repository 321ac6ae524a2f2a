//! Events as rows: the one place that knows which column holds what.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::arrival::{Arrival, ArrivalClock, Arrivals};
use super::row_checksum::Columns;
use super::{counts, file_references};
use crate::domain::{Event, EventData, EventId, EventTime, ReceivedAt, Redactions};
use crate::store::sqlite::disk::error_mapping::{damaged_row, is_damaged_row};
use crate::store::{Appended, files_column};

/// Every column of an event, in the order that [`Appending`] and [`from_row`] rely on.
pub(crate) const COLUMNS: &str = "sequence, event_id, time_us, time_digits, event_type_id, record_id, \
     source_id, source_type_id, source_name, source_info, file_id, event_data, files, \
     received_after_us, redactions, checksum";

/// Damaged rows that do not keep a writer from finding out when the newest event was received.
const MAX_DAMAGED_ROWS: u32 = 100;

/// Stores events in the caller's transaction, which it ends by [`Appending::finish`].
pub(crate) struct Appending<'a> {
    connection: &'a Connection,
    /// Looked up once for all events of the transaction.
    insert: CachedStatement<'a>,
    added: counts::Added,
    arrivals: Arrivals<'a>,
    stored: Stored,
}

/// What a transaction has stored.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(super) events: i64,
    /// The size of the largest one.
    pub(super) largest_bytes: usize,
    /// The number of the newest event, of this transaction or an earlier one.
    pub(super) newest_sequence: i64,
}

impl Stored {
    fn note(&mut self, event: &Event) {
        self.events += 1;
        self.largest_bytes = self.largest_bytes.max(event.weight_bytes());
    }
}

impl<'a> Appending<'a> {
    /// `clock` says when the events of this transaction are received.
    pub(crate) fn start(
        connection: &'a Connection,
        clock: &'a mut ArrivalClock,
    ) -> rusqlite::Result<Self> {
        let sql = format!(
            "INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (event_id) DO NOTHING"
        );
        Ok(Self {
            connection,
            insert: connection.prepare_cached(&sql)?,
            added: counts::Added::default(),
            arrivals: Arrivals::start(connection, clock, || newest_received(connection))?,
            stored: Stored::default(),
        })
    }

    /// Stores one event unless one with its id is there.
    pub(crate) fn append(&mut self, event: &Event) -> rusqlite::Result<Appended> {
        if let Some(file_id) = file_references::tombstoned(self.connection, &event.files)? {
            let known = known(self.connection, event)?;
            return Ok(known.unwrap_or(Appended::FileTombstoned(file_id)));
        }
        if self.insert(event)? {
            file_references::insert(self.connection, &event.files)?;
            self.added.note(event);
            self.stored.note(event);
            return Ok(Appended::Stored);
        }
        known(self.connection, event)?.ok_or_else(|| {
            let problem = "it is in the index and not in the table";
            damaged_row(format!("event {}", event.id), problem)
        })
    }

    /// Brings the counts up to date with what was stored, and returns what that was.
    pub(crate) fn finish(self) -> rusqlite::Result<Stored> {
        self.added.write(self.connection)?;
        Ok(Stored {
            newest_sequence: self.arrivals.newest_sequence(),
            ..self.stored
        })
    }

    fn insert(&mut self, event: &Event) -> rusqlite::Result<bool> {
        let texts = Texts::of(event);
        let arrival = self.arrivals.next(event.received_at);
        let columns = texts.columns(event, arrival);
        let inserted = self.insert.execute(params![
            columns.sequence,
            columns.event_id,
            columns.time_us,
            columns.time_digits,
            columns.event_type_id,
            columns.record_id,
            columns.source_id,
            columns.source_type_id,
            columns.source_name,
            columns.source_info,
            columns.file_id,
            columns.event_data,
            columns.files,
            columns.received_after_us,
            columns.redactions,
            columns.checksum(),
        ])?;
        if inserted == 1 {
            self.arrivals.take(arrival);
        }
        Ok(inserted == 1)
    }
}

/// The columns of an event that are made of several values.
struct Texts {
    files: Option<String>,
    redactions: Option<String>,
}

impl Texts {
    fn of(event: &Event) -> Self {
        Self {
            files: files_column::encode(&event.files),
            redactions: event.redactions.encode(),
        }
    }

    fn columns<'a>(&'a self, event: &'a Event, arrival: Arrival) -> Columns<'a> {
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
            files: _,
            received_at: _,
            redactions: _,
        } = event;
        let Arrival {
            sequence,
            received_at,
        } = arrival;
        Columns {
            sequence,
            event_id: id.uuid(),
            time_us: time.micros(),
            time_digits: time.digits(),
            event_type_id: *event_type_id,
            record_id: *record_id,
            source_id: *source_id,
            source_type_id: *source_type_id,
            source_name,
            source_info,
            file_id: event.file_id().map(|id| id.uuid()),
            files: self.files.as_deref(),
            redactions: self.redactions.as_deref(),
            received_after_us: received_at.micros() - time.micros(),
            event_data: data.as_str(),
        }
    }
}

/// Replaces what a redaction changes of a stored event.
pub(super) fn replace(
    connection: &Connection,
    sequence: i64,
    event: &Event,
) -> rusqlite::Result<()> {
    let Some(received_at) = event.received_at else {
        return Err(damaged_row(
            format!("row {sequence}"),
            "it was never received",
        ));
    };
    let arrival = Arrival {
        sequence,
        received_at,
    };
    let texts = Texts::of(event);
    let columns = texts.columns(event, arrival);
    let sql = "UPDATE events SET source_name = ?, source_info = ?, redactions = ?, event_data = ?, checksum = ? \
               WHERE sequence = ?";
    let values = params![
        columns.source_name,
        columns.source_info,
        columns.redactions,
        columns.event_data,
        columns.checksum(),
        sequence,
    ];
    connection.execute(sql, values).map(drop)
}

/// Returns when the newest event was received, or of those that are damaged the one before.
fn newest_received(connection: &Connection) -> rusqlite::Result<Option<ReceivedAt>> {
    let sql =
        format!("SELECT {COLUMNS} FROM events ORDER BY sequence DESC LIMIT {MAX_DAMAGED_ROWS}");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match from_row(row) {
            Ok(event) => return Ok(event.received_at),
            Err(error) if is_damaged_row(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Compares an event with the stored one with its id; `None` if there is none.
fn known(connection: &Connection, event: &Event) -> rusqlite::Result<Option<Appended>> {
    Ok(find(connection, event.id)?.map(|stored| {
        if stored.is_delivered_again_by(event) {
            Appended::AlreadyThere
        } else {
            Appended::OtherContent
        }
    }))
}

/// Returns the event with this id.
pub(crate) fn find(connection: &Connection, id: EventId) -> rusqlite::Result<Option<Event>> {
    let found = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE event_id = ?"))?
        .query_row([id.uuid()], from_row)
        .optional()?;
    // SQLite believes its index, and does not look at the row again.
    match found {
        Some(other) if other.id != id => {
            let problem = format!("an index leads to event {} instead", other.id);
            Err(damaged_row(format!("event {id}"), problem))
        }
        found => Ok(found),
    }
}

/// Returns the number of the event with this id.
pub(super) fn sequence_of(connection: &Connection, id: EventId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT sequence FROM events WHERE event_id = ?")?
        .query_row([id.uuid()], |row| row.get(0))
        .optional()
}

/// Returns the event with this number.
pub(super) fn at(connection: &Connection, sequence: i64) -> rusqlite::Result<Option<Event>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE sequence = ?"))?
        .query_row([sequence], from_row)
        .optional()
}

/// Reads a row of [`COLUMNS`], whose checksum has to be right.
pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<Event> {
    decode(row).map_err(|problem| damaged_row(name(row), problem))
}

/// Describes the row for an error message, as far as it can be read.
fn name(row: &Row<'_>) -> String {
    let number = row
        .get::<_, i64>(0)
        .map_or_else(|error| error.to_string(), |it| it.to_string());
    match row.get::<_, Uuid>(1) {
        Ok(event_id) => format!("row {number} (event {event_id})"),
        Err(_) => format!("row {number}"),
    }
}

/// Decodes a row. An error says what is wrong with it.
fn decode(row: &Row<'_>) -> Result<Event, String> {
    let (columns, checksum) = columns(row).map_err(|error| error.to_string())?;
    if columns.checksum() != checksum {
        return Err("its checksum is not that of its content".to_owned());
    }
    let Columns {
        sequence: _,
        event_id,
        time_us,
        time_digits,
        event_type_id,
        record_id,
        source_id,
        source_type_id,
        source_name,
        source_info,
        file_id,
        files,
        redactions,
        received_after_us,
        event_data,
    } = columns;
    let time = EventTime::from_parts(time_us, time_digits)
        .ok_or_else(|| format!("{time_us} us with {time_digits} digits make no time"))?;
    let received_us = time_us.checked_add(received_after_us);
    let received_at = received_us
        .and_then(ReceivedAt::from_micros)
        .ok_or_else(|| {
            format!("{received_after_us} us after {time_us} us make no time of receipt")
        })?;
    Ok(Event {
        id: EventId::from_uuid(event_id),
        time,
        event_type_id,
        record_id,
        source_id,
        source_type_id,
        source_name: source_name.to_owned(),
        source_info: source_info.to_owned(),
        data: EventData::from_stored(event_data.to_owned()),
        files: files_column::decode(files, file_id)?,
        received_at: Some(received_at),
        redactions: Redactions::decode(redactions)?,
    })
}

/// Returns the columns of a row, and the checksum that stands beside them.
fn columns<'a>(row: &'a Row<'_>) -> rusqlite::Result<(Columns<'a>, i64)> {
    let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
    let columns = Columns {
        sequence: row.get(0)?,
        event_id: row.get(1)?,
        time_us: row.get(2)?,
        time_digits: row.get(3)?,
        event_type_id: row.get(4)?,
        record_id: row.get(5)?,
        source_id: row.get(6)?,
        source_type_id: row.get(7)?,
        source_name: text(8)?,
        source_info: text(9)?,
        file_id: row.get(10)?,
        event_data: text(11)?,
        files: row.get_ref(12)?.as_str_or_null()?,
        received_after_us: row.get(13)?,
        redactions: row.get_ref(14)?.as_str_or_null()?,
    };
    Ok((columns, row.get(15)?))
}
