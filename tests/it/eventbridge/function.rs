//! The way through Lambda, for a service that AWS cannot reach: the function of `deploy/lambda` passes
//! the envelope on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Bridge, Entry, PATH, answers, wait_for_answers};
use crate::crash::all_events;
use crate::support::{self, API_KEY, Server, event};

const FUNCTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/lambda/forward.py");

/// Each may start a process of its own.
const COUNT: usize = 3;

/// The platform's own flow: a function that knows two headers, and spells numbers in its own way.
#[tokio::test]
async fn a_bare_function_is_enough() {
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let bridge = Bridge::start().await;
    let environment = environment(&server);
    let source = bridge.ministack.folder().join("bare.py");
    fs::write(&source, documented_function()).expect("the folder is writable");
    let function = json!({"name": "bare", "source": source, "environment": environment});
    bridge.act("function", function).await;

    let mut detail = event();
    detail["event_data"] = json!([{"amount": 1.1, "count": 100.0, "note": "é \" 😀"}]);
    let entry = Entry::new(&tenant, "bare", detail.clone());
    // As the platform wrote it, delivered before.
    let envelope = json!({"source": tenant.database_name, "detail": detail}).to_string();
    let written = envelope.replace("1.1,", "1.10,").replace("100.0", "1e2");
    assert!(
        written.contains("1.10,") && written.contains("1e2"),
        "{written}"
    );
    let first = server.request(http::Method::POST, PATH).body(written);
    support::expect(first, http::StatusCode::CREATED).await;

    bridge.put(std::slice::from_ref(&entry)).await;
    bridge.put(&[Entry::new(&tenant, "bare", event())]).await;
    wait_for_answers(&server, 3).await;
    assert_eq!(answers(&server).await, BTreeMap::from([(201, 3)]));
    assert_eq!(all_events(&server, &tenant).await.len(), 2);
}

#[tokio::test]
async fn the_function_passes_events_on_as_they_are() {
    assert!(Path::new(FUNCTION).exists(), "{FUNCTION} is missing");
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let bridge = Bridge::start().await;
    let environment = environment(&server);
    let function = json!({"name": "forward", "source": FUNCTION, "environment": environment});
    bridge.act("function", function).await;

    let mut entries: Vec<Entry> = (0..COUNT)
        .map(|number| {
            let mut detail = event();
            detail["event_data"] = json!([{"number": number, "note": "é \" 😀"}]);
            Entry::new(&tenant, "forward", detail)
        })
        .collect();
    let sent: BTreeSet<String> = entries.iter().map(Entry::event_id).collect();
    let mut unknown = Entry::new(&tenant, "forward", event());
    unknown.source = "nobody".to_owned();
    entries.push(unknown);
    bridge.put(&entries).await;
    bridge.put(&entries[..COUNT]).await; // as if it had been delivered twice
    wait_for_answers(&server, 2 * COUNT as u64 + 1).await;
    assert_eq!(
        answers(&server).await,
        BTreeMap::from([(201, 2 * COUNT as u64), (400, 1)])
    );

    let history = all_events(&server, &tenant).await;
    assert_eq!(history.len(), sent.len());
    for event in history {
        let id = event["event_id"].as_str().expect("an event has an id");
        assert!(sent.contains(id), "{id} was never put");
        assert_eq!(event["event_data"][0]["note"], "é \" 😀");
    }
}

/// Returns the function that the page shows.
fn documented_function() -> &'static str {
    let page = include_str!("../../../docs/eventbridge.md");
    let (_, rest) = page.split_once("\n```python\n").expect("a function");
    rest.split_once("```\n").expect("its end").0
}

/// Returns the environment of a function that forwards events to `server`.
fn environment(server: &Server) -> Value {
    json!({
        "EVENT_HISTORY_URL": server.url(),
        "EVENT_HISTORY_API_KEY": API_KEY,
    })
}
