//! The tenant entries and the databases that they lead to, after people, disks and crashes changed either.

mod identity;

use std::path::PathBuf;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::support::{Server, Tenant, event, expect, expect_json};

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
