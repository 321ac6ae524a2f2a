//! A clock that is changed does not age files: new files stay, whatever the clock says for a while.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use http::{Method, StatusCode};
use tempfile::TempDir;

use super::{Uploaded, assert_kept, embedded_settings, files, is_stored, refer, run, upload};
use crate::support::{self, Builder, ClickHouse, SeaweedFs, Server, Tenant, expect};

/// Longer than a sweep comes late by.
const BOUND: Duration = Duration::from_mins(1);

/// The clock of a process, which can be set: libfaketime reads it from a file. What tells how long
/// something took stays as it is.
struct FakeClock {
    folder: TempDir,
}

impl FakeClock {
    /// `ahead` as libfaketime writes it, `+9d` say.
    fn new(ahead: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Self { folder };
        clock.set(ahead);
        clock
    }

    /// Nobody finds half a file: it is replaced.
    fn set(&self, ahead: &str) {
        let [new, path] = [self.folder.path().join("new"), self.path()];
        fs::write(&new, ahead).unwrap();
        fs::rename(new, path).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    fn environment(&self) -> [(&'static str, String); 4] {
        let library =
            support::run(Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]));
        let path = self.path().display().to_string();
        [
            ("LD_PRELOAD", library.trim().to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", path),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    fn of_server(&self, builder: Builder) -> Builder {
        let environment = self.environment();
        let add = |builder: Builder, (name, value): (&str, String)| builder.env(name, value);
        environment.into_iter().fold(builder, add)
    }
}

async fn sweeps(server: &Server) -> u64 {
    let metrics = expect(server.request(Method::GET, "/metrics"), StatusCode::OK).await;
    let metrics = metrics.text().await.unwrap();
    let mut lines = metrics.lines();
    let count = lines.find_map(|line| line.strip_prefix("event_history_sweeps_total "));
    count.map_or(0, |count| count.parse().unwrap())
}

async fn wait_for_sweeps(server: &Server) {
    let before = sweeps(server).await;
    support::wait_for("two sweeps", BOUND, async || {
        (sweeps(server).await >= before + 2).then_some(())
    })
    .await;
}

async fn assert_usable(server: &Server, tenant: &Tenant, file: &mut Uploaded) {
    assert!(is_stored(&server.embedded_storage(), tenant, &file.file_id).await);
    refer(server, tenant, file).await;
    assert!(file.event_id.is_some(), "it was tombstoned");
    assert_kept(server, tenant, file).await;
}

#[tokio::test]
async fn a_clock_that_is_briefly_ahead_sweeps_nothing() {
    let clock = FakeClock::new("+0");
    let builder = Server::builder().env("EVENT_HISTORY_SWEEP_ORPHANS_AFTER", "1m");
    let server = clock.of_server(builder).start();
    let tenant = server.create_tenant("clocks").await;
    let mut file = upload(&server, &tenant).await;
    clock.set("+9d");
    wait_for_sweeps(&server).await;
    clock.set("+0");
    assert_usable(&server, &tenant, &mut file).await;
}

#[tokio::test]
async fn a_start_with_a_clock_that_is_ahead_sweeps_nothing() {
    let clock = FakeClock::new("+0");
    let builder = Server::builder().env("EVENT_HISTORY_SWEEP_ORPHANS_AFTER", "1m");
    let mut server = clock.of_server(builder).start();
    let tenant = server.create_tenant("clocks").await;
    let mut file = upload(&server, &tenant).await;
    server.kill();
    clock.set("+9d");
    server.start_again();
    wait_for_sweeps(&server).await;
    clock.set("+0");
    assert_usable(&server, &tenant, &mut file).await;

    let settings = [&embedded_settings(&server)[..], &clock.environment()].concat();
    let sweep = ["sweep", "--delete", "--older-than", "1h"];
    let mut orphan = upload(&server, &tenant).await;
    clock.set("+20d");
    let (code, lines) = run(files(server.folder(), &settings, &sweep)).await;
    clock.set("+0");
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines.last().unwrap()["sum"]["orphans"], 0, "{lines:?}");
    assert_usable(&server, &tenant, &mut orphan).await;
}

/// Ten minutes: with more, S3 refuses every signature.
#[tokio::test]
async fn a_clock_that_is_ahead_sweeps_nothing_on_clickhouse_and_seaweedfs() {
    let (engine, seaweedfs) = (ClickHouse::start(), SeaweedFs::start().await);
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", engine.url())
        .files_in(seaweedfs.storage())
        .start();
    let tenant = server.create_tenant("clocks").await;
    let file = upload(&server, &tenant).await;
    let clock = FakeClock::new("+10m");
    let mut settings = Vec::from(seaweedfs.storage().settings());
    settings.push(("EVENT_HISTORY_DATABASE", engine.url()));
    settings.extend(clock.environment());
    let sweep = ["sweep", "--delete", "--older-than", "5m"];
    let (code, lines) = run(files(server.folder(), &settings, &sweep)).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines.last().unwrap()["sum"]["orphans"], 0, "{lines:?}");
    assert!(is_stored(seaweedfs.storage(), &tenant, &file.file_id).await);
}
