//! `event-history fsck`: it names each kind of planted damage and nothing else, and changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use http::{Method, StatusCode};
use sha2::{Digest, Sha256};

use super::{database, deliver, edit, flip, log_of};
use crate::support::{self, Server, Tenant, event_with_file, expect};

/// Runs it beside a server or after its end; returns its status and what it found.
async fn fsck(server: &Server) -> (i32, Vec<String>) {
    let data = server.folder().join("data");
    let mut command = support::clean_command(support::binary(), server.folder());
    command
        .arg("fsck")
        .args(["--database", &format!("sqlite:{}", data.display())])
        .args(["--files", &format!("file:{}/files", data.display())]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    let sum = lines.pop().unwrap_or_default();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(sum.contains("checked; damaged: "), "{said}{stderr}");
    (output.status.code().unwrap(), lines)
}

async fn assert_sound(server: &Server, when: &str) {
    assert_eq!(fsck(server).await, (0, Vec::new()), "{when}");
}

/// Asserts that there is one finding, which says all of this.
async fn assert_found(server: &Server, all: &[&str]) {
    let (code, lines) = fsck(server).await;
    assert_eq!((code, lines.len()), (1, 1), "{lines:?} for {all:?}");
    for text in all {
        assert!(lines[0].contains(text), "{text} in {lines:?}");
    }
}

/// Returns the files below a folder that have something in them, and the SHA-256 of that. Empty logs, and the
/// indexes of logs, come and go with every guest.
fn content(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(content(&path));
        } else if path.extension().is_none_or(|it| it != "db-shm") {
            let bytes = fs::read(&path).unwrap();
            if !bytes.is_empty() {
                found.insert(path, support::sha256_hex(bytes));
            }
        }
    }
    found
}

struct File {
    event_id: String,
    id: String,
    path: PathBuf,
}

/// Uploads a file and delivers an event that references it.
async fn deliver_file(server: &Server, tenant: &Tenant) -> File {
    let upload = server.upload_url(tenant).await;
    let put = server
        .client()
        .put(&upload.url)
        .body(support::random_bytes(3000));
    expect(put, StatusCode::OK).await;
    let detail = event_with_file(&upload.file_id);
    server.deliver(tenant, &detail).await;
    let key = format!("{}/{}", tenant.database_name, upload.file_id);
    let name = hex::encode(Sha256::digest(key));
    let objects = server.folder().join("data/files/objects");
    File {
        event_id: detail["event_id"].as_str().unwrap().to_owned(),
        id: upload.file_id,
        path: objects.join(&name[..2]).join(name),
    }
}

async fn filled() -> (Server, Tenant, File) {
    let server = Server::start();
    let (demo, other) = (
        server.create_tenant("demo").await,
        server.create_tenant("other").await,
    );
    deliver(&server, &demo, 20).await;
    deliver(&server, &other, 5).await;
    deliver_file(&server, &other).await;
    let file = deliver_file(&server, &demo).await;
    (server, demo, file)
}

#[tokio::test]
async fn a_sound_folder_has_no_findings_and_is_left_as_it_is() {
    let (server, ..) = filled().await;
    assert_sound(&server, "beside the service").await;
    server.kill();
    let before = content(&server.folder().join("data"));
    let log = log_of(&database(&server, "demo"));
    assert!(fs::metadata(log).unwrap().len() > 0, "a KILL leaves a log");
    assert_sound(&server, "after a KILL").await;
    let mut after = content(&server.folder().join("data"));
    assert_eq!(after, before);
    let mut server = server;
    server.start_again();
    server.process().term();
    assert_sound(&server, "stopped").await;
    after = content(&server.folder().join("data"));
    assert_sound(&server, "stopped").await;
    assert_eq!(content(&server.folder().join("data")), after);
}

