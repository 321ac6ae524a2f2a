//! A disk that hangs.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use crate::support::{FaultySync, Server, event, expect};

/// How long a sync takes, and within which time everybody has to be answered all the same.
const HANG: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_secs(15);

#[tokio::test]
async fn the_request_timeout_is_kept_on_a_disk_that_hangs() {
    let faults = FaultySync::new();
    let server = faults
        .befalls(Server::builder())
        .env("EVENT_HISTORY_REQUEST_TIMEOUT", "1s")
        .start();
    let tenant = server.create_tenant("demo").await;
    server.deliver(&tenant, &event()).await;

    let milliseconds = u32::try_from(HANG.as_millis()).expect("a number of milliseconds");
    faults.delay(milliseconds, ".db-wal");
    let start = Instant::now();
    // One that comes alone, and then some that find it waiting.
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    expect(server.delivery(&tenant, &event()), unavailable).await;
    let (first, second) = (event(), event());
    tokio::join!(
        expect(server.delivery(&tenant, &first), unavailable),
        expect(server.delivery(&tenant, &second), unavailable),
        expect(server.request(Method::GET, "/health/live"), StatusCode::OK),
    );
    let took = start.elapsed();
    assert!(took < SOON, "{took:?}");
}
