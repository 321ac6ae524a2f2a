//! The SQL of a [`Query`] and of scans: values are bound, never written into the text.
use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use uuid::Uuid;

use super::counts;
use super::event_rows::{self, COLUMNS};
use super::query_filters::{Filters, Index, id_value, narrowed};
use super::words::search::{Match, Search};
use crate::domain::query::Limit;
use crate::domain::{Chunk, Count, Counts, Event, EventId, Ordering, Page, Position, Query};
use crate::store::sqlite::disk::error_mapping::damaged_row;
use crate::store::{READ_BYTES, SCAN_BYTES};

/// Reads a page and its counts in one transaction: all three describe the same instant.
pub(crate) fn read(connection: &mut Connection, query: &Query) -> rusqlite::Result<Page> {
    let snapshot = connection.transaction()?;
    let counts = match query.count {
        Count::Exact => Some(counts_of(&snapshot, query)?),
        Count::None => None,
    };
    let Chosen {
        events,
        rest,
        has_more,
    } = match query.after {
        None => events_of(&snapshot, None, query)?,
        after => {
            let (after, query) = narrowed(after, query);
            events_of(&snapshot, after, &query)?
        }
    };
    Ok(Page {
        events,
        rest,
        has_more,
        counts,
    })
}

fn counts_of(snapshot: &Connection, query: &Query) -> rusqlite::Result<Counts> {
    let total = counts::total(snapshot)?;
    let filtered = match counts::filtered(snapshot, query)? {
        _ if query.is_unfiltered() => total,
        Some(known) => known,
        None => match &query.words {
            Some(words) => Search::new(snapshot, query, words, None)?.count()?,
            None => counts::counted(snapshot, &Filters::of(query))?,
        },
    };
    Ok(Counts { total, filtered })
}

/// Reads the events behind a position that match the filters of `query`, in its ordering.
pub(crate) fn behind(
    connection: &mut Connection,
    after: Option<Position>,
    query: &Query,
) -> rusqlite::Result<Chunk> {
    let snapshot = connection.transaction()?;
    let (after, query) = narrowed(after, query);
    let Chosen {
        events,
        rest,
        has_more,
    } = events_of(&snapshot, after, &query)?;
    Ok(Chunk {
        events,
        has_more: has_more || !rest.is_empty(),
    })
}

/// Reads the events behind a position: by the index of the total order, from there on.
pub(crate) fn scan(
    connection: &Connection,
    after: Option<Position>,
    limit: Limit,
) -> rusqlite::Result<Vec<Event>> {
    let mut values = Vec::with_capacity(3);
    if let Some(Position { time_us, event_id }) = after {
        values.push(Value::Integer(time_us));
        values.push(id_value(&event_id));
    }
    values.push(Value::Integer(limit.get().into()));
    let mut statement = connection.prepare_cached(&scan_sql(after))?;
    let events = statement.query_map(params_from_iter(values), event_rows::from_row)?;
    up_to(SCAN_BYTES, events)
}

/// Reads the events at the beginning of `positions`.
pub(crate) fn events_at(
    connection: &Connection,
    positions: &[Position],
) -> rusqlite::Result<Vec<Event>> {
    let found = positions.iter().map_while(|position| {
        let found = event_rows::find(connection, position.event_id);
        found.transpose()
    });
    up_to(READ_BYTES, found)
}

/// Takes events until their size reaches `bytes`.
fn up_to(
    bytes: usize,
    mut events: impl Iterator<Item = rusqlite::Result<Event>>,
) -> rusqlite::Result<Vec<Event>> {
    let (mut taken, mut taken_bytes) = (Vec::new(), 0);
    while taken_bytes < bytes
        && let Some(event) = events.next().transpose()?
    {
        taken_bytes += event.weight_bytes();
        taken.push(event);
    }
    Ok(taken)
}

