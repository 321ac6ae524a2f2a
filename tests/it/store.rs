//! The SQLite backend: the contract that every backend keeps, and what is its own.

#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

pub(crate) mod any_values;

mod arrival;
mod checkpoint;
mod contract;
mod external;
mod folder;
mod limits;
mod migrations;
mod redaction;
mod repairs;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_history::domain::finding::State;
use event_history::domain::{Event, Finding, Query, Tenant};
use event_history::store::sqlite::Sqlite;
use event_history::store::{Created, Store};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::conformance::store::Opener;
use crate::samples::{Random, data, tenant};

/// A folder of its own, gone with the test.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn registry(&self) -> PathBuf {
        self.folder().join("registry.db")
    }

    fn database(&self, stem: &str) -> PathBuf {
        self.folder().join("tenants").join(format!("{stem}.db"))
    }

    async fn open(&self) -> Sqlite {
        Sqlite::open(&self.folder()).await.unwrap()
    }

    /// Opens the store with tenants of these names.
    async fn open_with<const N: usize>(&self, names: [&str; N]) -> (Sqlite, [Tenant; N]) {
        let store = self.open().await;
        let tenants = names.map(tenant);
        for tenant in &tenants {
            assert_eq!(
                store.create_tenant(tenant.clone()).await.unwrap(),
                Created::New
            );
        }
        (store, tenants)
    }

    /// Changes a database behind the store's back.
    fn edit(path: &Path, sql: &str) {
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }
}

#[async_trait]
impl Opener for Place {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(Place::open(self).await)
    }
}

async fn count(store: &dyn Store, tenant: &Tenant) -> u64 {
    store
        .events(tenant, &Query::default())
        .await
        .unwrap()
        .counts
        .unwrap()
        .total
}

fn large_event(random: &mut Random, size_bytes: usize) -> Event {
    Event {
        data: data(&format!("[\"{}\"]", "x".repeat(size_bytes))),
        ..random.event()
    }
}

/// Counts the files below `folder` that this process has open.
fn open_files(folder: &Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|it| fs::read_link(it.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(folder)).count()
}

fn tree(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        }
        found.insert(path);
    }
    found
}

async fn until(condition: impl Fn() -> bool, what: &str) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 5 s: {what}");
}

#[track_caller]
fn assert_wrong(finding: &Finding, message: &str) {
    assert!(matches!(finding.state, State::Wrong { .. }), "{finding:?}");
    assert!(finding.message.contains(message), "{finding:?}");
}
