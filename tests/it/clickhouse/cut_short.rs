//! Work on tenants that was cut short after any of its steps.

use event_history::domain::Tenant;
use event_history::store::{Created, Store};

use super::{Place, assert_is_gone, assert_nothing_is_left, assert_works, created, table};
use crate::samples::{history, tenant};

impl Place {
    /// Lets the entry of a tenant be as it was at an earlier step.
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

    /// Makes a tenant, and then undoes the last steps.
    async fn cut_short(&self, store: &dyn Store, cut: Cut, tenant: Tenant) -> Tenant {
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

/// Where a creation or deletion ended.
#[derive(Debug, Clone, Copy)]
struct Cut {
    step: &'static str,
    revision: Option<u8>,
    /// Statements that make of a whole tenant what there was then.
    undone: &'static [&'static str],
    /// The entry was written just now, and not an hour ago.
    is_recent: bool,
}

const CREATING: u8 = 0;
const READY: &str = "1";
const DELETING: u8 = 2;
const DELETED: &str = "3";

const UNTAKEN: &str = "DROP TABLE `$NAME`.events SYNC";
const TABLELESS: &str = "DROP TABLE `$NAME`.`$TABLE` SYNC";
/// The table of tombstoned files is made behind that of events.
const NOTELESS: &str = "DROP TABLE `$NAME`.`tombstones_$ID` SYNC";

const fn cut(step: &'static str, revision: Option<u8>, undone: &'static [&'static str]) -> Cut {
    Cut {
        step,
        revision,
        undone,
        is_recent: false,
    }
}

/// Before the database was taken.
const BARELY_MADE: [Cut; 4] = [
    cut("database", None, &[UNTAKEN, NOTELESS, TABLELESS]),
    cut("entry", Some(CREATING), &[UNTAKEN, NOTELESS, TABLELESS]),
    cut("table", Some(CREATING), &[UNTAKEN, NOTELESS]),
    cut("tables", Some(CREATING), &[UNTAKEN]),
];
const TAKEN: Cut = cut("taken", Some(CREATING), &[]);
const BARELY_DELETED: [Cut; 3] = [
    cut("doomed", Some(DELETING), &[]),
    cut(
        "moved",
        Some(DELETING),
        &["RENAME DATABASE `$NAME` TO `_deleted_$ID`"],
    ),
    cut("dropped", Some(DELETING), &["DROP DATABASE `$NAME` SYNC"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_or_deletion_cut_short_heals_at_the_next_attempt() {
    let place = Place::new();
    let store = place.replica().await;
    for cut in BARELY_MADE.iter().chain(&BARELY_DELETED) {
        let old = tenant(cut.step);
        let old = place.cut_short(&*store, *cut, old).await;
        let new = created(&*store, cut.step).await;
        assert_works(&*store, &new, 0).await;
        assert_is_gone(&*store, &old).await;
        // Whoever repeats the deletion that failed finishes it, and harms nobody else.
        store.delete_tenant(&old).await.unwrap();
        assert_works(&*place.replica().await, &new, 1).await;
    }
    // Nobody was told of this one, and yet it is whole: the next attempt leaves it alone.
    let old = place.cut_short(&*store, TAKEN, tenant("taken")).await;
    let again = store.create_tenant(tenant("taken")).await.unwrap();
    assert_eq!(again, Created::NameTaken);
    assert_works(&*store, &old, 2).await;
    assert_nothing_is_left(&place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_or_deletion_cut_short_heals_at_the_next_start() {
    let place = Place::new();
    let store = place.replica().await;
    let cuts: Vec<Cut> = BARELY_MADE.into_iter().chain(BARELY_DELETED).collect();
    let mut olds = Vec::new();
    for cut in &cuts {
        let old = tenant(cut.step);
        olds.push(place.cut_short(&*store, *cut, old).await);
    }
    let taken = place.cut_short(&*store, TAKEN, tenant("taken")).await;
    // Another replica may be at these two at this moment.
    let recent = |step: &'static str, cut: &Cut| Cut {
        step,
        is_recent: true,
        ..*cut
    };
    let under_way = recent("under-way", &BARELY_MADE[2]);
    let under_way = place
        .cut_short(&*store, under_way, tenant("under-way"))
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
