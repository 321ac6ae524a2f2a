//! Our service is down for a while, and every event comes again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Instant;

use serde_json::{Value, json};

use super::{BUS, Bridge, DELIVERY_TIMEOUT, Entry, PATH, answers, metrics, wait_for_answers};
use crate::crash::all_events;
use crate::support::{self, Server, Tenant, event};

/// The events of a run: each carries its place, so that none can pass for another.
struct Events {
    entries: Vec<Entry>,
}

impl Events {
    fn new(tenant: &Tenant, count: usize) -> Self {
        let entries = (0..count).map(|place| {
            let mut detail = event();
            detail["record_id"] = place.into();
            detail["event_data"] = json!([{"place": place, "note": "é \" 😀"}]);
            Entry::new(tenant, "history", detail)
        });
        Self {
            entries: entries.collect(),
        }
    }

    fn quarter(&self, number: usize) -> &[Entry] {
        let bounds = |number| self.entries.len() * number / 4;
        let range: Range<usize> = bounds(number)..bounds(number + 1);
        &self.entries[range]
    }

    /// By id, as the history has to show them.
    fn expected(&self) -> BTreeMap<String, Value> {
        let pairs = self.entries.iter().map(|entry| {
            let data = entry.detail["event_data"].clone();
            (entry.event_id(), data)
        });
        pairs.collect()
    }
}

#[tokio::test]
async fn every_event_is_stored_once_whatever_is_down_and_whatever_comes_again() {
    let count = support::number_from_environment("EVENT_HISTORY_TEST_BRIDGED_EVENTS", 60);
    let mut server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let bridge = Bridge::start().await;
    let pattern = json!({"source": [tenant.database_name], "detail-type": ["history"]});
    bridge
        .route(&server, "history", json!({"pattern": pattern}))
        .await;
    let events = Events::new(&tenant, usize::try_from(count).expect("a small number"));

    let start = Instant::now();
    let (up, dying, down, up_again) = (
        events.quarter(0),
        events.quarter(1),
        events.quarter(2),
        events.quarter(3),
    );
    bridge.put(up).await;
    wait_for_answers(&server, up.len() as u64).await;
    assert_eq!(stored(&server, &tenant).await, up.len() as u64);
    let killer = async {
        wait_for_answers(&server, up.len() as u64 + 1).await;
        server.kill();
    };
    tokio::join!(bridge.put(dying), killer);
    bridge.put(down).await;
    server.start_again();
    bridge.put(up_again).await;
    wait_for_answers(&server, up_again.len() as u64).await;
    let acknowledged = bridge.ministack.log().matches("history: HTTP 201").count() as u64;
    let found = stored(&server, &tenant).await;
    let down_s = start.elapsed().as_secs_f64();
    assert!(
        found >= acknowledged,
        "{found} events are there of {acknowledged} that were answered 201"
    );
    let missing = count - found;
    assert!(missing > 0, "no delivery met a server that was down");

    // MiniStack gave those up; AWS would not have, and would deliver some of the others twice.
    bridge.act("archive", json!({"name": "all"})).await;
    let start = Instant::now();
    let before = total(&server).await;
    bridge.put(&events.entries).await;
    wait_until_all_came(&server, &tenant, count, before + count).await;
    let again_s = start.elapsed().as_secs_f64();
    assert_history(&server, &tenant, &events).await;

    let start = Instant::now();
    let before = total(&server).await;
    bridge.act("replay", json!({"name": "all"})).await;
    wait_until_all_came(&server, &tenant, count, before + count).await;
    let replay_s = start.elapsed().as_secs_f64();
    assert_history(&server, &tenant, &events).await;

    let answers = answers(&server).await;
    assert!(answers.keys().eq([&201]), "{answers:?}");
    assert_in_time(&server).await;
    println!(
        "{count} events by bus '{BUS}' in {down_s:.1} s, {missing} of them lost while the server was \
         down; all of them put again in {again_s:.1} s and replayed from the archive in \
         {replay_s:.1} s; {} answers since the restart",
        answers[&201]
    );
}

async fn total(server: &Server) -> u64 {
    answers(server).await.values().sum()
}

async fn stored(server: &Server, tenant: &Tenant) -> u64 {
    let page = server.get_json(tenant, "/api/history/events?limit=1").await;
    page["total_count"].as_u64().expect("a count")
}

/// A straggler of an earlier round may be among the answers, so what is stored counts as well.
async fn wait_until_all_came(server: &Server, tenant: &Tenant, count: u64, answered: u64) {
    let what = format!("{count} events and {answered} answers");
    support::wait_for(&what, DELIVERY_TIMEOUT, async || {
        let all_answered = total(server).await >= answered;
        (all_answered && stored(server, tenant).await >= count).then_some(())
    })
    .await;
}

/// Every event that was put is there, once and whole, and nothing else is.
async fn assert_history(server: &Server, tenant: &Tenant, events: &Events) {
    let history = all_events(server, tenant).await;
    let found: BTreeMap<String, Value> = history
        .iter()
        .map(|event| {
            let id = event["event_id"].as_str().expect("an event has an id");
            (id.to_owned(), event["event_data"].clone())
        })
        .collect();
    assert_eq!(found.len(), history.len(), "an event is there twice");
    assert!(
        found == events.expected(),
        "the history is not what was put"
    );
}

/// EventBridge waits 5 s for an answer, the connection included.
async fn assert_in_time(server: &Server) {
    let text = metrics(server).await;
    let series = format!(
        "event_history_http_request_duration_seconds_bucket{{method=\"POST\",route=\"{PATH}\",le="
    );
    let count = |bound: &str| {
        let start = format!("{series}\"{bound}\"}} ");
        let count = text.lines().find_map(|line| line.strip_prefix(&start));
        count.unwrap_or_else(|| panic!("no {start} in\n{text}"))
    };
    assert_eq!(count("5"), count("+Inf"));
}
