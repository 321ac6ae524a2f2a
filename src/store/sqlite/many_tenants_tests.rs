//! More tenants than may be open at once: what closing and opening leave, and what all of it takes.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::Sqlite;
use super::pool::limits::Limits;
use super::wal::usage::LogUsage;
use crate::domain::{Query, SystemClock, Tenant};
use crate::store::samples::{history, tenant};
use crate::store::{Error, Store};

const FEW: Limits = Limits { open: 4, reads: 4 };

/// After this long, times of files tell later changes from earlier ones.
const SETTLED: Duration = Duration::from_millis(100);

const SOON: Duration = Duration::from_secs(10);

async fn open(folder: &TempDir, limits: Limits, logs: &LogUsage) -> Sqlite {
    let opened =
        Sqlite::open_within(folder.path(), Arc::new(SystemClock), limits, logs.clone()).await;
    opened.unwrap()
}

/// Creates tenants, with an event each.
async fn fill(store: &Sqlite, count: usize) -> Vec<Tenant> {
    let mut tenants = Vec::new();
    for number in 0..count {
        let tenant = tenant(&format!("t{number}"));
        store.create_tenant(tenant.clone()).await.unwrap();
        store.append(&tenant, history(1, 1)).await.unwrap();
        tenants.push(tenant);
    }
    tenants
}

async fn total(store: &Sqlite, tenant: &Tenant) -> u64 {
    let page = store.events(tenant, &Query::default()).await.unwrap();
    page.counts.unwrap().total
}

fn log(folder: &TempDir, number: usize) -> Option<Metadata> {
    let path = folder.path().join(format!("tenants/t{number}.db-wal"));
    fs::metadata(path).ok().filter(|it| it.len() > 0)
}

fn open_logs(folder: &TempDir) -> usize {
    let tenants = folder.path().join("tenants");
    let names = fs::read_dir("/proc/self/fd").unwrap();
    let paths = names.filter_map(|it| fs::read_link(it.ok()?.path()).ok());
    let is_log =
        |path: &Path| path.starts_with(&tenants) && path.to_string_lossy().ends_with("-wal");
    let mut logs: Vec<_> = paths.filter(|path| is_log(path)).collect();
    logs.sort_unstable();
    logs.dedup();
    logs.len()
}

async fn until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < SOON, "nothing happened");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_leaves_the_log_and_opening_reads_it_without_writing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, FEW, &LogUsage::default()).await;
    let tenants = fill(&store, 2).await;
    sleep(SETTLED).await;
    let before = log(&folder, 0).expect("a log");
    for other in fill_others(&store, 8).await {
        assert_eq!(total(&store, &other).await, 1);
    }
    until(|| open_logs(&folder) <= 4).await;
    let left = log(&folder, 0).expect("the log stays");
    assert_eq!(total(&store, &tenants[0]).await, 1);
    let opened = log(&folder, 0).expect("the log stays");
    // SQLite sets the owner of a log whenever it opens one, which changes the other time.
    let times = |it: &Metadata| (it.mtime(), it.mtime_nsec(), it.len());
    assert_eq!(times(&before), times(&left));
    assert_eq!(times(&left), times(&opened), "opening wrote the log again");
    store.append(&tenants[0], history(2, 1)).await.unwrap();
    assert_eq!(total(&store, &tenants[0]).await, 2);
    store.close().await.unwrap();
    let left = fs::read_dir(folder.path().join("tenants")).unwrap().count();
    assert_eq!(left, 10, "closing the store runs all checkpoints");
}

/// Opening it reads all of the log, and to remove it takes several syncs.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_database_that_is_evicted_again_and_again_is_kept_and_stays_short() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, FEW, &LogUsage::default()).await;
    let tenants = fill(&store, 1).await;
    let first = log(&folder, 0).expect("a log");
    sleep(SETTLED).await;
    let others = fill_others(&store, 8).await;
    for seed in 2..14 {
        store.append(&tenants[0], history(seed, 1)).await.unwrap();
        sleep(SETTLED).await;
        for other in &others {
            assert_eq!(total(&store, other).await, 1);
        }
        until(|| open_logs(&folder) <= 4).await;
        let log = log(&folder, 0).expect("the log is kept");
        assert_eq!(log.ino(), first.ino(), "event {seed}");
        assert!(log.len() < 512 * 1024, "event {seed}: {}", log.len());
    }
    assert_eq!(total(&store, &tenants[0]).await, 13);
    store.close().await.unwrap();
}

async fn fill_others(store: &Sqlite, count: usize) -> Vec<Tenant> {
    let mut tenants = Vec::new();
    for number in 0..count {
        let tenant = tenant(&format!("other{number}"));
        store.create_tenant(tenant.clone()).await.unwrap();
        store.append(&tenant, history(1, 1)).await.unwrap();
        tenants.push(tenant);
    }
    tenants
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_changed_after_closing_is_prepared_like_that_of_a_killed_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, FEW, &LogUsage::default()).await;
    let tenants = fill(&store, 1).await;
    sleep(SETTLED).await;
    fill_others(&store, 8).await;
    until(|| open_logs(&folder) <= 4).await;
    let path = folder.path().join("tenants/t0.db-wal");
    // The first frame is damaged, and a transaction follows it: SQLite would drop both.
    store_two_transactions(&store, &tenants[0], &folder).await;
    let mut content = fs::read(&path).unwrap();
    content[32 + 24 + 100] ^= 1;
    fs::write(&path, content).unwrap();
    let refused = store.events(&tenants[0], &Query::default()).await;
    assert!(matches!(refused, Err(Error::Damaged(_))), "{refused:?}");
    store.close().await.unwrap();
}

