//! Names that are somebody else's, and work on tenants that was cut short after any of its steps.

use std::sync::Arc;

use event_history::domain::{Clock as _, DatabaseName, Query, SystemClock, Tenant};
use event_history::store::conformance::samples::{history, tenant};
use event_history::store::{Created, Error, Store};
use http::StatusCode;
use serde_json::json;

use super::Place;
use crate::support::{Server, expect, expect_json};

impl Place {
    async fn sql(&self, sql: &str) -> String {
        self.engine.query(sql).await
    }

    /// Lets the entry of a tenant be as it was at an earlier step; `None`: not written yet.
    async fn rewind(&self, tenant: &Tenant, state: Option<u8>) {
        let id = tenant.client_id;
        self.sql(&format!(
            "ALTER TABLE default.tenants DELETE WHERE client_id = '{id}' SETTINGS mutations_sync = 2"
        ))
        .await;
        let Some(state) = state else {
            return;
        };
        let (name, created_at) = (&tenant.database_name, tenant.created_at.as_nanosecond());
        self.sql(&format!(
            "INSERT INTO default.tenants SETTINGS async_insert = 0 SELECT '{id}', {state}, '{name}', \
             'label', repeat('7', 32), fromUnixTimestamp64Nano({created_at}, 'UTC')"
        ))
        .await;
    }

    async fn state(&self, tenant: &Tenant) -> String {
        let id = tenant.client_id;
        let sql = format!("SELECT max(state) FROM default.tenants WHERE client_id = '{id}'");
        self.sql(&sql).await.trim_end().to_owned()
    }

    async fn databases(&self) -> Vec<String> {
        let names = self.sql("SHOW DATABASES FORMAT TSVRaw").await;
        names.lines().map(ToOwned::to_owned).collect()
    }

    async fn tables(&self, database: &str) -> Vec<String> {
        let names = self
            .sql(&format!("SHOW TABLES FROM `{database}` FORMAT TSVRaw"))
            .await;
        names.lines().map(ToOwned::to_owned).collect()
    }

    /// Makes a tenant, and then undoes the last steps.
    async fn cut_short(&self, store: &dyn Store, cut: Cut, mut tenant: Tenant) -> Tenant {
        if cut.is_recent {
            tenant.created_at = SystemClock.now();
        }
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
        self.rewind(&tenant, cut.state).await;
        tenant
    }
}

/// Where a creation or deletion ended.
#[derive(Debug, Clone, Copy)]
struct Cut {
    step: &'static str,
    state: Option<u8>,
    /// Statements that make of a whole tenant what there was then.
    undone: &'static [&'static str],
    is_recent: bool,
}

const CREATING: u8 = 1;
const READY: &str = "2";
const DELETING: u8 = 3;
const DELETED: &str = "4";

const UNTAKEN: &str = "DROP TABLE `$NAME`.events SYNC";
const TABLELESS: &str = "DROP TABLE `$NAME`.`$TABLE` SYNC";

const fn cut(step: &'static str, state: Option<u8>, undone: &'static [&'static str]) -> Cut {
    Cut {
        step,
        state,
        undone,
        is_recent: false,
    }
}

/// Before the database was taken.
const BARELY_MADE: [Cut; 3] = [
    cut("database", None, &[UNTAKEN, TABLELESS]),
    cut("entry", Some(CREATING), &[UNTAKEN, TABLELESS]),
    cut("table", Some(CREATING), &[UNTAKEN]),
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

fn table(tenant: &Tenant) -> String {
    format!("events_{}", tenant.client_id.uuid().simple())
}

/// Exactly one tenant has the name, it is this one, and it works.
async fn assert_works(store: &dyn Store, tenant: &Tenant, had_events: u64) {
    let name = &tenant.database_name;
    let all = store.tenants().await.unwrap();
    let named: Vec<_> = all.iter().filter(|it| it.database_name == *name).collect();
    assert_eq!(named.len(), 1, "{name}: {named:?}");
    assert_eq!(named[0].client_id, tenant.client_id, "{name}");
    let by_name = store.tenant_by_name(name).await.unwrap().unwrap();
    assert_eq!(by_name.client_id, tenant.client_id, "{name}");
    assert!(store.has_database(tenant).await.unwrap());
    let count = async || {
        let page = store.events(tenant, &Query::default()).await.unwrap();
        page.total_count
    };
    assert_eq!(count().await, had_events, "{name}");
    store
        .append(tenant, history(100 + had_events, 1))
        .await
        .unwrap();
    assert_eq!(count().await, had_events + 1, "{name}");
}

async fn assert_is_gone(store: &dyn Store, tenant: &Tenant) {
    let found = store.tenant_by_client_id(tenant.client_id).await.unwrap();
    assert_eq!(found, None, "{}", tenant.database_name);
}

async fn created(store: &dyn Store, name: &str) -> Tenant {
    let tenant = tenant(name);
    let created = store.create_tenant(tenant.clone()).await.unwrap();
    assert_eq!(created, Created::New, "{name}");
    tenant
}

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
        if cut.state.is_some() {
            assert_eq!(place.state(old).await, DELETED, "{}", cut.step);
        }
        if place.databases().await.contains(&cut.step.to_owned()) {
            let tables = place.tables(cut.step).await;
            assert!(tables.is_empty(), "{}: {tables:?}", cut.step);
        }
    }
    assert_eq!(place.state(&taken).await, READY);
    assert_works(&*store, &taken, 2).await;
    assert_eq!(place.state(&under_way).await, CREATING.to_string());
    assert_eq!(place.tables("under-way").await, [table(&under_way)]);
    for cut in &cuts {
        let new = created(&*store, cut.step).await;
        assert_works(&*store, &new, 0).await;
    }
    assert_nothing_is_left(&place).await;
}

