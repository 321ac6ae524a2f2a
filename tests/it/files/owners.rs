//! Files belong to one database. Another one, to which they all look orphaned, does not touch them.

use http::StatusCode;

use super::{embedded_settings, files, is_stored, run, upload};
use crate::support::{self, ClickHouse, SeaweedFs, Server, expect};

const SWEEP: [&str; 5] = ["sweep", "--delete", "--of-no-tenant", "--older-than", "0s"];

/// Runs a command that is refused, and returns what it said.
fn refused(mut command: std::process::Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[tokio::test]
async fn files_in_a_folder_belong_to_one_database() {
    let server = Server::start();
    let tenant = server.create_tenant("owned").await;
    let file = upload(&server, &tenant).await;
    let [database, storage] = embedded_settings(&server);
    let owner = server.folder().join("data/files/owner");
    let id = std::fs::read_to_string(&owner).unwrap();

    // Another service, which has a tenant of the same name, on the same folder.
    let other = Server::start();
    other.create_tenant("owned").await;
    other.kill();
    let settings = [embedded_settings(&other)[0].clone(), storage.clone()];
    let said = refused(files(other.folder(), &settings, &SWEEP));
    assert!(
        said.contains(id.trim()) && said.contains("'owner'"),
        "{said}"
    );
    let mut serve = support::clean_command(support::binary(), other.folder());
    serve.args(["serve", "--listen", "127.0.0.1:0"]);
    serve.env("EVENT_HISTORY_API_KEY", support::API_KEY);
    serve.envs(settings.iter().map(|(name, value)| (*name, value)));
    let said = refused(serve);
    assert!(
        said.contains(id.trim()) && said.contains("'owner'"),
        "{said}"
    );
    let mut copy = support::clean_command(support::binary(), other.folder());
    copy.args(["copy", "--from", &embedded_settings(&other)[0].1]);
    copy.args([
        "--to",
        &format!("sqlite:{}/third", other.folder().display()),
    ]);
    copy.args(["--files-from", &embedded_settings(&other)[1].1]);
    copy.args(["--files-to", &storage.1]);
    let said = refused(copy);
    assert!(
        said.contains(id.trim()) && said.contains("'owner'"),
        "{said}"
    );
    assert!(is_stored(&server.embedded_storage(), &tenant, &file.file_id).await);

    // Its own database may, and another one to which they are handed over.
    let own = [database, storage];
    let (code, lines) = run(files(server.folder(), &own, &SWEEP)).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines[0]["fate"], "removed", "{lines:?}");
    std::fs::remove_file(&owner).unwrap();
    let (code, lines) = run(files(other.folder(), &settings, &SWEEP)).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_ne!(std::fs::read_to_string(&owner).unwrap(), id);
    refused(files(server.folder(), &own, &SWEEP));
}

#[tokio::test]
async fn files_in_seaweedfs_belong_to_one_clickhouse() {
    let (engine, seaweedfs) = (ClickHouse::start(), SeaweedFs::start().await);
    let start = || {
        Server::builder()
            .env("EVENT_HISTORY_DATABASE", engine.url())
            .env("EVENT_HISTORY_SWEEP_ORPHANS_AFTER", "1d")
            .files_in(seaweedfs.storage())
            .start()
    };
    // Replicas have one database together.
    let servers = [start(), start()];
    let tenant = servers[0].create_tenant("owned").await;
    let file = upload(&servers[1], &tenant).await;
    let settings = |database: String| {
        let mut settings = Vec::from(seaweedfs.storage().settings());
        settings.push(("EVENT_HISTORY_DATABASE", database));
        settings
    };
    let dry = ["sweep", "--older-than", "0s"];
    let home = servers[0].folder();
    let (code, lines) = run(files(home, &settings(engine.url()), &dry)).await;
    assert_eq!(code, 0, "{lines:?}");
    let none_older = ["sweep", "--delete", "--older-than", "1d"];
    let (code, lines) = run(files(home, &settings(engine.url()), &none_older)).await;
    assert_eq!(code, 0, "{lines:?}");

    let other = Server::start();
    other.create_tenant("owned").await;
    other.kill();
    let [database, _] = embedded_settings(&other);
    let said = refused(files(other.folder(), &settings(database.1.clone()), &SWEEP));
    assert!(said.contains(".event-history/owner"), "{said}");
    refused(files(other.folder(), &settings(database.1), &dry));
    assert!(is_stored(seaweedfs.storage(), &tenant, &file.file_id).await);
    // The object that says so is no stranger, and no tenant's.
    let sum = &lines.last().unwrap()["sum"];
    assert_eq!(
        sum["other_objects"], 1,
        "SeaweedFS's probe alone: {lines:?}"
    );
    let live = servers[0].request(http::Method::GET, "/health/ready");
    expect(live, StatusCode::OK).await;
}
