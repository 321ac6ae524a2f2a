//! A registry that was lost, or a part of it, and databases that were: no sender is told for good that its
//! tenant does not exist.

use std::fs;
use std::time::Duration;

use http::{Method, StatusCode};

use super::{
    assert_unavailable, check, count, creation_answers, database, deliver, delivery_answers,
    edit_registry, history_answers,
};
use crate::support::{self, Server, Tenant, expect};

/// A server that was stopped, and tenants with an event each.
async fn stopped<const N: usize>(names: [&str; N]) -> (Server, [Tenant; N]) {
    let (server, tenants) = running(names).await;
    server.process().term();
    (server, tenants)
}

async fn running<const N: usize>(names: [&str; N]) -> (Server, [Tenant; N]) {
    let server = Server::start();
    let mut tenants = Vec::new();
    for name in names {
        let tenant = server.create_tenant(name).await;
        deliver(&server, &tenant, 1).await;
        tenants.push(tenant);
    }
    let tenants = tenants.try_into().unwrap_or_else(|_| unreachable!());
    (server, tenants)
}

#[tokio::test]
async fn answered_changes_are_never_in_the_log_of_the_registry_alone() {
    for damage in ["deleted", "damaged"] {
        let (mut server, [kept, deleted]) = running(["kept", "deleted"]).await;
        let request = server.request_as(&deleted, Method::DELETE, "/api/delete-tenant");
        expect(request, StatusCode::OK).await;
        server.kill();
        let log = server.folder().join("data/registry.db-wal");
        if damage == "deleted" {
            fs::remove_file(&log).expect("the log");
        } else {
            let mut bytes = fs::read(&log).expect("the log");
            bytes.iter_mut().skip(40).for_each(|byte| *byte ^= 0x55);
            fs::write(&log, bytes).expect("the log");
        }
        server.start_again();
        assert_eq!(count(&server, &kept).await, Some(1), "{damage}");
        history_answers(&server, &deleted, StatusCode::BAD_REQUEST).await;
        check(&server).is_well();
    }
}

#[tokio::test]
async fn a_registry_without_entries_beside_databases_is_refused() {
    let (mut server, [one, _]) = stopped(["one", "other"]).await;
    let registry = server.folder().join("data/registry.db");
    let whole = fs::read(&registry).expect("the registry");
    let other = Server::start();
    other.process().term();
    let without_entries = fs::read(other.folder().join("data/registry.db")).expect("a registry");
    for (content, reason) in [
        (None, "is missing"),
        (Some(&[] as &[u8]), "has no tenant entries"),
        (Some(without_entries.as_slice()), "has no tenant entries"),
        (Some(&whole[..whole.len() / 2]), "malformed"),
        (Some(&[b'x'; 8192]), "not a database"),
    ] {
        fs::remove_file(&registry).expect("the registry");
        if let Some(content) = content {
            fs::write(&registry, content).expect("a registry");
        }
        let said = server.is_refused();
        assert!(
            said.contains(reason) && said.contains("registry.db"),
            "{reason}: {said}"
        );
        let report = check(&server);
        let is_wrong = |line: &String| line.starts_with("wrong    database");
        assert!(
            report.lines.iter().any(is_wrong),
            "{reason}: {:#?}",
            report.lines
        );
        if !registry.exists() {
            fs::write(&registry, "").expect("a registry");
        }
    }
    fs::write(&registry, whole).expect("the registry");
    server.start_again();
    assert_eq!(count(&server, &one).await, Some(1));
}

#[tokio::test]
async fn a_flipped_bit_in_an_entry_is_refused() {
    let (server, [one, _]) = stopped(["one", "other"]).await;
    let registry = server.folder().join("data/registry.db");
    let mut bytes = fs::read(&registry).expect("the registry");
    let id = hex::decode(one.client_id.replace('-', "")).expect("a UUID");
    let at = bytes.windows(16).position(|it| it == id).expect("the id");
    bytes[at] ^= 1;
    fs::write(&registry, bytes).expect("the registry");
    let said = server.is_refused();
    assert!(said.contains("registry.db"), "{said}");
    check(&server).only_wrong("database", &["registry.db"]);
}

