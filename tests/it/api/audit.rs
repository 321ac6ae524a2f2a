//! The audit of administrators: the history of the system tenant.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, tenant};
use crate::support::{API_KEY, Server, uuid, wait_for};

/// What is sent as the client id of the system tenant.
const SYSTEM: &str = "_system";

const HISTORY: &str = "/api/history/events";

/// Returns the events of the system tenant that a query selects, the newest first.
async fn audit(server: &Server, query: &str) -> Vec<Value> {
    let path = format!("{HISTORY}?{query}");
    let answer = Call::new(server, "GET", &path).client(SYSTEM).send().await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body["results"].as_array().expect("a list").clone()
}

/// Makes a key of these scopes, and returns its text.
async fn key(server: &Server, name: &str, scopes: &[&str], client_id: Option<&str>) -> Answer {
    let body = json!({"name": name, "scopes": scopes, "client_id": client_id});
    let answer = Call::new(server, "POST", "/api/keys").json(&body).send();
    let answer = answer.await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    answer
}

fn text(answer: &Answer, member: &str) -> String {
    answer.body[member].as_str().expect("a text").to_owned()
}

/// Prepares an operation with the scope `admin` and returns a call of it that succeeds, and the name of its act.
async fn prepared<'a>(server: &'a Server, operation: &str) -> (Call<'a>, &'static str) {
    let call = |method, path: &str| Call::new(server, method, path);
    let client = tenant(server, &format!("walked_{}", uuid())).await;
    let of_tenant = format!("/api/tenants/{client}");
    match operation {
        "POST /api/initialize-tenant" => {
            let body = json!({"database_name": uuid(), "client_label": "Walked"});
            let call = call("POST", "/api/initialize-tenant").json(&body);
            (call, "tenant_created")
        }
        "DELETE /api/delete-tenant" => {
            let call = call("DELETE", "/api/delete-tenant").client(&client);
            (call, "tenant_deleted")
        }
        "PATCH /api/tenants/{client_id}" => {
            let body = json!({"client_label": "Walked again"});
            (call("PATCH", &of_tenant).json(&body), "tenant_changed")
        }
        "POST /api/tenants/{client_id}/restore" => {
            call("DELETE", "/api/delete-tenant")
                .client(&client)
                .send()
                .await;
            (
                call("POST", &format!("{of_tenant}/restore")),
                "tenant_restored",
            )
        }
        "POST /api/tenants/{client_id}/rotate-secret" => {
            let path = format!("{of_tenant}/rotate-secret");
            (call("POST", &path), "secret_rotated")
        }
        "PUT /api/tenants/{client_id}/retention" => {
            let path = format!("{of_tenant}/retention");
            let body = json!({"rules": [{"event_type_id": 7, "days": 30}]});
            (call("PUT", &path).json(&body), "retention_set")
        }
        "POST /api/tenants/{client_id}/holds" => {
            let path = format!("{of_tenant}/holds");
            let body = json!({"record_id": 42, "reason": "Case 7"});
            (call("POST", &path).json(&body), "hold_placed")
        }
        "DELETE /api/tenants/{client_id}/holds/{hold_id}" => {
            let path = format!("{of_tenant}/holds");
            let body = json!({"reason": "Case 7"});
            let hold = call("POST", &path).json(&body).send().await;
            let path = format!("{path}/{}", text(&hold, "id"));
            (call("DELETE", &path), "hold_released")
        }
        "POST /api/history/events/{event_id}/redact" => {
            let name = format!("redacted_{}", uuid());
            let client = tenant(server, &name).await;
            super::send_event(server, &envelope(&name, 1)).await;
            let path = format!("{HISTORY}/{}/redact", event_id(1));
            let body = json!({"members": ["/event_data"], "reason": "Request 7"});
            let call = call("POST", &path).client(&client).json(&body);
            (call, "event_redacted")
        }
        "POST /api/keys" => {
            let body = json!({"name": "walked", "scopes": ["read"]});
            (call("POST", "/api/keys").json(&body), "key_created")
        }
        "DELETE /api/keys/{key_id}" => {
            let key = key(server, "walked", &["read"], None).await;
            let path = format!("/api/keys/{}", text(&key, "id"));
            (call("DELETE", &path), "key_revoked")
        }
        other => {
            panic!("'{other}' changes something: say here how it is called and which act it is")
        }
    }
}

