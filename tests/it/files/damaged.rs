//! Damage: every job names the row, the tenant, the file or the object, exits with status 1, and does the rest.

use std::path::PathBuf;

use http::StatusCode;
use rusqlite::Connection;
use rusty_s3::S3Action;
use serde_json::Value;

use super::copies::{Settings, copy, destination, serve};
use super::{LIFE, Uploaded, assert_kept, embedded_settings, files, is_stored, refer, run, upload};
use crate::support::{self, ClickHouse, SeaweedFs, Server, Storage, Tenant, expect};

const ROW: usize = 0;
const FILE: usize = 1;
const TENANT: usize = 2;
const WHOLE: usize = 3;
const NAMES: [&str; 4] = ["of-a-row", "of-a-file", "of-a-tenant", "of-none"];

/// A tenant, two files that events reference, and one that none does.
struct Owner {
    tenant: Tenant,
    referenced: Vec<Uploaded>,
    orphan: Uploaded,
}

async fn owner(server: &Server, name: &str) -> Owner {
    let tenant = server.create_tenant(name).await;
    let mut referenced = Vec::new();
    for _ in 0..2 {
        let mut file = upload(server, &tenant).await;
        refer(server, &tenant, &mut file).await;
        assert!(file.event_id.is_some());
        referenced.push(file);
    }
    let orphan = upload(server, &tenant).await;
    Owner {
        tenant,
        referenced,
        orphan,
    }
}

/// Puts other bytes in the place of a file, as only the storage's own credentials can.
async fn replace(storage: &Storage, tenant: &Tenant, file: &Uploaded) {
    let key = format!("{}/{}", tenant.database_name, file.file_id);
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let client = support::http_client();
    let delete = bucket.delete_object(Some(&credentials), &key).sign(LIFE);
    expect(client.delete(delete), StatusCode::NO_CONTENT).await;
    let put = bucket.put_object(Some(&credentials), &key).sign(LIFE);
    expect(client.put(put).body("other bytes"), StatusCode::OK).await;
}

