//! Sweeps under load: an acknowledged event keeps its file forever, and orphans are removed.

use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode};

use super::{Uploaded, assert_kept, embedded_settings, files, is_stored, refer, run, upload};
use crate::support::{self, ClickHouse, FaultySync, SeaweedFs, Server, Storage, Tenant, expect};

const CLIENTS: usize = 16;

/// The age at which the sweeps of these tests consider a file an orphan.
const GRACE: Duration = Duration::from_secs(1);

/// Longer than a sweep comes late by.
const BOUND: Duration = Duration::from_mins(1);

/// Uploads, and sends the event at once, when the file is about to be swept, or never.
async fn client(server: &Server, tenant: &Tenant, rounds: usize) -> Vec<Uploaded> {
    let mut uploaded = Vec::new();
    for _ in 0..rounds {
        let mut file = upload(server, tenant).await;
        match support::random_below(4) {
            0 => {}
            1 => refer(server, tenant, &mut file).await,
            _ => {
                let late_ms = support::random_below(2_500);
                tokio::time::sleep(Duration::from_millis(late_ms)).await;
                refer(server, tenant, &mut file).await;
            }
        }
        uploaded.push(file);
    }
    uploaded
}

async fn load(servers: &[&Server], tenants: &[Tenant], rounds: usize) -> Vec<(Tenant, Uploaded)> {
    let clients = (0..CLIENTS).map(async |number| {
        let tenant = &tenants[number % tenants.len()];
        let server = servers[number % servers.len()];
        let uploaded = client(server, tenant, rounds).await;
        uploaded.into_iter().map(|file| (tenant.clone(), file))
    });
    join_all(clients).await.into_iter().flatten().collect()
}

async fn assert_all_kept(server: &Server, uploaded: &[(Tenant, Uploaded)]) {
    for (tenant, file) in uploaded {
        assert_kept(server, tenant, file).await;
    }
    let acknowledged = uploaded.iter().filter(|(_, file)| file.event_id.is_some());
    assert!(acknowledged.count() > uploaded.len() / 5);
}

