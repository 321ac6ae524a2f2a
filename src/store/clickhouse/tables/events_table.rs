//! Events as rows: the only place that knows which column holds what.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::domain::{ClientId, Event, EventData, EventId, EventTime, ReceivedAt, Redactions};
use crate::store::clickhouse::failure::Failure;
use crate::store::files_column;

/// Every column of a stored event, in the order of [`StoredRow`].
pub(super) const COLUMNS: &str = "client_id, event_id, time_us, time_digits, event_type_id, record_id, \
     source_id, source_type_id, source_name, source_info, file_id, event_data, files, received_at, revision, \
     redactions";

/// An event to insert: what the server adds is missing.
#[derive(Debug, Clone, clickhouse::Row, Serialize)]
pub(super) struct NewRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    time_us: i64,
    time_digits: u8,
    event_type_id: i32,
    record_id: i64,
    source_id: i64,
    source_type_id: i32,
    source_name: String,
    source_info: String,
    #[serde(with = "clickhouse::serde::uuid::option")]
    file_id: Option<Uuid>,
    event_data: String,
    /// Empty where nothing but `file_id` is recorded.
    files: String,
    /// Empty where nothing was removed.
    redactions: String,
    revision: u16,
    /// Each once.
    words: Vec<String>,
    /// The row is not received before this, whatever the server's clock shows.
    not_before: i64,
}

/// An event as another store received it, to insert: it keeps the time at which it was first received.
#[derive(Debug, clickhouse::Row, Serialize)]
pub(super) struct CopiedRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    time_us: i64,
    time_digits: u8,
    event_type_id: i32,
    record_id: i64,
    source_id: i64,
    source_type_id: i32,
    source_name: String,
    source_info: String,
    #[serde(with = "clickhouse::serde::uuid::option")]
    file_id: Option<Uuid>,
    event_data: String,
    files: String,
    redactions: String,
    /// Microseconds since 1970-01-01T00:00:00Z.
    received_at: i64,
    revision: u16,
    words: Vec<String>,
}

/// An event as it is stored, without what only searches read.
#[derive(Debug, Clone, clickhouse::Row, Deserialize)]
pub(super) struct StoredRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    time_us: i64,
    time_digits: u8,
    event_type_id: i32,
    record_id: i64,
    source_id: i64,
    source_type_id: i32,
    source_name: String,
    source_info: String,
    #[serde(with = "clickhouse::serde::uuid::option")]
    file_id: Option<Uuid>,
    event_data: String,
    files: String,
    /// Microseconds since 1970-01-01T00:00:00Z, by the clock of the server.
    received_at: i64,
    revision: u16,
    redactions: String,
}

/// The rank of a row among those of one event: the least counts.
pub(super) type Version = (Reverse<u16>, i64);

impl CopiedRow {
    /// Returns the row of an event that another store received at this time.
    pub(super) fn new(client_id: ClientId, event: &Event, received_at: ReceivedAt) -> Self {
        let NewRow {
            client_id,
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
            event_data,
            files,
            redactions,
            revision,
            words,
            not_before: _,
        } = NewRow::new(client_id, event, 0);
        Self {
            client_id,
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
            event_data,
            files,
            redactions,
            received_at: received_at.micros(),
            revision,
            words,
        }
    }
}

impl StoredRow {
    /// Returns the row as one that is received again.
    pub(super) fn received_again(self, not_before_us: i64) -> Result<NewRow, Failure> {
        let (client_id, revision) = (self.client_id(), self.revision);
        let event = Event::try_from(self)?;
        Ok(NewRow {
            revision,
            ..NewRow::new(client_id, &event, not_before_us)
        })
    }

    /// Returns the approximate size of the row in memory.
    pub(super) fn weight_bytes(&self) -> usize {
        let texts = [
            &self.source_name,
            &self.source_info,
            &self.event_data,
            &self.files,
            &self.redactions,
        ];
        size_of::<Self>() + texts.map(String::len).iter().sum::<usize>()
    }

    pub(super) fn client_id(&self) -> ClientId {
        ClientId::from_uuid(self.client_id)
    }

    pub(super) fn key(&self) -> (Uuid, Uuid) {
        (self.client_id, self.event_id)
    }

    pub(super) fn time_us(&self) -> i64 {
        self.time_us
    }

    /// The latest revision counts, and of one revision the row that was received first.
    pub(super) fn version(&self) -> Version {
        (Reverse(self.revision), self.received_at)
    }

    pub(super) const fn revision(&self) -> u16 {
        self.revision
    }

    /// Returns the place of the row in the order of arrival.
    pub(super) const fn place(&self) -> (i64, i64, Uuid) {
        (self.received_at, self.time_us, self.event_id)
    }

    /// Tells whether both are rows of one event. In the total order those are neighbors.
    pub(super) fn is_same_event(&self, other: &Self) -> bool {
        self.event_id == other.event_id && self.time_us == other.time_us
    }
}

