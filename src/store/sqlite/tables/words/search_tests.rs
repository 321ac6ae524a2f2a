//! Compares searches with what the domain says, wherever the index stands.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::index;
use super::search::Search;
use crate::domain::query::Limit;
use crate::domain::{Event, EventTime, Ordering, Position, Query, SystemClock, Words};
use crate::store::samples::Random;
use crate::store::sqlite::tables::arrival::ArrivalClock;
use crate::store::sqlite::tables::event_rows::{Appending, COLUMNS, from_row};
use crate::store::sqlite::tables::query_filters::functions;
use crate::store::sqlite::tables::schema::TENANT;

/// A database, and its writer.
struct Database {
    connection: Connection,
    clock: ArrivalClock,
}

impl Database {
    fn new() -> Self {
        let mut connection = Connection::open_in_memory().unwrap();
        TENANT.create(&mut connection, Path::new("x.db")).unwrap();
        functions::add_to(&connection).unwrap();
        Self {
            connection,
            clock: ArrivalClock::new(Arc::new(SystemClock)),
        }
    }

    fn append(&mut self, events: &[Event]) {
        let transaction = self.connection.transaction().unwrap();
        let mut appending = Appending::start(&transaction, &mut self.clock).unwrap();
        for event in events {
            appending.append(event).unwrap();
        }
        index::follow(&transaction, &appending.finish().unwrap()).unwrap();
        transaction.commit().unwrap();
    }

    fn events(&self) -> Vec<Event> {
        let sql = format!("SELECT {COLUMNS} FROM events");
        let mut statement = self.connection.prepare(&sql).unwrap();
        let events = statement.query_map([], from_row).unwrap();
        events.collect::<rusqlite::Result<_>>().unwrap()
    }

    fn last_indexed(&self) -> i64 {
        let sql = "SELECT last_indexed FROM word_index";
        self.connection
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    }

    fn count(&self, text: &str) -> i64 {
        let sql = "SELECT count(*) FROM words WHERE words MATCH ?";
        self.connection
            .query_row(sql, [text], |row| row.get(0))
            .unwrap()
    }

    /// Compares what a search finds with what the query says.
    fn check(&self, events: &[Event], query: &Query, after: Option<Position>) {
        let words = query.words.as_ref().unwrap();
        let is_behind = |it: &Event| match (after, query.ordering) {
            (None, _) => true,
            (Some(after), Ordering::NewestFirst) => it.position() < after,
            (Some(after), Ordering::OldestFirst) => it.position() > after,
        };
        let matching = events
            .iter()
            .filter(|it| is_behind(it) && query.matches(it));
        let mut expected: Vec<Position> = matching.map(Event::position).collect();
        match query.ordering {
            Ordering::NewestFirst => expected.sort_by_key(|it| Reverse(*it)),
            Ordering::OldestFirst => expected.sort(),
        }
        let search = Search::new(&self.connection, query, words, after).unwrap();
        assert_eq!(search.count().unwrap(), expected.len() as u64, "{query:?}");
        let limit = query.limit.get() as usize;
        let found = search.take(query.offset, limit).unwrap();
        let found: Vec<Position> = found.into_iter().map(|it| it.position).collect();
        let page = expected.into_iter().skip(query.offset as usize).take(limit);
        assert_eq!(found, page.collect::<Vec<_>>(), "{query:?} {after:?}");
    }
}

/// Returns an event at one of few times, so that many are in one step of the index and others far away.
fn event(random: &mut Random) -> Event {
    let apart = [
        0,
        0,
        0,
        1_000_000,
        90_000_000,
        1_000_000_000_000,
        -4_000_000_000_000_000,
    ];
    let at = usize::try_from(random.below(apart.len() as u64)).unwrap();
    let event = random.event();
    let time_us = event.time.micros() + apart[at];
    Event {
        time: EventTime::from_parts(time_us, 6).unwrap(),
        ..event
    }
}

fn searched(random: &mut Random, events: &[Event]) -> Query {
    loop {
        let query = random.query(events);
        if query.words.is_some() {
            return query;
        }
    }
}

