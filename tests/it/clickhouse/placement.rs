//! Pooled and dedicated tenants: where their rows are, and what an operator can do with them.

use event_history::domain::{Placement, Query};
use event_history::store::{Created, Error};
use http::{Method, StatusCode};
use serde_json::json;

use super::{POOL, Place, assert_is_gone, assert_works, created, table};
use crate::samples::{history, tenant};
use crate::support::{ClickHouse, Server, expect_json};

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_goes_where_its_creation_says() {
    let place = Place::new();
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", place.url())
        .start();
    for (name, placement) in [
        ("default_place", None),
        ("in_the_pool", Some("pooled")),
        ("by_itself", Some("dedicated")),
    ] {
        let mut body = json!({ "database_name": name, "client_label": "x" });
        if let Some(placement) = placement {
            body["placement"] = placement.into();
        }
        let request = server.request(Method::POST, "/api/initialize-tenant");
        expect_json(request.json(&body), StatusCode::CREATED).await;
    }
    let body = json!({ "database_name": "nowhere", "client_label": "x", "placement": "elsewhere" });
    let request = server.request(Method::POST, "/api/initialize-tenant");
    let answer = expect_json(request.json(&body), StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(answer["detail"][0]["loc"], json!(["body", "placement"]));

    let store = place.replica().await;
    let tenants = store.tenants().await.unwrap();
    assert_eq!(tenants.len(), 3);
    for tenant in &tenants {
        assert_works(&*store, tenant, 0).await;
    }
    assert_eq!(place.tables("default_place").await, ["events"]);
    assert_eq!(place.tables("in_the_pool").await, ["events"]);
    let own = &tenants[0];
    let tombstones = table(own).replace("events", "tombstones");
    assert_eq!(
        place.tables("by_itself").await,
        ["events".to_owned(), table(own), tombstones]
    );
    // Those of the system tenant are in the pool too.
    let ids = tenants.iter().map(|it| format!("'{}'", it.client_id));
    let ids = ids.collect::<Vec<_>>().join(", ");
    let pooled = format!("SELECT count() FROM {POOL} WHERE client_id IN ({ids})");
    assert_eq!(place.sql(&pooled).await, "2\n");
    // Each has a view that shows its own events and no others.
    for tenant in &tenants {
        let sql = format!(
            "SELECT groupUniqArray(client_id) FROM `{}`.events",
            tenant.database_name
        );
        assert_eq!(place.sql(&sql).await, format!("['{}']\n", tenant.client_id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pooled_tenants_need_no_tables() {
    let place = Place::new();
    let store = place.replica().await;
    let tables = "SELECT count() FROM system.tables WHERE engine != 'View' \
                  AND database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')";
    let before = place.sql(tables).await;
    for number in 0..20 {
        created(&*store, &format!("t{number}")).await;
    }
    assert_eq!(place.sql(tables).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn dedicated_tenants_are_few() {
    let place = Place::with_options("?placement=dedicated");
    let store = place.replica().await;
    let id = "generateUUIDv4()";
    place
        .sql(&format!(
            "INSERT INTO default.tenants (client_id, revision, database_name, placement, client_label, \
             client_secret_sha256, created_at, written_at) \
             SETTINGS async_insert = 0 SELECT {id}, 1, 'd' || number, \
             'dedicated', '', repeat('7', 32), now(), now() FROM numbers(49)"
        ))
        .await;
    let last = created(&*store, "last").await;
    let refused = store.create_tenant(tenant("more")).await.unwrap();
    assert_eq!(refused, Created::TooManyDedicated(50));
    assert!(!place.databases().await.contains(&"more".to_owned()));
    let pooled = Some(Placement::Pooled);
    let made = store
        .create_placed_tenant(tenant("more"), pooled)
        .await
        .unwrap();
    assert_eq!(made, Created::New);
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", place.url())
        .start();
    let body = json!({ "database_name": "yet_another", "client_label": "x" });
    let request = server.request(Method::POST, "/api/initialize-tenant");
    let answer = expect_json(request.json(&body), StatusCode::BAD_REQUEST).await;
    let detail = "There are 50 dedicated tenants already, which is the limit.";
    assert_eq!(answer, json!({ "detail": detail }));
    store.delete_tenant(&last).await.unwrap();
    created(&*store, "more-again").await;
}

/// What docs/deploying.md says about the backup of a dedicated tenant.
#[tokio::test(flavor = "multi_thread")]
async fn a_dedicated_tenant_is_backed_up_dropped_and_restored_alone() {
    let place = Place {
        engine: ClickHouse::start_with_backups(),
        options: "?placement=dedicated",
    };
    let store = place.replica().await;
    let (one, other) = (
        created(&*store, "one").await,
        created(&*store, "other").await,
    );
    store.append(&one, history(1, 40)).await.unwrap();
    store.append(&other, history(2, 10)).await.unwrap();
    place
        .sql("BACKUP DATABASE one TO Disk('backups', 'one')")
        .await;
    store.append(&other, history(3, 5)).await.unwrap();
    place.sql("DROP DATABASE one SYNC").await;
    let missing = store.events(&one, &Query::default()).await;
    assert!(
        matches!(missing, Err(Error::DatabaseMissing(_))),
        "{missing:?}"
    );
    place
        .sql("RESTORE DATABASE one FROM Disk('backups', 'one')")
        .await;
    let store = place.replica().await;
    assert_works(&*store, &one, 40).await;
    assert_works(&*store, &other, 15).await;
    store.delete_tenant(&one).await.unwrap();
    assert_is_gone(&*store, &one).await;
    assert_works(&*store, &other, 16).await;
}
