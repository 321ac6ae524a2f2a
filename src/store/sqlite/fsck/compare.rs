//! Comparisons within one database.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, Rows, Transaction};

use crate::domain::{DatabaseName, Event, EventFile, EventId};
use crate::store::sqlite::disk::error_mapping::is_damaged_row;
use crate::store::sqlite::tables::event_rows::{COLUMNS, from_row};

/// The faults that SQLite reports of one database, at most: the rest is of the same kind.
const MAX_INTEGRITY_FAULTS: u32 = 10;

/// Something that is wrong, or could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub tenant: Option<DatabaseName>,
    pub file: PathBuf,
    /// In one line.
    pub problem: String,
    /// Nothing is known to be damaged: it could not be checked.
    pub is_unchecked: bool,
}

/// An event that references files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The position after which to resume.
    pub row: i64,
    pub event_id: EventId,
    pub files: Vec<EventFile>,
}

type Show<'a> = &'a mut dyn FnMut(Fault);

/// Takes the faults of one database.
pub(super) struct Report<'a, 'b> {
    tenant: Option<&'a DatabaseName>,
    file: &'a Path,
    show: Show<'b>,
    pub(super) has_fault: bool,
}

impl<'a, 'b> Report<'a, 'b> {
    pub(super) fn new(tenant: Option<&'a DatabaseName>, file: &'a Path, show: Show<'b>) -> Self {
        Self {
            tenant,
            file,
            show,
            has_fault: false,
        }
    }

    fn fault(&mut self, problem: String) {
        self.has_fault = true;
        (self.show)(Fault {
            tenant: self.tenant.cloned(),
            file: self.file.to_owned(),
            problem,
            is_unchecked: false,
        });
    }
}

/// Checks everything in a tenant's database, and returns how many events were read.
pub(super) fn check(
    connection: &mut Connection,
    report: &mut Report<'_, '_>,
) -> rusqlite::Result<u64> {
    // In a database of its own: nothing is written to the tenant's.
    connection
        .execute_batch("CREATE TEMP TABLE referenced (file_id BLOB PRIMARY KEY, events INTEGER NOT NULL) WITHOUT ROWID")?;
    let snapshot = connection.transaction()?;
    integrity(&snapshot, report)?;
    let is_whole = !report.has_fault;
    let (events, rows_are_whole) = match rows(&snapshot, report) {
        Ok(read) => read,
        // SQLite reports it a second time.
        Err(_) if !is_whole => return Ok(0),
        Err(error) => return Err(error),
    };
    if !is_whole {
        return Ok(events); // other faults would follow from those
    }
    counts(&snapshot, report)?;
    if rows_are_whole {
        unreferenced(&snapshot, report)?;
    }
    Ok(events)
}

/// Has SQLite check its pages, rows and indexes.
pub(super) fn integrity(
    connection: &Connection,
    report: &mut Report<'_, '_>,
) -> rusqlite::Result<()> {
    let sql = format!("PRAGMA integrity_check({MAX_INTEGRITY_FAULTS})");
    let mut statement = connection.prepare(&sql)?;
    let mut lines = statement.query([])?;
    while let Some(line) = lines.next()? {
        let line: String = line.get(0)?;
        if line != "ok" {
            report.fault(format!("SQLite's integrity check: {line}"));
        }
    }
    Ok(())
}

