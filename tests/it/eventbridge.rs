//! The way that events really take: a bus, a rule, an API destination, and the API. MiniStack stands
//! where AWS does: it matches, transforms, signs and delivers as EventBridge documents it, at once and
//! side by side. It tries every delivery once alone; of a failure it logs whether AWS would try again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::crash::all_events;
use crate::support::{self, API_KEY, MiniStack, Server, Storage, Tenant, event, event_with_file};

mod documentation;
mod function;
mod outage;

/// How long a handful of deliveries may take on a machine that is busy with other tests.
const DELIVERY_TIMEOUT: Duration = Duration::from_mins(1);

const BUS: &str = "records";

const PATH: &str = "/api/event-bridge/create-event";

/// A bus on a MiniStack of its own.
#[derive(Debug)]
struct Bridge {
    ministack: MiniStack,
}

/// What is put on the bus.
#[derive(Debug, Clone)]
struct Entry {
    source: String,
    detail_type: String,
    detail: Value,
}

/// What becomes of a delivery on AWS.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    Delivered,
    /// It goes to the dead-letter queue at once.
    Refused,
    /// It comes again, for a day at most.
    TriedAgain,
}

impl Bridge {
    async fn start() -> Self {
        let bridge = Self {
            ministack: MiniStack::start().await,
        };
        bridge.act("bus", json!({})).await;
        bridge
    }

    /// Leads events with the detail-type `name` to `server`. `options` replace members of the script's
    /// input, `target` and `connection_headers` among them.
    async fn route(&self, server: &Server, name: &str, options: Value) {
        let mut input = json!({
            "name": name,
            "url": format!("{}{PATH}", server.url()),
            "api_key": API_KEY,
            "connection_headers": {},
            "pattern": {"detail-type": [name]},
            "target": {},
        });
        merge(&mut input, options);
        self.act("route", input).await;
    }

    async fn put(&self, entries: &[Entry]) {
        let entries: Vec<Value> = entries.iter().map(Entry::to_json).collect();
        self.act("put", json!({"entries": entries})).await;
    }

    /// Runs an action of the script to its end, beside whatever else the test does.
    async fn act(&self, action: &str, mut input: Value) {
        input["bus"] = BUS.into();
        let path: PathBuf = self.ministack.folder().join(support::uuid());
        std::fs::write(&path, input.to_string()).expect("the folder is writable");
        let mut command = self.ministack.script("eventbridge.py");
        command.arg(action).arg(path);
        tokio::task::spawn_blocking(move || support::run(&mut command))
            .await
            .expect("the action does not panic");
    }

    /// Waits until the log says what became of the delivery by `route`.
    async fn wait_for_verdict(&self, route: &str, status: u16, verdict: Verdict) {
        let said = match verdict {
            Verdict::Delivered => format!("HTTP {status}"),
            Verdict::Refused => format!("HTTP {status} (not retryable"),
            Verdict::TriedAgain => format!("retryable HTTP {status}"),
        };
        let line = format!("API destination {route}: {said}");
        support::wait_for(&line, DELIVERY_TIMEOUT, async || {
            self.ministack.log().contains(&line).then_some(())
        })
        .await;
    }
}

impl Entry {
    /// An event of `tenant`, named by its source.
    fn new(tenant: &Tenant, detail_type: &str, detail: Value) -> Self {
        Self {
            source: tenant.database_name.clone(),
            detail_type: detail_type.to_owned(),
            detail,
        }
    }

    fn to_json(&self) -> Value {
        let Self {
            source,
            detail_type,
            detail,
        } = self;
        json!({"source": source, "detail_type": detail_type, "detail": detail})
    }

    fn event_id(&self) -> String {
        self.detail["event_id"]
            .as_str()
            .expect("an event has an id")
            .to_owned()
    }
}

/// Returns how often the endpoint answered what since the server started.
async fn answers(server: &Server) -> BTreeMap<u16, u64> {
    let labels = format!("{{method=\"POST\",route=\"{PATH}\",status=\"");
    let prefix = format!("event_history_http_requests_total{labels}");
    let text = metrics(server).await;
    text.lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .map(|rest| {
            let (status, count) = rest.split_once("\"} ").expect("the form of Prometheus");
            let status = status.parse().expect("a status");
            (status, count.parse().expect("a count"))
        })
        .collect()
}

async fn metrics(server: &Server) -> String {
    let url = format!("{}/metrics", server.url());
    let response = server.client().get(url).send().await;
    let response = response.expect("the server answers");
    response.text().await.expect("a text")
}

/// Waits until the endpoint gave `count` answers, and returns them.
async fn wait_for_answers(server: &Server, count: u64) -> BTreeMap<u16, u64> {
    let what = format!("{count} deliveries");
    support::wait_for(&what, DELIVERY_TIMEOUT, async || {
        let answers = answers(server).await;
        (answers.values().sum::<u64>() >= count).then_some(answers)
    })
    .await
}

fn merge(into: &mut Value, from: Value) {
    let Value::Object(members) = from else {
        panic!("{from} is no object")
    };
    for (name, value) in members {
        into[name] = value;
    }
}