#[test]
fn finds_what_the_query_says_wherever_the_index_stands() {
    let mut random = Random::seeded(20);
    let mut database = Database::new();
    let (mut all, mut stages) = (Vec::new(), Vec::new());
    for batch in [1, 1, 100, 200, 1, 600, 5, 700, 90] {
        let events: Vec<Event> = (0..batch).map(|_| event(&mut random)).collect();
        database.append(&events);
        all.extend(events);
        let late = i64::try_from(all.len()).unwrap() - database.last_indexed();
        assert!((0..256).contains(&late), "{late} after {batch}");
        stages.push(late);
        let stored = database.events();
        for _ in 0..40 {
            let query = searched(&mut random, &all);
            let after = match random.below(3) {
                0 => Some(event(&mut random).position()),
                _ => None,
            };
            database.check(&stored, &query, after);
        }
    }
    assert!(
        stages.contains(&0) && stages.iter().any(|late| *late > 50),
        "{stages:?}"
    );
}

#[test]
fn follows_changes_and_deletions_by_hand() {
    let mut random = Random::seeded(21);
    let mut database = Database::new();
    let events: Vec<Event> = (0..600).map(|_| event(&mut random)).collect();
    database.append(&events);
    assert_eq!(
        (database.last_indexed(), database.count("source")),
        (600, 600)
    );
    let run = |database: &Database, sql: &str| database.connection.execute(sql, []).unwrap();
    run(&database, "DELETE FROM events WHERE sequence % 7 = 0");
    // Twice, and with the same checksum in the end.
    run(
        &database,
        "UPDATE events SET source_info = 'other' WHERE sequence % 7 = 1",
    );
    let of: Vec<(i64, String)> = events
        .iter()
        .zip(1..)
        .filter(|(_, sequence)| sequence % 7 == 1)
        .map(|(event, sequence)| (sequence, event.source_info.clone()))
        .collect();
    for (sequence, info) in of {
        let sql = "UPDATE events SET source_info = ? WHERE sequence = ?";
        database
            .connection
            .execute(sql, params![info, sequence])
            .unwrap();
    }
    let check = |database: &Database, random: &mut Random| {
        let stored = database.events();
        for _ in 0..40 {
            database.check(&stored, &searched(random, &events), None);
        }
    };
    check(&database, &mut random);
    while index::step(&database.connection).unwrap().has_more {}
    check(&database, &mut random);
    assert_eq!(database.count("source"), 600 - 85);
    assert_eq!(database.count("other"), 0);
    run(&database, "DELETE FROM events");
    index::step(&database.connection).unwrap();
    assert_eq!(database.count("source"), 0);
    run(
        &database,
        "INSERT INTO words (words) VALUES ('integrity-check')",
    );
    assert_eq!(
        run(&database, "DELETE FROM changed_events"),
        0,
        "no text is left"
    );
}

#[test]
fn an_older_database_is_indexed_step_by_step() {
    let mut random = Random::seeded(22);
    let mut database = Database::new();
    let events: Vec<Event> = (0..5000).map(|_| event(&mut random)).collect();
    database.append(&events);
    let reset =
        "INSERT INTO words (words) VALUES ('delete-all'); UPDATE word_index SET last_indexed = 0;";
    database.connection.execute_batch(reset).unwrap();
    assert!(index::is_behind(&database.connection).unwrap());
    let mut steps = 1;
    while index::step(&database.connection).unwrap().has_more {
        steps += 1;
    }
    assert_eq!(
        steps, 3,
        "a thousand at a time, until two thousand can be looked through"
    );
    assert!(!index::is_behind(&database.connection).unwrap());
    let query = Query {
        words: Some(Words::parse("source").unwrap()),
        limit: Limit::new(1000).unwrap(),
        ..Query::default()
    };
    database.check(&database.events(), &query, None);
    database.append(&[event(&mut random)]);
    assert_eq!(database.last_indexed(), 4001);
}

#[test]
fn events_may_have_a_row_in_common() {
    let mut random = Random::seeded(23);
    let mut database = Database::new();
    let mut events: Vec<Event> = (0..300).map(|_| event(&mut random)).collect();
    database.append(&events);
    let sql = "UPDATE arrival SET deleted_sequence = 1 << 24";
    database.connection.execute(sql, []).unwrap();
    let others: Vec<Event> = (0..300).map(|_| event(&mut random)).collect();
    database.append(&others);
    events.extend(others);
    assert_eq!(database.last_indexed(), (1 << 24) + 300);
    let rows = database.count("source");
    assert!((300..550).contains(&rows), "{rows} rows of 600 events");
    for removed in [0, 1] {
        let stored = database.events();
        for _ in 0..40 {
            database.check(&stored, &searched(&mut random, &events), None);
        }
        let sql = "DELETE FROM events WHERE sequence % 9 = ?";
        database.connection.execute(sql, [removed]).unwrap();
        index::step(&database.connection).unwrap();
    }
}