/// Leaves the tenant closed, with two more transactions in its log.
async fn store_two_transactions(store: &Sqlite, tenant: &Tenant, folder: &TempDir) {
    for seed in [2, 3] {
        store.append(tenant, history(seed, 1)).await.unwrap();
    }
    sleep(SETTLED).await; // or it would be closed with a checkpoint
    let name = folder.path().join("tenants/t0.db");
    let is_open = || {
        let names = fs::read_dir("/proc/self/fd").unwrap();
        names
            .filter_map(|it| fs::read_link(it.ok()?.path()).ok())
            .any(|path| path == name)
    };
    let mut number = 100;
    while is_open() {
        let other = crate::store::samples::tenant(&format!("more{number}"));
        store.create_tenant(other.clone()).await.unwrap();
        store.append(&other, history(1, 1)).await.unwrap();
        number += 1;
        assert!(number < 200, "it is never closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_take_no_more_than_their_limit() {
    const LIMIT: u64 = 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let logs = LogUsage::limited_to(LIMIT);
    let limits = Limits { open: 16, reads: 4 };
    let store = open(&folder, limits, &logs).await;
    let tenants = fill(&store, 40).await;
    let mut most = 0;
    for seed in 2..10 {
        for tenant in &tenants {
            store.append(tenant, history(seed, 1)).await.unwrap();
            most = most.max(bytes_of_logs(&folder));
        }
    }
    // Beyond a quarter more, writers shorten their own logs; one frame more each may be under way.
    assert!(most < 2 * LIMIT, "{most}");
    until(|| !logs.is_exceeded()).await;
    let bytes = bytes_of_logs(&folder);
    assert!(bytes <= LIMIT, "{bytes}");
    assert!(
        bytes > LIMIT / 8,
        "logs are kept while there is room: {bytes}"
    );
    for tenant in &tenants {
        assert_eq!(total(&store, tenant).await, 9);
    }
    store.close().await.unwrap();
    assert_eq!(logs.bytes(), 0);
}

fn bytes_of_logs(folder: &TempDir) -> u64 {
    let files = fs::read_dir(folder.path().join("tenants")).unwrap();
    let bytes = files.filter_map(|file| {
        let file = file.ok()?;
        let is_companion = !file.file_name().to_string_lossy().ends_with(".db");
        is_companion.then(|| file.metadata().map_or(0, |it| it.len()))
    });
    bytes.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_over_the_logs_of_a_killed_process_without_opening_them() {
    let folder = tempfile::tempdir().unwrap();
    let killed = open(&folder, FEW, &LogUsage::default()).await;
    let tenants = fill(&killed, 10).await;
    let copy = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("cp")
        .arg("-r")
        .arg(folder.path().join("."))
        .arg(copy.path())
        .status();
    assert!(status.unwrap().success());
    let logs = LogUsage::limited_to(64 * 1024); // less than there are
    let store = open(&copy, FEW, &logs).await;
    until(|| logs.bytes() > 0).await;
    // They are too large together, so most of them are removed without anybody asking for a tenant.
    let more = tenant("more");
    store.create_tenant(more.clone()).await.unwrap();
    store.append(&more, history(1, 1)).await.unwrap();
    until(|| !logs.is_exceeded()).await;
    for tenant in &tenants {
        assert_eq!(total(&store, tenant).await, 1);
    }
    store.close().await.unwrap();
    killed.close().await.unwrap();
}

/// One database may be open, and a read of it that was begun holds on to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_read_whose_caller_is_gone_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let one = Limits { open: 1, reads: 4 };
    let store = open(&folder, one, &LogUsage::default()).await;
    let tenants = fill(&store, 2).await;
    let (begun, has_begun) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let lease = store.0.lease(&tenants[0]).await.unwrap();
    let read = tokio::spawn(lease.read(move |_| {
        begun.send(()).unwrap();
        let _ = ended.recv();
        Ok(())
    }));
    tokio::task::block_in_place(|| has_begun.recv().unwrap());
    read.abort(); // the caller hangs up
    assert!(read.await.unwrap_err().is_cancelled());
    let mut other = std::pin::pin!(store.0.lease(&tenants[1]));
    timeout(Duration::from_millis(100), &mut other)
        .await
        .expect_err("the read still holds the only place");
    end.send(()).unwrap();
    let lease = timeout(Duration::from_millis(900), other).await;
    drop(lease.expect("it waits no longer than the read").unwrap());
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_read_that_runs_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, FEW, &LogUsage::default()).await;
    let tenants = fill(&store, 1).await;
    let lease = store.0.lease(&tenants[0]).await.unwrap();
    let (begun, has_begun) = mpsc::channel();
    let read = tokio::spawn(lease.read(move |connection| {
        begun.send(()).unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";
        connection.query_row(endless, [], |_| Ok(()))
    }));
    tokio::task::block_in_place(|| has_begun.recv().unwrap());
    timeout(SOON, store.close())
        .await
        .expect("it ends")
        .unwrap();
    let outcome = read.await.unwrap();
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
}
