//! What tests stand on: the real server, a real SeaweedFS, a real ClickHouse, a network that fails on
//! demand, and the clients that people use.
//!
//! Nothing here replaces a part of the service. A tool that is missing is a failure that names
//! `tests/run`, never a test that is skipped.

mod clickhouse;
pub(crate) mod cluster;
mod database;
mod existing_cluster;
mod faulty_sync;
pub(crate) mod hostile;
mod ministack;
mod process;
mod proxy;
mod search;
mod seaweedfs;
mod server;
mod shim;
mod worst_inputs;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use event_history::domain::{
    ClientId, Cursor, Entropy, Epoch, EventId, FeedPosition, Ordering, PageCursor, Position,
    SystemEntropy,
};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use sha2::{Digest, Sha256};
use url::Url;

pub(crate) use clickhouse::ClickHouse;
pub(crate) use cluster::Cluster;
pub(crate) use database::Database;
pub(crate) use existing_cluster::ExistingCluster;
pub(crate) use faulty_sync::{Call, FaultySync};
pub(crate) use ministack::MiniStack;
pub(crate) use process::Running;
pub(crate) use proxy::{Mode, Proxy};
pub(crate) use search::files_with;
pub(crate) use seaweedfs::SeaweedFs;
pub(crate) use server::{
    API_KEY, Builder, Server, Tenant, Upload, event, event_with_file, expect, expect_json,
};
pub(crate) use shim::compile_shim;
pub(crate) use worst_inputs::{WorstInput, worst_inputs};

/// Where an S3 client finds the objects behind the URLs that a server hands out.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

impl Storage {
    /// Returns the environment in which our binary keeps files here.
    pub(crate) fn settings(&self) -> [(&'static str, String); 3] {
        let Self {
            endpoint,
            bucket,
            region,
            access_key_id,
            secret_access_key,
        } = self;
        [
            (
                "EVENT_HISTORY_FILES",
                format!("s3://{bucket}?region={region}&endpoint={endpoint}"),
            ),
            ("AWS_ACCESS_KEY_ID", access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", secret_access_key.clone()),
        ]
    }

    pub(crate) fn bucket(&self) -> Bucket {
        let endpoint = Url::parse(&self.endpoint).expect("an endpoint is a URL");
        let (bucket, region) = (self.bucket.clone(), self.region.clone());
        Bucket::new(endpoint, UrlStyle::Path, bucket, region).expect("an endpoint has a host")
    }

    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::new(self.access_key_id.as_str(), self.secret_access_key.as_str())
    }
}

/// Returns a fresh UUID v4 as text.
pub(crate) fn uuid() -> String {
    SystemEntropy.uuid_v4().to_string()
}

/// Returns a cursor of the feed of the tenant with this client id.
pub(crate) fn cursor(client_id: &str) -> String {
    let client_id = ClientId::parse(client_id).expect("a client id");
    Cursor::new(client_id, Epoch(7), FeedPosition::Start).to_string()
}

/// Returns a cursor of a tenant's list, which is from before its database was restored.
pub(crate) fn page_cursor(client_id: &str) -> String {
    let client_id = ClientId::parse(client_id).expect("a client id");
    let position = Position {
        time_us: 0,
        event_id: EventId::parse(&uuid()).expect("an id"),
    };
    PageCursor::new(client_id, Epoch(7), Ordering::OldestFirst, position).to_string()
}

/// Copies a folder to where there is nothing yet.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a new file");
        }
    }
}

/// Returns a number that nobody can foresee, below `bound`.
pub(crate) fn random_below(bound: u64) -> u64 {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    u64::from_le_bytes(bytes) % bound
}

/// Returns `length` bytes that no compression shortens and no other file shares.
pub(crate) fn random_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemEntropy.fill(&mut bytes);
    bytes
}

