//! Each database knows whose it is: another tenant's in its place is refused by name, and never served.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;

use super::{count, database, deliver, delivery_answers, history_answers};
use crate::support::{self, Server, Tenant};

/// Puts something at a path, made of what is at another.
type Put = fn(&Path, &Path);

const WAYS: [(&str, Put); 3] = [
    ("a copy", |from, to| {
        assert_ne!(fs::copy(from, to).expect("a copy"), 0);
    }),
    ("a symbolic link", |from, to| {
        symlink(from, to).expect("a link");
    }),
    ("a hard link", |from, to| {
        fs::hard_link(from, to).expect("a link");
    }),
];

async fn with_two_tenants() -> (Server, Tenant, Tenant) {
    let server = Server::start();
    let (one, other) = (
        server.create_tenant("one").await,
        server.create_tenant("other").await,
    );
    deliver(&server, &one, 1).await;
    deliver(&server, &other, 3).await;
    (server, one, other)
}

/// Asserts that nothing of `other` is served to `one`, and that the log names both and the file.
async fn assert_refused(server: &Server, one: &Tenant, way: &str) {
    history_answers(server, one, StatusCode::INTERNAL_SERVER_ERROR).await;
    delivery_answers(server, one, StatusCode::INTERNAL_SERVER_ERROR).await;
    let is_named = |line: &str| {
        let file = database(server, "one");
        line.contains(&file.display().to_string())
            && line.contains("tenant 'other'")
            && line.contains("tenant 'one'")
    };
    let what = format!("the log to name both tenants and the file of {way}");
    support::wait_for(&what, Duration::from_secs(5), async || {
        let log = server.process().stderr();
        log.lines().any(is_named).then_some(())
    })
    .await;
}

#[tokio::test]
async fn another_tenants_database_is_refused_at_the_start() {
    for (way, put) in WAYS {
        let (mut server, one, other) = with_two_tenants().await;
        server.process().term();
        fs::remove_file(database(&server, "one")).expect("the file");
        put(&database(&server, "other"), &database(&server, "one"));
        server.start_again();
        assert_refused(&server, &one, way).await;
        assert_eq!(count(&server, &other).await, Some(3), "{way}");
    }
}

#[tokio::test]
async fn another_tenants_database_is_refused_while_the_service_runs() {
    for (way, put) in WAYS {
        let (server, one, other) = with_two_tenants().await;
        let aside = server.folder().join("aside.db");
        fs::rename(database(&server, "one"), &aside).expect("the file");
        put(&database(&server, "other"), &database(&server, "one"));
        assert_refused(&server, &one, way).await;
        assert_eq!(count(&server, &other).await, Some(3), "{way}");

        fs::rename(&aside, database(&server, "one")).expect("the file");
        assert_eq!(count(&server, &one).await, Some(1), "{way}");
    }
}

#[tokio::test]
async fn a_command_beside_the_service_refuses_another_tenants_database() {
    let (server, _, _) = with_two_tenants().await;
    server.process().term();
    fs::copy(database(&server, "other"), database(&server, "one")).expect("a copy");
    let mut command = super::on_data(&server, &["files", "verify"]);
    let output = command.output().expect("the binary runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is the database of tenant 'other'"), "{said}");
}
