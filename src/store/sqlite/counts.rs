//! How many events a tenant has, in all and by record and type: kept by the writer in the transactions
//! that store the events, so that a page need not count what it does not show.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::domain::{Event, Query};

/// The events that a transaction stores, by record and type; in the order of the table's key, so that
/// each of its pages is visited once.
#[derive(Debug, Default)]
pub(super) struct Added(BTreeMap<(i64, i32), i64>);

impl Added {
    pub(super) fn note(&mut self, stored: &Event) {
        let key = (stored.record_id, stored.event_type_id);
        *self.0.entry(key).or_default() += 1;
    }

    /// Adds to the counts; runs in the transaction that stores the events.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut by_type = BTreeMap::new();
        let mut add = connection.prepare_cached(
            "INSERT INTO record_counts (record_id, event_type_id, events) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )?;
        for ((record_id, event_type_id), events) in self.0 {
            add.execute((record_id, event_type_id, events))?;
            *by_type.entry(event_type_id).or_insert(0_i64) += events;
        }
        let mut add = connection.prepare_cached(
            "INSERT INTO type_counts (event_type_id, events) VALUES (?, ?) \
             ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )?;
        for counted in by_type {
            add.execute(counted)?;
        }
        Ok(())
    }
}

/// Returns how many events the tenant has.
pub(super) fn total(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(sum(events), 0) FROM type_counts";
    count(connection, sql, &[])
}

/// Returns how many events `query` lets through, if that is known without looking at events: where it
/// filters by record and type alone.
pub(super) fn filtered(connection: &Connection, query: &Query) -> rusqlite::Result<Option<u64>> {
    let Query {
        record_ids,
        event_type_ids,
        source_ids,
        source_type_ids,
        event_ids,
        from_us,
        to_us,
        ordering: _,
        limit: _,
        offset: _,
    } = query;
    let other_filters = !source_ids.is_empty()
        || !source_type_ids.is_empty()
        || !event_ids.is_empty()
        || from_us.is_some()
        || to_us.is_some();
    if other_filters {
        return Ok(None);
    }
    let types = in_list("event_type_id", event_type_ids.len());
    let sql = if record_ids.is_empty() {
        format!("SELECT coalesce(sum(events), 0) FROM type_counts WHERE {types}")
    } else {
        let records = in_list("record_id", record_ids.len());
        format!("SELECT coalesce(sum(events), 0) FROM record_counts WHERE {records} AND {types}")
    };
    let records = record_ids.iter().copied().map(Value::from);
    let types = event_type_ids.iter().copied().map(Value::from);
    let values: Vec<Value> = records.chain(types).collect();
    count(connection, &sql, &values).map(Some)
}

/// Runs a statement that returns one number, never a negative one.
pub(super) fn count(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(sql)?;
    let count: i64 = statement.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Returns a condition with `wanted` placeholders; one that always holds for none.
fn in_list(column: &str, wanted: usize) -> String {
    if wanted == 0 {
        return "TRUE".to_owned();
    }
    let placeholders = vec!["?"; wanted].join(",");
    format!("{column} IN ({placeholders})")
}
