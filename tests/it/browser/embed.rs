//! The elements in pages of another origin: the example with a reset and a policy of its own, with React, and in a frame without
//! an origin.

use std::os::unix::fs::symlink;
use std::time::Duration;

use serde_json::json;

use super::viewer::{root, tools};
use crate::support::{self, API_KEY, Running, Server};

/// Halfway, a page is asked for the next one.
const TOKEN_SECONDS: &str = "8";

#[tokio::test]
async fn products_embed_a_history() {
    // The frame has no origin that a list could name.
    let server = Server::builder()
        .env("EVENT_HISTORY_CORS_ORIGINS", "*")
        .start();
    let tenant = server.create_tenant("alx_demo").await;
    let home = tempfile::tempdir().unwrap();
    let example = home.path().join("embed");
    support::copy_folder(&root().join("examples/embed"), &example);
    let react = example.join("react");
    symlink(tools().join("node_modules"), react.join("node_modules")).unwrap();
    let mut npm = support::clean_command("npm", home.path());
    support::run(npm.args(["run", "--silent", "build"]).current_dir(&react));

    let mut backend = support::clean_command(support::python(), home.path());
    backend
        .arg(example.join("server.py"))
        .args(["--listen", "127.0.0.1:0", "--expires-in", TOKEN_SECONDS])
        .env("EVENT_HISTORY_URL", server.url())
        .env("EVENT_HISTORY_API_KEY", API_KEY)
        .env("EVENT_HISTORY_CLIENT_ID", &tenant.client_id);
    let backend = Running::spawn(&mut backend);
    let line = backend.line(Duration::from_secs(30));
    let scene = json!({
        "url": server.url(), "key": API_KEY, "clientId": tenant.client_id, "tools": tools(),
        "page": line.strip_prefix("listening on ").unwrap(),
    });
    let mut node = support::clean_command("node", home.path());
    node.arg(root().join("tests/it/browser/viewer/embedding.cjs"))
        .env("SCENE", scene.to_string());
    if let Some(folder) = support::environment("EVENT_HISTORY_TEST_SCREENSHOTS") {
        node.env("SCREENSHOTS", folder);
    }
    println!("{}", support::run(&mut node));
}
