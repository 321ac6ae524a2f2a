//! A backup put in the place of a database beside the log of a killed process is refused by name, and nothing
//! else is taken for that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use http::StatusCode;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::json;
use tokio::task::JoinSet;

use super::{check, count, database, deliver, delivery_answers, history_answers, tenants};
use crate::support::{self, Server, Tenant, event};

const BACKED_UP: usize = 12;
const LATER: usize = 5;

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Copies a database into a new file.
type BackUp = fn(&Path, &Path);

const BACKUPS: [(&str, BackUp); 2] = [
    ("VACUUM INTO", |from, to| {
        let from = Connection::open(from).expect("the database");
        let sql = format!("VACUUM INTO '{}'", to.display());
        from.execute_batch(&sql).expect("a backup");
    }),
    ("the backup API", |from, to| {
        let script = "import sqlite3, sys
source, target = map(sqlite3.connect, sys.argv[1:])
source.backup(target)
target.close()";
        let mut python = Command::new(support::python());
        support::run(python.args(["-c", script]).arg(from).arg(to));
    }),
];

/// Puts the first file in the place of the second.
type Restore = fn(&Path, &Path);

const RESTORES: [(&str, Restore); 2] = [
    ("another file", |from, to| {
        let aside = with_suffix(to, ".new");
        fs::copy(from, &aside).expect("a copy");
        fs::rename(aside, to).expect("the file");
    }),
    ("other content", |from, to| {
        assert_ne!(fs::copy(from, to).expect("a copy"), 0); // the inode stays
    }),
];

/// Sends events until the service has copied its log into the database, as it does after calls that came
/// together.
async fn deliver_until_copied(server: &Server, tenant: &Tenant) {
    let record = with_suffix(&database(server, &tenant.database_name), "-owner");
    let is_copied = || {
        let text = fs::read_to_string(&record).unwrap_or_default();
        text.contains("\"is_complete\":true")
    };
    for _ in 0..10 {
        if is_copied() {
            return;
        }
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            calls.spawn(server.delivery(tenant, &event()).send());
        }
        calls.join_all().await;
        let end = Instant::now() + Duration::from_secs(3);
        while !is_copied() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert!(is_copied(), "the log was never copied");
}

/// Asserts that the killed server refuses the tenant's database by name, keeps the log, and serves the backup
/// once the log is removed as the documentation says.
async fn assert_refused_and_restored(server: &mut Server, tenant: &Tenant, way: &str) {
    let file = database(server, &tenant.database_name);
    let log = with_suffix(&file, "-wal");
    let (before, kept) = (fs::read(&file).expect("it"), fs::read(&log).expect("a log"));
    assert_fsck_names(server, &log);
    server.start_again();
    history_answers(server, tenant, StatusCode::INTERNAL_SERVER_ERROR).await;
    delivery_answers(server, tenant, StatusCode::INTERNAL_SERVER_ERROR).await;
    support::wait_for("the log to name it", Duration::from_secs(5), async || {
        let said = server.process().stderr();
        said.contains(&log.display().to_string()).then_some(())
    })
    .await;
    check(server).only_wrong("database", &["demo.db", "-wal", "restored backup"]);
    assert!(
        fs::read(&file).expect("it") == before,
        "{way}: the file changed"
    );
    assert!(
        fs::read(&log).expect("a log") == kept,
        "{way}: the log changed"
    );

    server.process().term();
    fs::remove_file(&log).expect("the log");
    fs::remove_file(with_suffix(&file, "-shm")).expect("the index");
    server.start_again();
    assert_eq!(count(server, tenant).await, Some(BACKED_UP as u64), "{way}");
    deliver(server, tenant, 1).await;
    check(server).is_well();
}

