//! Making and removing tenants.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;

use super::{Call, envelope, send_event, tenant};
use crate::support::{Database, Server};

const PATH: &str = "/api/initialize-tenant";

#[tokio::test]
async fn a_new_tenant_gets_an_id_and_a_secret() {
    let server = Server::start();
    let body = json!({ "database_name": "alx_demo", "client_label": "Demo" });
    let answer = Call::new(&server, "POST", PATH).json(&body).send().await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), "no-store");
    let members: Vec<_> = answer.body.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["client_id", "client_secret", "database_name"]);
    assert_eq!(answer.body["database_name"], "alx_demo");
    let id = uuid::Uuid::parse_str(answer.body["client_id"].as_str().expect("an id"));
    assert_eq!(id.expect("a UUID").get_version_num(), 4);
    let secret = answer.body["client_secret"].as_str().expect("a secret");
    assert!(
        secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{secret}"
    );
    let kept = server.database().tenant_entries().await;
    assert!(kept.contains("alx_demo"), "the scan is blind: {kept}");
    assert!(!kept.contains(secret), "the secret itself is kept");

    let again = Call::new(&server, "POST", PATH).json(&body).send().await;
    again.is_error(400, "Client already exist.");
}

#[tokio::test]
async fn of_eight_concurrent_creations_one_succeeds() {
    let server = Server::start();
    for round in 0..4 {
        let body = json!({ "database_name": format!("race-{round}"), "client_label": "" });
        let calls = (0..8).map(|_| Call::new(&server, "POST", PATH).json(&body).send());
        let answers = join_all(calls).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!((won.len(), lost.len()), (1, 7));
        for answer in lost {
            answer.is_error(400, "Client already exist.");
        }
    }
}

#[tokio::test]
async fn names_are_checked() {
    let server = Server::start();
    let longest = "a".repeat(64);
    for name in ["a", "0", "A-b_9", &longest] {
        tenant(&server, name).await;
    }
    let too_long = "a".repeat(65);
    for name in [
        "", "-a", "_a", "a b", "a/b", "..", "a.b", "é", "a\n", "a\0", "con:", "%61", &too_long,
    ] {
        let body = json!({ "database_name": name, "client_label": "x" });
        let answer = Call::new(&server, "POST", PATH).json(&body).send().await;
        answer.is_invalid(&["body.database_name string_pattern_mismatch"]);
    }
}

#[tokio::test]
async fn names_that_differ_by_case_alone_are_two_tenants() {
    let server = Server::start();
    let (lower, upper) = (tenant(&server, "demo").await, tenant(&server, "DEMO").await);
    send_event(&server, &envelope("demo", 1)).await;
    let count = async |client: &str| {
        Call::new(&server, "GET", "/api/history/events")
            .client(client)
            .send()
            .await
            .body["total_count"]
            .as_u64()
    };
    assert_eq!(
        (count(&lower).await, count(&upper).await),
        (Some(1), Some(0))
    );
    let Database::Sqlite { folder } = server.database() else {
        return;
    };
    let files = std::fs::read_dir(folder.join("tenants")).expect("the folder");
    let names: HashSet<_> = files
        .map(|file| {
            file.expect("an entry")
                .file_name()
                .to_string_lossy()
                .to_lowercase()
        })
        .filter(|name| {
            std::path::Path::new(name)
                .extension()
                .is_some_and(|it| it == "db")
        })
        .filter(|name| name != "_system.db")
        .collect();
    assert_eq!(
        names.len(),
        2,
        "a file system that ignores case would mix them: {names:?}"
    );
}

#[tokio::test]
async fn all_problems_are_reported_at_once() {
    let server = Server::start();
    let call = |body: &str| Call::new(&server, "POST", PATH).text(body).send();
    call("").await.is_invalid(&["body missing"]);
    call("{").await.is_invalid(&["body json_invalid"]);
    call("{} {}").await.is_invalid(&["body json_invalid"]);
    call("[]").await.is_invalid(&["body dict_type"]);
    call("null").await.is_invalid(&["body dict_type"]);
    call("{}")
        .await
        .is_invalid(&["body.database_name missing", "body.client_label missing"]);
    let wrong = r#"{"database_name": 7, "client_label": null}"#;
    let expected = [
        "body.database_name string_type",
        "body.client_label string_type",
    ];
    call(wrong).await.is_invalid(&expected);
    let long = json!({ "database_name": "a", "client_label": "x".repeat(1025) });
    call(&long.to_string())
        .await
        .is_invalid(&["body.client_label string_too_long"]);
    let huge = format!(
        r#"{{"database_name": "a", "client_label": "{}"}}"#,
        "x".repeat(2 << 20)
    );
    assert_eq!(call(&huge).await.status, 413);
}

#[tokio::test]
async fn a_deleted_tenant_is_gone_and_its_name_is_free() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let other = tenant(&server, "other").await;
    send_event(&server, &envelope("demo", 1)).await;
    send_event(&server, &envelope("other", 1)).await;

    assert!(server.database().has("demo").await);
    let delete = || {
        Call::new(&server, "DELETE", "/api/delete-tenant")
            .client(&client)
            .send()
    };
    delete().await.is_error(200, "'demo' tenant deleted.");
    assert!(!server.database().has("demo").await);
    delete()
        .await
        .is_error(400, "Failed to connect to tenant db.");
    let answer = Call::new(&server, "POST", "/api/event-bridge/create-event")
        .json(&envelope("demo", 2))
        .send()
        .await;
    answer.is_error(400, "'demo' tenant not found in database.");

    let client = tenant(&server, "demo").await;
    let list = |client| {
        Call::new(&server, "GET", "/api/history/events")
            .client(client)
            .send()
    };
    assert_eq!(list(&client).await.body["total_count"], 0);
    assert_eq!(list(&other).await.body["total_count"], 1);
}

#[tokio::test]
async fn deleting_during_ingestion_leaves_nothing_behind() {
    let server = Server::start();
    for round in 0..5 {
        let client = tenant(&server, "busy").await;
        let events = (0..40).map(|number| {
            Call::new(&server, "POST", "/api/event-bridge/create-event")
                .json(&envelope("busy", number))
                .send()
        });
        let delete = Call::new(&server, "DELETE", "/api/delete-tenant")
            .client(&client)
            .send();
        let (answers, deleted) = tokio::join!(join_all(events), delete);
        deleted.is_error(200, "'busy' tenant deleted.");
        for answer in answers {
            let status = answer.status.as_u16();
            assert!(
                matches!(status, 201 | 400),
                "round {round}: {answer:?}; the service said:\n{}",
                server.process().stderr()
            );
        }
        let list = Call::new(&server, "GET", "/api/history/events")
            .client(&client)
            .send();
        list.await.is_error(400, "Failed to connect to tenant db.");
    }
}
