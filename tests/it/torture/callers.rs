//! Callers who send what is slow, send slowly, never read or never speak: nobody else waits for them, and memory
//! stays bounded. `just callers` measures it with the release build; here the bounds are generous.

mod crowds;
mod neighbour;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::json;

use crate::support::hostile::{self, SlowUploads, address};
use crate::support::{self, Server, Tenant, event};
use crowds::Crowd;
use neighbour::{Measurements, Neighbour};

/// The longest delay that a hostile caller may add, for any build and on a machine that does other things too; `just
/// callers` holds the release build to 250 ms.
const BOUND_MS: u64 = 10_000;

const MAX_MEMORY_BYTES: u64 = 256 * 1000 * 1000;
const READERS: usize = 6;
const STALLED_READERS: usize = 20;
const SLOW_UPLOADS: usize = 200;
/// What is on the page that callers ask for and do not read: more than sockets hold.
const PAGE_EVENTS: u64 = 10;
/// An event of nearly the size that is accepted.
const LARGE_EVENT_BYTES: usize = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_caller_keeps_another_tenant_waiting() {
    let seconds = support::number_from_environment("EVENT_HISTORY_TEST_SECONDS", 2);
    let callers = support::number_from_environment("EVENT_HISTORY_TEST_CALLERS", 200);
    let bound = support::number_from_environment("EVENT_HISTORY_TEST_BOUND_MS", BOUND_MS);
    raise_open_files();
    let server = Arc::new(Server::start());
    let hostile = server.create_tenant("hostile").await;
    let tenant = server.create_tenant("neighbour").await;
    let callers = usize::try_from(callers).expect("a small number");
    large_events(&server, &hostile, PAGE_EVENTS).await;

    let time = Duration::from_secs(seconds);
    let calm = Neighbour::start(&server, &tenant);
    tokio::time::sleep(time).await;
    let calm = calm.end().await;
    println!("{:<44} {calm}", "nobody else");
    let mut wrong = Vec::new();
    for crowd in Crowd::all() {
        let neighbour = Neighbour::start(&server, &tenant);
        let name = crowd.name();
        crowd.befall(&server, &hostile, callers, time).await;
        let measurements = neighbour.end().await;
        println!("{name:<44} {measurements}");
        wrong.extend(problem(
            &name,
            &calm,
            &measurements,
            Duration::from_millis(bound),
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(calm.answered() > 0, "nothing was measured");
}

fn problem(
    name: &str,
    calm: &Measurements,
    measurements: &Measurements,
    bound: Duration,
) -> Option<String> {
    if let Some(failure) = measurements.failure() {
        return Some(format!("{name}: {failure}"));
    }
    let added = measurements.longest().saturating_sub(calm.median());
    (added > bound).then(|| format!("{name}: an event or a probe waited {added:.1?} longer"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_bounded_by_bytes() {
    let events = support::number_from_environment("EVENT_HISTORY_TEST_LARGE_EVENTS", 60);
    raise_open_files();
    let server = Server::start();
    let tenant = server.create_tenant("large").await;
    large_events(&server, &tenant, events).await;
    let before = server.process().memory_bytes("VmRSS");

    let page = format!("{}/api/history/events?limit=1000", server.url());
    let headers = format!(
        "X-API-Key: {}\r\nX-Client-Id: {}\r\n",
        support::API_KEY,
        tenant.client_id
    );
    let request = hostile::get(&page, &headers);
    let stalled =
        hostile::stalled_readers(address(server.url()), request.as_bytes(), STALLED_READERS).await;
    // A URL each: how many one may have at once is another matter.
    let mut uploads = Vec::new();
    for _ in 0..SLOW_UPLOADS {
        let url = server.upload_url(&tenant).await.url;
        uploads.push(SlowUploads::start(&url, "", 1, Duration::from_millis(200)));
    }
    let readers = join_all((0..READERS).map(|_| read_page(&server, &tenant))).await;
    let peak = server.process().memory_bytes("VmHWM");
    println!(
        "{events} events of 1 MB; {} MB resident before, {} MB at most; pages: {readers:?}",
        before / 1_000_000,
        peak / 1_000_000
    );
    drop((stalled, uploads));
    let whole = events * LARGE_EVENT_BYTES as u64;
    for (status, bytes) in readers {
        // A reader may be told to come again, and never gets less than there is.
        let is_whole = status == StatusCode::OK && bytes >= whole;
        assert!(
            is_whole || status == StatusCode::SERVICE_UNAVAILABLE,
            "{status}, {bytes} bytes"
        );
    }
    assert!(peak < MAX_MEMORY_BYTES, "{peak} bytes");
}

/// Reads a page piece by piece; returns its status and its length.
async fn read_page(server: &Server, tenant: &Tenant) -> (StatusCode, u64) {
    let request = server.request_as(tenant, Method::GET, "/api/history/events?limit=1000");
    let request = request.timeout(Duration::from_mins(10));
    let mut response = request.send().await.expect("the server answers");
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await.expect("a whole body") {
        bytes += chunk.len() as u64;
    }
    (response.status(), bytes)
}

async fn large_events(server: &Server, tenant: &Tenant, count: u64) {
    for _ in 0..count {
        let mut detail = event();
        detail["event_data"] = json!(["x".repeat(LARGE_EVENT_BYTES)]);
        server.deliver(tenant, &detail).await;
    }
}

/// Lets this process have many connections.
fn raise_open_files() {
    let pid = std::process::id().to_string();
    let limit = ["--pid", &pid, "--nofile=16384:"];
    support::run(std::process::Command::new("prlimit").args(limit));
}