#[tokio::test]
async fn every_administrative_operation_is_recorded() {
    let server = Server::builder().arg("--deletion-delay=1h").start();
    let document = Call::bare(&server, "GET", "/openapi.json").send().await;
    let paths = document.body["paths"].as_object().expect("paths");
    let mut walked = 0;
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            if operation["x-scope"] != "admin" || method == "get" {
                continue;
            }
            walked += 1;
            let name = format!("{} {path}", method.to_uppercase());
            let (call, act) = prepared(&server, &name).await;
            let request = format!("walk-{walked}");
            let answer = call.header("X-Request-Id", request.as_str()).send().await;
            assert!(answer.status.is_success(), "{name}: {:?}", answer.body);

            let newest = audit(&server, "limit=1").await.remove(0);
            assert_eq!(newest["event_type"], act, "{name}");
            assert_eq!(newest["source_name"], "configured key");
            assert_eq!(newest["source_info"], "127.0.0.1");
            let by = json!({"by": "configured_key", "key_id": null, "of_tenant": null, "client_address": "127.0.0.1",
                            "request_id": request});
            assert_eq!(newest["event_data"][0], by);
            let secrets = ["client_secret", "key"].map(|it| answer.body[it].as_str());
            for secret in secrets.into_iter().flatten().chain([API_KEY]) {
                assert!(
                    !newest.to_string().contains(secret),
                    "{name} records '{secret}'"
                );
            }
        }
    }
    assert!(walked >= 10, "{walked} operations alone");
}

#[tokio::test]
async fn the_system_tenant_tells_who_deleted_a_tenant() {
    let server = Server::builder()
        .arg("--trusted-proxies=127.0.0.0/8")
        .start();
    let [doomed, other] = [
        tenant(&server, "doomed").await,
        tenant(&server, "other").await,
    ];
    let key = key(&server, "Eve", &["admin"], None).await;
    for client in [&doomed, &other] {
        let call = Call::bare(&server, "DELETE", "/api/delete-tenant").client(client);
        let call = call.header("X-API-Key", text(&key, "key"));
        let call = call.header("X-Forwarded-For", "192.0.2.7");
        let call = call.header("X-Request-Id", format!("of-{client}"));
        assert_eq!(call.send().await.status, 200);
    }
    let by = json!({"by": "stored_key", "key_id": text(&key, "id"), "of_tenant": null,
                    "client_address": "192.0.2.7", "request_id": format!("of-{doomed}")});
    for value in ["doomed", &doomed] {
        let found = audit(&server, &format!("event_type_id=103&value={value}")).await;
        let [deletion] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(deletion["event_type"], "tenant_deleted");
        assert_eq!(deletion["source_name"], "Eve");
        assert_eq!(deletion["source_info"], "192.0.2.7");
        assert!(deletion["event_time"].is_string());
        let expected = json!([
            by,
            {"field": "client_id", "old": doomed},
            {"field": "database_name", "old": "doomed"},
            {"field": "files", "new": "keep"},
        ]);
        assert_eq!(deletion["event_data"], expected);
    }
}

