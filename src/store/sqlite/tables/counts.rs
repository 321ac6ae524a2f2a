//! The numbers of events, in all and by record and type: updated in the transactions that store the events, so that
//! a page need not count what it does not show.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::query_filters::Filters;
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

/// Returns how many events match `query`, if it filters by record and type alone: else they have to be counted.
pub(super) fn filtered(connection: &Connection, query: &Query) -> rusqlite::Result<Option<u64>> {
    let Query {
        record_ids,
        event_type_ids,
        ..
    } = query;
    let others = Query {
        record_ids: Vec::new(),
        event_type_ids: Vec::new(),
        ..query.clone()
    };
    if !others.is_unfiltered() {
        return Ok(None);
    }
    let table = if record_ids.is_empty() {
        "type_counts"
    } else {
        "record_counts"
    };
    let mut filters = Filters::on(table);
    filters.any_of("record_id", record_ids.iter().copied());
    filters.any_of("event_type_id", event_type_ids.iter().copied());
    let sql = format!("SELECT coalesce(sum(events), 0) FROM {}", filters.sql);
    count(connection, &sql, &filters.values).map(Some)
}

/// Counts what filters match.
pub(super) fn counted(connection: &Connection, filters: &Filters) -> rusqlite::Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", filters.sql);
    count(connection, &sql, &filters.values)
}

/// Runs a statement that returns one number, never a negative one.
fn count(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(sql)?;
    let count: i64 = statement.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;
    use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

    use crate::domain::{Count, Query};
    use crate::store::sqlite::tables::page;
    use crate::store::sqlite::tables::schema::TENANT;

    /// Refuses statements that count, or that read counts.
    fn refuse_counts(context: AuthContext<'_>) -> Authorization {
        match context.action {
            AuthAction::Function {
                function_name: "count" | "sum",
            }
            | AuthAction::Read {
                table_name: "record_counts" | "type_counts",
                ..
            } => Authorization::Deny,
            _ => Authorization::Allow,
        }
    }

    #[test]
    fn nothing_is_counted_unless_a_query_asks_for_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        TENANT.create(&mut connection, Path::new("x.db")).unwrap();
        connection.authorizer(Some(refuse_counts)).unwrap();
        for (record_ids, source_ids) in [(vec![], vec![]), (vec![1], vec![]), (vec![], vec![7])] {
            let exact = Query {
                record_ids,
                source_ids,
                ..Query::default()
            };
            let none = Query {
                count: Count::None,
                ..exact.clone()
            };
            assert!(page::read(&mut connection, &exact).is_err());
            assert_eq!(page::read(&mut connection, &none).unwrap().counts, None);
        }
    }
}
