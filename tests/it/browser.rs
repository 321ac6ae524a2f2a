//! Pages in a real browser: the examples, on other origins than storage and the service; the reference; and the viewer.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included, and prints what it measured"
)]

mod backend;
mod embed;
mod viewer;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{self, API_KEY, Running, SeaweedFs, Server};

/// Two uploads and downloads of 50 MB, and two waits of seconds, on two busy cores.
const DRIVE_TIMEOUT: Duration = Duration::from_mins(4);

#[tokio::test]
async fn a_page_uploads_to_the_embedded_endpoint() {
    drive(&Server::start()).await;
}

#[tokio::test]
async fn a_page_uploads_to_seaweedfs() {
    let seaweedfs = SeaweedFs::start().await;
    drive(&Server::builder().files_in(seaweedfs.storage()).start()).await;
}

async fn drive(server: &Server) {
    let tenant = server.create_tenant("alx_demo").await;
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut backend = support::clean_command(support::python(), folder.path());
    backend
        .arg(support::script("browser_backend.py"))
        .arg(root.join("examples/browser-upload"))
        .arg(root.join("tests/it/browser/driver.js"))
        .args(["--listen", "127.0.0.1:0"])
        .env("EVENT_HISTORY_URL", server.url())
        .env("EVENT_HISTORY_API_KEY", API_KEY)
        .env("EVENT_HISTORY_CLIENT_ID", &tenant.client_id);
    let backend = Running::spawn(&mut backend);
    let line = backend.line(Duration::from_secs(30));
    let page = line.strip_prefix("listening on ").unwrap();

    let profile = folder.path().join("profile");
    let browser = Running::spawn(&mut chromium(folder.path(), &profile, page));
    let found = backend.line(DRIVE_TIMEOUT);
    browser.kill();
    let found: Value = serde_json::from_str(&found).unwrap();
    let (expired, network) = (&found["clear"]["EXPIRED"], &found["clear"]["NETWORK"]);
    assert!(expired.is_string() && network.is_string(), "{found}");
    for way in ["put", "form"] {
        let found = &found[way];
        assert_eq!(found["failed"], "", "{way}: {found}");
        assert_eq!(found["same"], true, "{way}: {found}");
        assert!(found["between"].as_u64() >= Some(1), "{way}: {found}");
        assert_eq!(found["last"], 1.0, "{way}: {found}");
        assert_eq!(&found["late"], expired, "{way}: {found}");
        assert_eq!(found["link"], "", "{way}: {found}");
    }
    assert_eq!(&found["network"], network);
}

#[tokio::test]
async fn the_reference_works_within_its_content_security_policy() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile");
    let page = format!("{}/docs/", server.url());
    let mut browser = chromium(folder.path(), &profile, &page);
    // Prints what the page is after its scripts have run.
    browser.args([
        "--virtual-time-budget=20000",
        "--dump-dom",
        "--enable-logging=stderr",
    ]);
    let output = browser.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        shown.contains("data-path=\"/api/history/events\""),
        "{shown}\n{log}"
    );
    assert!(!log.contains("Content Security Policy"), "{log}");
}

/// Debian's Chromium, without a window and with nothing of anybody's.
fn chromium(home: &Path, profile: &Path, page: &str) -> Command {
    let mut command = support::clean_command("chromium", home);
    command
        .args([
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--no-proxy-server",
        ])
        // As root, in a container, there is no sandbox; and its pages are ours.
        .args([
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(page);
    command
}