#[tokio::test]
async fn a_failed_act_is_recorded_as_failed() {
    let server = Server::start();
    tenant(&server, "taken").await;
    let body = json!({"database_name": "taken", "client_label": ""});
    let answer = Call::new(&server, "POST", "/api/initialize-tenant").json(&body);
    answer.send().await.is_error(400, "Client already exist.");
    let found = audit(&server, "value=taken&ordering=event_time").await;
    let types: Vec<_> = found.iter().map(|it| it["event_type"].as_str()).collect();
    let expected = ["tenant_created", "tenant_created", "act_failed"];
    assert_eq!(types, expected.map(Some));
    let failed = found[2]["event_data"].as_array().expect("a list");
    let of_act = json!({"field": "act_event_id", "new": found[1]["event_id"]});
    assert!(failed.contains(&of_act), "{failed:?}");

    // What is refused before it is tried is no act.
    let hold = format!(
        "/api/tenants/{}/holds/{}",
        tenant(&server, "kept").await,
        uuid()
    );
    assert_eq!(Call::new(&server, "DELETE", &hold).send().await.status, 404);
    let newest = audit(&server, "limit=1").await;
    assert_eq!(newest[0]["event_type"], "tenant_created");
}

#[tokio::test]
async fn an_act_that_cannot_be_recorded_is_not_done() {
    let server = Server::start();
    let client = tenant(&server, "kept").await;
    server.database().remove(SYSTEM).await;
    let bound = server.database().staleness() + Duration::from_secs(1);
    wait_for("the audit to be missed", bound, async || {
        let answer = Call::new(&server, "GET", HISTORY)
            .client(SYSTEM)
            .send()
            .await;
        (answer.status == 400).then_some(())
    })
    .await;
    let delete = Call::new(&server, "DELETE", "/api/delete-tenant").client(&client);
    let body = json!({"database_name": "never", "client_label": ""});
    let create = Call::new(&server, "POST", "/api/initialize-tenant").json(&body);
    for call in [delete, create] {
        let answer = call.send().await;
        answer.is_error(
            503,
            "The act cannot be recorded, so it was not done. Try again.",
        );
        assert!(answer.headers.contains_key("retry-after"));
    }
    let answer = Call::new(&server, "GET", HISTORY)
        .client(&client)
        .send()
        .await;
    assert_eq!(answer.status, 200);
    let envelope = envelope("never", 1);
    let answer = Call::new(&server, "POST", "/api/event-bridge/create-event").json(&envelope);
    answer
        .send()
        .await
        .is_error(400, "'never' tenant not found in database.");
}