/// Damages a file through the storage and the rest by `damage`, which takes the id of the event whose row is to be damaged,
/// and runs the jobs. Nothing else may run meanwhile.
async fn jobs_name_damage_and_do_the_rest(
    server: Server,
    storage: &Storage,
    settings: Settings,
    damage: impl AsyncFnOnce(&str),
) {
    let mut owners = Vec::new();
    for name in NAMES {
        owners.push(owner(&server, name).await);
    }
    let row_id = owners[ROW].referenced[0].event_id.clone().unwrap();
    let file = &owners[FILE].referenced[0];
    replace(storage, &owners[FILE].tenant, file).await;
    assert!(server.process().term().success());
    damage(&row_id).await;
    let home = server.folder();

    let (code, lines) = run(files(home, &settings, &["verify"])).await;
    assert_eq!(code, 1, "{lines:?}");
    let problem = |owner: usize| {
        let of_owner = |line: &&Value| line["database_name"] == NAMES[owner];
        let mut problems = lines.iter().filter(of_owner);
        let problem = problems.next().unwrap_or(&Value::Null);
        assert!(problems.next().is_none(), "{lines:?}");
        problem
    };
    assert_eq!(problem(ROW)["problem"], "unreadable", "{lines:?}");
    let reason = problem(ROW)["reason"].as_str().unwrap();
    assert!(reason.contains(&row_id), "{reason}");
    assert_eq!(problem(FILE)["problem"], "changed", "{lines:?}");
    assert_eq!(problem(FILE)["file_id"], file.file_id, "{lines:?}");
    assert_eq!(problem(TENANT)["problem"], "unreadable", "{lines:?}");
    assert_eq!(*problem(WHOLE), Value::Null, "{lines:?}");
    let sum = &lines.last().unwrap()["sum"];
    assert_eq!(sum["problems"], 3, "{lines:?}");
    assert!(sum["files"].as_u64().unwrap() >= 4, "{lines:?}");

    let (code, lines) = run(files(home, &settings, &["sweep", "--older-than", "0s"])).await;
    assert_eq!(code, 1, "{lines:?}");
    let skipped = format!("tenant '{}' was skipped: ", NAMES[TENANT]);
    let remarks: Vec<&str> = lines
        .iter()
        .filter_map(|it| it["remark"].as_str())
        .collect();
    assert_eq!(remarks.len(), 1, "{lines:?}");
    assert!(remarks[0].starts_with(&skipped), "{lines:?}");
    let mut found: Vec<&str> = lines
        .iter()
        .filter_map(|it| it["file_id"].as_str())
        .collect();
    let mut orphans: Vec<&str> = [ROW, FILE, WHOLE]
        .map(|it| &*owners[it].orphan.file_id)
        .into();
    found.sort_unstable();
    orphans.sort_unstable();
    assert_eq!(found, orphans, "{lines:?}");

    let there = tempfile::tempdir().unwrap();
    let to = destination(&there, None);
    let output = copy(home, &settings, &to).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let differs = |owner: usize| {
        let begin = format!("tenant '{}' differs: ", NAMES[owner]);
        said.lines().find(|line| line.starts_with(&begin))
    };
    assert!(differs(ROW).unwrap().contains(&row_id), "{said}");
    let reason = differs(TENANT).unwrap();
    assert!(
        reason.contains("cannot count the events at the source"),
        "{said}"
    );
    let lost = format!(
        "1 files of events are not in the source as they were recorded: '{}/{}'",
        NAMES[FILE], file.file_id
    );
    assert!(said.contains(&lost), "{said}");
    assert!(said.contains("2 of 4 tenants differ\n"), "{said}");
    let copy = serve(&to);
    let Owner {
        tenant, referenced, ..
    } = &owners[WHOLE];
    for file in referenced {
        assert_kept(&copy, tenant, file).await;
    }
    let Owner {
        tenant, referenced, ..
    } = &owners[FILE];
    assert_kept(&copy, tenant, &referenced[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_on_sqlite_and_the_embedded_storage_affects_nothing_else() {
    let server = Server::start();
    let settings = Vec::from(embedded_settings(&server));
    let storage = server.embedded_storage();
    let tenants = server.folder().join("data/tenants");
    let database = move |owner: usize| tenants.join(format!("{}.db", NAMES[owner]));
    jobs_name_damage_and_do_the_rest(server, &storage, settings, async |row_id| {
        let sql = format!(
            "UPDATE events SET record_id = record_id + 1 WHERE event_id = x'{}'",
            row_id.replace('-', "")
        );
        let connection = Connection::open(database(ROW)).unwrap();
        assert_eq!(connection.execute(&sql, []).unwrap(), 1);
        std::fs::remove_file(database(TENANT)).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_on_clickhouse_and_seaweedfs_affects_nothing_else() {
    let (engine, seaweedfs) = (ClickHouse::start(), SeaweedFs::start().await);
    let storage = seaweedfs.bucket_called("damaged").await;
    let mut settings = Vec::from(storage.settings());
    settings.push(("EVENT_HISTORY_DATABASE", engine.url()));
    let server = serve(&settings);
    jobs_name_damage_and_do_the_rest(server, &storage, settings, async |row_id| {
        let update = format!(
            "ALTER TABLE _event_history.events UPDATE event_data = '[1' WHERE event_id = '{row_id}' \
             SETTINGS mutations_sync = 2"
        );
        engine.query(&update).await;
        engine.query(&format!("DROP DATABASE `{}`", NAMES[TENANT])).await;
    })
    .await;
}

/// Returns the files of the objects of an embedded storage.
fn object_files(server: &Server) -> Vec<PathBuf> {
    let shards = std::fs::read_dir(server.folder().join("data/files/objects")).unwrap();
    let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_by_sweeps_and_kept() {
    let server = Server::start();
    let tenant = server.create_tenant("swept").await;
    upload(&server, &tenant).await;
    let path = object_files(&server).pop().unwrap();
    let other = upload(&server, &tenant).await;
    let content = std::fs::read(&path).unwrap();
    std::fs::write(&path, &content[..content.len() - 1]).unwrap();
    let settings = embedded_settings(&server);
    let sweep = ["sweep", "--older-than", "0s", "--delete"];
    let (code, lines) = run(files(server.folder(), &settings, &sweep)).await;
    assert_eq!(code, 1, "{lines:?}");
    let name = path.file_name().unwrap().to_str().unwrap();
    let remark = lines.iter().find_map(|line| line["remark"].as_str());
    assert!(remark.unwrap().contains(name), "{lines:?}");
    let sum = &lines.last().unwrap()["sum"];
    assert_eq!(
        (&sum["damaged"], &sum["removed"]),
        (&1.into(), &1.into()),
        "{lines:?}"
    );
    assert!(path.exists());
    let storage = server.embedded_storage();
    assert!(!is_stored(&storage, &tenant, &other.file_id).await);
}
