//! The arrival order of a tenant's events: their numbers, their times of receipt and its epoch.
//!
//! Numbers are given in the order of commits, since only one transaction writes at a time, and none is given twice: of
//! deleted events the table `arrival` keeps the highest.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use crate::domain::{Clock, Epoch, ReceivedAt};
use crate::store::sqlite::disk::error_mapping::damaged_row;

/// The clock of a writer: each event is received at least a microsecond after the one before, even if the clock was set
/// back, so that a copy to a backend that orders by time keeps the order.
#[derive(Debug)]
pub(crate) struct ArrivalClock {
    clock: Arc<dyn Clock>,
    /// Of the newest event; `None` until the first transaction has looked it up.
    newest: Option<ReceivedAt>,
}

/// The arrivals of one transaction.
#[derive(Debug)]
pub(super) struct Arrivals<'a> {
    clock: &'a mut ArrivalClock,
    next_sequence: i64,
    /// When the next event is received.
    next_at: ReceivedAt,
}

/// The place of an event in the arrival order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) sequence: i64,
    pub(super) received_at: ReceivedAt,
}

impl ArrivalClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            newest: None,
        }
    }
}

impl<'a> Arrivals<'a> {
    /// `look_up_newest` returns when the newest event was received; called for the first transaction of a writer.
    pub(super) fn start(
        connection: &Connection,
        clock: &'a mut ArrivalClock,
        look_up_newest: impl FnOnce() -> rusqlite::Result<Option<ReceivedAt>>,
    ) -> rusqlite::Result<Self> {
        if clock.newest.is_none() {
            clock.newest = look_up_newest()?.max(deleted_at(connection)?);
        }
        let now = ReceivedAt::from(clock.clock.now());
        Ok(Self {
            next_sequence: newest_sequence(connection)?.saturating_add(1),
            next_at: clock.newest.map_or(now, |newest| now.max(newest.next())),
            clock,
        })
    }

    /// Returns the highest number that was ever given to an event, 0 if none was.
    pub(super) const fn newest_sequence(&self) -> i64 {
        self.next_sequence - 1
    }

    /// Returns the place of the next event. One that is copied keeps the time at which it was first received.
    pub(super) fn next(&self, kept: Option<ReceivedAt>) -> Arrival {
        Arrival {
            sequence: self.next_sequence,
            received_at: kept.unwrap_or(self.next_at),
        }
    }

    /// Notes that an event was stored at that place.
    pub(super) fn take(&mut self, arrival: Arrival) {
        self.next_sequence = arrival.sequence.saturating_add(1);
        self.next_at = self.next_at.max(arrival.received_at.next());
        self.clock.newest = self.clock.newest.max(Some(arrival.received_at));
    }
}

/// Returns the highest number that was ever given to an event, 0 if none was.
pub(super) fn newest_sequence(connection: &Connection) -> rusqlite::Result<i64> {
    let sql =
        "SELECT max(deleted_sequence, ifnull((SELECT max(sequence) FROM events), 0)) FROM arrival";
    of_table(
        connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0)),
    )
}

/// Returns when the last of the deleted events was received.
fn deleted_at(connection: &Connection) -> rusqlite::Result<Option<ReceivedAt>> {
    let sql = "SELECT deleted_received_us FROM arrival";
    let micros = of_table(connection.query_row(sql, [], |row| row.get(0)))?;
    Ok(ReceivedAt::from_micros(micros))
}

/// Returns the epoch of the arrival order.
pub(crate) fn epoch(connection: &Connection) -> rusqlite::Result<Epoch> {
    let sql = "SELECT epoch FROM arrival";
    let read = connection
        .prepare_cached(sql)?
        .query_row([], |row| row.get(0));
    of_table(read).map(Epoch)
}

/// Begins another epoch if the file is a copy of the one that the last epoch was of, or if it `is_restored` by other
/// signs. `created_ns` tells when the file was created; `None` where the file system doesn't say.
pub(crate) fn claim_file(
    connection: &Connection,
    created_ns: Option<i64>,
    is_restored: bool,
) -> rusqlite::Result<()> {
    let sql = "SELECT file_created_ns FROM arrival";
    let recorded: Option<i64> = of_table(connection.query_row(sql, [], |row| row.get(0)))?;
    let is_copy = recorded.is_some() && created_ns.is_some() && recorded != created_ns;
    if is_copy || is_restored {
        renew_epoch(connection)?;
    }
    if created_ns.is_some() && recorded != created_ns {
        let sql = "UPDATE arrival SET file_created_ns = ?";
        connection.execute(sql, [created_ns])?;
    }
    Ok(())
}

/// Begins another epoch: every cursor that was handed out is refused from now on.
pub(crate) fn renew_epoch(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE arrival SET epoch = random()", [])?;
    Ok(())
}

/// Reports the missing row of the table as damage.
fn of_table<T>(read: rusqlite::Result<T>) -> rusqlite::Result<T> {
    read.optional()?
        .ok_or_else(|| damaged_row("the table 'arrival'", "it is empty"))
}