async fn orphans<'a>(
    storage: &Storage,
    uploaded: &'a [(Tenant, Uploaded)],
) -> Vec<&'a (Tenant, Uploaded)> {
    let mut left = Vec::new();
    for one in uploaded {
        let (tenant, file) = one;
        if file.event_id.is_none() && is_stored(storage, tenant, &file.file_id).await {
            left.push(one);
        }
    }
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweeping_service_loses_no_referenced_file() {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_SWEEP_ROUNDS", 2);
    let server = Server::builder()
        .env("EVENT_HISTORY_SWEEP_ORPHANS_AFTER", "1s")
        .start();
    let storage = server.embedded_storage();
    let tenants = [
        server.create_tenant("swept-one").await,
        server.create_tenant("swept-two").await,
    ];
    let mut all = Vec::new();
    for _ in 0..rounds {
        all.extend(load(&[&server], &tenants, 4).await);
        assert_all_kept(&server, &all).await;
    }
    support::wait_for("all orphans to be removed", BOUND, async || {
        orphans(&storage, &all).await.is_empty().then_some(())
    })
    .await;
    // One more sweep, behind all that was sent.
    let last = upload(&server, &tenants[0]).await;
    support::wait_for("the last orphan to be removed", BOUND, async || {
        (!is_stored(&storage, &tenants[0], &last.file_id).await).then_some(())
    })
    .await;
    assert_all_kept(&server, &all).await;
    let metrics = expect(server.request(Method::GET, "/metrics"), StatusCode::OK).await;
    let metrics = metrics.text().await.unwrap();
    let swept = all
        .iter()
        .filter(|(_, file)| file.event_id.is_none())
        .count()
        + 1;
    let line = format!("event_history_swept_files_total {swept}");
    assert!(metrics.lines().any(|it| it == line), "{swept}: {metrics}");
    assert!(server.process().term().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_with_running_replicas_on_clickhouse_and_seaweedfs_loses_no_referenced_file() {
    let (engine, seaweedfs) = (ClickHouse::start(), SeaweedFs::start().await);
    let start = || {
        Server::builder()
            .env("EVENT_HISTORY_DATABASE", engine.url())
            .files_in(seaweedfs.storage())
            .start()
    };
    let servers = [start(), start()];
    let tenants = [servers[0].create_tenant("swept-shared").await];
    let mut settings = Vec::from(seaweedfs.storage().settings());
    settings.push(("EVENT_HISTORY_DATABASE", engine.url()));
    let home = servers[0].folder();
    let sweep = || {
        let age = format!("{}s", GRACE.as_secs());
        files(
            home,
            &settings,
            &["sweep", "--delete", "--older-than", &age],
        )
    };
    let both = [&servers[0], &servers[1]];
    let before = load(&both, &tenants, 2).await;
    // The sweep settles for 15 s: there are events all the while.
    let ((code, lines), during) = tokio::join!(run(sweep()), load(&both, &tenants, 12));
    assert_eq!(code, 0, "{lines:?}");
    let all = [before, during].concat();
    assert_all_kept(&servers[1], &all).await;

    tokio::time::sleep(GRACE).await; // the youngest is older than that now
    let (code, lines) = run(sweep()).await;
    assert_eq!(code, 0, "{lines:?}");
    let left = orphans(seaweedfs.storage(), &all).await;
    assert!(left.is_empty(), "{left:?}");
    assert_all_kept(&servers[0], &all).await;
}

/// A newer version's database looks like an outage, but of one tenant.
#[tokio::test]
async fn a_tenant_whose_database_cannot_be_used_does_not_affect_others() {
    let mut server = Server::start();
    let storage = server.embedded_storage();
    let names = ["swept-first", "swept-last", "swept-newer"];
    let mut orphans = Vec::new();
    for name in names {
        let tenant = server.create_tenant(name).await;
        let orphan = upload(&server, &tenant).await;
        orphans.push((tenant, orphan));
    }
    assert!(server.process().term().success());
    let newer = server.folder().join("data/tenants/swept-newer.db");
    let set_version = |version: u32| {
        let connection = rusqlite::Connection::open(&newer).unwrap();
        let before = connection.pragma_query_value(None, "user_version", |row| row.get(0));
        let updated = connection.pragma_update(None, "user_version", version);
        updated.unwrap();
        before.unwrap()
    };
    let version: u32 = set_version(99);
    let settings = embedded_settings(&server);
    let sweep = ["sweep", "--older-than", "0s", "--delete"];
    let (code, lines) = run(files(server.folder(), &settings, &sweep)).await;
    assert_eq!(code, 1, "{lines:?}");
    let remark = lines.iter().find_map(|line| line["remark"].as_str());
    let remark = remark.unwrap();
    assert!(
        remark.starts_with("tenant 'swept-newer' was skipped:"),
        "{remark}"
    );
    assert!(remark.contains("has schema version 99"), "{remark}");
    let sum = &lines.last().unwrap()["sum"];
    assert_eq!(sum["removed"], 2, "{lines:?}");
    assert_eq!(sum["skipped_tenants"], 1, "{lines:?}");

    let (code, lines) = run(files(server.folder(), &settings, &["verify"])).await;
    assert_eq!(code, 1, "{lines:?}");
    assert_eq!(lines[0]["problem"], "unreadable", "{lines:?}");
    assert_eq!(lines[0]["database_name"], "swept-newer");

    set_version(version);
    server.start_again();
    for (tenant, orphan) in &orphans {
        let is_left = is_stored(&storage, tenant, &orphan.file_id).await;
        assert_eq!(is_left, tenant.database_name == "swept-newer");
    }
}

/// A storage that refuses to remove a file keeps it, so events can go on referencing it.
#[tokio::test]
async fn a_file_that_cannot_be_removed_can_be_referenced_again() {
    let faults = FaultySync::new();
    let server = faults.befalls(Server::builder()).start();
    let tenant = server.create_tenant("kept").await;
    let mut file = upload(&server, &tenant).await;
    let settings = embedded_settings(&server);
    let sweep = || {
        let arguments = ["sweep", "--older-than", "0s", "--delete"];
        let mut command = files(server.folder(), &settings, &arguments);
        faults.befalls_command(&mut command);
        run(command)
    };
    faults.keep("/objects/");
    let (code, lines) = sweep().await;
    assert_eq!(code, 1, "{lines:?}");
    assert_eq!(lines[0]["fate"], "kept", "{lines:?}");
    refer(&server, &tenant, &mut file).await;
    assert!(file.event_id.is_some(), "its tombstone was withdrawn");
    faults.recover();
    let (code, lines) = sweep().await;
    assert_eq!(code, 0, "{lines:?}");
    assert_kept(&server, &tenant, &file).await;
}
