//! The function of `deploy/lambda`, run by a real Python against the real server: what it gives up, what it
//! leaves to be sent again, and within what time.

use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{self, API_KEY, Server, Storage, Tenant, event, event_with_file};

/// EventBridge's own patience with an endpoint.
const PATIENCE_SECONDS: f64 = 5.0;

/// The function, set up to send to one service with one key.
struct Function {
    url: String,
    key: &'static str,
    reports_failures: bool,
}

impl Function {
    fn of(server: &Server) -> Self {
        Self {
            url: server.url().to_owned(),
            key: API_KEY,
            reports_failures: false,
        }
    }

    /// Invokes the function and returns what became of it.
    fn invoke(&self, event: &Value) -> Value {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("event.json");
        std::fs::write(&file, event.to_string()).expect("the folder is writable");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/lambda/forward.py");
        let mut command = support::clean_command(support::python(), folder.path());
        command
            .arg(support::script("lambda_forward.py"))
            .args([&source, &file])
            .env("EVENT_HISTORY_URL", &self.url)
            .env("EVENT_HISTORY_API_KEY", self.key)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if self.reports_failures {
            command.env("EVENT_HISTORY_REPORT_BATCH_ITEM_FAILURES", "true");
        }
        let printed = support::run(&mut command);
        let last = printed.lines().last().expect("a result is printed");
        let result: Value = serde_json::from_str(last).expect("the result is JSON");
        let seconds = result["seconds"].as_f64().expect("the time it took");
        assert!(seconds < PATIENCE_SECONDS, "{result}");
        result
    }

    /// Holds that the function returns these statuses: nobody sends the events again.
    fn returns(&self, event: &Value, statuses: &[u16]) {
        let result = self.invoke(event);
        let returned = result["returned"]["results"].as_array();
        let found: Vec<u64> = returned
            .unwrap_or_else(|| panic!("{result}"))
            .iter()
            .filter_map(|one| one["status"].as_u64())
            .collect();
        let wanted: Vec<u64> = statuses.iter().map(|status| u64::from(*status)).collect();
        assert_eq!(found, wanted, "{result}");
    }

    /// Holds that the function raises, for a reason that has `part` in it: the event is sent again.
    fn raises(&self, event: &Value, part: &str) {
        let result = self.invoke(event);
        let raised = result["raised"].as_str();
        let raised = raised.unwrap_or_else(|| panic!("{result}"));
        assert!(raised.starts_with("Undelivered: "), "{raised}");
        assert!(raised.contains(part), "{raised}");
    }
}

fn envelope(tenant: &Tenant, detail: &Value) -> Value {
    json!({"version": "0", "id": support::uuid(), "detail-type": "history",
        "source": tenant.database_name, "account": "123456789012", "time": "2022-11-10T10:26:12Z",
        "region": "eu-west-2", "resources": [], "detail": detail})
}

/// Returns what SQS passes on: messages with these bodies, called "0", "1" and so on.
fn messages(bodies: &[String]) -> Value {
    let records = bodies.iter().enumerate();
    let records =
        records.map(|(number, body)| json!({"messageId": number.to_string(), "body": body}));
    json!({"Records": records.collect::<Vec<_>>()})
}

async fn stored(server: &Server, tenant: &Tenant) -> u64 {
    let list = server.get_json(tenant, "/api/history/events").await;
    list["total_count"].as_u64().expect("a count")
}

#[tokio::test]
async fn what_can_be_stored_is_stored_once() {
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let function = Function::of(&server);
    let first = envelope(&tenant, &event());
    function.returns(&first, &[201]);
    function.returns(&first, &[201]);
    assert_eq!(stored(&server, &tenant).await, 1);

    // What a dead-letter queue holds: an envelope, or Lambda's record of a failed invocation around it.
    let (second, third) = (envelope(&tenant, &event()), envelope(&tenant, &event()));
    let failed = json!({"version": "1.0", "requestPayload": third, "responseContext": {}});
    let batch = [second.to_string(), failed.to_string()];
    function.returns(&messages(&batch), &[201, 201]);
    assert_eq!(stored(&server, &tenant).await, 3);

    // Three bytes each as they are, six as an escape: with those it would be refused as too large.
    let mut large = event();
    large["event_data"] = json!(["\u{20ac}".repeat(300_000)]);
    function.returns(&envelope(&tenant, &large), &[201]);
}

