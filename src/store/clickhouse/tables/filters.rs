//! The SQL of a [`Query`].

use std::borrow::Cow;

use clickhouse::query::Query as Request;

use super::change_filter;
use super::parameters::{Value, texts};
use super::{NEWEST_FIRST, OLDEST_FIRST, uuids};
use crate::domain::query::Limit;
use crate::domain::{FileId, Ordering, Position, Query};
use crate::store::clickhouse::statement::OWN_ROWS;

/// A query as conditions, their parameters, and a range of the rows that meet them.
#[derive(Debug)]
pub(super) struct Filters<'a> {
    conditions: Vec<Cow<'static, str>>,
    parameters: Vec<(&'static str, Value<'a>)>,
    are_selective: bool,
    have_changes: bool,
    ordering: Ordering,
    order: &'static str,
    pub(super) limit: Limit,
    pub(super) offset: u32,
    /// A page begins behind this position.
    pub(super) after: Option<Position>,
}

impl<'a> Filters<'a> {
    pub(super) fn new(query: &'a Query) -> Self {
        let Query {
            record_ids,
            event_type_ids,
            source_ids,
            source_type_ids,
            event_ids,
            from_us,
            to_us,
            words,
            source_names,
            source_infos,
            file_ids,
            has_file,
            received_from_us,
            received_to_us,
            changes,
            ordering,
            limit,
            offset,
            after,
            count: _,
        } = query;
        let mut filters = Self {
            conditions: Vec::new(),
            parameters: Vec::new(),
            are_selective: !record_ids.is_empty() || !event_ids.is_empty(),
            have_changes: !changes.is_empty(),
            ordering: *ordering,
            order: match ordering {
                Ordering::NewestFirst => NEWEST_FIRST,
                Ordering::OldestFirst => OLDEST_FIRST,
            },
            limit: *limit,
            offset: if after.is_none() { *offset } else { 0 },
            after: *after,
        };
        if !record_ids.is_empty() {
            let condition = "record_id IN {record_ids:Array(Int64)}";
            filters.add(condition, "record_ids", Value::Int64s(record_ids));
        }
        if !event_type_ids.is_empty() {
            let condition = "event_type_id IN {event_type_ids:Array(Int32)}";
            filters.add(condition, "event_type_ids", Value::Int32s(event_type_ids));
        }
        if !source_ids.is_empty() {
            let condition = "source_id IN {source_ids:Array(Int64)}";
            filters.add(condition, "source_ids", Value::Int64s(source_ids));
        }
        if !source_type_ids.is_empty() {
            let condition = "source_type_id IN {source_type_ids:Array(Int32)}";
            filters.add(condition, "source_type_ids", Value::Int32s(source_type_ids));
        }
        if !event_ids.is_empty() {
            let condition = "event_id IN {event_ids:Array(UUID)}";
            filters.add(condition, "event_ids", Value::Uuids(uuids(event_ids)));
        }
        if let Some(from) = from_us {
            filters.add("time_us >= {from_us:Int64}", "from_us", Value::Int64(*from));
        }
        if let Some(to) = to_us {
            filters.add("time_us < {to_us:Int64}", "to_us", Value::Int64(*to));
        }
        if let Some(words) = words {
            let condition = "hasAll(words, {words:Array(String)})";
            filters.add(condition, "words", Value::Strings(words.terms()));
        }
        if !source_names.is_empty() {
            let condition = "has(arrayMap(it -> base64URLDecode(it), {source_names:Array(String)}), source_name)";
            let names = texts(source_names.iter().map(String::as_str));
            filters.add(condition, "source_names", names);
        }
        if !source_infos.is_empty() {
            let condition = "has(arrayMap(it -> base64URLDecode(it), {source_infos:Array(String)}), source_info)";
            let infos = texts(source_infos.iter().map(String::as_str));
            filters.add(condition, "source_infos", infos);
        }
        if !file_ids.is_empty() {
            let ids = file_ids.iter().map(FileId::uuid).collect();
            let condition = "hasAny(file_ids, {file_ids:Array(UUID)})";
            filters.add(condition, "file_ids", Value::Uuids(ids));
        }
        if let Some(has_file) = has_file {
            filters.conditions.push(match has_file {
                true => "isNotNull(file_id)".into(),
                false => "isNull(file_id)".into(),
            });
        }
        filters.add_received(*received_from_us, *received_to_us);
        if filters.have_changes {
            filters
                .conditions
                .push(change_filter::condition(changes).into());
            filters
                .parameters
                .extend(change_filter::parameters(changes));
        }
        filters
    }