/// Asserts that `fsck` has one fault to tell, and that it is about this log.
fn assert_fsck_names(server: &Server, log: &Path) {
    let output = super::on_data(server, &["fsck"]).output();
    let output = output.expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let log = log.display().to_string();
    let named = said.lines().filter(|line| line.contains(&log)).count();
    assert_eq!(named, 1, "{said}");
    assert!(!said.contains("malformed"), "{said}");
}

#[tokio::test]
async fn a_backup_made_while_the_service_ran_is_not_changed_by_a_log() {
    for (backup, back_up) in BACKUPS {
        for (way, restore) in RESTORES {
            for is_copied in [false, true] {
                let way = format!("{backup}, {way}, {is_copied}");
                let mut server = Server::start();
                let tenant = server.create_tenant("demo").await;
                let file = database(&server, "demo");
                let copy = server.folder().join("backup.db");
                deliver(&server, &tenant, BACKED_UP).await;
                back_up(&file, &copy);
                if is_copied {
                    deliver_until_copied(&server, &tenant).await;
                }
                deliver(&server, &tenant, LATER).await;
                server.kill();
                restore(&copy, &file);
                assert_refused_and_restored(&mut server, &tenant, &way).await;
            }
        }
    }
}

#[tokio::test]
async fn a_backup_made_while_the_service_was_down_is_not_changed_by_a_log() {
    for (way, restore) in RESTORES {
        let mut server = Server::start();
        let tenant = server.create_tenant("demo").await;
        let file = database(&server, "demo");
        let copy = server.folder().join("backup.db");
        deliver(&server, &tenant, BACKED_UP).await;
        server.process().term();
        fs::copy(&file, &copy).expect("a backup");
        server.start_again();
        deliver(&server, &tenant, LATER).await;
        server.kill();
        restore(&copy, &file);
        assert_refused_and_restored(&mut server, &tenant, way).await;
    }
}

#[tokio::test]
async fn a_restored_registry_is_not_changed_by_a_log() {
    for (way, restore) in RESTORES {
        let mut server = Server::start();
        let kept = server.create_tenant("demo").await;
        deliver(&server, &kept, 1).await;
        let registry = server.folder().join("data/registry.db");
        let copy = server.folder().join("backup.db");
        BACKUPS[0].1(&registry, &copy);
        server.create_tenant("later").await;
        // The service leaves nothing in the log but in the middle of a change.
        let writer = Connection::open(&registry).expect("the registry");
        let stays = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        writer.set_db_config(stays, true).expect("a setting");
        let sql = "UPDATE tenants SET client_label = 'changed'";
        writer.execute_batch(sql).expect("a change");
        server.kill();
        drop(writer);
        restore(&copy, &registry);
        let log = with_suffix(&registry, "-wal");
        let said = server.is_refused();
        assert!(said.contains(&log.display().to_string()), "{way}: {said}");
        let said = tenants(&server, &["adopt", "later"], 1);
        assert!(said.contains(&log.display().to_string()), "{way}: {said}");
        assert_ne!(fs::metadata(&log).expect("the log").len(), 0);

        fs::remove_file(&log).expect("the log");
        fs::remove_file(with_suffix(&registry, "-shm")).expect("the index");
        tenants(&server, &["adopt", "later"], 0);
        server.start_again();
        assert_eq!(count(&server, &kept).await, Some(1), "{way}");
        check(&server).is_well();
    }
}

/// Checkpoints come about every hundred of these.
async fn deliver_large(server: &Server, tenant: &Tenant) -> bool {
    let mut detail = event();
    detail["event_data"] = json!(["x".repeat(40_000)]);
    let sent = server.delivery(tenant, &detail).send().await;
    sent.is_ok_and(|answer| answer.status() == StatusCode::CREATED)
}

