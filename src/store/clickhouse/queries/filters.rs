//! The conditions of a [`Query`], and the statement of a page.

use clickhouse::query::Query as Statement;

use super::{NEWEST_FIRST, OLDEST_FIRST, TABLE, texts};
use crate::domain::{Ordering, Query};

/// The conditions of a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filters<'a> {
    pub(super) query: &'a Query,
}

impl Filters<'_> {
    pub(super) fn is_empty(self) -> bool {
        self.conditions().is_empty()
    }

    pub(super) fn conditions(self) -> Vec<&'static str> {
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
        } = self.query;
        let all = [
            (
                !record_ids.is_empty(),
                "record_id IN {record_ids:Array(Int64)}",
            ),
            (
                !event_type_ids.is_empty(),
                "event_type_id IN {event_type_ids:Array(Int32)}",
            ),
            (
                !source_ids.is_empty(),
                "source_id IN {source_ids:Array(Int64)}",
            ),
            (
                !source_type_ids.is_empty(),
                "source_type_id IN {source_type_ids:Array(Int32)}",
            ),
            (!event_ids.is_empty(), "event_id IN {event_ids:Array(UUID)}"),
            (from_us.is_some(), "time_us >= {from_us:Int64}"),
            (to_us.is_some(), "time_us < {to_us:Int64}"),
        ];
        all.into_iter()
            .filter_map(|(wanted, condition)| wanted.then_some(condition))
            .collect()
    }

    /// Returns a WHERE clause, or nothing.
    pub(super) fn sql(self) -> String {
        let conditions = self.conditions();
        if conditions.is_empty() {
            return String::new();
        }
        format!("WHERE {}", conditions.join(" AND "))
    }

    /// Returns the statement of a page, with some rows more than it needs where it begins at the first.
    /// Behind an offset the rows before the page have to be counted without duplicates, or a merge
    /// between two pages would move one past an event: so the keys come first, each compared with its
    /// neighbour, and then the rows that have them. (The outer ORDER BY keeps the window's order.)
    pub(super) fn page_sql(self, columns: &str) -> String {
        let Query {
            ordering, offset, ..
        } = self.query;
        let order = match ordering {
            Ordering::NewestFirst => NEWEST_FIRST,
            Ordering::OldestFirst => OLDEST_FIRST,
        };
        let condition = self.sql();
        if *offset == 0 {
            return format!(
                "SELECT {columns} FROM {TABLE} {condition} {order} LIMIT {{bound:UInt64}}"
            );
        }
        format!(
            "SELECT {columns} FROM {TABLE} WHERE (time_us, UUIDToNum(event_id)) IN (\
             SELECT time_us, UUIDToNum(event_id) FROM (\
             SELECT time_us, event_id, lagInFrame(toNullable(event_id)) OVER \
             ({order} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS neighbour FROM (\
             SELECT time_us, event_id FROM {TABLE} {condition} {order} LIMIT {{bound:UInt64}})) \
             WHERE ifNull(event_id != neighbour, 1) \
             {order} LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}) {order}"
        )
    }

    /// Returns how many rows are looked at for a page and `slack` duplicates.
    pub(super) fn bound(self, slack: u64) -> u64 {
        let Query { limit, offset, .. } = self.query;
        u64::from(*offset) + u64::from(limit.get()) + slack
    }

    /// Binds the parameters of [`Filters::page_sql`].
    pub(super) fn bind_page(self, statement: Statement, slack: u64) -> Statement {
        let Query { limit, offset, .. } = self.query;
        let statement = statement
            .param("bound", self.bound(slack))
            .param("limit", limit.get())
            .param("offset", offset);
        self.bind(statement)
    }

    pub(super) fn bind(self, statement: Statement) -> Statement {
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
        } = self.query;
        let mut statement = statement;
        if !record_ids.is_empty() {
            statement = statement.param("record_ids", record_ids);
        }
        if !event_type_ids.is_empty() {
            statement = statement.param("event_type_ids", event_type_ids);
        }
        if !source_ids.is_empty() {
            statement = statement.param("source_ids", source_ids);
        }
        if !source_type_ids.is_empty() {
            statement = statement.param("source_type_ids", source_type_ids);
        }
        if !event_ids.is_empty() {
            statement = statement.param("event_ids", texts(event_ids));
        }
        if let Some(from) = from_us {
            statement = statement.param("from_us", from);
        }
        if let Some(to) = to_us {
            statement = statement.param("to_us", to);
        }
        statement
    }
}
