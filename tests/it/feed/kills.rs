//! A reader follows the feed while the service is killed again and again.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::support::{self, Server, Tenant, event};

const WRITERS: usize = 8;
const READERS: usize = 3;

/// The time under load before the kill.
const LOAD_MS: std::ops::Range<u64> = 200..1_200;

/// What one reader has seen; it goes on with its cursor after each kill.
#[derive(Debug, Default)]
struct Reader {
    cursor: Option<String>,
    seen: HashSet<String>,
    order: Vec<String>,
}

/// By event id: was it answered 201?
type Ledger = Mutex<HashMap<String, bool>>;

#[tokio::test]
async fn a_reader_sees_every_acknowledged_event_once_whenever_the_service_is_killed() {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_ROUNDS", 4);
    let mut server = Server::start();
    let tenant = server.create_tenant("followed").await;
    let ledger = Ledger::default();
    let mut readers: Vec<Reader> = (0..READERS).map(|_| Reader::default()).collect();
    for round in 1..=rounds {
        let load_ms = LOAD_MS.start + support::random_below(LOAD_MS.end - LOAD_MS.start);
        let killed = AtomicBool::new(false);
        let writers = join_all((0..WRITERS).map(|_| write(&server, &tenant, &ledger, &killed)));
        let reading = readers
            .iter_mut()
            .map(|it| it.follow(&server, &tenant, &killed));
        let power_cut = async {
            tokio::time::sleep(Duration::from_millis(load_ms)).await;
            killed.store(true, Ordering::SeqCst);
            server.kill();
        };
        tokio::join!(writers, join_all(reading), power_cut);
        server.start_again();
        println!("round {round}: killed after {load_ms} ms");
    }
    let acknowledged: HashSet<String> = {
        let ledger = ledger.lock().expect("the ledger");
        let acknowledged = ledger.iter().filter(|(_, acknowledged)| **acknowledged);
        acknowledged.map(|(id, _)| id.clone()).collect()
    };
    assert!(
        acknowledged.len() > 50,
        "{} events came through",
        acknowledged.len()
    );
    for reader in &mut readers {
        for _ in 0..100 {
            if acknowledged.is_subset(&reader.seen) {
                break;
            }
            reader.read(&server, &tenant, "1").await;
        }
        while reader.read(&server, &tenant, "0").await {}
        let missed: Vec<_> = acknowledged.difference(&reader.seen).collect();
        assert!(missed.is_empty(), "acknowledged and not seen: {missed:?}");
    }
    // The order that a late reader sees is the one that the others saw.
    let mut late = Reader::default();
    while late.read(&server, &tenant, "0").await {}
    for reader in &readers {
        assert_eq!(reader.order, late.order);
    }
    println!(
        "{rounds} rounds: {} events, {} acknowledged",
        late.order.len(),
        acknowledged.len()
    );
}

async fn write(server: &Server, tenant: &Tenant, ledger: &Ledger, killed: &AtomicBool) {
    while !killed.load(Ordering::SeqCst) {
        let mut detail = event();
        let id = detail["event_id"].as_str().expect("an id").to_owned();
        let day = 1 + support::random_below(28);
        detail["event_time"] = format!("2022-11-{day:02}T10:26:12.111Z").into();
        ledger.lock().expect("the ledger").insert(id.clone(), false);
        let answer = server.delivery(tenant, &detail).send().await;
        match answer.as_ref().ok().map(reqwest::Response::status) {
            Some(StatusCode::CREATED) => {
                ledger.lock().expect("the ledger").insert(id, true);
            }
            Some(StatusCode::SERVICE_UNAVAILABLE) => {}
            Some(status) => panic!("an event was answered {status}"),
            None => return,
        }
    }
}

impl Reader {
    async fn follow(&mut self, server: &Server, tenant: &Tenant, killed: &AtomicBool) {
        while !killed.load(Ordering::SeqCst) {
            self.read(server, tenant, "5").await;
        }
    }

    /// Reads on from the cursor; returns whether there is more.
    async fn read(&mut self, server: &Server, tenant: &Tenant, wait: &str) -> bool {
        let mut target = format!("/api/history/feed?limit=20&wait={wait}");
        if let Some(cursor) = &self.cursor {
            target = format!("{target}&after={cursor}");
        }
        let request = server.request_as(tenant, Method::GET, &target);
        let Ok(response) = request.send().await else {
            return false; // killed
        };
        let status = response.status();
        let Ok(body) = response.json::<Value>().await else {
            return false; // killed while it answered
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return true;
        }
        assert_eq!(status, StatusCode::OK, "{body}");
        for event in body["results"].as_array().expect("results") {
            let id = event["event_id"].as_str().expect("an id").to_owned();
            assert!(self.seen.insert(id.clone()), "{id} came twice");
            self.order.push(id);
        }
        self.cursor = Some(body["cursor"].as_str().expect("a cursor").to_owned());
        body["has_more"].as_bool().expect("a boolean")
    }
}
