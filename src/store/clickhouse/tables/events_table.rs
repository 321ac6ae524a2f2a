//! Events as rows: the only place that knows which column holds what.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{TABLE, TenantTables};
use crate::domain::{Event, EventData, EventId, EventTime};
use crate::store::clickhouse::failure::Failure;
use crate::store::files_column;

/// Every column of an event, in the order of [`EventRow`].
pub(super) const COLUMNS: &str = "event_id, time_us, time_digits, event_type_id, record_id, \
     source_id, source_type_id, source_name, source_info, file_id, event_data, files";

#[derive(Debug, clickhouse::Row, Serialize, Deserialize)]
pub(super) struct EventRow {
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
}

impl EventRow {
    /// Returns the approximate size of the row in memory.
    pub(super) fn weight_bytes(&self) -> usize {
        let texts = [
            &self.source_name,
            &self.source_info,
            &self.event_data,
            &self.files,
        ];
        size_of::<Self>() + texts.map(String::len).iter().sum::<usize>()
    }
}

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
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
        Self {
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
        }
    }
}

impl TryFrom<EventRow> for Event {
    type Error = Failure;

    fn try_from(row: EventRow) -> Result<Self, Failure> {
        let EventRow {
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
        } = row;
        let files = Some(files).filter(|text| !text.is_empty());
        let files = files_column::decode(files.as_deref(), file_id)
            .map_err(|problem| Failure::InvalidData(format!("event {event_id}: {problem}")))?;
        let time = EventTime::from_parts(time_us, time_digits).ok_or_else(|| {
            Failure::InvalidData(format!(
                "event {event_id}: {time_us} us with {time_digits} digits are not a time"
            ))
        })?;
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
        })
    }
}

/// Returns the events of rows that are in the total order, in either direction. Two replicas that were
/// sent one event at the same time may both have stored it; until ClickHouse merges the two rows they
/// are neighbors, and the second is left out.
pub(super) fn distinct(rows: Vec<EventRow>) -> Result<Vec<Event>, Failure> {
    let mut events: Vec<Event> = Vec::with_capacity(rows.len());
    for row in rows {
        let event = Event::try_from(row)?;
        if events.last().is_none_or(|last| last.id != event.id) {
            events.push(event);
        }
    }
    Ok(events)
}

impl TenantTables<'_> {
    /// Inserts events. `token` stands for exactly these: inserted again with it, they are not stored again.
    pub(crate) async fn insert(&self, events: &[&Event], token: Uuid) -> Result<(), Failure> {
        let bind = |insert| {
            let insert = self.events.bind_insert(insert);
            insert.with_setting("insert_deduplication_token", token.to_string())
        };
        let rows = || events.iter().copied().map(EventRow::from);
        self.client.insert("insert", bind, TABLE, rows).await
    }
}
