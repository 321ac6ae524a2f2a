//! Load that ends in a power cut, again and again: what was acknowledged is there, once and whole.

mod parts;
mod retention;

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use rusty_s3::S3Action;
use serde_json::{Value, json};

use crate::support::{self, Server, Storage, Tenant, event};

const WRITERS: usize = 16;

/// Few enough that writers share a tenant's transactions, enough that several are written at once.
const TENANTS: usize = 4;

/// A writer that a kill does not stop has lost the server otherwise; far above what a round reaches.
const MAX_ATTEMPTS: usize = 100_000;

/// The longest time under load before the kill, and the shortest.
const LOAD_MS: std::ops::Range<u64> = 100..1_500;

/// Of so many attempts of a writer one is a file, one a batch of events, and the others are single events.
const FILE_EVERY: usize = 4;

/// The events of a batch.
const BATCH_EVENTS: usize = 30;

const MAX_FILE_BYTES: u64 = 256 * 1024;

/// What the writers did, and what they were promised.
#[derive(Debug, Default)]
struct Ledger {
    /// By tenant and event id: was it answered 201?
    events: HashMap<(usize, String), bool>,
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    tenant: usize,
    id: String,
    sha256: String,
    acknowledged: bool,
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_ROUNDS", 3);
    let mut server = Server::start();
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        tenants.push(server.create_tenant(&format!("crash_{number}")).await);
    }
    let mut ledger = Ledger::default();
    for round in 1..=rounds {
        let mut load_ms = LOAD_MS.start + support::random_below(LOAD_MS.end - LOAD_MS.start);
        if round == rounds {
            load_ms = LOAD_MS.end; // on a busy machine nothing comes through in the short ones
        }
        let files_before = ledger.files.len();
        load_until_killed(&server, &tenants, load_ms, &mut ledger).await;
        server.start_again();
        assert_events(&server, &tenants, &ledger).await;
        assert_files(&server, &tenants, &ledger.files[files_before..]).await;
        println!(
            "round {round}: killed after {load_ms} ms; {}",
            ledger.summary()
        );
    }
    assert_files(&server, &tenants, &ledger.files).await;
    assert!(
        ledger.events.values().any(|acknowledged| *acknowledged),
        "no event came through"
    );
    assert!(
        ledger.files.iter().any(|file| file.acknowledged),
        "no file came through"
    );
    println!(
        "{rounds} rounds, {WRITERS} writers, {TENANTS} tenants: {}",
        ledger.summary()
    );
}

impl Ledger {
    fn summary(&self) -> String {
        let events = self
            .events
            .values()
            .filter(|acknowledged| **acknowledged)
            .count();
        let files = self.files.iter().filter(|file| file.acknowledged).count();
        format!(
            "{events} events of {} and {files} files of {} acknowledged",
            self.events.len(),
            self.files.len()
        )
    }
}

async fn load_until_killed(server: &Server, tenants: &[Tenant], load_ms: u64, ledger: &mut Ledger) {
    let writers = join_all((0..WRITERS).map(|number| write(server, tenants, number)));
    let killer = async {
        tokio::time::sleep(Duration::from_millis(load_ms)).await;
        server.kill();
    };
    let (written, ()) = tokio::join!(writers, killer);
    for part in written {
        ledger.events.extend(part.events);
        ledger.files.extend(part.files);
    }
}

/// Writes until the server is gone.
async fn write(server: &Server, tenants: &[Tenant], number: usize) -> Ledger {
    let mut ledger = Ledger::default();
    for attempt in 0..MAX_ATTEMPTS {
        let tenant = (number + attempt) % tenants.len();
        let going_on = match attempt % FILE_EVERY {
            0 => write_file(server, &tenants[tenant], tenant, &mut ledger).await,
            1 => write_batch(server, &tenants[tenant], tenant, &mut ledger).await,
            _ => write_event(server, &tenants[tenant], tenant, &mut ledger).await,
        };
        if !going_on {
            return ledger;
        }
    }
    panic!("the server is still there after {MAX_ATTEMPTS} attempts");
}

/// Returns whether the server is still there.
async fn write_event(server: &Server, tenant: &Tenant, place: usize, ledger: &mut Ledger) -> bool {
    let mut detail = event();
    let id = detail["event_id"]
        .as_str()
        .expect("an event has an id")
        .to_owned();
    detail["event_data"] = json!([id, "x".repeat(200)]);
    let answer = server.delivery(tenant, &detail).send().await;
    let status = answer.as_ref().ok().map(reqwest::Response::status);
    ledger
        .events
        .insert((place, id), status == Some(StatusCode::CREATED));
    match status {
        Some(StatusCode::CREATED | StatusCode::SERVICE_UNAVAILABLE) => true,
        Some(status) => panic!("an event was answered {status}"),
        None => false,
    }
}

