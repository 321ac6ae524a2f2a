//! Databases that nobody uses are closed.

use std::time::Duration;

use tokio::time::Instant;

use super::Sqlite;
use crate::domain::Query;
use crate::store::Store;
use crate::store::samples::{history, tenant};

#[tokio::test]
async fn an_idle_database_is_evicted_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).await.unwrap();
    let demo = tenant("demo");
    store.create_tenant(demo.clone()).await.unwrap();
    store.append(&demo, history(1, 3)).await.unwrap();
    let log = folder.path().join("tenants/demo.db-wal");
    assert!(log.exists());

    store.0.pool.evict_idle(Instant::now()).await;
    assert!(log.exists(), "it was used a moment ago");
    let soon = Instant::now() + Duration::from_mins(6);
    store.0.pool.evict_idle(soon).await;
    assert!(!log.exists(), "closing runs a checkpoint");
    let page = store.events(&demo, &Query::default()).await.unwrap();
    assert_eq!(page.counts.unwrap().total, 3);
    store.close().await.unwrap();
}
