//! Damage to what is stored of an event.

use std::fs;

use http::{Method, StatusCode};
use rusqlite::Connection;
use serde_json::Value;

use super::{assert_damaged, assert_logged, database, deliver, edit, history};
use crate::support::{self, Server, event, expect};

/// Returns what a blob literal says of an event's id.
fn blob(event_id: &str) -> String {
    format!("x'{}'", event_id.replace('-', ""))
}

#[tokio::test]
async fn a_changed_value_in_any_column_is_reported_as_damage() {
    let server = Server::start();
    let (demo, other) = (
        server.create_tenant("demo").await,
        server.create_tenant("other").await,
    );
    deliver(&server, &demo, 5).await;
    let detail = event();
    server.deliver(&demo, &detail).await;
    let event_id = detail["event_id"].as_str().unwrap();
    let path = database(&server, "demo");
    for change in [
        "time_us = time_us + 1",
        "time_digits = 6",
        "event_type_id = event_type_id + 1",
        "record_id = record_id + 256",
        "source_id = 3",
        "source_type_id = 2",
        "source_name = 'somebody else'",
        "source_info = 'x'",
        "file_id = x'00000000000000000000000000000000'",
        "files = '[]'",
        "event_data = '[{\"amount\": 2}]'",
        "event_data = 'no JSON'",
        "checksum = checksum + 1",
    ] {
        let column = change.split(' ').next().unwrap();
        let id = blob(event_id);
        edit(
            &path,
            &format!(
                "CREATE TABLE kept AS SELECT {column} AS was FROM events WHERE event_id = {id};
                 UPDATE events SET {change} WHERE event_id = {id};"
            ),
        );
        assert_damaged(history(&server, &demo), change).await;
        let by_id = format!("/api/history/events?event_id={event_id}");
        assert_damaged(server.request_as(&demo, Method::GET, &by_id), change).await;
        let file = format!("/api/history/events/{event_id}/file");
        assert_damaged(server.request_as(&demo, Method::GET, &file), change).await;
        // It would be compared with what is stored.
        assert_damaged(server.delivery(&demo, &detail), change).await;
        // Nobody else is concerned.
        server.deliver(&demo, &event()).await;
        server.deliver(&other, &event()).await;
        edit(
            &path,
            &format!(
                "UPDATE events SET {column} = (SELECT was FROM kept) WHERE event_id = {id};
                 DROP TABLE kept;"
            ),
        );
        expect(history(&server, &demo), StatusCode::OK).await;
        server.deliver(&demo, &detail).await;
    }
    let file = path.display().to_string();
    assert_logged(
        &server,
        &["tenant 'demo'", &file, event_id, "row 6", "checksum"],
    )
    .await;
}

#[tokio::test]
async fn a_row_that_is_missing_behind_an_index_is_damage() {
    let mut server = Server::start();
    let demo = server.create_tenant("demo").await;
    let ids = deliver(&server, &demo, 5).await;
    server.process().term();
    let path = database(&server, "demo");
    remove_row_alone(&path, &blob(&ids[2]), "events_by_time");
    server.start_again();
    assert_damaged(history(&server, &demo), "a page").await;
    let file = path.display().to_string();
    assert_logged(&server, &["tenant 'demo'", &file, "row 3", "index"]).await;
    server.deliver(&demo, &event()).await;
}

/// Removes a row and leaves its entry in one index, which SQLite is not told of meanwhile.
pub(super) fn remove_row_alone(path: &std::path::Path, id: &str, index: &str) {
    type Entry = (String, String, String, i64, String);
    let entry: Entry = {
        let connection = Connection::open(path).unwrap();
        let sql = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = ?";
        let read = |row: &rusqlite::Row<'_>| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        };
        let entry = connection.query_row(sql, [index], read).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = '{index}'"
            ))
            .unwrap();
        entry
    };
    edit(path, &format!("DELETE FROM events WHERE event_id = {id}"));
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA writable_schema = ON")
        .unwrap();
    let sql =
        "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, ?, ?)";
    connection.execute(sql, entry).unwrap();
}

#[tokio::test]
async fn garbage_pages_are_damage_to_readers_and_writers() {
    let mut server = Server::start();
    let (demo, other) = (
        server.create_tenant("demo").await,
        server.create_tenant("other").await,
    );
    deliver(&server, &demo, 200).await;
    server.process().term();
    let path = database(&server, "demo");
    let mut bytes = fs::read(&path).unwrap();
    // The later half: the first pages hold the schema and whose database it is.
    let kept = bytes.len() / 2 / 4096 * 4096;
    assert!(kept >= 10 * 4096, "{}", bytes.len());
    bytes[kept..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    server.start_again();
    assert_damaged(history(&server, &demo), "a page").await;
    assert_damaged(server.delivery(&demo, &event()), "an event").await;
    let file = path.display().to_string();
    assert_logged(&server, &["tenant 'demo'", &file, "malformed"]).await;
    server.deliver(&other, &event()).await;
}

/// Many callers share a transaction: one that meets damage is told so, and the others are stored.
#[tokio::test]
async fn one_damaged_row_does_not_affect_other_events() {
    let server = Server::start();
    let demo = server.create_tenant("demo").await;
    let detail = event();
    server.deliver(&demo, &detail).await;
    let id = blob(detail["event_id"].as_str().unwrap());
    let path = database(&server, "demo");
    edit(
        &path,
        &format!("UPDATE events SET source_name = 'x' WHERE event_id = {id}"),
    );
    let sends = (0..200).map(|number| {
        let (server, demo, detail) = (&server, &demo, &detail);
        async move {
            if number % 20 == 0 {
                assert_damaged(server.delivery(demo, detail), "the damaged one").await;
            } else {
                server.deliver(demo, &event()).await;
            }
        }
    });
    futures_util::future::join_all(sends).await;
    let page = server
        .get_json(
            &demo,
            "/api/history/events?limit=1&ordering=-event_time&record_id=1",
        )
        .await;
    assert_eq!(page["total_count"], 191, "{page}");
}

#[tokio::test]
async fn clickhouse_data_that_is_not_json_is_damage_and_named() {
    let engine = support::ClickHouse::start();
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", engine.url())
        .start();
    let demo = server.create_tenant("demo").await;
    let detail = event();
    server.deliver(&demo, &detail).await;
    let event_id = detail["event_id"].as_str().unwrap();
    let table = "_event_history.events";
    for change in ["event_data = '[1'", "files = '[{}]'", "time_digits = 9"] {
        let sql =
            format!("ALTER TABLE {table} UPDATE {change} WHERE 1 SETTINGS mutations_sync = 2");
        engine.query(&sql).await;
        assert_damaged(history(&server, &demo), change).await;
        assert_damaged(server.delivery(&demo, &detail), change).await;
        server.deliver(&demo, &event_of_record(43)).await;
        assert_logged(&server, &["tenant 'demo'", event_id]).await;
    }
}

fn event_of_record(record_id: i64) -> Value {
    let mut detail = event();
    detail["record_id"] = record_id.into();
    detail
}
