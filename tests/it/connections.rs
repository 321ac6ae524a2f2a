//! Connections when there are as many as there may be, and callers who make little use of theirs.

mod downloads;
mod idle;
mod log;
mod uploads;

use std::time::{Duration, Instant};

use crate::support::hostile::{address, ask};
use crate::support::{Server, Tenant, event};

/// Far above what anything takes that does not wait for a hostile caller, on a busy machine, and far below
/// the 30 s after which such a caller is given up anyway.
const SOON: Duration = Duration::from_secs(12);

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Asserts that the process answers a probe of a new connection.
async fn assert_live(server: &Server) {
    let start = Instant::now();
    let (_stream, head) = ask(address(server.url()), LIVE).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(start.elapsed() < SOON, "after {:?}", start.elapsed());
}

/// Asserts that an event of a tenant is stored, by a new connection.
async fn assert_takes_events(server: &Server, tenant: &Tenant) {
    let start = Instant::now();
    server.deliver(tenant, &event()).await;
    assert!(start.elapsed() < SOON, "after {:?}", start.elapsed());
}