fn scan_sql(after: Option<Position>) -> String {
    let behind = match after {
        Some(_) => " WHERE (time_us, event_id) > (?, ?)",
        None => "",
    };
    format!("SELECT {COLUMNS} FROM events{behind} ORDER BY time_us, event_id LIMIT ?")
}

/// The events of a query's range.
struct Chosen {
    events: Vec<Event>,
    /// The positions of those behind the first [`READ_BYTES`].
    rest: Vec<Position>,
    /// Others follow.
    has_more: bool,
}

/// Chooses the page's row ids first and then reads the rows one by one: so skipping to an offset and sorting never
/// touch `event_data`, and of the rows behind the first [`READ_BYTES`] only the positions are read.
fn events_of(
    snapshot: &Connection,
    after: Option<Position>,
    query: &Query,
) -> rusqlite::Result<Chosen> {
    if let Some(words) = &query.words {
        let limit = query.limit.get() as usize;
        let search = Search::new(snapshot, query, words, after)?;
        let mut found = search.take(query.offset, limit + 1)?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let (events, rest) = events_at_matches(snapshot, found)?;
        return Ok(Chosen {
            events,
            rest,
            has_more,
        });
    }
    let parts = split(query);
    let (sql, values) = page_sql(after, query, &parts);
    let mut chosen = snapshot.prepare_cached(&sql)?;
    let mut one =
        snapshot.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE sequence = ?"))?;
    let limit = query.limit.get() as usize;
    let (mut events, mut rest) = (Vec::new(), Vec::new());
    let (mut read_bytes, mut has_more) = (0, false);
    let mut row_ids = chosen.query(params_from_iter(&values))?;
    while let Some(row) = row_ids.next()? {
        if events.len() + rest.len() == limit {
            has_more = true;
            break;
        }
        if read_bytes >= READ_BYTES {
            rest.push(Position {
                time_us: row.get(1)?,
                event_id: EventId::from_uuid(row.get(2)?),
            });
            continue;
        }
        let row_id: i64 = row.get(0)?;
        let chosen_at = (row.get::<_, i64>(1)?, row.get::<_, Uuid>(2)?);
        let event: Option<Event> = one.query_row([row_id], event_rows::from_row).optional()?;
        // An index alone has chosen the row.
        let event =
            event.ok_or_else(|| damaged("it is in an index and not in the table", row_id))?;
        if (event.time.micros(), event.id.uuid()) != chosen_at {
            return Err(damaged("an index has it at another place", row_id));
        }
        read_bytes += event.weight_bytes();
        events.push(event);
    }
    drop(row_ids);
    if parts.len() > 1 {
        chosen.discard(); // a merge is as long as the caller's list: it is not cached
    }
    Ok(Chosen {
        events,
        rest,
        has_more,
    })
}

/// Reads matches: as events up to [`READ_BYTES`], and of the others the positions.
fn events_at_matches(
    snapshot: &Connection,
    matches: Vec<Match>,
) -> rusqlite::Result<(Vec<Event>, Vec<Position>)> {
    let mut matches = matches.into_iter();
    let (mut events, mut read_bytes) = (Vec::new(), 0);
    while read_bytes < READ_BYTES
        && let Some(Match { sequence, .. }) = matches.next()
    {
        let event = event_rows::at(snapshot, sequence)?;
        let event =
            event.ok_or_else(|| damaged("it is in an index and not in the table", sequence))?;
        read_bytes += event.weight_bytes();
        events.push(event);
    }
    Ok((events, matches.map(|it| it.position).collect()))
}

fn damaged(problem: &str, row_id: i64) -> rusqlite::Error {
    damaged_row(format!("row {row_id}"), problem)
}