#[tokio::test]
async fn the_tenant_comes_from_the_source_or_a_header_and_the_body_is_a_whole_envelope() {
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let bridge = Bridge::start().await;
    let client_id = tenant.client_id.as_str();
    let by_connection = json!({"connection_headers": {"X-Client-Id": client_id}});
    let from_the_event = json!({"X-Client-Id": "$.detail.client_id"});
    let by_target = json!({"target": {"HttpParameters": {"HeaderParameters": from_the_event}}});
    let rebuilt = json!({"target": {"InputTransformer": {
        "InputPathsMap": {"tenant": "$.detail.tenant", "id": "$.id", "detail": "$.detail"},
        "InputTemplate": r#"{"source": <tenant>, "id": <id>, "detail": <detail>}"#,
    }}});
    bridge.route(&server, "by-source", json!({})).await;
    bridge.route(&server, "by-connection", by_connection).await;
    bridge.route(&server, "by-target", by_target).await;
    bridge.route(&server, "rebuilt", rebuilt).await;

    let mut entries = vec![Entry::new(&tenant, "by-source", event())];
    for detail_type in ["by-connection", "by-target", "rebuilt"] {
        let mut detail = event();
        detail["client_id"] = client_id.into();
        detail["tenant"] = "alx_demo".into();
        detail["event_data"] = json!([{"to": "signed \"é\" 😀", "by": 1.25}, null]);
        let mut entry = Entry::new(&tenant, detail_type, detail);
        entry.source = "crm.example".to_owned(); // no tenant's
        entries.push(entry);
    }
    bridge.put(&entries).await;
    for entry in &entries {
        bridge
            .wait_for_verdict(&entry.detail_type, 201, Verdict::Delivered)
            .await;
    }
    let stored: BTreeMap<String, Value> = all_events(&server, &tenant)
        .await
        .into_iter()
        .map(|mut event| (event["event_id"].to_string(), event["event_data"].take()))
        .collect();
    let sent: BTreeMap<String, Value> = entries
        .iter()
        .map(|entry| {
            let detail = &entry.detail;
            (detail["event_id"].to_string(), detail["event_data"].clone())
        })
        .collect();
    assert_eq!(stored, sent);
}

#[tokio::test]
async fn an_input_path_takes_the_envelope_away_and_is_refused_for_good() {
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let bridge = Bridge::start().await;
    let bare = json!({"InputPath": "$.detail"});
    let headers = json!({"X-Client-Id": tenant.client_id});
    let with_client = json!({"target": bare, "connection_headers": headers});
    bridge.route(&server, "bare", json!({"target": bare})).await;
    bridge.route(&server, "bare-with-client", with_client).await;
    let entries = ["bare", "bare-with-client"].map(|name| Entry::new(&tenant, name, event()));
    bridge.put(&entries).await;
    for entry in &entries {
        bridge
            .wait_for_verdict(&entry.detail_type, 422, Verdict::Refused)
            .await;
    }
    assert_eq!(answers(&server).await, BTreeMap::from([(422, 2)]));
    assert!(all_events(&server, &tenant).await.is_empty());

    // What the sender of such a body is told.
    let request = server.request(http::Method::POST, PATH).json(&event());
    let answer = support::expect_json(request, http::StatusCode::UNPROCESSABLE_ENTITY).await;
    let places: Vec<&Value> = (0..2)
        .map(|number| &answer["detail"][number]["loc"])
        .collect();
    assert_eq!(
        places,
        [&json!(["body", "source"]), &json!(["body", "detail"])]
    );
}

#[tokio::test]
async fn what_can_never_succeed_is_not_tried_again_and_what_may_is() {
    let [port] = support::free_ports();
    let out_of_reach = Storage {
        endpoint: format!("http://127.0.0.1:{port}"),
        bucket: "files".to_owned(),
        region: "eu-west-2".to_owned(),
        access_key_id: "EXAMPLEKEY".to_owned(),
        secret_access_key: "example-secret".to_owned(),
    };
    let server = Server::builder().files_in(&out_of_reach).start();
    let tenant = server.create_tenant("alx_demo").await;
    let bridge = Bridge::start().await;
    for name in ["stored", "unknown", "bad-id", "other", "no-storage"] {
        bridge.route(&server, name, json!({})).await;
    }
    let wrong_key = json!({"api_key": "a-key-of-another-service"});
    bridge.route(&server, "wrong-key", wrong_key).await;
    let stored = Entry::new(&tenant, "stored", event());
    bridge.put(std::slice::from_ref(&stored)).await;
    wait_for_answers(&server, 1).await;

    let mut unknown = Entry::new(&tenant, "unknown", event());
    unknown.source = "nobody".to_owned();
    let mut bad_id = Entry::new(&tenant, "bad-id", event());
    bad_id.detail["event_id"] = "7".into();
    let mut other = Entry::new(&tenant, "other", stored.detail.clone());
    other.detail["record_id"] = 43.into();
    let file = event_with_file(&support::uuid());
    let no_storage = Entry::new(&tenant, "no-storage", file);
    let wrong_key = Entry::new(&tenant, "wrong-key", event());
    bridge
        .put(&[unknown, bad_id, other, no_storage, wrong_key])
        .await;
    for (route, status, verdict) in [
        ("stored", 201, Verdict::Delivered),
        ("unknown", 400, Verdict::Refused),
        ("bad-id", 422, Verdict::Refused),
        ("other", 400, Verdict::Refused),
        ("no-storage", 503, Verdict::TriedAgain),
        ("wrong-key", 401, Verdict::TriedAgain),
    ] {
        bridge.wait_for_verdict(route, status, verdict).await;
    }

    // One more comes after all of these: nothing that was refused came a second time.
    bridge.put(std::slice::from_ref(&stored)).await;
    let answers = wait_for_answers(&server, 7).await;
    assert_eq!(
        answers,
        BTreeMap::from([(201, 2), (400, 2), (401, 1), (422, 1), (503, 1)])
    );
    let events = all_events(&server, &tenant).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event_id"], stored.event_id());
}
