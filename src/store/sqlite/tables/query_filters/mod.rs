//! The index by which the events of a query are found, and the condition that they meet.

pub(in crate::store::sqlite) mod functions;

use std::fmt::Write;

use rusqlite::types::Value;

use crate::domain::{EventId, FileId, Ordering, Position, Query};

/// The index by which the events of a query are found. SQLite cannot choose it: it has no statistics, and assumes
/// that a record has as many events as a type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Index {
    Id,
    Record,
    Type,
    /// The index by time where there is an order to follow or a time to start at, else the table.
    Any,
}

impl Index {
    pub(super) fn of(query: &Query) -> Self {
        if !query.event_ids.is_empty() {
            Self::Id
        } else if !query.record_ids.is_empty() {
            Self::Record
        } else if !query.event_type_ids.is_empty() {
            Self::Type
        } else {
            Self::Any
        }
    }

    /// Returns what follows FROM.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Id => "events INDEXED BY sqlite_autoindex_events_1", // of UNIQUE
            Self::Record => "events INDEXED BY events_by_record",
            Self::Type => "events INDEXED BY events_by_type",
            Self::Any => "events",
        }
    }
}

/// The text that follows FROM, and the values of its placeholders in their order.
#[derive(Debug)]
pub(super) struct Filters {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
    /// True until the first condition.
    pub(super) is_empty: bool,
}

impl Filters {
    /// Returns no filter on `table`.
    pub(super) fn on(table: &str) -> Self {
        Self {
            sql: table.to_owned(),
            values: Vec::new(),
            is_empty: true,
        }
    }

    pub(super) fn of(query: &Query) -> Self {
        let mut filters = Self::on(Index::of(query).table());
        filters.add(query);
        filters
    }

    /// Returns the filters on the events behind a number, up to another one, which are found in the order of numbers.
    pub(super) fn in_arrival_order(query: &Query, after: i64, until: Option<i64>) -> Self {
        let mut filters = Self::on("events NOT INDEXED"); // but for the table's own key
        filters.compare("sequence >", after);
        if let Some(until) = until {
            filters.compare("sequence <=", until);
        }
        filters.add(query);
        filters
    }

    /// Adds the conditions of a query, but for its words.
    pub(super) fn add(&mut self, query: &Query) {
        let Query {
            record_ids,
            event_type_ids,
            source_ids,
            source_type_ids,
            event_ids,
            from_us,
            to_us,
            words: _, // which no condition can tell
            source_names,
            source_infos,
            file_ids,
            has_file,
            received_from_us,
            received_to_us,
            changes,
            ordering: _,
            limit: _,
            offset: _,
            after: _,
            count: _,
        } = query;
        self.any_of("record_id", record_ids.iter().copied());
        self.any_of("event_type_id", event_type_ids.iter().copied());
        self.any_of("source_id", source_ids.iter().copied());
        self.any_of("source_type_id", source_type_ids.iter().copied());
        self.any_of("event_id", event_ids.iter().map(id_value));
        if let Some(from) = *from_us {
            self.compare("time_us >=", from);
        }
        if let Some(to) = *to_us {
            self.compare("time_us <", to);
        }
        self.any_of("source_name", source_names.iter().cloned());
        self.any_of("source_info", source_infos.iter().cloned());
        self.any_file(file_ids);
        match has_file {
            None => {}
            Some(true) => self.and("file_id IS NOT NULL"),
            Some(false) => self.and("file_id IS NULL"),
        }
        if let Some(from) = *received_from_us {
            self.compare("time_us + received_after_us >=", from);
        }
        if let Some(to) = *received_to_us {
            self.compare("time_us + received_after_us <", to);
        }
        if !changes.is_empty() {
            self.and("has_changes(event_data, ?)");
            self.values.push(functions::wanted(changes));
        }
    }

    /// Adds the condition that an event has one of these files; none if there are none.
    fn any_file(&mut self, file_ids: &[FileId]) {
        if file_ids.is_empty() {
            return;
        }
        let placeholders = vec!["?"; file_ids.len()].join(",");
        // The others than the first stand in JSON that `files_column` wrote. No other text in it can hold these characters:
        // there, quotation marks are escaped.
        let others = " OR instr(files, ?)".repeat(file_ids.len());
        self.and(&format!("(file_id IN ({placeholders}){others})"));
        let first = file_ids
            .iter()
            .map(|id| Value::Blob(id.uuid().as_bytes().to_vec()));
        let others = file_ids
            .iter()
            .map(|id| Value::Text(format!("\"file_id\":\"{id}\"")));
        self.values.extend(first.chain(others));
    }

    /// Adds the condition that the column has one of these values; none if there are none.
    pub(super) fn any_of(
        &mut self,
        column: &str,
        wanted: impl ExactSizeIterator<Item = impl Into<Value>>,
    ) {
        if wanted.len() == 0 {
            return;
        }
        let placeholders = vec!["?"; wanted.len()].join(",");
        self.and(&format!("{column} IN ({placeholders})"));
        self.values.extend(wanted.map(Into::into));
    }

    /// Adds the condition that an event is behind a position in this order.
    pub(super) fn behind(&mut self, position: Position, ordering: Ordering) {
        let Position { time_us, event_id } = position;
        self.and(match ordering {
            Ordering::NewestFirst => "(time_us, event_id) < (?, ?)",
            Ordering::OldestFirst => "(time_us, event_id) > (?, ?)",
        });
        self.values.push(time_us.into());
        self.values.push(id_value(&event_id));
    }

    pub(super) fn compare(&mut self, comparison: &str, value: i64) {
        self.and(&format!("{comparison} ?"));
        self.values.push(value.into());
    }

    fn and(&mut self, condition: &str) {
        let word = if self.is_empty { "WHERE" } else { "AND" };
        self.is_empty = false;
        // Writing to a String cannot fail.
        let _ = write!(self.sql, " {word} {condition}");
    }
}

/// Returns a query without offset, and the position behind which its events are. Of two bounds on one side only the closer
/// one is kept: SQLite might begin at the other.
pub(super) fn narrowed(after: Option<Position>, query: &Query) -> (Option<Position>, Query) {
    let mut query = Query {
        offset: 0,
        ..query.clone()
    };
    let Some(position) = after else {
        return (None, query);
    };
    let is_implied = match query.ordering {
        Ordering::NewestFirst => query.to_us.is_some_and(|to| to <= position.time_us),
        Ordering::OldestFirst => query.from_us.is_some_and(|from| from > position.time_us),
    };
    if is_implied {
        return (None, query);
    }
    match query.ordering {
        Ordering::NewestFirst => query.to_us = None,
        Ordering::OldestFirst => query.from_us = None,
    }
    (after, query)
}

/// Returns an id as its column holds it: the 16 bytes, whose order is the order of ids.
pub(super) fn id_value(id: &EventId) -> Value {
    Value::Blob(id.uuid().as_bytes().to_vec())
}