#[tokio::test]
async fn the_system_tenant_is_read_with_both_scopes_and_never_written() {
    let server = Server::start();
    let client = tenant(&server, "customer").await;
    let bound = key(&server, "auditor", &["read", "admin"], Some(SYSTEM)).await;
    let id = text(&bound, "client_id");

    // Its name is no name that a tenant may have.
    let body = json!({"database_name": SYSTEM, "client_label": ""});
    let answer = Call::new(&server, "POST", "/api/initialize-tenant").json(&body);
    answer
        .send()
        .await
        .is_invalid(&["body.database_name string_pattern_mismatch"]);
    let by_name =
        Call::new(&server, "POST", "/api/event-bridge/create-event").json(&envelope(SYSTEM, 1));
    by_name
        .send()
        .await
        .is_error(400, "'_system' tenant not found in database.");
    let by_id =
        Call::new(&server, "POST", "/api/event-bridge/create-event").json(&envelope(&id, 1));
    let refusal = "The system tenant cannot be changed.";
    by_id.send().await.is_error(403, refusal);

    let event = envelope(SYSTEM, 1)["detail"].clone();
    for id in [SYSTEM, &id] {
        for (method, path, body) in [
            ("POST", "/api/events".to_owned(), event.clone()),
            (
                "POST",
                "/api/event-bridge/create-event".to_owned(),
                envelope("customer", 1),
            ),
            ("GET", "/api/files/upload-url".to_owned(), Value::Null),
            ("DELETE", "/api/delete-tenant".to_owned(), Value::Null),
            (
                "POST",
                format!("/api/tenants/{id}/rotate-secret"),
                Value::Null,
            ),
            (
                "PUT",
                format!("/api/tenants/{id}/retention"),
                json!({"rules": []}),
            ),
            (
                "POST",
                format!("/api/tenants/{id}/holds"),
                json!({"reason": "x"}),
            ),
        ] {
            let call = Call::new(&server, method, &path).client(id);
            call.json(&body).send().await.is_error(403, refusal);
        }
    }
    // Nothing of that came to be an event.
    let found = audit(&server, &format!("event_id={}", event_id(1))).await;
    assert!(found.is_empty(), "{found:?}");

    let lacks = |scope| format!("The credential lacks the scope '{scope}'.");
    for (scopes, of, expected) in [
        (&["read", "admin"][..], None, None),
        (&["read"][..], None, Some((403, lacks("admin")))),
        (&["admin"][..], None, Some((403, lacks("read")))),
        (
            &["read", "admin"][..],
            Some(&client),
            Some((400, "Failed to connect to tenant db.".to_owned())),
        ),
    ] {
        let key = key(&server, "some", scopes, of.map(String::as_str)).await;
        for id in [SYSTEM, &id] {
            let call = Call::bare(&server, "GET", HISTORY).client(id);
            let answer = call.header("X-API-Key", text(&key, "key")).send().await;
            match &expected {
                None => assert_eq!(answer.status, 200),
                Some((status, detail)) => answer.is_error(*status, detail),
            }
        }
    }
    // The auditor's key opens it, without naming it, and nothing else.
    for (path, client, status) in [
        (HISTORY, None, 200),
        (HISTORY, Some(SYSTEM), 200),
        (HISTORY, Some(client.as_str()), 400),
    ] {
        let mut call = Call::bare(&server, "GET", path).header("X-API-Key", text(&bound, "key"));
        if let Some(client) = client {
            call = call.client(client);
        }
        assert_eq!(call.send().await.status, status, "{client:?}");
    }
}

#[tokio::test]
async fn reads_are_recorded_where_the_operator_wants_that() {
    let server = Server::builder().arg("--audit-reads").start();
    let client = tenant(&server, "read").await;
    let create = Call::new(&server, "POST", "/api/event-bridge/create-event");
    assert_eq!(create.json(&envelope("read", 7)).send().await.status, 201);
    let reader = key(&server, "Rita", &["read"], Some(&client)).await;
    for path in [
        "/api/history/records/7",
        "/api/history/events?record_id=7&limit=5",
        "/api/history/events?record_id=7&record_id=8",
        "/api/history/stats",
    ] {
        let call = Call::bare(&server, "GET", path).header("X-API-Key", text(&reader, "key"));
        assert_eq!(call.send().await.status, 200, "{path}");
    }
    let found = audit(&server, "event_type_id=141&ordering=event_time").await;
    let read: Vec<_> = found
        .iter()
        .map(|it| {
            assert_eq!(
                (&it["event_type"], &it["source_name"]),
                (&json!("history_read"), &json!("Rita"))
            );
            let data = &it["event_data"];
            assert_eq!(data[1], json!({"field": "client_id", "new": client}));
            (
                it["record_id"].as_i64(),
                data[3]["new"].as_str(),
                data[4]["new"].as_str(),
            )
        })
        .collect();
    let expected = [
        (7, "/api/history/records/7", ""),
        (7, HISTORY, "record_id=7&limit=5"),
        (0, HISTORY, "record_id=7&record_id=8"),
        (0, "/api/history/stats", ""),
    ];
    let expected = expected.map(|(id, path, query)| (Some(id), Some(path), Some(query)));
    assert_eq!(read, expected);

    let server = Server::start();
    let client = tenant(&server, "read").await;
    let answer = Call::new(&server, "GET", HISTORY)
        .client(&client)
        .send()
        .await;
    assert_eq!(answer.status, 200);
    assert!(audit(&server, "event_type_id=141").await.is_empty());
}
