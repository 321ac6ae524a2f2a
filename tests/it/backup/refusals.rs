//! Backups and restores that are refused, and the metric of the last backup.

use std::fs;
use std::time::Duration;

use http::{Method, StatusCode};

use super::{back_up, command, restore, run, send, verify};
use crate::support::{self, Server, expect};

const METRIC: &str = "event_history_last_backup_timestamp_seconds";

#[tokio::test]
async fn nothing_is_overwritten_and_no_targets_are_mixed() {
    let [server, other] = [Server::start(), Server::start()];
    let tenant = server.create_tenant("demo").await;
    send(&server, &tenant, 1).await;
    other.create_tenant("demo").await;
    let target = server.folder().join("target");
    let name = target.to_str().unwrap();
    let folder = |name: &str| server.folder().join(name);

    verify(&server, name).await.refuses(&["there is no backup"]);
    let new = folder("new");
    restore(&server, name, &new)
        .await
        .refuses(&["there is no complete backup"]);
    assert!(!new.exists());
    back_up(&server, name).await.ok();
    back_up(&other, name)
        .await
        .refuses(&["the backups of another database"]);

    fs::create_dir(folder("occupied")).unwrap();
    fs::write(folder("occupied").join("notes"), "x").unwrap();
    for occupied in [
        folder("occupied"),
        folder("occupied").join("notes"),
        folder("data"),
    ] {
        let refused = restore(&server, name, &occupied).await;
        refused.refuses(&["a restore overwrites nothing"]);
    }
    assert_eq!(fs::read(folder("occupied").join("notes")).unwrap(), b"x");

    let unknown = command(&server, &["verify-backup", name, "--backup", "monday"]);
    run(unknown).await.refuses(&["there is no backup 'monday'"]);
    let mut clickhouse = command(&server, &["backup", name]);
    clickhouse.env("EVENT_HISTORY_DATABASE", "clickhouse://default@127.0.0.1:1");
    run(clickhouse)
        .await
        .refuses(&["ClickHouse makes its backups itself"]);
    let missing = folder("missing");
    let mut elsewhere = command(&server, &["backup", name]);
    elsewhere.env(
        "EVENT_HISTORY_DATABASE",
        format!("sqlite:{}", missing.display()),
    );
    run(elsewhere)
        .await
        .refuses(&["cannot open the databases", "missing"]);
    assert!(!missing.exists());
    let said = run(command(&server, &["backup", "ftp://x/y"])).await;
    assert_eq!(said.status, 2, "{said:?}");
}

/// A database that cannot be read is named, and the others are backed up.
#[tokio::test]
async fn a_database_of_another_tenant_is_named_and_the_others_are_restored() {
    let server = Server::start();
    let [one, other] = [
        server.create_tenant("one").await,
        server.create_tenant("other").await,
    ];
    for tenant in [&one, &other] {
        send(&server, tenant, 3).await;
    }
    let expected = super::digests(&server, &one).await;
    server.process().term();
    let tenants = server.folder().join("data/tenants");
    fs::copy(tenants.join("one.db"), tenants.join("other.db")).unwrap();
    let target = server.folder().join("target");
    let name = target.to_str().unwrap();
    let said = back_up(&server, name).await;
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.out.contains("3 databases"), "{said:?}");
    assert!(said.out.contains("not backed up: "), "{said:?}");
    assert!(said.out.contains("tenant 'other'"), "{said:?}");
    let said = verify(&server, name).await.ok();
    assert!(
        said.contains("not backed up: ") && said.contains("tenant 'other'"),
        "{said}"
    );
    let restored = server.folder().join("restored");
    let said = restore(&server, name, &restored).await;
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.out.contains("missing: "), "{said:?}");
    let copy = super::serve(&restored);
    assert_eq!(super::digests(&copy, &one).await, expected);
}

#[tokio::test]
async fn the_service_reports_when_the_last_backup_began() {
    let server = Server::start();
    let metrics = async || {
        let request = server.request(Method::GET, "/metrics");
        expect(request, StatusCode::OK).await.text().await.unwrap()
    };
    let value = |text: &str| -> Option<f64> {
        let mut lines = text.lines().filter(|line| line.starts_with(METRIC));
        lines.next()?.rsplit(' ').next()?.parse().ok()
    };
    assert_eq!(value(&metrics().await), None);
    let before = jiff::Zoned::now().timestamp().as_second();
    let target = server.folder().join("target");
    back_up(&server, target.to_str().unwrap()).await.ok();
    let bound = Duration::from_secs(15);
    let reported = support::wait_for("the metric", bound, async || value(&metrics().await)).await;
    let age = reported - f64::from(u32::try_from(before).unwrap());
    assert!((-1.0..60.0).contains(&age), "{reported}");
}