#[tokio::test]
async fn a_kill_at_any_moment_is_not_mistaken_for_a_restore() {
    let mut server = Server::start();
    let tenant = server.create_tenant("demo").await;
    let mut stored = 0;
    for round in 0..10_u64 {
        let sending = async {
            loop {
                assert!(deliver_large(&server, &tenant).await);
                stored += 1;
            }
        };
        // Where in a commit or a checkpoint this ends is up to chance.
        let time = Duration::from_millis(200 + 97 * round);
        let _: Result<(), _> = tokio::time::timeout(time, sending).await;
        server.kill();
        check(&server).is_well();
        server.start_again();
        let found = count(&server, &tenant).await.expect("a count");
        // The last one may have been stored and not answered.
        assert!((stored..=stored + 1).contains(&found), "{stored}, {found}");
        stored = found;
    }
}

/// Runs a command of the shell in the server's folder.
fn shell(server: &Server, command: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-ec", command]).current_dir(server.folder());
    support::run(&mut shell);
}

#[tokio::test]
async fn operations_on_a_whole_folder_raise_no_false_alarm() {
    for work in [
        "chmod -R u+x data; chmod -R u-x,u+X data; chown -R $(id -u):$(id -g) data",
        "cp -r data copy; mv data gone; mv copy data",
        "cp -a data copy; mv data gone; mv copy data",
        "tar cf all.tar data; rm -r data; tar xf all.tar",
        "tar cf all.tar data; tar xf all.tar",
        "cp -r data copy; cp -r copy/. data",
        "cp -a data copy; cp -a copy/. data",
        "rm data/tenants/demo.db-shm",
    ] {
        let mut server = Server::start();
        let tenant = server.create_tenant("demo").await;
        deliver(&server, &tenant, BACKED_UP).await;
        server.kill();
        shell(&server, work);
        check(&server).is_well();
        server.start_again();
        assert_eq!(count(&server, &tenant).await, Some(12), "{work}");
        deliver(&server, &tenant, 1).await;
    }
}

/// A snapshot of a folder in use is put back over the folder, file by file.
#[tokio::test]
async fn a_folder_restored_as_a_whole_is_served_as_it_was() {
    for (take, restore) in [
        ("cp -r data snapshot", "cp -r snapshot/. data"),
        ("cp -a data snapshot", "cp -a snapshot/. data"),
        ("tar cf snapshot.tar data", "tar xf snapshot.tar"),
        (
            "tar cf snapshot.tar data",
            "tar xf snapshot.tar --overwrite",
        ),
    ] {
        let mut server = Server::start();
        let tenant = server.create_tenant("demo").await;
        deliver(&server, &tenant, BACKED_UP).await;
        server.kill();
        shell(&server, take);
        server.start_again();
        deliver(&server, &tenant, LATER).await;
        deliver_until_copied(&server, &tenant).await;
        deliver(&server, &tenant, LATER).await;
        server.kill();
        shell(&server, restore);
        check(&server).is_well();
        server.start_again();
        assert_eq!(count(&server, &tenant).await, Some(12), "{restore}");
    }
}

#[tokio::test]
async fn a_checkpoint_by_another_program_is_not_mistaken_for_a_restore() {
    let mut server = Server::start();
    let tenant = server.create_tenant("demo").await;
    for later in [false, true] {
        deliver(&server, &tenant, BACKED_UP).await;
        let by_hand = Connection::open(database(&server, "demo")).expect("the database");
        let stays = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        by_hand.set_db_config(stays, true).expect("a setting");
        let sql = "CREATE TABLE notes (x); INSERT INTO notes VALUES (zeroblob(100000)); DROP TABLE notes;";
        by_hand.execute_batch(sql).expect("a change");
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        let copied = by_hand.query_row(sql, [], |row| row.get::<_, i64>(2));
        assert_ne!(copied.expect("a checkpoint"), 0);
        let before = count(&server, &tenant).await;
        if later {
            deliver(&server, &tenant, 1).await;
        }
        server.kill();
        drop(by_hand);
        check(&server).is_well();
        server.start_again();
        let after = before.map(|it| it + u64::from(later));
        assert_eq!(count(&server, &tenant).await, after);
    }
}