/// Returns the SHA-256 of `bytes` in hexadecimal digits.
pub(crate) fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Returns the number in the environment variable `name`, by which a recipe of the justfile makes a
/// test heavier, or `default`, which every run can afford.
pub(crate) fn number_from_environment(name: &str, default: u64) -> u64 {
    environment(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is '{text}', not a number"))
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests take their sizes and tools from the environment here alone"
)]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the binary under test; a recipe of the justfile names the release build.
pub(crate) fn binary() -> PathBuf {
    match environment("EVENT_HISTORY_TEST_BINARY") {
        Some(path) => Path::new(env!("CARGO_MANIFEST_DIR")).join(path),
        None => env!("CARGO_BIN_EXE_event-history").into(),
    }
}

/// Returns a command that sees nothing of the caller's environment but `PATH`, and `home` as its home:
/// no profile, no credentials and no setting of the person who runs the tests.
pub(crate) fn clean_command(program: impl AsRef<Path>, home: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    let path = environment("PATH").expect("PATH is set");
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(home);
    command
}

/// Returns the Python of the virtual environment that `tests/run` makes.
pub(crate) fn python() -> PathBuf {
    let python = environment("EVENT_HISTORY_TEST_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/venv/bin/python"),
        PathBuf::from,
    );
    assert!(
        python.exists(),
        "{} is missing: tests/run installs what the tests need",
        python.display()
    );
    python
}

/// Returns a program of that virtual environment: `aws` or `weed`.
pub(crate) fn tool(name: &str) -> PathBuf {
    let tool = python().with_file_name(name);
    assert!(
        tool.exists(),
        "{} is missing: tests/run installs what the tests need",
        tool.display()
    );
    tool
}

/// Returns a program that reads OpenAPI documents: the virtual environment of `tests/run` for those.
pub(crate) fn openapi_tool(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/openapi-venv/bin");
    let tool = folder.join(name);
    assert!(
        tool.exists(),
        "{} is missing: tests/run installs what the tests need",
        tool.display()
    );
    tool
}

/// Returns the folder of npm packages that `tests/run` installs.
pub(crate) fn node_modules() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/node/node_modules");
    assert!(
        folder.exists(),
        "{} is missing: tests/run installs what the tests need",
        folder.display()
    );
    folder
}

/// Returns a script of `tests/it/python`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/python")
        .join(name)
}

/// Runs a command to its end and returns what it printed; anything but success is a failure.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).expect("tools print UTF-8")
}

/// Returns the status with which the service answers a request with this key: 400 where it accepts the key, since the
/// request names no tenant.
pub(crate) fn status_with_key(url: &str, key: &str) -> String {
    run(Command::new("curl").args([
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        &format!("X-API-Key: {key}"),
        &format!("{url}/api/files/upload-url"),
    ]))
}

/// Returns ports of 127.0.0.1 that are free, from below the range out of which the system gives ports
/// to outgoing connections: none of those can take one while no server holds it.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    const CANDIDATES: std::ops::Range<u16> = 12_000..32_000;
    let width = u64::from(CANDIDATES.end - CANDIDATES.start);
    let listeners: [TcpListener; N] = std::array::from_fn(|_| {
        let mut candidates = (0..100).map(|_| {
            let offset = u16::try_from(random_below(width)).expect("below the width");
            TcpListener::bind(("127.0.0.1", CANDIDATES.start + offset))
        });
        candidates
            .find_map(Result::ok)
            .expect("one port in a hundred is free")
    });
    listeners.map(|listener| listener.local_addr().expect("a bound address").port())
}

/// Waits until `condition` answers something; after `bound` without an answer it is a failure that
/// says `what` was waited for.
pub(crate) async fn wait_for<T>(
    what: &str,
    bound: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    while start.elapsed() < bound {
        if let Some(answer) = condition().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited {bound:?} for {what}");
}

/// Returns an HTTP client that goes nowhere by itself: no proxy, no redirect followed.
pub(crate) fn http_client() -> reqwest::Client {
    // The second caller finds the provider of the first: the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_mins(1))
        .build()
        .expect("an HTTP client needs nothing from outside")
}