/// Returns the statement that chooses a page's rows and one more from the parts of a query, and its values.
fn page_sql(after: Option<Position>, query: &Query, parts: &[Query]) -> (String, Vec<Value>) {
    let (mut selects, mut values) = (Vec::new(), Vec::new());
    for part in parts {
        let mut filters = Filters::of(part);
        if let Some(position) = after {
            filters.behind(position, query.ordering);
        }
        selects.push(format!(
            "SELECT sequence, time_us, event_id FROM {}",
            filters.sql
        ));
        values.extend(filters.values);
    }
    let direction = match query.ordering {
        Ordering::NewestFirst => "DESC",
        Ordering::OldestFirst => "ASC",
    };
    let sql = format!(
        "{} ORDER BY time_us {direction}, event_id {direction} LIMIT ? OFFSET ?",
        selects.join(" UNION ALL ")
    );
    values.push(Value::Integer(i64::from(query.limit.get()) + 1));
    values.push(Value::Integer(query.offset.into()));
    (sql, values)
}

/// The values that a merge binds, at most: its parts repeat all other filters, which a caller may make long.
const MAX_MERGED_VALUES: usize = 1000;

/// Returns a query for each of several records, or types. Their histories are in order in the index, so
/// SQLite merges them as far as the page goes, where it would read and sort all of them for an `IN`.
fn split(query: &Query) -> Vec<Query> {
    let of_records = |record_id| Query {
        record_ids: vec![record_id],
        ..query.clone()
    };
    let of_types = |event_type_id| Query {
        event_type_ids: vec![event_type_id],
        ..query.clone()
    };
    let parts: Vec<Query> = match Index::of(query) {
        Index::Record => distinct(&query.record_ids).map(of_records).collect(),
        Index::Type => distinct(&query.event_type_ids).map(of_types).collect(),
        Index::Id | Index::Any => return vec![query.clone()],
    };
    let values_of_one = parts.first().map_or(0, |one| Filters::of(one).values.len());
    if parts.len() * values_of_one > MAX_MERGED_VALUES {
        return vec![query.clone()];
    }
    parts
}

