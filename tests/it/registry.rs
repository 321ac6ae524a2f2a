//! The tenant entries and the databases that they lead to, after people, disks and crashes changed either.

mod crashes;
mod foreign_logs;
mod identity;
mod lost;
mod repair;

use std::path::PathBuf;
use std::process::Command;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::checks::Report;
use crate::support::{self, Server, Tenant, event, expect, expect_json};

/// Returns where a server keeps a tenant's database.
fn database(server: &Server, name: &str) -> PathBuf {
    let file = format!("data/tenants/{name}.db");
    server.folder().join(file)
}

async fn deliver(server: &Server, tenant: &Tenant, events: usize) {
    for _ in 0..events {
        server.deliver(tenant, &event()).await;
    }
}

/// Returns how many events a tenant's history has.
async fn count(server: &Server, tenant: &Tenant) -> Option<u64> {
    let page = server.get_json(tenant, "/api/history/events?limit=1").await;
    page["total_count"].as_u64()
}

/// Asks for the tenant's history, holds the answer to `status`, and returns its body.
async fn history_answers(server: &Server, tenant: &Tenant, status: StatusCode) -> Value {
    let request = server.request_as(tenant, Method::GET, "/api/history/events");
    expect_json(request, status).await
}

/// Sends the tenant an event by its name, and holds the answer to `status`.
async fn delivery_answers(server: &Server, tenant: &Tenant, status: StatusCode) {
    expect(server.delivery(tenant, &event()), status).await;
}

/// Asks for a new tenant, and holds the answer to `status`.
async fn creation_answers(server: &Server, name: &str, status: StatusCode) {
    let body = serde_json::json!({"database_name": name, "client_label": ""});
    let request = server.request(Method::POST, "/api/initialize-tenant");
    expect(request.json(&body), status).await;
}

/// Asserts that each way to a tenant answers 503, and that a sender is told to come again.
async fn assert_unavailable(server: &Server, tenant: &Tenant) {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    history_answers(server, tenant, unavailable).await;
    let by_name = expect(server.delivery(tenant, &event()), unavailable).await;
    assert!(by_name.headers().contains_key("Retry-After"));
    let by_id = server
        .delivery(tenant, &event())
        .header("X-Client-Id", &tenant.client_id);
    expect(by_id, unavailable).await;
    let upload = server.request_as(tenant, Method::GET, "/api/files/upload-url");
    expect(upload, unavailable).await;
    creation_answers(server, &tenant.database_name, unavailable).await;
}

/// Changes the registry of a server that is stopped.
fn edit_registry(server: &Server, sql: &str) {
    let registry = rusqlite::Connection::open(server.folder().join("data/registry.db"));
    let registry = registry.expect("the registry");
    registry.execute_batch(sql).expect("a statement");
}

fn on_data(server: &Server, words: &[&str]) -> Command {
    let mut command = support::clean_command(support::binary(), server.folder());
    let data = server.folder().join("data");
    command
        .args(words)
        .env("EVENT_HISTORY_API_KEY", "0123456789abcdef")
        .env(
            "EVENT_HISTORY_DATABASE",
            format!("sqlite:{}", data.display()),
        )
        .env(
            "EVENT_HISTORY_FILES",
            format!("file:{}/files", data.display()),
        );
    command
}

/// Runs `event-history tenants`, holds its exit status to `status`, and returns what it said.
fn tenants(server: &Server, words: &[&str], status: i32) -> String {
    let output = on_data(server, &[&["tenants"], words].concat()).output();
    let output = output.expect("the binary runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    said
}

fn check(server: &Server) -> Report {
    Report::of(&mut on_data(server, &["check"]))
}