async fn assert_nothing_is_left(place: &Place) {
    let databases = place.databases().await;
    let left = databases.iter().find(|name| name.starts_with("_deleted_"));
    assert_eq!(left, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_others_are_left_alone() {
    let place = Place::new();
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", place.engine.url())
        .start();
    for sql in [
        "CREATE DATABASE theirs",
        "CREATE TABLE theirs.events (a UInt8) ENGINE = MergeTree ORDER BY a",
        "INSERT INTO theirs.events VALUES (1)",
    ] {
        place.sql(sql).await;
    }
    let before = place.databases().await;
    for name in [
        "default",
        "system",
        "information_schema",
        "INFORMATION_SCHEMA",
        "theirs",
    ] {
        let body = json!({ "database_name": name, "client_label": "x" });
        let request = server.request(http::Method::POST, "/api/initialize-tenant");
        let answer = expect_json(request.json(&body), StatusCode::BAD_REQUEST).await;
        assert_eq!(
            answer,
            json!({ "detail": "Client already exist." }),
            "{name}"
        );
    }
    assert_eq!(place.databases().await, before);
    let entries = place.sql("SELECT count() FROM default.tenants").await;
    assert_eq!(entries, "0\n");

    // A name that was ours, and is theirs by now.
    let ours = server.create_tenant("ours").await;
    place.sql("DROP DATABASE ours SYNC").await;
    place.sql("RENAME DATABASE theirs TO ours").await;
    let request = server.request_as(&ours, http::Method::DELETE, "/api/delete-tenant");
    expect(request, StatusCode::BAD_REQUEST).await; // the tenant's database is not there
    let store = place.replica().await;
    let name = DatabaseName::parse("ours").unwrap();
    let entry = store.tenant_by_name(&name).await.unwrap().unwrap();
    store.delete_tenant(&entry).await.unwrap();
    assert_is_gone(&*store, &entry).await;
    assert_eq!(place.sql("SELECT a FROM ours.events").await, "1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_that_is_allowed_works() {
    let place = Place::new();
    let store = place.replica().await;
    let longest = "a-B_9".repeat(12) + "----";
    let other = created(&*store, "other").await;
    let names = [
        "a-b",
        "A-B",
        "Default",
        "SYSTEM",
        "1",
        "0x1F",
        "1e5",
        "NULL",
        "true",
        "inf",
        "select",
        "events",
        "events_",
        "tenants",
        "deleted_",
        &table(&tenant("x")),
        &table(&other), // as another tenant's table
        &longest,
    ];
    let mut tenants = Vec::new();
    for name in names {
        tenants.push(created(&*store, name).await);
        let again = store.create_tenant(tenant(name)).await.unwrap();
        assert_eq!(again, Created::NameTaken, "{name}");
    }
    let store = place.replica().await;
    for tenant in &tenants {
        assert_works(&*store, tenant, 0).await;
    }
    for tenant in &tenants {
        store.delete_tenant(tenant).await.unwrap();
        assert_is_gone(&*store, tenant).await;
        let databases = place.databases().await;
        assert!(!databases.contains(&tenant.database_name.to_string()));
    }
    assert_works(&*store, &other, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_removed_by_hand_is_missed_and_its_name_stays_taken() {
    let place = Place::new();
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", place.engine.url())
        .start();
    let demo = server.create_tenant("demo").await;
    place.sql("DROP DATABASE demo SYNC").await;
    for target in ["/api/history/events", "/api/files/upload-url"] {
        let request = server.request_as(&demo, http::Method::GET, target);
        let answer = expect_json(request, StatusCode::BAD_REQUEST).await;
        let detail = "'demo' tenant not found in database.";
        assert_eq!(answer, json!({ "detail": detail }), "{target}");
    }
    let store = place.replica().await;
    let again = store.create_tenant(tenant("demo")).await.unwrap();
    assert_eq!(again, Created::NameTaken);
    assert!(!place.databases().await.contains(&"demo".to_owned()));
    let name = DatabaseName::parse("demo").unwrap();
    let entry = store.tenant_by_name(&name).await.unwrap().unwrap();
    store.delete_tenant(&entry).await.unwrap();
    let new = created(&*store, "demo").await;
    assert_works(&*store, &new, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_another_program_or_version_are_refused() {
    let place = Place::new();
    let store = place.replica().await;
    let (newer, well) = (
        created(&*store, "newer").await,
        created(&*store, "well").await,
    );
    let comment = |table: &str, version: &str| {
        format!("ALTER TABLE {table} MODIFY COMMENT 'event-history schema {version}'")
    };
    place
        .sql(&comment(&format!("newer.{}", table(&newer)), "99"))
        .await;
    let store = place.replica().await;
    let refused = store
        .tenant_by_client_id(newer.client_id)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    assert!(
        chain(&refused).contains("schema version 99"),
        "{}",
        chain(&refused)
    );
    assert_works(&*store, &well, 0).await;

    place.sql(&comment("default.tenants", "99")).await;
    let refused = place.try_replica().await.unwrap_err();
    assert!(chain(&refused).contains("'default.tenants' has schema version 99"));
    place.sql("DROP TABLE default.tenants SYNC").await;
    let theirs = "CREATE TABLE default.tenants (a UInt8) ENGINE = MergeTree ORDER BY a";
    place.sql(theirs).await;
    let refused = place.try_replica().await.unwrap_err();
    assert!(matches!(refused, Error::Damaged(_)), "{refused:?}");
    assert!(chain(&refused).contains("'default.tenants' is not of this program"));
    assert_eq!(
        place.sql("SELECT count() FROM default.tenants").await,
        "0\n"
    );
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_that_make_a_tenant_one_wins() {
    let place = Place::new();
    let (one, two) = (place.replica().await, place.replica().await);
    let race = |number: usize| {
        let racers =
            [&one, &two].map(|store| (Arc::clone(store), tenant(&format!("race-{number}"))));
        let calls = racers.map(|(store, tenant)| async move {
            let created = store.create_tenant(tenant.clone()).await.unwrap();
            (created, tenant)
        });
        futures_util::future::join_all(calls)
    };
    let races = futures_util::future::join_all((0..20).map(race)).await;
    let third = place.replica().await;
    for (number, race) in races.iter().enumerate() {
        let won: Vec<_> = race
            .iter()
            .filter(|(made, _)| *made == Created::New)
            .collect();
        assert_eq!(won.len(), 1, "race {number}");
        assert_works(&*third, &won[0].1, 0).await;
        let lost = race.iter().find(|(made, _)| *made != Created::New);
        assert_is_gone(&*third, &lost.unwrap().1).await;
        let tables = place.tables(&format!("race-{number}")).await;
        assert_eq!(tables, ["events".to_owned(), table(&won[0].1)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_made_again_while_others_delete_it() {
    let place = Place::new();
    let (one, two) = (place.replica().await, place.replica().await);
    let mut current = created(&*one, "demo").await;
    one.append(&current, history(5, 3)).await.unwrap();
    for round in 0..10 {
        let next = tenant("demo");
        let (deleted, deleted_too, made) = tokio::join!(
            one.delete_tenant(&current),
            two.delete_tenant(&current),
            two.create_tenant(next.clone()),
        );
        deleted.unwrap();
        deleted_too.unwrap();
        assert_is_gone(&*place.replica().await, &current).await;
        current = match made.unwrap() {
            Created::New => next,
            Created::NameTaken => created(&*two, "demo").await, // it came too soon
        };
        assert_works(&*one, &current, 0).await;
        assert_works(&*place.replica().await, &current, 1).await;
        assert_nothing_is_left(&place).await;
        println!("round {round}: {}", current.client_id);
    }
}
