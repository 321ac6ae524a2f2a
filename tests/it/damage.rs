//! Damage in the data folder: named, answered 500, never served as something else, and nobody else's business.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included"
)]

mod fsck;
mod logs;
mod rows;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use rusqlite::Connection;

use crate::support::{self, Server, Tenant, event};

fn database(server: &Server, name: &str) -> PathBuf {
    server.folder().join(format!("data/tenants/{name}.db"))
}

fn log_of(database: &Path) -> PathBuf {
    database.with_extension("db-wal")
}

/// Changes a database behind the service's back.
fn edit(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Flips a bit of a file.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Asserts that a request is answered 500, without "try again".
async fn assert_damaged(request: RequestBuilder, what: &str) {
    let response = request.send().await.unwrap();
    assert_eq!(
        response.status(),
        StatusCode::INTERNAL_SERVER_ERROR,
        "{what}"
    );
    assert!(!response.headers().contains_key(RETRY_AFTER), "{what}");
}

fn history(server: &Server, tenant: &Tenant) -> RequestBuilder {
    server.request_as(tenant, Method::GET, "/api/history/events?limit=1000")
}

/// Waits for one line of the log that says all of this.
async fn assert_logged(server: &Server, all: &[&str]) {
    let what = format!("{all:?} in the log");
    support::wait_for(&what, Duration::from_secs(20), async || {
        let log = server.process().stderr();
        let says_all = |line: &str| all.iter().all(|it| line.contains(it));
        log.lines().any(says_all).then_some(())
    })
    .await;
}

/// Returns the ids of events that were acknowledged.
async fn deliver(server: &Server, tenant: &Tenant, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let detail = event();
        server.deliver(tenant, &detail).await;
        ids.push(detail["event_id"].as_str().unwrap().to_owned());
    }
    ids
}
