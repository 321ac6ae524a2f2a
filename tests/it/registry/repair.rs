//! `event-history tenants`: entries restored from their databases, and what cannot be restored given up.

use std::fs;

use http::StatusCode;

use super::{check, count, creation_answers, database, deliver, edit_registry, tenants};
use crate::support::{Server, Tenant, event_with_file};

async fn stopped_with_two() -> (Server, Tenant, Tenant) {
    let server = Server::start();
    let one = server.create_tenant("one").await;
    let other = server.create_tenant("Other").await; // a letter that file names encode
    deliver(&server, &one, 2).await;
    deliver(&server, &other, 3).await;
    server.kill(); // what they hold is in their logs
    (server, one, other)
}

#[tokio::test]
async fn a_lost_registry_is_restored_from_the_databases() {
    let (mut server, one, other) = stopped_with_two().await;
    let registry = server.folder().join("data/registry.db");
    let entries = |server: &Server| {
        let registry = rusqlite::Connection::open(server.folder().join("data/registry.db"));
        let registry = registry.expect("the registry");
        let sql = "SELECT group_concat(concat_ws('|', database_name, hex(client_id), client_label, \
                   hex(client_secret_sha256), created_at, state)) FROM tenants";
        let all = registry.query_row(sql, [], |row| row.get::<_, String>(0));
        all.expect("the entries")
    };
    let before = entries(&server);
    for file in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        let _ = fs::remove_file(server.folder().join("data").join(file));
    }
    assert!(server.is_refused().contains("tenants adopt --all"));
    assert!(!registry.exists());
    let said = tenants(&server, &["adopt", "--all"], 0);
    assert!(
        said.contains("adopted 'one'") && said.contains("adopted 'Other'"),
        "{said}"
    );
    assert_eq!(entries(&server), before);
    // To the files it is another database, until they are handed over.
    assert!(server.is_refused().contains("these files belong to"));
    fs::remove_file(server.folder().join("data/files/owner")).expect("removed");
    server.start_again();
    assert_eq!(count(&server, &one).await, Some(2));
    assert_eq!(count(&server, &other).await, Some(3));
    check(&server).is_well();
}

#[tokio::test]
async fn adopting_refuses_taken_names_and_missing_databases() {
    let (mut server, one, other) = stopped_with_two().await;
    let said = tenants(&server, &["adopt", "one", "nobody"], 1);
    assert!(
        said.contains("has an entry already") && said.contains("there is no"),
        "{said}"
    );
    // A copy under another name would be a second way to the same client id.
    edit_registry(&server, "DELETE FROM tenants WHERE database_name = 'one'");
    fs::copy(database(&server, "one"), database(&server, "copy")).expect("a copy");
    let said = tenants(&server, &["adopt", "copy"], 1);
    assert!(said.contains("is the database of tenant 'one'"), "{said}");
    edit_registry(
        &server,
        "UPDATE tenants SET client_id = x'00000000000000000000000000000001' WHERE database_name = 'Other'",
    );
    fs::write(database(&server, "damaged"), [b'x'; 8192]).expect("a file");
    let said = tenants(&server, &["adopt", "damaged"], 1);
    assert!(said.contains("damaged.db"), "{said}");

    let said = tenants(&server, &["adopt", "one"], 0);
    assert!(said.contains(&one.client_id), "{said}");
    server.start_again();
    let said = tenants(&server, &["adopt", "copy"], 1);
    assert!(said.contains("in use by another process"), "{said}");
    assert_eq!(count(&server, &one).await, Some(2));
    drop(other);
}

#[tokio::test]
async fn removing_moves_a_database_away_and_frees_its_name() {
    let (mut server, one, _) = stopped_with_two().await;
    edit_registry(&server, "DELETE FROM tenants WHERE database_name = 'Other'");
    let file = database(&server, "=other");
    fs::write(&file, [b'x'; 8192]).expect("the file"); // not even readable
    let said = tenants(&server, &["remove", "Other"], 2);
    assert!(said.contains("--yes"), "{said}");
    let said = tenants(&server, &["remove", "one", "Other", "--yes"], 1);
    assert!(said.contains("'one' was not removed"), "{said}");
    assert!(!file.exists());
    let aside = server.folder().join("data/removed/=other.1/=other.db");
    assert_eq!(fs::read(aside).expect("the file"), [b'x'; 8192]);
    server.start_again();
    assert_eq!(count(&server, &one).await, Some(2));
    creation_answers(&server, "Other", StatusCode::CREATED).await;

    server.process().term();
    fs::remove_file(&file).expect("the file");
    let said = tenants(&server, &["remove", "Other", "--yes"], 0);
    assert!(said.contains("removed the entry of 'Other'"), "{said}");
    server.start_again();
    check(&server).is_well();
    creation_answers(&server, "Other", StatusCode::CREATED).await;
}

#[tokio::test]
async fn files_of_a_tenant_without_an_entry_are_not_those_of_no_tenant() {
    let server = Server::start();
    let lost = server.create_tenant("lost").await;
    server.create_tenant("kept").await;
    let upload = server.upload_url(&lost).await;
    let sent = server
        .client()
        .put(&upload.url)
        .body("precious")
        .send()
        .await;
    assert_eq!(sent.expect("an answer").status(), StatusCode::OK);
    server
        .deliver(&lost, &event_with_file(&upload.file_id))
        .await;
    server.process().term();
    edit_registry(&server, "DELETE FROM tenants WHERE database_name = 'lost'");
    let words = [
        "files",
        "sweep",
        "--older-than",
        "0s",
        "--of-no-tenant",
        "--delete",
    ];
    let output = super::on_data(&server, &words)
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("tenant 'lost' was skipped"), "{said}");
    assert!(said.contains("removed: 0 of 0 bytes"), "{said}");
}
