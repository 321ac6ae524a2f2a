//! Deleted tenants: unreachable at once, and at last gone from the disk.

use std::time::Duration;

use event_history::domain::Tenant;
use event_history::store::Appended;

use super::{POOL, Place, assert_is_gone, assert_works, created};
use crate::samples::{Random, data, file, history};
use crate::support::wait_for;

/// Late INSERTs are awaited for 20 s, and a round of the clean-up comes every 10 s.
const ERASED_WITHIN: Duration = Duration::from_secs(90);

/// Shows rows that are deleted and not merged yet.
const MASKED: &str = "SETTINGS apply_deleted_mask = 0, apply_patch_parts = 0";

impl Place {
    async fn count(&self, rows: &str) -> u64 {
        let count = self.sql(&format!("SELECT count() FROM {rows}")).await;
        count.trim().parse().unwrap()
    }

    /// Stores an event for a tenant, as an INSERT does that was under way when the tenant was deleted.
    async fn insert_late(&self, tenant: &Tenant) {
        let id = tenant.client_id;
        self.sql(&format!(
            "INSERT INTO {POOL} (client_id, event_id, event_data) SETTINGS async_insert = 0 \
             SELECT '{id}', generateUUIDv4(), '[]'"
        ))
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tenant_leaves_the_disk() {
    let place = Place::with_options("?erase_after=1s");
    let store = place.replica().await;
    let (gone, stays) = (
        created(&*store, "gone").await,
        created(&*store, "stays").await,
    );
    let mut random = Random::seeded(1);
    for tenant in [&gone, &stays] {
        let secret = format!("[\"secret of {}\"]", tenant.database_name);
        let mut events = history(2, 300);
        events[0].data = data(&secret);
        events[0].files = vec![file(&mut random)];
        store.append(tenant, events).await.unwrap();
    }
    let orphan = file(&mut random).id;
    store.tombstone_files(&gone, &[orphan]).await.unwrap();
    store.delete_tenant(&gone).await.unwrap();

    // Unreachable at once, in the table too.
    assert_is_gone(&*store, &gone).await;
    let own = format!("client_id = '{}'", gone.client_id);
    for table in [POOL, "_event_history.tombstones"] {
        assert_eq!(place.count(&format!("{table} WHERE {own}")).await, 0);
    }
    let masked = format!("{POOL} WHERE {own} {MASKED}");
    assert_eq!(
        place.count(&masked).await,
        300,
        "a patch part only hides them"
    );

    place.insert_late(&gone).await;
    assert_eq!(place.count(&format!("{POOL} WHERE {own}")).await, 1);
    wait_for("the erasure", ERASED_WITHIN, async || {
        let sql = format!("SELECT max(revision) FROM default.tenants WHERE {own}");
        (place.sql(&sql).await == "6\n").then_some(())
    })
    .await;
    for rows in [
        masked,
        format!("{POOL} WHERE {own} SETTINGS apply_deleted_mask = 0"),
        format!("{POOL} WHERE event_data LIKE '%secret of gone%' {MASKED}"),
        format!("_event_history.tombstones WHERE {own} {MASKED}"),
        format!("mergeTreeProjection('_event_history', 'events', 'by_id') WHERE {own}"),
        format!("mergeTreeProjection('_event_history', 'events', 'by_record') WHERE {own}"),
    ] {
        assert_eq!(place.count(&rows).await, 0, "{rows}");
    }
    assert_works(&*store, &stays, 300).await;
    store.close().await.unwrap();
}

/// A tenant that is copied back while the rows of its former life are still on the disk keeps what it gets: merges and
/// the clean-up remove the others alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_comes_back_keeps_its_new_events() {
    let place = Place::new();
    let store = place.replica().await;
    let tenant = created(&*store, "back").await;
    let events = history(3, 50);
    store.append(&tenant, events.clone()).await.unwrap();
    store.delete_tenant(&tenant).await.unwrap();
    store.create_tenant(tenant.clone()).await.unwrap();
    // The same rows again: of their versions the deleted ones are the better.
    let answers = store.append(&tenant, events).await.unwrap();
    assert_eq!(answers, [Appended::Stored; 50]);
    place.sql(&format!("OPTIMIZE TABLE {POOL} FINAL")).await;
    assert_works(&*store, &tenant, 50).await;
    store.delete_tenant(&tenant).await.unwrap();
    assert_is_gone(&*store, &tenant).await;
    store.close().await.unwrap();
}
