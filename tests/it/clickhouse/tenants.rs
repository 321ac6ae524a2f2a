//! Names that are somebody else's, databases that others touched, and replicas that race.

use std::sync::Arc;

use event_history::domain::DatabaseName;
use event_history::domain::cause::chain;
use event_history::store::{Created, Error};
use http::StatusCode;
use serde_json::json;

use super::{POOL, Place, assert_is_gone, assert_nothing_is_left, assert_works, created, table};
use crate::samples::{history, tenant};
use crate::support::{Server, expect, expect_json};

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_other_programs_are_left_alone() {
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
    server.create_tenant("first").await; // and the system tenant
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
    let sql = "SELECT uniqExact(client_id) FROM default.tenants";
    assert_eq!(place.sql(sql).await, "2\n");

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
async fn every_valid_name_works() {
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
        "tombstones",
        "event_history",
        &table(&tenant("x")),
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
async fn a_database_dropped_by_hand_is_missing_and_its_name_stays_taken() {
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
    let well = created(&*store, "well").await;
    let comment = |table: &str, version: &str| {
        format!("ALTER TABLE {table} MODIFY COMMENT 'event-history schema {version}'")
    };
    place.sql(&comment(POOL, "99")).await;
    let refused = place.try_replica().await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    assert!(
        chain(&refused).contains("'_event_history.events' has schema version 99"),
        "{}",
        chain(&refused)
    );
    assert_eq!(place.faults().await, [chain(&refused)]);
    assert_works(&*store, &well, 0).await; // who is there already stays
    place.sql(&comment(POOL, "1")).await;

    place.sql(&comment("default.tenants", "99")).await;
    let refused = place.try_replica().await.unwrap_err();
    assert!(chain(&refused).contains("'default.tenants' has schema version 99"));
    assert_eq!(place.faults().await, [chain(&refused)]);
    place.sql("DROP TABLE default.tenants SYNC").await;
    let theirs = "CREATE TABLE default.tenants (a UInt8) ENGINE = MergeTree ORDER BY a";
    place.sql(theirs).await;
    let refused = place.try_replica().await.unwrap_err();
    assert!(matches!(refused, Error::Damaged(_)), "{refused:?}");
    assert!(chain(&refused).contains("'default.tenants' belongs to another program"));
    assert_eq!(place.faults().await, [chain(&refused)]);
    assert_eq!(
        place.sql("SELECT count() FROM default.tenants").await,
        "0\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_replicas_that_create_a_tenant_wins() {
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
        assert_eq!(place.tables(&format!("race-{number}")).await, ["events"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_created_again_while_others_delete_it() {
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
            other @ Created::TooManyDedicated(_) => panic!("{other:?}"),
        };
        assert_works(&*one, &current, 0).await;
        assert_works(&*place.replica().await, &current, 1).await;
        assert_nothing_is_left(&place).await;
        println!("round {round}: {}", current.client_id);
    }
}
