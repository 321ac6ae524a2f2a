//! What crashes, disks and people do to the files.

use std::error::Error as _;
use std::fs;
use std::process::Command;

use event_history::domain::Query;
use event_history::domain::finding::State;
use event_history::store::sqlite::{Sqlite, check_folder};
use event_history::store::{Appended, Created, Error, Store};

use super::{Place, assert_wrong, count, large_event, open_files, until};
use crate::samples::{Random, history, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn the_start_finishes_what_a_crash_interrupted() {
    let place = Place::new();
    let (store, [making, making_no_file, deleting, kept]) = place
        .open_with(["making", "making-no-file", "deleting", "kept"])
        .await;
    store.append(&kept, history(1, 5)).await.unwrap();
    store.close().await.unwrap();
    Place::edit(
        &place.registry(),
        "UPDATE tenants SET state = 'creating' WHERE database_name LIKE 'making%';
         UPDATE tenants SET state = 'deleting' WHERE database_name = 'deleting';",
    );
    fs::remove_file(place.database("making-no-file")).unwrap();
    fs::write(
        place.folder().join("tenants/deleting.db-wal"),
        "left behind",
    )
    .unwrap();

    let store = place.open().await;
    for gone in [&making, &making_no_file, &deleting] {
        assert_eq!(
            store.tenant_by_client_id(gone.client_id).await.unwrap(),
            None
        );
        assert!(!place.database(gone.database_name.as_str()).exists());
        assert_eq!(
            store.create_tenant(gone.clone()).await.unwrap(),
            Created::New
        );
        assert_eq!(count(&store, gone).await, 0);
    }
    assert_eq!(count(&store, &kept).await, 5);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_failed_is_finished_by_the_next_call() {
    let place = Place::new();
    let (store, [one, other]) = place.open_with(["one", "other"]).await;
    // Nothing is removed while another process looks into the folder.
    let reader = fs::File::open(place.folder().join("external-access.lock")).unwrap();
    reader.lock_shared().unwrap();
    let outcomes = tokio::join!(store.delete_tenant(&one), store.delete_tenant(&other));
    for (tenant, outcome) in [(&one, outcomes.0), (&other, outcomes.1)] {
        assert!(matches!(outcome, Err(Error::Busy)), "{outcome:?}");
        assert!(place.database(tenant.database_name.as_str()).exists());
        assert_eq!(
            store.tenant_by_client_id(tenant.client_id).await.unwrap(),
            None
        );
    }
    drop(reader);

    store.delete_tenant(&one).await.unwrap();
    for tenant in [one, other] {
        assert_eq!(store.create_tenant(tenant).await.unwrap(), Created::New);
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_an_entry_is_neither_adopted_nor_destroyed() {
    let place = Place::new();
    let (store, _) = place.open_with(["other"]).await;
    store.close().await.unwrap();
    for stray in [
        place.database("stray"),
        place.folder().join("tenants/stray.db-wal"),
    ] {
        fs::write(&stray, "precious").unwrap();
        let store = place.open().await;
        let is_database = stray.extension().unwrap() == "db";
        let message = match store.create_tenant(tenant("stray")).await {
            Err(Error::EntryMissing(message)) if is_database => message,
            Err(Error::Damaged(message)) if !is_database => message,
            outcome => panic!("{outcome:?}"),
        };
        assert!(message.contains(stray.to_str().unwrap()), "{message}");
        assert_eq!(fs::read(&stray).unwrap(), b"precious");
        let found = store.tenant_by_name(&tenant("stray").database_name).await;
        if is_database {
            assert!(matches!(found, Err(Error::EntryMissing(_))), "{found:?}");
        } else {
            assert_eq!(found.unwrap(), None);
        }
        let wrong = store
            .check()
            .await
            .iter()
            .any(|it| matches!(it.state, State::Wrong { .. }));
        assert_eq!(wrong, is_database);

        fs::remove_file(&stray).unwrap();
        let tenant = tenant("stray");
        assert_eq!(
            store.create_tenant(tenant.clone()).await.unwrap(),
            Created::New
        );
        store.delete_tenant(&tenant).await.unwrap();
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_without_their_registry_are_refused() {
    let place = Place::new();
    let (store, _) = place.open_with(["one"]).await;
    store.close().await.unwrap();
    fs::remove_file(place.registry()).unwrap();
    let Err(Error::Damaged(message)) = Sqlite::open(&place.folder()).await else {
        panic!("a new registry would hide every tenant");
    };
    assert!(message.contains("registry.db"), "{message}");
    assert!(!place.registry().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_removed_by_hand_is_missing_until_it_is_restored() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    store.append(&tenant, history(1, 3)).await.unwrap();
    assert_eq!(count(&store, &tenant).await, 3);
    let path = place.database("demo");
    let backup = place.folder().join("backup.db");
    Place::edit(&path, &format!("VACUUM INTO '{}'", backup.display()));
    store.append(&tenant, history(2, 4)).await.unwrap();

    fs::remove_file(&path).unwrap();
    // Nothing is written to the file that nobody can reach any more.
    let outcome = store.append(&tenant, history(3, 1)).await;
    assert!(
        matches!(outcome, Err(Error::DatabaseMissing(_))),
        "{outcome:?}"
    );
    let outcome = store.events(&tenant, &Query::default()).await;
    assert!(
        matches!(outcome, Err(Error::DatabaseMissing(_))),
        "{outcome:?}"
    );
    assert!(!store.has_database(&tenant).await.unwrap());
    assert!(!path.exists(), "opening never makes a database");

    fs::rename(&backup, &path).unwrap();
    assert!(store.has_database(&tenant).await.unwrap());
    assert_eq!(count(&store, &tenant).await, 3, "the backup as it was");
    store.append(&tenant, history(2, 4)).await.unwrap();
    store.close().await.unwrap();
    let store = place.open().await;
    assert_eq!(count(&store, &tenant).await, 7);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_replaced_or_moved_by_hand_is_opened_again() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    store.append(&tenant, history(1, 3)).await.unwrap();
    let (path, aside) = (place.database("demo"), place.folder().join("aside"));
    Place::edit(&path, &format!("VACUUM INTO '{}'", aside.display()));
    store.append(&tenant, history(2, 4)).await.unwrap();
    assert_eq!(count(&store, &tenant).await, 7);
    fs::rename(&aside, &path).unwrap();
    assert_eq!(
        count(&store, &tenant).await,
        3,
        "another file took its place"
    );

    // What was stored and is still in the write-ahead log alone goes with a file that is moved.
    store.append(&tenant, history(3, 5)).await.unwrap();
    fs::rename(&path, &aside).unwrap();
    assert!(!store.has_database(&tenant).await.unwrap());
    until(
        || open_files(&place.folder()) <= 5,
        "the stale handles are closed",
    )
    .await;
    fs::rename(&aside, &path).unwrap();
    assert_eq!(count(&store, &tenant).await, 8);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let place = Place::new();
    let (store, [newer, older]) = place.open_with(["newer", "older"]).await;
    Place::edit(&place.database("newer"), "PRAGMA user_version = 99");
    let refused = store.append(&newer, history(1, 1)).await.unwrap_err();
    let cause = refused.source().unwrap().to_string();
    assert!(cause.contains("has schema version 99"), "{cause}");
    store.append(&older, history(1, 1)).await.unwrap();
    store.close().await.unwrap();

    Place::edit(&place.registry(), "PRAGMA user_version = 99");
    assert_wrong(&check_folder(&place.folder())[0], "newer version");
    let refused = Sqlite::open(&place.folder()).await.unwrap_err();
    let cause = refused.source().unwrap().to_string();
    assert!(cause.contains("has schema version 99"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_reported_and_others_keep_working() {
    let place = Place::new();
    let (store, [garbage, empty, whole]) = place.open_with(["garbage", "empty", "whole"]).await;
    fs::write(place.database("garbage"), [b'x'; 8192]).unwrap();
    fs::write(place.database("empty"), "").unwrap();
    for (tenant, file) in [(&garbage, "garbage.db"), (&empty, "empty.db")] {
        let outcome = store.append(tenant, history(1, 1)).await;
        let Err(Error::Damaged(message)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(message.contains(file), "{message}");
    }
    store.append(&whole, history(1, 1)).await.unwrap();
    // Nobody can tell whether it has a legal hold.
    let outcome = store.delete_tenant(&garbage).await;
    assert!(matches!(outcome, Err(Error::Damaged(_))), "{outcome:?}");
    store.close().await.unwrap();
}

/// A disk that refuses to write, by way of the limit on the size of a file. A process gets a signal
/// at that limit that ends it, and the limit holds for all of it: so this runs the next test in a
/// process of its own that ignores the signal.
#[test]
fn the_service_recovers_from_a_full_disk() {
    let output = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; exec prlimit --fsize=1048576: \"$0\" \"$@\"",
        ])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::repairs::gets_over_a_full_disk",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("got over it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in the process that the test above starts"]
async fn gets_over_a_full_disk() {
    const SIGXFSZ_BIT: u64 = 1 << (25 - 1);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap();
    if u64::from_str_radix(ignored.trim(), 16).unwrap() & SIGXFSZ_BIT == 0 {
        return; // started by hand: the signal would end every test
    }

    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    let mut random = Random::seeded(1);
    let mut stored = 0;
    let mut failed = 0;
    for _ in 0..20 {
        match store
            .append(&tenant, vec![large_event(&mut random, 200_000)])
            .await
        {
            Ok(answers) => {
                assert_eq!(answers, [Appended::Stored]);
                stored += 1;
            }
            Err(error) => {
                assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
                failed += 1;
            }
        }
        assert_eq!(count(&store, &tenant).await, stored, "reads still succeed");
    }
    assert!(stored > 0 && failed > 0, "{stored} {failed}");

    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited:"])
        .status();
    assert!(raised.unwrap().success());
    for _ in 0..10 {
        store
            .append(&tenant, vec![large_event(&mut random, 200_000)])
            .await
            .unwrap();
        stored += 1;
    }
    assert_eq!(count(&store, &tenant).await, stored);
    store.close().await.unwrap();
    let store = place.open().await;
    assert_eq!(count(&store, &tenant).await, stored);
    store.close().await.unwrap();
    println!("got over it after {failed} failures");
}