fn distinct<T: Copy + Ord>(ids: &[T]) -> impl Iterator<Item = T> {
    let ids: BTreeSet<T> = ids.iter().copied().collect();
    ids.into_iter()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::types::Value;
    use rusqlite::{Connection, params_from_iter};
    use uuid::Uuid;

    use super::{Filters, narrowed, page_sql, scan_sql, split};
    use crate::domain::{EventId, Ordering, Position, Query};
    use crate::store::sqlite::tables::schema::TENANT;

    /// Returns SQLite's plan for a page.
    fn plan(query: &Query) -> String {
        let (sql, values) = page_sql(None, query, &split(query));
        plan_of(&sql, values)
    }

    /// Returns SQLite's plan for a statement, one step a line.
    fn plan_of(sql: &str, values: Vec<Value>) -> String {
        let mut connection = Connection::open_in_memory().unwrap();
        TENANT.create(&mut connection, Path::new("x.db")).unwrap();
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let steps = statement
            .query_map(params_from_iter(values), |row| row.get(3))
            .unwrap();
        steps
            .collect::<rusqlite::Result<Vec<String>>>()
            .unwrap()
            .join("\n")
    }

    #[test]
    fn common_pages_are_not_sorted_as_a_whole() {
        let all = Query::default();
        let of_records = |record_ids: &[i64]| Query {
            record_ids: record_ids.to_vec(),
            from_us: Some(0),
            ..Query::default()
        };
        let of_types = |event_type_ids: &[i32]| Query {
            event_type_ids: event_type_ids.to_vec(),
            ..Query::default()
        };
        let of_both = Query {
            record_ids: vec![1, 2],
            ..of_types(&[7, 8])
        };
        for (query, index, merged) in [
            (all, "events_by_time", 0),
            (of_records(&[42]), "events_by_record (record_id=?", 0),
            (
                of_records(&[42, 43, 42]),
                "events_by_record (record_id=?",
                1,
            ),
            (of_types(&[7]), "events_by_type (event_type_id=?", 0),
            (of_types(&[7, 8, 9]), "events_by_type (event_type_id=?", 2),
            (of_both, "events_by_record (record_id=?", 1),
        ] {
            for ordering in [Ordering::NewestFirst, Ordering::OldestFirst] {
                let plan = plan(&Query {
                    ordering,
                    ..query.clone()
                });
                assert_eq!(plan.matches(index).count(), merged + 1, "{plan}");
                assert_eq!(plan.matches("MERGE").count(), merged, "{plan}");
                // At most those of one microsecond (FOR LAST TERM OF ORDER BY), whose order is by id.
                assert!(!plan.contains("TEMP B-TREE FOR ORDER BY"), "{plan}");
            }
        }
    }

    #[test]
    fn merges_are_bounded() {
        let many = Query {
            record_ids: (0..100).collect(),
            ..Query::default()
        };
        assert_eq!(page_sql(None, &many, &split(&many)).1.len(), 100 + 2);
        let with_types = Query {
            event_type_ids: (0..100).collect(),
            ..many
        };
        let (sql, values) = page_sql(None, &with_types, &split(&with_types));
        assert!(!sql.contains("UNION ALL"), "{sql}");
        assert_eq!(values.len(), 200 + 2);
    }

    #[test]
    fn ids_are_looked_up_whatever_the_other_filters() {
        let plan = plan(&Query {
            event_ids: vec![EventId::from_uuid(Uuid::nil())],
            event_type_ids: vec![7],
            record_ids: vec![1],
            from_us: Some(0),
            ..Query::default()
        });
        assert!(plan.contains("(event_id=?)"), "{plan}");
    }

    #[test]
    fn a_scan_starts_where_the_last_one_ended() {
        let plan = plan_of(&scan_sql(None), vec![1.into()]);
        assert!(plan.contains("INDEX events_by_time"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");

        let after = Position {
            time_us: 0,
            event_id: EventId::from_uuid(Uuid::nil()),
        };
        let values = vec![0.into(), vec![0_u8; 16].into(), 1.into()];
        let plan = plan_of(&scan_sql(Some(after)), values);
        let search = "SEARCH events USING INDEX events_by_time ((time_us,event_id)>(?,?))";
        assert_eq!(plan, search);
    }

    #[test]
    fn what_follows_a_position_is_found_there() {
        let after = Position {
            time_us: 5,
            event_id: EventId::from_uuid(Uuid::nil()),
        };
        for (ordering, sign) in [(Ordering::NewestFirst, '<'), (Ordering::OldestFirst, '>')] {
            for (record_ids, index) in [
                (vec![], "INDEX events_by_time ("),
                (vec![42], "INDEX events_by_record (record_id=? AND "),
                (vec![42, 43], "INDEX events_by_record (record_id=? AND "),
            ] {
                let query = Query {
                    from_us: Some(0),
                    to_us: Some(9),
                    record_ids,
                    ordering,
                    ..Query::default()
                };
                let (after, query) = narrowed(Some(after), &query);
                let (sql, values) = page_sql(after, &query, &split(&query));
                let plan = plan_of(&sql, values);
                let start = format!("(time_us,event_id){sign}(?,?)");
                let parts = query.record_ids.len().max(1);
                assert_eq!(plan.matches(index).count(), parts, "{plan}");
                assert_eq!(plan.matches(&start).count(), parts, "{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }

    #[test]
    fn values_are_bound() {
        let filters = Filters::of(&Query {
            record_ids: vec![1, 2],
            event_type_ids: vec![9],
            to_us: Some(5),
            ..Query::default()
        });
        let sql = "events INDEXED BY events_by_record \
                   WHERE record_id IN (?,?) AND event_type_id IN (?) AND time_us < ?";
        assert_eq!(filters.sql, sql);
        assert_eq!(filters.values, [1.into(), 2.into(), 9.into(), 5_i64.into()]);
    }
}