impl NewRow {
    pub(super) fn new(client_id: ClientId, event: &Event, not_before_us: i64) -> Self {
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
            received_at: _,
            redactions,
        } = event;
        Self {
            client_id: client_id.uuid(),
            event_id: id.uuid(),
            time_us: time.micros(),
            time_digits: time.digits(),
            event_type_id: *event_type_id,
            record_id: *record_id,
            source_id: *source_id,
            source_type_id: *source_type_id,
            source_name: source_name.clone(),
            source_info: source_info.clone(),
            file_id: event.file_id().map(|id| id.uuid()),
            event_data: data.as_str().to_owned(),
            files: files_column::encode(files).unwrap_or_default(),
            redactions: redactions.encode().unwrap_or_default(),
            revision: redactions.count(),
            words: words(event),
            not_before: not_before_us,
        }
    }
}

impl TryFrom<StoredRow> for Event {
    type Error = Failure;

    fn try_from(row: StoredRow) -> Result<Self, Failure> {
        let StoredRow {
            client_id: _,
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
            event_data,
            files,
            received_at,
            revision: _,
            redactions,
        } = row;
        let files = Some(files).filter(|text| !text.is_empty());
        let files = files_column::decode(files.as_deref(), file_id)
            .map_err(|problem| Failure::InvalidData(format!("event {event_id}: {problem}")))?;
        let time = EventTime::from_parts(time_us, time_digits).ok_or_else(|| {
            Failure::InvalidData(format!(
                "event {event_id}: {time_us} us with {time_digits} digits are not a time"
            ))
        })?;
        let received_at = ReceivedAt::from_micros(received_at).ok_or_else(|| {
            Failure::InvalidData(format!("event {event_id}: {received_at} us are not a time"))
        })?;
        let redactions = Some(redactions).filter(|text| !text.is_empty());
        let redactions = Redactions::decode(redactions.as_deref())
            .map_err(|problem| Failure::InvalidData(format!("event {event_id}: {problem}")))?;
        serde_json::from_str::<&RawValue>(&event_data)
            .map_err(|_| Failure::InvalidData(format!("event {event_id}: its data is not JSON")))?;
        Ok(Self {
            id: EventId::from_uuid(event_id),
            time,
            event_type_id,
            record_id,
            source_id,
            source_type_id,
            source_name,
            source_info,
            data: EventData::from_stored(event_data),
            files,
            received_at: Some(received_at),
            redactions,
        })
    }
}

/// Returns the terms that an event is found by, each once.
fn words(event: &Event) -> Vec<String> {
    let mut words = BTreeSet::new();
    event.for_each_term(&mut |term| {
        if !words.contains(term) {
            words.insert(term.to_owned());
        }
    });
    words.into_iter().collect()
}

/// Returns the events of rows that are in the total order, in either direction. Until ClickHouse merges them, there may be
/// several rows of one event: a replica inserted it again, or two replicas were sent it at the same time. They are
/// neighbors, and the one with the least version counts.
pub(super) fn distinct(rows: Vec<StoredRow>) -> Result<Vec<Event>, Failure> {
    let mut kept: Vec<StoredRow> = Vec::with_capacity(rows.len());
    for row in rows {
        match kept.last_mut() {
            Some(last) if last.is_same_event(&row) => {
                if row.version() < last.version() {
                    *last = row;
                }
            }
            _ => kept.push(row),
        }
    }
    kept.into_iter().map(Event::try_from).collect()
}

#[cfg(test)]
mod tests {
    use super::{NewRow, StoredRow, distinct};
    use crate::domain::Event;
    use crate::store::samples::{Random, as_sent, tenant};

    fn stored(event: &Event, revision: u16, received_us: i64) -> StoredRow {
        let NewRow {
            client_id,
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
            event_data,
            files,
            redactions,
            revision: _,
            words: _,
            not_before: _,
        } = NewRow::new(tenant("demo").client_id, event, 0);
        StoredRow {
            client_id,
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
            event_data,
            files,
            received_at: received_us,
            revision,
            redactions,
        }
    }

    #[test]
    fn of_several_rows_the_latest_revision_counts_and_then_the_first_received() {
        let mut random = Random::seeded(4);
        let (one, other) = (random.event(), random.event());
        let changed = |source_info: &str| Event {
            source_info: source_info.to_owned(),
            ..one.clone()
        };
        let (second, redacted) = (changed("second"), changed("redacted"));
        let rows = [
            [(&one, 0, 5), (&second, 0, 7)],
            [(&second, 0, 7), (&one, 0, 5)],
        ];
        for rows in rows {
            let rows = rows.map(|(event, revision, at)| stored(event, revision, at));
            let rows = rows.into_iter().chain([stored(&other, 0, 1)]);
            let events = distinct(rows.collect()).unwrap();
            assert_eq!(as_sent(events), [one.clone(), other.clone()]);
        }
        let rows = [(&one, 0, 5), (&redacted, 2, 5), (&second, 1, 1)];
        let rows = rows.map(|(event, revision, at)| stored(event, revision, at));
        assert_eq!(as_sent(distinct(rows.into()).unwrap()), [redacted]);
    }
}
