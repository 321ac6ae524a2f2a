//! `deploy/clickhouse/backup.sh`, on the real engine.

use std::path::Path;
use std::process::{Command, Output};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{self, ClickHouse, Server, Tenant, event, expect};

/// Runs the script; returns its status and what it said.
async fn script(engine: &ClickHouse, words: &[&str]) -> (i32, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/clickhouse/backup.sh");
    let home = tempfile::tempdir().unwrap();
    let mut command: Command = support::clean_command("sh", home.path());
    command
        .arg(path)
        .args(words)
        .env("CLICKHOUSE_URL", format!("http://{}", engine.address()));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.unwrap();
    let said = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    (status.code().unwrap(), said)
}

async fn runs(engine: &ClickHouse, words: &[&str]) {
    let (status, said) = script(engine, words).await;
    assert_eq!(status, 0, "{words:?}: {said}");
}

async fn send(server: &Server, tenant: &Tenant, count: usize) {
    let mut events = vec![event(); count];
    for event in &mut events {
        event["event_id"] = support::uuid().into();
        event["event_data"] = json!([event["event_id"]]);
    }
    let request = server.request_as(tenant, Method::POST, "/api/events");
    expect(request.json(&events), StatusCode::OK).await;
}

/// Returns the tenant's events, newest first, with everything that the API shows of them.
async fn history(server: &Server, tenant: &Tenant) -> Value {
    let page = server
        .get_json(tenant, "/api/history/events?limit=1000")
        .await;
    page["results"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_is_backed_up_and_restored_whole() {
    let engine = ClickHouse::start_with_backups();
    let on_engine = |options: &str| {
        let location = format!("{}{options}", engine.url());
        Server::builder()
            .env("EVENT_HISTORY_DATABASE", location)
            .start()
    };
    let server = on_engine("");
    let pooled = server.create_tenant("pooled").await;
    let body = json!({"database_name": "alone", "client_label": "x", "placement": "dedicated"});
    let create = server.request(Method::POST, "/api/initialize-tenant");
    let created: Value = expect(create.json(&body), StatusCode::CREATED)
        .await
        .json()
        .await
        .unwrap();
    let dedicated = Tenant {
        client_id: created["client_id"].as_str().unwrap().to_owned(),
        client_secret: created["client_secret"].as_str().unwrap().to_owned(),
        database_name: "alone".to_owned(),
    };
    let tenants = [&pooled, &dedicated];
    for tenant in tenants {
        send(&server, tenant, 100).await;
    }
    runs(&engine, &["full", "Disk('backups', 'one')"]).await;
    for tenant in tenants {
        send(&server, tenant, 10).await;
    }
    let previous = "Disk('backups', 'one')";
    runs(
        &engine,
        &["incremental", "Disk('backups', 'two')", previous],
    )
    .await;
    let expected = [
        history(&server, &pooled).await,
        history(&server, &dedicated).await,
    ];
    assert_eq!(expected[0].as_array().unwrap().len(), 110);
    send(&server, &pooled, 1).await; // too late

    let (status, said) = script(&engine, &["restore", "Disk('backups', 'two')"]).await;
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("a restore overwrites nothing"), "{said}");
    server.process().term();
    drop(server);
    let databases = "SELECT name FROM system.databases WHERE engine = 'Atomic' AND name NOT IN ('default', 'system')";
    let databases = engine.query(databases).await;
    for database in databases.split_whitespace() {
        engine
            .query(&format!("DROP DATABASE `{database}` SYNC"))
            .await;
    }
    let tables = "SELECT name FROM system.tables WHERE database = 'default'";
    for table in engine.query(tables).await.split_whitespace() {
        let drop = format!("DROP TABLE default.`{table}` SYNC");
        engine.query(&drop).await;
    }
    runs(&engine, &["restore", "Disk('backups', 'two')"]).await;
    let server = on_engine("");
    for (tenant, expected) in tenants.into_iter().zip(expected) {
        assert_eq!(
            history(&server, tenant).await,
            expected,
            "{}",
            tenant.database_name
        );
        send(&server, tenant, 1).await;
    }
}