/// Returns whether the server is still there.
async fn write_batch(server: &Server, tenant: &Tenant, place: usize, ledger: &mut Ledger) -> bool {
    let mut events = vec![event(); BATCH_EVENTS];
    for event in &mut events {
        event["event_id"] = support::uuid().into();
        event["event_data"] = json!([event["event_id"], "x".repeat(200)]);
    }
    let request = server.request_as(tenant, Method::POST, "/api/events");
    let answer = request.json(&events).send().await;
    let status = answer.as_ref().ok().map(reqwest::Response::status);
    for event in &events {
        let id = event["event_id"].as_str().expect("an event has an id");
        let is_acknowledged = status == Some(StatusCode::OK);
        ledger
            .events
            .insert((place, id.to_owned()), is_acknowledged);
    }
    match status {
        Some(StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) => true,
        Some(status) => panic!("a batch was answered {status}"),
        None => false,
    }
}

/// Returns whether the server is still there.
async fn write_file(server: &Server, tenant: &Tenant, place: usize, ledger: &mut Ledger) -> bool {
    let request = server.request_as(tenant, Method::GET, "/api/files/upload-url");
    let Ok(answer) = request.send().await else {
        return false;
    };
    let Ok(answer) = answer.json::<Value>().await else {
        return false;
    };
    let member = |name: &str| {
        answer[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {answer}"))
            .to_owned()
    };
    let length = 1 + support::random_below(MAX_FILE_BYTES);
    let bytes = support::random_bytes(usize::try_from(length).expect("a small number"));
    let sha256 = support::sha256_hex(&bytes);
    let answer = server
        .client()
        .put(member("upload_url"))
        .body(bytes)
        .send()
        .await;
    let status = answer.as_ref().ok().map(reqwest::Response::status);
    let acknowledged = status == Some(StatusCode::OK);
    ledger.files.push(File {
        tenant: place,
        id: member("file_id"),
        sha256,
        acknowledged,
    });
    match status {
        Some(StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) => true,
        Some(status) => panic!("a file was answered {status}"),
        None => false,
    }
}

/// Every acknowledged event is there once, every other one at most once, and nothing else is there.
async fn assert_events(server: &Server, tenants: &[Tenant], ledger: &Ledger) {
    let mut found: HashMap<(usize, String), u32> = HashMap::new();
    for (place, tenant) in tenants.iter().enumerate() {
        for event in all_events(server, tenant).await {
            let id = event["event_id"]
                .as_str()
                .expect("an event has an id")
                .to_owned();
            assert_eq!(
                event["event_data"][0], id,
                "an event with the data of another"
            );
            *found.entry((place, id)).or_default() += 1;
        }
    }
    for (event, times) in &found {
        assert!(
            ledger.events.contains_key(event),
            "{event:?} was never sent"
        );
        assert_eq!(*times, 1, "{event:?} is there more than once");
    }
    for (event, acknowledged) in &ledger.events {
        assert!(
            !acknowledged || found.contains_key(event),
            "{event:?} was answered 201 and is gone"
        );
    }
}

/// Walks the pages of a tenant's history by `next`.
pub(crate) async fn all_events(server: &Server, tenant: &Tenant) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    let mut target = "/api/history/events?limit=1000".to_owned();
    loop {
        let mut page = server.get_json(tenant, &target).await;
        let Value::Array(results) = page["results"].take() else {
            panic!("no results in {page}")
        };
        events.extend(results);
        let total = page["total_count"].as_u64().expect("a count");
        let Some(next) = page["next"].as_str() else {
            assert_eq!(
                events.len() as u64,
                total,
                "the pages joined are not the whole list"
            );
            return events;
        };
        assert!(
            (events.len() as u64) < total,
            "a page follows the last event"
        );
        next.clone_into(&mut target);
    }
}

/// Every acknowledged file is there whole, and every other one is there whole or not at all.
async fn assert_files(server: &Server, tenants: &[Tenant], files: &[File]) {
    let storage = server.embedded_storage();
    for file in files {
        let File {
            tenant,
            id,
            sha256,
            acknowledged,
        } = file;
        let key = format!("{}/{id}", tenants[*tenant].database_name);
        match download(server, &storage, &key).await {
            Some(bytes) => assert_eq!(support::sha256_hex(bytes), *sha256, "{key} is damaged"),
            None => assert!(!acknowledged, "{key} was answered 200 and is gone"),
        }
    }
}

async fn download(server: &Server, storage: &Storage, key: &str) -> Option<Vec<u8>> {
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let url = bucket
        .get_object(Some(&credentials), key)
        .sign(Duration::from_mins(1));
    let response = server
        .client()
        .get(url)
        .send()
        .await
        .expect("the server answers");
    match response.status() {
        StatusCode::OK => Some(response.bytes().await.expect("a whole body").to_vec()),
        StatusCode::NOT_FOUND => None,
        status => panic!("{key} was answered {status}"),
    }
}