    fn add_received(&mut self, from_us: Option<i64>, to_us: Option<i64>) {
        if let Some(from) = from_us {
            let condition =
                "received_at >= fromUnixTimestamp64Micro({received_from_us:Int64}, 'UTC')";
            self.add(condition, "received_from_us", Value::Int64(from));
        }
        if let Some(to) = to_us {
            let condition = "received_at < fromUnixTimestamp64Micro({received_to_us:Int64}, 'UTC')";
            self.add(condition, "received_to_us", Value::Int64(to));
        }
    }

    fn add(&mut self, condition: &'static str, parameter: &'static str, value: Value<'a>) {
        self.conditions.push(condition.into());
        self.parameters.push((parameter, value));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Tells whether the query names records or events, which are found by an index.
    pub(super) fn are_selective(&self) -> bool {
        self.are_selective
    }

    /// Returns the conditions, each after ` AND `.
    pub(super) fn sql(&self) -> String {
        self.conditions
            .iter()
            .fold(String::new(), |sql, condition| sql + " AND " + condition)
    }

    pub(super) fn bind(&self, request: Request) -> Request {
        let request = if self.have_changes {
            let [setting, value] = change_filter::PRECISE;
            request.with_setting(setting, value)
        } else {
            request
        };
        self.parameters
            .iter()
            .fold(request, |request, (name, value)| request.param(name, value))
    }

    /// Returns the statement of a page and one more event, with some rows more than it needs where it begins at the first.
    /// Behind an offset the rows before the page have to be counted without duplicates, or a merge
    /// between two pages would move one past an event: so the keys come first, each compared with its
    /// neighbor, and then the rows that have them. (The outer ORDER BY keeps the window's order.)
    pub(super) fn page_sql(&self, columns: &str) -> String {
        let (order, condition) = (self.order, self.sql());
        if self.offset == 0 {
            return self.behind_sql(columns);
        }
        format!(
            "SELECT {columns} FROM {OWN_ROWS} AND (time_us, UUIDToNum(event_id)) IN (\
             SELECT time_us, UUIDToNum(event_id) FROM (\
             SELECT time_us, event_id, lagInFrame(toNullable(event_id)) OVER \
             ({order} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS neighbor FROM (\
             SELECT time_us, event_id FROM {OWN_ROWS}{condition} {order} LIMIT {{bound:UInt64}})) \
             WHERE ifNull(event_id != neighbor, 1) \
             {order} LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}) {order}"
        )
    }

    /// Returns the statement of the first rows behind the position.
    pub(super) fn behind_sql(&self, columns: &str) -> String {
        let (order, condition) = (self.order, self.sql());
        let behind = match (self.after, self.ordering) {
            (None, _) => "",
            (Some(_), Ordering::NewestFirst) => {
                " AND time_us <= {after_us:Int64} AND (time_us, UUIDToNum(event_id)) < \
                 ({after_us:Int64}, UUIDToNum({after_id:UUID}))"
            }
            (Some(_), Ordering::OldestFirst) => {
                " AND time_us >= {after_us:Int64} AND (time_us, UUIDToNum(event_id)) > \
                 ({after_us:Int64}, UUIDToNum({after_id:UUID}))"
            }
        };
        format!(
            "SELECT {columns} FROM {OWN_ROWS}{condition}{behind} {order} LIMIT {{bound:UInt64}}"
        )
    }

    /// Binds the parameters of [`Filters::behind_sql`].
    pub(super) fn bind_behind(&self, request: Request, bound: u64) -> Request {
        let request = self.bind(request).param("bound", bound);
        match self.after {
            Some(Position { time_us, event_id }) => request
                .param("after_us", time_us)
                .param("after_id", event_id.uuid()),
            None => request,
        }
    }

    /// Returns how many events there are up to the end of a whole page.
    pub(super) fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.limit.get())
    }

    /// Returns how many rows are looked at for a page, one more event and `slack` duplicates.
    pub(super) fn bound(&self, slack: u64) -> u64 {
        self.end() + 1 + slack
    }

    /// Binds the parameters of [`Filters::page_sql`].
    pub(super) fn bind_page(&self, request: Request, slack: u64) -> Request {
        let request = self.bind_behind(request, self.bound(slack));
        request
            .param("limit", self.limit.get() + 1)
            .param("offset", self.offset)
    }
}
