//! What no caller sees of the store.

use std::time::Duration;

use tokio::time::Instant;

use super::Sqlite;
use crate::domain::Query;
use crate::store::Store;
use crate::store::samples::{history, tenant};

#[tokio::test]
async fn a_database_that_nobody_uses_is_closed_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).await.unwrap();
    let demo = tenant("demo");
    store.create_tenant(demo.clone()).await.unwrap();
    store.append(&demo, history(1, 3)).await.unwrap();
    let log = folder.path().join("tenants/demo.db-wal");
    assert!(log.exists());

    store.0.open_tenants.close_idle(Instant::now());
    assert!(log.exists(), "it was used a moment ago");
    let soon = Instant::now() + Duration::from_mins(6);
    store.0.open_tenants.close_idle(soon);
    for _ in 0..500 {
        if !log.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!log.exists(), "closing folds the log back");
    let page = store.events(&demo, &Query::default()).await.unwrap();
    assert_eq!(page.total_count, 3);
    store.close().await.unwrap();
}
