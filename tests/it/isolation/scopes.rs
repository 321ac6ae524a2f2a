//! Every operation of the OpenAPI document, called with every kind of credential: what it answers is what the table of
//! docs/api.md says, which is what the document says.

use std::collections::BTreeMap;

use event_history::domain::{Clock, SystemClock};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::answers::{Answer, answer_to};
use super::{Belongings, Call, METHODS, Operation, operations};
use crate::support::{self, Server, Tenant, event, expect_json};

const SCOPES: [&str; 3] = ["write", "read", "admin"];

/// What a credential needs for each operation, `GET /api/keys` say: `none`, `any`, or the name of a scope.
type Table = BTreeMap<String, String>;

fn documented(document: &Value) -> Table {
    let paths = document["paths"].as_object().expect("a document has paths");
    let mut table = Table::new();
    for (path, item) in paths {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            let scope = item[*method]["x-scope"].as_str();
            let scope = scope.unwrap_or_else(|| panic!("{method} {path} says no scope"));
            table.insert(
                format!("{} {path}", method.to_uppercase()),
                scope.to_owned(),
            );
        }
    }
    table
}

/// Returns the table of docs/api.md: rows of a scope and the operations that need it.
fn table_of_the_page() -> Table {
    let page = include_str!("../../../docs/api.md");
    let (_, rest) = page
        .split_once("| scope | operations |\n")
        .expect("a table");
    let rows = rest
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let mut table = Table::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [scope, operations] = cells[..] else {
            panic!("{row}");
        };
        let scope = scope.trim_matches('`').to_owned();
        for operation in operations.split(", ") {
            let known = table.insert(operation.trim_matches('`').to_owned(), scope.clone());
            assert_eq!(known, None, "{operation} is there twice");
        }
    }
    table
}

#[test]
fn the_page_has_the_scope_of_every_operation() {
    let document = serde_json::to_value(event_history::http::openapi()).expect("JSON");
    assert_eq!(table_of_the_page(), documented(&document));
}

/// Makes a key and returns its text.
async fn key(server: &Server, body: &Value) -> (String, String) {
    let request = server.request(Method::POST, "/api/keys").json(body);
    let answer = expect_json(request, StatusCode::CREATED).await;
    let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
    (text("id"), text("key"))
}

/// Calls an operation with a key, for a tenant.
async fn ask(server: &Server, call: &Call, key: Option<&str>, client_id: &str) -> Answer {
    let request = server.client().request(
        call.method.clone(),
        format!("{}{}", server.url(), call.target),
    );
    let request = request.header("X-Client-Id", client_id);
    let request = match key {
        Some(key) => request.header("X-API-Key", key),
        None => request,
    };
    answer_to(request, call).await
}

fn is_refusal(answer: &Answer) -> bool {
    [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status)
}

#[tokio::test]
async fn every_operation_asks_for_its_scope() {
    let server = Server::start();
    let tenant = server.create_tenant("own").await;
    let other = server.create_tenant("other").await;
    server.deliver(&tenant, &event()).await;
    let document = expect_json(server.request(Method::GET, "/openapi.json"), StatusCode::OK).await;
    let table = documented(&document);

    let mut keys: Vec<(String, String)> = Vec::new();
    for scope in SCOPES {
        let body = json!({"name": scope, "scopes": [scope]});
        keys.push((scope.to_owned(), key(&server, &body).await.1));
    }
    let all = json!({"name": "all", "scopes": SCOPES, "client_id": other.client_id});
    let (_, of_another) = key(&server, &all).await;
    let (revoked_id, revoked) = key(&server, &json!({"name": "r", "scopes": SCOPES})).await;
    let end = Timestamp::from_second(SystemClock.now().as_second() + 4).expect("a time");
    let body = json!({"name": "e", "scopes": SCOPES, "expires_at": end.to_string()});
    let (_, expired) = key(&server, &body).await;
    let revoke = server.request(Method::DELETE, &format!("/api/keys/{revoked_id}"));
    expect_json(revoke, StatusCode::OK).await;
    while SystemClock.now() <= end {
        sleep(std::time::Duration::from_millis(50)).await;
    }

    let belongings = Belongings::nobodys();
    for operation in operations(&document) {
        let call = operation.calls(&belongings).swap_remove(0);
        let needed = &table[&format!("{} {}", operation.method, operation.path)];
        let client_id = tenant.client_id.as_str();
        if needed == "none" {
            let answer = ask(&server, &call, None, client_id).await;
            assert!(answer.status.is_success(), "{call:?}: {answer:?}");
            continue;
        }
        for refused in [None, Some("wrong"), Some(&expired), Some(&revoked)] {
            let answer = ask(&server, &call, refused, client_id).await;
            let expected = json!({"detail": "Unauthorized API Key."}).to_string();
            assert_eq!(
                (answer.status.as_u16(), answer.text),
                (401, expected),
                "{call:?} {refused:?}"
            );
        }
        of_another_tenant_is_of_nobody(&server, &operation, &call, &of_another, &tenant).await;
        for (scope, key) in keys.iter().rev() {
            // Deleting comes last: without the scope first, then with it.
            let is_allowed = needed == "any" || needed == scope;
            let answer = ask(&server, &call, Some(key), client_id).await;
            if is_allowed {
                assert!(!is_refusal(&answer), "{call:?} with {scope}: {answer:?}");
            } else {
                let expected = format!("The credential lacks the scope '{needed}'.");
                let expected = json!({ "detail": expected }).to_string();
                assert_eq!(
                    (answer.status.as_u16(), answer.text),
                    (403, expected),
                    "{call:?} with {scope}"
                );
            }
        }
    }
}

/// A tenant that a credential is not for is one that does not exist.
async fn of_another_tenant_is_of_nobody(
    server: &Server,
    operation: &Operation,
    call: &Call,
    key: &str,
    tenant: &Tenant,
) {
    let theirs = ask(server, call, Some(key), &tenant.client_id).await;
    let nobodys = ask(server, call, Some(key), &support::uuid()).await;
    // What names no tenant answers for that of the credential, whatever the header says.
    let is_of_a_tenant = ![
        "/api/keys",
        "/api/keys/{key_id}",
        "/api/initialize-tenant",
        "/api/catalogue",
    ]
    .contains(&operation.path.as_str());
    if is_of_a_tenant {
        let unknown = json!({"detail": "Failed to connect to tenant db."}).to_string();
        assert_eq!(
            (nobodys.status.as_u16(), nobodys.text.clone()),
            (400, unknown),
            "{call:?}"
        );
        assert_eq!(theirs, nobodys, "{call:?}");
    } else if operation.path == "/api/initialize-tenant" {
        assert_eq!(theirs.status, StatusCode::FORBIDDEN, "{call:?}");
    }
    assert!(
        !theirs.text.contains(&tenant.client_id),
        "{call:?}: {theirs:?}"
    );
}