#[tokio::test]
async fn a_database_without_its_entry_answers_503_by_name_and_by_client_id() {
    let (mut server, [kept, lost]) = stopped(["kept", "lost"]).await;
    edit_registry(&server, "DELETE FROM tenants WHERE database_name = 'lost'");
    server.start_again();
    assert_unavailable(&server, &lost).await;
    // Those who are no tenants, and the other tenant, are answered as ever.
    assert_eq!(count(&server, &kept).await, Some(1));
    let stranger = Tenant {
        client_id: "8f14e45f-ceea-467f-9575-1b2f2bfbbd1f".to_owned(),
        client_secret: String::new(),
        database_name: "stranger".to_owned(),
    };
    history_answers(&server, &stranger, StatusCode::BAD_REQUEST).await;
    delivery_answers(&server, &stranger, StatusCode::BAD_REQUEST).await;

    let log = server.process().stderr();
    let file = database(&server, "lost").display().to_string();
    let at_start = |line: &&str| {
        line.contains("ERROR") && line.contains(&file) && !line.contains("request failed")
    };
    assert_eq!(log.lines().filter(at_start).count(), 1, "{log}");
    check(&server).only_wrong("database", &["lost.db", "tenants adopt lost"]);
}

#[tokio::test]
async fn no_client_id_is_unknown_while_a_database_cannot_be_read() {
    let (mut server, [kept, lost]) = stopped(["kept", "lost"]).await;
    edit_registry(&server, "DELETE FROM tenants WHERE database_name = 'lost'");
    fs::write(database(&server, "lost"), [b'x'; 8192]).expect("the file");
    server.start_again();
    assert_unavailable(&server, &lost).await;
    assert_eq!(count(&server, &kept).await, Some(1));
    check(&server).only_wrong("database", &["lost.db", "cannot be read"]);
    // Once it is put away, those who ask are no tenants.
    fs::rename(database(&server, "lost"), server.folder().join("aside")).expect("the file");
    history_answers(&server, &lost, StatusCode::BAD_REQUEST).await;
    creation_answers(&server, "lost", StatusCode::CREATED).await;
}

#[tokio::test]
async fn an_entry_without_its_database_stays_a_400_that_check_names() {
    let (mut server, [kept, missing]) = stopped(["kept", "missing"]).await;
    fs::remove_file(database(&server, "missing")).expect("the file");
    server.start_again();
    history_answers(&server, &missing, StatusCode::BAD_REQUEST).await;
    delivery_answers(&server, &missing, StatusCode::BAD_REQUEST).await;
    assert_eq!(count(&server, &kept).await, Some(1));
    check(&server).only_wrong("database", &["missing.db", "is missing"]);
}

#[tokio::test]
async fn another_tenants_database_is_named_by_check() {
    let (server, _) = stopped(["kept", "swapped"]).await;
    fs::copy(database(&server, "kept"), database(&server, "swapped")).expect("a copy");
    let words = ["swapped.db", "of tenant 'kept'", "of tenant 'swapped'"];
    check(&server).only_wrong("database", &words);
}

#[tokio::test]
async fn without_the_folder_of_databases_everything_answers_503() {
    let (mut server, tenants) = running(["one", "other"]).await;
    let folder = server.folder().join("data/tenants");
    let aside = server.folder().join("aside");
    for is_running in [true, false] {
        if !is_running {
            server.process().term();
        }
        fs::rename(&folder, &aside).expect("the folder");
        if !is_running {
            server.start_again();
        }
        for is_there in [false, true] {
            if is_there {
                fs::create_dir(&folder).expect("an empty folder"); // another file system, say
            }
            for tenant in &tenants {
                // A file that was seen a moment ago counts as being there.
                let gone = "the database to be missed";
                support::wait_for(gone, Duration::from_secs(5), async || {
                    let request = server.request_as(tenant, Method::GET, "/api/files/upload-url");
                    let status = request.send().await.expect("an answer").status();
                    (status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
                })
                .await;
                assert_unavailable(&server, tenant).await;
            }
            creation_answers(&server, "more", StatusCode::SERVICE_UNAVAILABLE).await;
            let ready = server.request(Method::GET, "/health/ready");
            expect(ready, StatusCode::SERVICE_UNAVAILABLE).await;
        }
        fs::remove_dir(&folder).expect("nothing was made in there");
        fs::rename(&aside, &folder).expect("the folder");
        for tenant in &tenants {
            assert_eq!(count(&server, tenant).await, Some(1));
        }
    }
}