#[tokio::test]
async fn what_never_can_be_stored_is_given_up() {
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let function = Function::of(&server);
    let mut detail = event();
    function.returns(&envelope(&tenant, &detail), &[201]);
    detail["record_id"] = 43.into();
    function.returns(&envelope(&tenant, &detail), &[400]);
    function.returns(&envelope(&tenant, &json!({"event_id": 1})), &[422]);
    function.returns(&envelope(&tenant, &json!("no object")), &[422]);
    let mut large = event();
    large["event_data"] = json!(["x".repeat(2 * 1024 * 1024)]);
    function.returns(&envelope(&tenant, &large), &[413]);
    assert_eq!(stored(&server, &tenant).await, 1);
}

#[tokio::test]
async fn what_may_be_stored_later_is_left_to_be_sent_again() {
    let mut server = Server::builder().files_in(&unreachable_storage()).start();
    let tenant = server.create_tenant("alx_demo").await;
    let function = Function::of(&server);
    let with_file = event_with_file(&support::uuid());
    function.raises(&envelope(&tenant, &with_file), "answered 503");

    let plain = envelope(&tenant, &event());
    let wrong_key = Function {
        key: "another-key-0f8fad5b",
        ..Function::of(&server)
    };
    wrong_key.raises(&plain, "answered 401");

    server.kill();
    function.raises(&plain, "no answer");
    server.start_again();
    assert_eq!(stored(&server, &tenant).await, 0);
    function.returns(&plain, &[201]);
    assert_eq!(stored(&server, &tenant).await, 1);
}

#[tokio::test]
async fn the_messages_of_a_batch_fail_each_for_themselves() {
    // Storage is needed for one of them alone.
    let server = Server::builder().files_in(&unreachable_storage()).start();
    let tenant = server.create_tenant("alx_demo").await;
    let with_file = envelope(&tenant, &event_with_file(&support::uuid()));
    let batch = || {
        messages(&[
            "no JSON".to_owned(),
            with_file.to_string(),
            "[]".to_owned(),
            envelope(&tenant, &event()).to_string(),
        ])
    };
    let silent = Function::of(&server);
    silent.raises(&batch(), "1 of 4 messages");
    assert_eq!(stored(&server, &tenant).await, 1, "the last one");

    let reporting = Function {
        reports_failures: true,
        ..Function::of(&server)
    };
    reporting.returns(&batch(), &[422, 422, 201]);
    let returned = reporting.invoke(&batch());
    let failures = &returned["returned"]["batchItemFailures"];
    assert_eq!(*failures, json!([{"itemIdentifier": "1"}]));
    assert_eq!(stored(&server, &tenant).await, 3);
    let stored_alone = messages(&[envelope(&tenant, &event()).to_string()]);
    let returned = reporting.invoke(&stored_alone);
    assert_eq!(returned["returned"]["batchItemFailures"], json!([]));
}

/// Python would spell numbers in its own way, and cannot hold all of them.
#[tokio::test]
async fn messages_are_forwarded_as_they_are() {
    const DATA: &str = r#"[1.10, 1e2, 12345678901234567890123, "\u00e9", -0]"#;
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let function = Function {
        reports_failures: true,
        ..Function::of(&server)
    };
    let marked = |mark: &str| {
        let mut detail = event();
        detail["event_data"] = mark.into();
        let text = envelope(&tenant, &detail).to_string();
        text.replace(&format!("\"{mark}\""), DATA)
    };
    let failed = format!(
        r#"{{"version": "1.0" , "requestContext": {{"requestPayload": 1}}, "requestPayload" : {} , "responseContext": {{}}}}"#,
        marked("MARK")
    );
    function.returns(&messages(&[marked("MARK"), failed]), &[201, 201]);
    let page = server.request_as(&tenant, http::Method::GET, "/api/history/events");
    let page = support::expect(page, http::StatusCode::OK).await;
    let page = page.text().await.expect("a page");
    let data = page.matches(&DATA.replace(", ", ",")).count() + page.matches(DATA).count();
    assert_eq!(data, 2, "{page}");
}

#[test]
fn a_service_that_says_nothing_is_waited_for_less_than_five_seconds() {
    // The system accepts the connection, and nobody ever reads from it.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("an address");
    let function = Function {
        url: format!("http://{address}"),
        key: API_KEY,
        reports_failures: false,
    };
    function.raises(&json!({"detail": event()}), "no answer");
}

/// Returns a storage that nobody answers for: port 1 takes no connections.
fn unreachable_storage() -> Storage {
    Storage {
        endpoint: "http://127.0.0.1:1".to_owned(),
        bucket: "cluster-1-namespace-2".to_owned(),
        region: "eu-west-2".to_owned(),
        access_key_id: "EXAMPLEKEY".to_owned(),
        secret_access_key: "example-secret-of-the-tests-only".to_owned(),
    }
}