/// Deletes a tenant with its files.
async fn delete(server: &Server, tenant: &Tenant) {
    loop {
        let target = "/api/delete-tenant?files=delete";
        let request = server.request_as(tenant, Method::DELETE, target);
        match request.send().await.unwrap().status() {
            StatusCode::OK => return,
            // A guest may be in the folder for longer than the service waits.
            StatusCode::SERVICE_UNAVAILABLE => {}
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_service_under_load_has_no_findings() {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_ROUNDS", 4);
    let (server, demo, _) = filled().await;
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let over = || is_over.load(std::sync::atomic::Ordering::Relaxed);
    let writers = futures_util::future::join_all((0..6).map(async |number| {
        while !over() {
            match number {
                0 => drop(deliver_file(&server, &demo).await),
                1 => {
                    let name = format!("fleeting_{}", support::random_below(1 << 40));
                    let tenant = server.create_tenant(&name).await;
                    deliver_file(&server, &tenant).await;
                    delete(&server, &tenant).await;
                }
                _ => drop(deliver(&server, &demo, 20).await),
            }
        }
    }));
    let checker = async {
        for round in 0..rounds {
            assert_sound(&server, &format!("round {round}")).await;
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    futures_util::future::join(writers, checker).await;
}

#[tokio::test]
async fn each_kind_of_damage_to_a_database_is_named_and_nothing_else() {
    let (mut server, ..) = filled().await;
    server.process().term();
    let path = database(&server, "demo");
    let kept = fs::read(&path).unwrap();
    let name = path.display().to_string();
    for (sql, says) in [
        (
            "UPDATE events SET source_name = 'x' WHERE rowid = 3",
            "row 3 (event",
        ),
        (
            "UPDATE record_counts SET events = events + 1",
            "the stored count is",
        ),
        (
            "UPDATE type_counts SET events = 7 WHERE event_type_id = 9",
            "event type 9",
        ),
        ("UPDATE files SET tombstoned_s = 1", "is tombstoned"),
        (
            "INSERT INTO files (file_id, events) VALUES (x'00000000000000000000000000000001', 1)",
            "no event references it",
        ),
        (
            "UPDATE files SET events = events - 1",
            "the stored count of references is 0, and there are 1",
        ),
    ] {
        edit(&path, sql);
        if sql.starts_with("UPDATE record_counts") {
            edit(
                &path,
                "UPDATE record_counts SET events = events - 1 WHERE event_type_id = 9",
            );
        }
        assert_found(&server, &["damaged tenant 'demo'", &name, says]).await;
        fs::write(&path, &kept).unwrap();
    }
    super::rows::remove_row_alone(
        &path,
        "(SELECT event_id FROM events WHERE rowid = 3)",
        "events_by_time",
    );
    let (code, lines) = fsck(&server).await;
    assert_eq!(code, 1, "{lines:?}");
    let is_it = |it: &String| it.contains("tenant 'demo'") && it.contains("integrity check");
    assert!(!lines.is_empty() && lines.iter().all(is_it), "{lines:?}");
    fs::write(&path, &kept).unwrap();

    fs::write(&path, [&kept[..100], &[0x5a; 9000]].concat()).unwrap();
    let (code, lines) = fsck(&server).await;
    assert_eq!(code, 1, "{lines:?}");
    assert!(lines.iter().all(|it| it.contains(&name)), "{lines:?}");
    fs::write(&path, &kept).unwrap();

    fs::copy(database(&server, "other"), &path).unwrap();
    assert_found(&server, &["damaged tenant 'demo'", &name, "tenant 'other'"]).await;
    fs::remove_file(&path).unwrap();
    assert_found(&server, &["damaged tenant 'demo'", &name, "missing"]).await;
    fs::write(&path, &kept).unwrap();

    edit(
        &server.folder().join("data/registry.db"),
        "DELETE FROM tenants WHERE database_name = 'demo'",
    );
    let (code, lines) = fsck(&server).await;
    assert_eq!((code, lines.len()), (1, 1), "{lines:?}");
    server.start_again();
    let (code, lines) = fsck(&server).await;
    assert_eq!((code, lines.len()), (1, 1), "beside the service: {lines:?}");
}

#[tokio::test]
async fn a_damaged_log_is_named_and_kept() {
    let (server, ..) = filled().await;
    server.kill();
    let log = log_of(&database(&server, "demo"));
    flip(&log, 32 + 500);
    let before = fs::read(&log).unwrap();
    let name = log.display().to_string();
    assert_found(&server, &["damaged tenant 'demo'", &name, "frame 1 "]).await;
    assert_eq!(fs::read(&log).unwrap(), before);
    let mut server = server;
    server.start_again();
    assert_found(&server, &["damaged tenant 'demo'", &name, "frame 1 "]).await;
    assert_eq!(fs::read(&log).unwrap(), before);
}

#[tokio::test]
async fn each_kind_of_damage_to_a_file_is_named_and_nothing_else() {
    let (server, _, file) = filled().await;
    let kept = fs::read(&file.path).unwrap();
    let name = file.path.display().to_string();
    let all = ["damaged tenant 'demo'", &file.event_id, &file.id, &name];
    let of_other = fs::read_dir(server.folder().join("data/files/objects"))
        .unwrap()
        .flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap())
        .map(|object| object.unwrap().path())
        .find(|path| *path != file.path)
        .unwrap();
    fs::remove_file(&file.path).unwrap();
    assert_found(&server, &[&all[..], &["it is missing"]].concat()).await;
    fs::write(&file.path, &kept[..kept.len() - 1]).unwrap();
    assert_found(&server, &all).await;
    fs::write(&file.path, "").unwrap();
    assert_found(&server, &all).await;
    let mut footer = kept.clone();
    let at = footer.len() - 40;
    footer[at] ^= 1;
    fs::write(&file.path, footer).unwrap();
    assert_found(&server, &all).await;
    fs::copy(&of_other, &file.path).unwrap();
    assert_found(&server, &[&all[..], &["another key"]].concat()).await;
    fs::write(&file.path, &kept).unwrap();
    assert_sound(&server, "the file is back").await;

    // One that no event references.
    let upload = server
        .upload_url(&server.create_tenant("third").await)
        .await;
    let put = server.client().put(&upload.url).body("x");
    expect(put, StatusCode::OK).await;
    assert_sound(&server, "an orphan is no damage").await;
    let orphan = fs::read_dir(server.folder().join("data/files/objects"))
        .unwrap()
        .flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap())
        .map(|object| object.unwrap().path())
        .find(|path| *path != file.path && *path != of_other)
        .unwrap();
    fs::write(&orphan, "garbage").unwrap();
    let name = orphan.display().to_string();
    assert_found(&server, &["damaged", &name]).await;
}

#[tokio::test]
async fn fsck_creates_no_folder() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut command = support::clean_command(support::binary(), home.path());
    command
        .arg("fsck")
        .args(["--database", &format!("sqlite:{}", data.display())])
        .args(["--files", &format!("file:{}/files", data.display())]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!data.exists());
}
