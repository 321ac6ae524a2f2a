//! Schemathesis makes requests of the OpenAPI document, valid and invalid ones, and compares the answers with it.

use std::process::Command;

use http::{Method, StatusCode};
use serde_json::Value;

use super::tenant;
use crate::support::{self, API_KEY, Server, expect_json};

/// The documented API answers 400 also where the state refuses a valid request (a name that is taken), and some rules
/// between members cannot be written in a schema (two of them exclude each other).
const CONFIGURATION: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 422, 429, "5xx"]
"#;

#[tokio::test]
async fn schemathesis_finds_nothing() {
    let examples = support::number_from_environment("EVENT_HISTORY_TEST_EXAMPLES", 8);
    let server = Server::start();
    let client = tenant(&server, "alx_demo").await;
    let home = tempfile::tempdir().expect("a folder");
    let configuration = home.path().join("schemathesis.toml");
    std::fs::write(&configuration, CONFIGURATION).expect("a writable folder");
    // The other tests of the document read the one that the program prints.
    let request = server.request(Method::GET, "/openapi.json");
    let document: Value = expect_json(request, StatusCode::OK).await;
    let printed = serde_json::to_value(event_history::http::openapi()).expect("JSON");
    assert_eq!(document, printed);
    let tool = support::openapi_tool("schemathesis");
    let mut command: Command = support::clean_command(tool, home.path());
    command
        .env(
            "SCHEMATHESIS_HOOKS",
            support::script("schemathesis_hooks.py"),
        )
        .arg("--config-file")
        .arg(configuration)
        .arg("run")
        .arg(format!("{}/openapi.json", server.url()))
        .args(["--checks", "all", "--workers", "1"])
        .args(["--max-examples", &examples.to_string()])
        .args(["--no-color", "--suppress-health-check", "all"])
        .args(["--request-timeout", "40", "--max-response-time", "10"])
        // The same requests in each run: a finding of one run is then there in the next.
        .args(["--seed", "1"])
        // A stream has no end.
        .args(["--exclude-operation-id", "stream_events"])
        // It would delete the tenant of all others.
        .args(["--exclude-operation-id", "delete_tenant"])
        .args(["-H", &format!("X-API-Key: {API_KEY}")])
        .args(["-H", &format!("X-Client-Id: {client}")]);
    let ran = tokio::task::spawn_blocking(move || support::run(&mut command));
    ran.await.expect("it finds nothing");
}
