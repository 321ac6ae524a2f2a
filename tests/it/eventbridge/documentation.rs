//! The commands of docs/eventbridge.md do what it says.

use std::path::Path;

use super::{DELIVERY_TIMEOUT, wait_for_answers};
use crate::support::{self, API_KEY, MiniStack, Server};

/// Between these headings the page has the commands that belong together.
const START: &str = "\n## On AWS, step by step\n";
const END: &str = "\n## Trying it without AWS\n";

/// Version 1 of the aws command line sends SQS to AWS, whatever the environment says, unless told so.
const WRAPPER: &str = r#"aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }"#;

#[tokio::test]
async fn the_documented_commands_lead_an_event_into_the_history() {
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let ministack = MiniStack::start().await;
    let tools = support::python().with_file_name("");
    let path = support::environment("PATH").expect("PATH is set");
    let mut command = ministack.client("bash");
    command
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("HISTORY_URL", server.url())
        .env("HISTORY_KEY", API_KEY)
        .env("HISTORY_CLIENT_ID", &tenant.client_id)
        .args(["-euo", "pipefail", "-c"])
        .arg(format!("{WRAPPER}\n{}", commands()));
    let printed = tokio::task::spawn_blocking(move || support::run(&mut command))
        .await
        .expect("the commands do not panic");
    assert!(printed.contains("\"FailedEntryCount\": 0"), "{printed}");

    // As it was put, and from the archive.
    let answers = wait_for_answers(&server, 2).await;
    assert!(answers.keys().eq([&201]), "{answers:?}");
    support::wait_for("the event", DELIVERY_TIMEOUT, async || {
        let page = server.get_json(&tenant, "/api/history/events").await;
        let id = &page["results"][0]["event_id"];
        (id == "7b0f7a52-52c5-4f0e-9d0a-8a3b8a0c2f11").then_some(())
    })
    .await;
}

/// Returns the blocks of shell commands, one after the other.
fn commands() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/eventbridge.md");
    let text = std::fs::read_to_string(path).expect("the page is there");
    let (_, rest) = text.split_once(START).expect("the commands start");
    let (section, _) = rest.split_once(END).expect("the commands end");
    let blocks: Vec<&str> = section
        .split("\n```sh\n")
        .skip(1)
        .map(|rest| rest.split("\n```\n").next().expect("a block ends"))
        .collect();
    assert!(blocks.len() > 5, "{} blocks of commands", blocks.len());
    blocks.join("\n")
}
