//! Creations and deletions of tenants that are interrupted after any of their steps.

use event_history::domain::Tenant;
use event_history::store::{Created, Store};

use super::{Place, assert_is_gone, assert_nothing_is_left, assert_works, created, table};
use crate::samples::{history, tenant};

impl Place {
    /// Resets the entry of a tenant to an earlier step.
    async fn rewind(&self, tenant: &Tenant, cut: Cut) {
        let id = tenant.client_id;
        self.sql(&format!(
            "ALTER TABLE default.tenants DELETE WHERE client_id = '{id}' SETTINGS mutations_sync = 2"
        ))
        .await;
        let Some(revision) = cut.revision else {
            return;
        };
        let age_s = if cut.is_recent { 0 } else { 3600 };
        let (name, created_at) = (&tenant.database_name, tenant.created_at.as_nanosecond());
        self.sql(&format!(
            "INSERT INTO default.tenants SETTINGS async_insert = 0 SELECT '{id}', {revision}, '{name}', \
             'label', repeat('7', 32), fromUnixTimestamp64Nano({created_at}, 'UTC'), now() - {age_s}"
        ))
        .await;
    }

    async fn revision(&self, tenant: &Tenant) -> String {
        let id = tenant.client_id;
        let sql = format!("SELECT max(revision) FROM default.tenants WHERE client_id = '{id}'");
        self.sql(&sql).await.trim_end().to_owned()
    }

    /// Creates a tenant, and then undoes the last steps.
    async fn interrupted(&self, store: &dyn Store, cut: Cut, tenant: Tenant) -> Tenant {
        assert_eq!(
            store.create_tenant(tenant.clone()).await.unwrap(),
            Created::New
        );
        store.append(&tenant, history(1, 2)).await.unwrap();
        let (name, table) = (&tenant.database_name, table(&tenant));
        for step in cut.undone {
            let sql = step.replace("$NAME", name.as_str());
            let sql = sql.replace("$TABLE", &table);
            let sql = sql.replace("$ID", &tenant.client_id.uuid().simple().to_string());
            self.sql(&sql).await;
        }
        self.rewind(&tenant, cut).await;
        tenant
    }
}

/// The step after which a creation or deletion was interrupted.
#[derive(Debug, Clone, Copy)]
struct Cut {
    step: &'static str,
    revision: Option<u8>,
    /// Statements that undo the later steps of a whole tenant.
    undone: &'static [&'static str],
    /// The entry was written just now, and not an hour ago.
    is_recent: bool,
}

const CREATING: u8 = 0;
const READY: &str = "1";
const DELETING: u8 = 2;
const DELETED: &str = "3";

const UNCLAIMED: &str = "DROP TABLE `$NAME`.events SYNC";
const WITHOUT_TABLE: &str = "DROP TABLE `$NAME`.`$TABLE` SYNC";
/// The table of tombstoned files is made behind that of events.
const WITHOUT_TOMBSTONES: &str = "DROP TABLE `$NAME`.`tombstones_$ID` SYNC";

const fn cut(step: &'static str, revision: Option<u8>, undone: &'static [&'static str]) -> Cut {
    Cut {
        step,
        revision,
        undone,
        is_recent: false,
    }
}

/// Before the database was claimed.
const CREATIONS: [Cut; 4] = [
    cut(
        "database",
        None,
        &[UNCLAIMED, WITHOUT_TOMBSTONES, WITHOUT_TABLE],
    ),
    cut(
        "entry",
        Some(CREATING),
        &[UNCLAIMED, WITHOUT_TOMBSTONES, WITHOUT_TABLE],
    ),
    cut("table", Some(CREATING), &[UNCLAIMED, WITHOUT_TOMBSTONES]),
    cut("tables", Some(CREATING), &[UNCLAIMED]),
];
const CLAIMED: Cut = cut("taken", Some(CREATING), &[]);
const DELETIONS: [Cut; 3] = [
    cut("doomed", Some(DELETING), &[]),
    cut(
        "moved",
        Some(DELETING),
        &["RENAME DATABASE `$NAME` TO `_deleted_$ID`"],
    ),
    cut("dropped", Some(DELETING), &["DROP DATABASE `$NAME` SYNC"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_creation_or_deletion_is_recovered_at_the_next_attempt() {
    let place = Place::new();
    let store = place.replica().await;
    for cut in CREATIONS.iter().chain(&DELETIONS) {
        let old = tenant(cut.step);
        let old = place.interrupted(&*store, *cut, old).await;
        let new = created(&*store, cut.step).await;
        assert_works(&*store, &new, 0).await;
        assert_is_gone(&*store, &old).await;
        // Repeating the failed deletion finishes it, and harms no other tenant.
        store.delete_tenant(&old).await.unwrap();
        assert_works(&*place.replica().await, &new, 1).await;
    }
    // This one was not acknowledged, and yet is complete: the next attempt leaves it alone.
    let old = place.interrupted(&*store, CLAIMED, tenant("taken")).await;
    let again = store.create_tenant(tenant("taken")).await.unwrap();
    assert_eq!(again, Created::NameTaken);
    assert_works(&*store, &old, 2).await;
    assert_nothing_is_left(&place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_creation_or_deletion_is_recovered_at_the_next_start() {
    let place = Place::new();
    let store = place.replica().await;
    let cuts: Vec<Cut> = CREATIONS.into_iter().chain(DELETIONS).collect();
    let mut olds = Vec::new();
    for cut in &cuts {
        let old = tenant(cut.step);
        olds.push(place.interrupted(&*store, *cut, old).await);
    }
    let taken = place.interrupted(&*store, CLAIMED, tenant("taken")).await;
    // Another replica may be working on this one.
    let recent = |step: &'static str, cut: &Cut| Cut {
        step,
        is_recent: true,
        ..*cut
    };
    let under_way = recent("under-way", &CREATIONS[2]);
    let under_way = place
        .interrupted(&*store, under_way, tenant("under-way"))
        .await;

    let store = place.replica().await;
    for (cut, old) in cuts.iter().zip(&olds) {
        assert_is_gone(&*store, old).await;
        if cut.revision.is_some() {
            assert_eq!(place.revision(old).await, DELETED, "{}", cut.step);
        }
        if place.databases().await.contains(&cut.step.to_owned()) {
            let tables = place.tables(cut.step).await;
            assert!(tables.is_empty(), "{}: {tables:?}", cut.step);
        }
    }
    assert_eq!(place.revision(&taken).await, READY);
    assert_works(&*store, &taken, 2).await;
    assert_eq!(place.revision(&under_way).await, CREATING.to_string());
    assert_eq!(place.tables("under-way").await, [table(&under_way)]);
    for cut in &cuts {
        let new = created(&*store, cut.step).await;
        assert_works(&*store, &new, 0).await;
    }
    assert_nothing_is_left(&place).await;
}