/// Reads every row. Returns how many there are, and whether each could be decoded.
fn rows(snapshot: &Transaction<'_>, report: &mut Report<'_, '_>) -> rusqlite::Result<(u64, bool)> {
    let mut statement =
        snapshot.prepare(&format!("SELECT {COLUMNS} FROM events ORDER BY sequence"))?;
    let mut rows = statement.query([])?;
    let (mut events, mut are_whole) = (0, true);
    while let Some(row) = rows.next()? {
        events += 1;
        match from_row(row) {
            Ok(event) => files(snapshot, &event, report)?,
            Err(error) if is_damaged_row(&error) => {
                are_whole = false;
                report.fault(damage(&error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((events, are_whole))
}

/// Returns what is wrong with a row, without the prefix of rusqlite.
fn damage(error: &rusqlite::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Compares the files of an event with the table of files.
fn files(
    snapshot: &Transaction<'_>,
    event: &Event,
    report: &mut Report<'_, '_>,
) -> rusqlite::Result<()> {
    for EventFile { id, record: _ } in &event.files {
        snapshot
            .prepare_cached(
                "INSERT INTO temp.referenced VALUES (?, 1) \
                 ON CONFLICT DO UPDATE SET events = events + 1",
            )?
            .execute([id.uuid()])?;
        let recorded: Option<bool> = {
            let sql = "SELECT tombstoned_s IS NULL FROM files WHERE file_id = ?";
            let mut statement = snapshot.prepare_cached(sql)?;
            let mut found = statement.query([id.uuid()])?;
            found.next()?.map(|row| row.get(0)).transpose()?
        };
        let problem = match recorded {
            Some(true) => continue,
            Some(false) => "is tombstoned",
            None => "is not recorded as referenced",
        };
        report.fault(format!("file {id} of event {} {problem}", event.id));
    }
    Ok(())
}

/// Reports the files that are recorded as referenced, and are not.
fn unreferenced(snapshot: &Transaction<'_>, report: &mut Report<'_, '_>) -> rusqlite::Result<()> {
    let mut statement = snapshot.prepare(
        "SELECT file_id FROM files WHERE tombstoned_s IS NULL \
         AND file_id NOT IN (SELECT file_id FROM temp.referenced) ORDER BY file_id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: uuid::Uuid = row.get(0)?;
        report.fault(format!(
            "file {id} is recorded as referenced, and no event references it"
        ));
    }
    // With fewer it would be released while an event references it. With more it is only kept for longer.
    let mut statement = snapshot.prepare(
        "SELECT file_id, files.events, referenced.events FROM files JOIN temp.referenced USING (file_id) \
         WHERE tombstoned_s IS NULL AND files.events < referenced.events ORDER BY file_id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, kept, there): (uuid::Uuid, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        report.fault(format!(
            "file {id}: the stored count of references is {kept}, and there are {there}"
        ));
    }
    Ok(())
}

/// Compares the stored counts with the rows.
fn counts(snapshot: &Transaction<'_>, report: &mut Report<'_, '_>) -> rusqlite::Result<()> {
    let by_record = Counts {
        what: |[record, event_type]| format!("record {record} and event type {event_type}"),
        kept: "SELECT record_id, event_type_id, events FROM record_counts \
               WHERE events <> 0 ORDER BY record_id, event_type_id",
        there: "SELECT record_id, event_type_id, count(*) FROM events \
                GROUP BY record_id, event_type_id ORDER BY record_id, event_type_id",
    };
    let by_type = Counts {
        what: |[event_type, _]| format!("event type {event_type}"),
        kept: "SELECT event_type_id, 0, events FROM type_counts WHERE events <> 0 \
               ORDER BY event_type_id",
        there: "SELECT event_type_id, 0, count(*) FROM events \
                GROUP BY event_type_id ORDER BY event_type_id",
    };
    for counts in [by_record, by_type] {
        counts.compare(snapshot, report)?;
    }
    Ok(())
}

type Key = [i64; 2];

/// Two statements that return a key of two columns and a number of events, in the order of the keys.
struct Counts {
    what: fn(Key) -> String,
    kept: &'static str,
    there: &'static str,
}

impl Counts {
    /// Compares both row by row, in constant memory.
    fn compare(
        &self,
        snapshot: &Transaction<'_>,
        report: &mut Report<'_, '_>,
    ) -> rusqlite::Result<()> {
        let (mut kept, mut there) = (snapshot.prepare(self.kept)?, snapshot.prepare(self.there)?);
        let (mut kept, mut there) = (kept.query([])?, there.query([])?);
        let (mut counted, mut found) = (next(&mut kept)?, next(&mut there)?);
        loop {
            let (key, count, events) = match (counted, found) {
                (None, None) => return Ok(()),
                (Some((key, count)), None) => (key, count, 0),
                (None, Some((key, events))) => (key, 0, events),
                (Some((one, count)), Some((other, events))) => match one.cmp(&other) {
                    Ordering::Less => (one, count, 0),
                    Ordering::Greater => (other, 0, events),
                    Ordering::Equal => (one, count, events),
                },
            };
            if count != events {
                let what = (self.what)(key);
                report.fault(format!(
                    "{what}: the stored count is {count}, and there are {events} events"
                ));
            }
            if counted.is_some_and(|(it, _)| it == key) {
                counted = next(&mut kept)?;
            }
            if found.is_some_and(|(it, _)| it == key) {
                found = next(&mut there)?;
            }
        }
    }
}

fn next(rows: &mut Rows<'_>) -> rusqlite::Result<Option<(Key, i64)>> {
    let read = |row: &Row<'_>| Ok(([row.get(0)?, row.get(1)?], row.get(2)?));
    rows.next()?.map(read).transpose()
}

/// Returns the events behind row `after` that reference files, at most `limit`. Skips rows that cannot be
/// decoded: [`check`] has reported them.
pub(super) fn references(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> rusqlite::Result<Vec<Reference>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM events WHERE sequence > ? AND file_id IS NOT NULL ORDER BY sequence"
    ))?;
    let mut rows = statement.query([after])?;
    let mut found = Vec::new();
    while found.len() < limit as usize
        && let Some(row) = rows.next()?
    {
        match from_row(row) {
            Ok(event) => found.push(Reference {
                row: row.get(0)?,
                event_id: event.id,
                files: event.files,
            }),
            Err(error) if is_damaged_row(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
