//! Every operation of the OpenAPI document, called with every kind of credential: what it answers is what the table of
//! docs/api.md says, which is what the document says.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use event_history::domain::{Clock, SystemClock};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::answers::{Answer, answer_to};
use super::{Belongings, Call, METHODS, operations};
use crate::support::{self, API_KEY, Server, Tenant, event, expect_json};

const SCOPES: [&str; 3] = ["write", "read", "admin"];

/// Those of a tenant's own secret.
const TENANT_SCOPES: &[&str] = &["write", "read"];

/// Those of a view token.
const VIEW_SCOPES: &[&str] = &["read"];

const UNAUTHORIZED: &str = "Unauthorized API Key.";

/// What a credential needs for each operation, `GET /api/keys` say: `none`, `any`, or the name of a scope.
pub(super) type Table = BTreeMap<String, String>;

pub(super) fn documented(document: &Value) -> Table {
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

/// A header that says who is asking.
pub(super) type Credential = (&'static str, String);

fn api_key(key: &str) -> Credential {
    ("X-API-Key", key.to_owned())
}

fn secret_of(tenant: &Tenant) -> Credential {
    let pair = format!("{}:{}", tenant.client_id, tenant.client_secret);
    (
        "Authorization",
        format!("Basic {}", BASE64_STANDARD.encode(pair)),
    )
}

pub(super) async fn view_token(server: &Server, tenant: &Tenant, body: &Value) -> Credential {
    view_token_by(&api_key(API_KEY), server, tenant, body).await
}

/// Makes a token with this credential.
async fn view_token_by(
    (name, value): &Credential,
    server: &Server,
    tenant: &Tenant,
    body: &Value,
) -> Credential {
    let url = format!("{}/api/view-tokens", server.url());
    let request = server.client().post(url).header(*name, value);
    let request = request.header("X-Client-Id", &tenant.client_id);
    let answer = expect_json(request.json(body), StatusCode::CREATED).await;
    let token = answer["token"].as_str().expect("a text");
    ("Authorization", format!("Bearer {token}"))
}

/// Calls an operation with a credential, for a tenant.
pub(super) async fn ask(
    server: &Server,
    call: &Call,
    credential: Option<&Credential>,
    client_id: &str,
) -> Answer {
    let url = format!("{}{}", server.url(), call.target);
    let request = server.client().request(call.method.clone(), url);
    let request = request.header("X-Client-Id", client_id);
    let request = match credential {
        Some((name, value)) => request.header(*name, value),
        None => request,
    };
    answer_to(request, call).await
}

fn is_refusal(answer: &Answer) -> bool {
    [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status)
}

/// Who asks, and what it may do.
struct Callers {
    /// One key for each scope.
    keys: Vec<(&'static str, Credential)>,
    own_secret: Credential,
    own_token: Credential,
    /// With why.
    refused: Vec<(Credential, &'static str)>,
    of_another_tenant: Vec<(Credential, &'static [&'static str])>,
    of_another_record: Credential,
}

impl Callers {
    async fn new(server: &Server, tenant: &Tenant, other: &Tenant) -> Self {
        let mut keys = Vec::new();
        for scope in SCOPES {
            let body = json!({"name": scope, "scopes": [scope]});
            keys.push((scope, api_key(&key(server, &body).await.1)));
        }
        let all = json!({"name": "all", "scopes": SCOPES, "client_id": other.client_id});
        let (_, key_of_another) = key(server, &all).await;
        let (revoked_id, revoked) = key(server, &json!({"name": "r", "scopes": SCOPES})).await;
        let end = Timestamp::from_second(SystemClock.now().as_second() + 4).expect("a time");
        let body = json!({"name": "e", "scopes": SCOPES, "expires_at": end.to_string()});
        let (_, expired) = key(server, &body).await;
        let short = json!({"expires_in": 1});
        let expired_token = view_token(server, tenant, &short).await;
        let all = json!({});
        let orphaned_token = view_token_by(&api_key(&revoked), server, tenant, &all).await;
        let own_token = view_token(server, tenant, &all).await;
        let (name, text) = &own_token;
        let forged_token = (*name, text[..text.len() - 1].to_owned());
        let revoke = server.request(Method::DELETE, &format!("/api/keys/{revoked_id}"));
        expect_json(revoke, StatusCode::OK).await;
        sleep(Duration::from_secs(5)).await; // until key and token have expired

        let mut wrong_secret = other.clone();
        wrong_secret.client_secret.clone_from(&tenant.client_secret);
        Self {
            keys,
            own_secret: secret_of(tenant),
            own_token,
            refused: vec![
                (api_key("wrong"), UNAUTHORIZED),
                (api_key(&expired), UNAUTHORIZED),
                (api_key(&revoked), UNAUTHORIZED),
                (secret_of(&wrong_secret), UNAUTHORIZED),
                (orphaned_token, UNAUTHORIZED),
                (forged_token, UNAUTHORIZED),
                (expired_token, "The view token has expired."),
            ],
            of_another_tenant: vec![
                (api_key(&key_of_another), &SCOPES),
                (secret_of(other), TENANT_SCOPES),
                (view_token(server, other, &json!({})).await, VIEW_SCOPES),
            ],
            of_another_record: view_token(server, tenant, &json!({"record_id": 43})).await,
        }
    }
}

/// Asserts that the credential lacks what an operation needs.
fn assert_forbidden(answer: &Answer, needed: &str, call: &Call, credential: &Credential) {
    let expected = format!("The credential lacks the scope '{needed}'.");
    let expected = json!({ "detail": expected }).to_string();
    let found = (answer.status.as_u16(), &*answer.text);
    assert_eq!(found, (403, &*expected), "{call:?} with {credential:?}");
}

#[tokio::test]
async fn every_operation_asks_for_its_scope() {
    let server = Server::start();
    let tenant = server.create_tenant("own").await;
    let other = server.create_tenant("other").await;
    let event = event(); // of record 42
    server.deliver(&tenant, &event).await;
    let document = expect_json(server.request(Method::GET, "/openapi.json"), StatusCode::OK).await;
    let table = documented(&document);
    let callers = Callers::new(&server, &tenant, &other).await;

    let belongings = Belongings::nobodys();
    let mut operations = operations(&document);
    // Then its secret is refused everywhere.
    operations.sort_by_key(|it| it.path == "/api/delete-tenant");
    for operation in operations {
        let call = operation.calls(&belongings).swap_remove(0);
        let needed = table[&format!("{} {}", operation.method, operation.path)].as_str();
        let client_id = tenant.client_id.as_str();
        if needed == "none" {
            let answer = ask(&server, &call, None, client_id).await;
            assert!(answer.status.is_success(), "{call:?}: {answer:?}");
            continue;
        }
        let nobody = std::iter::once((None, UNAUTHORIZED));
        let refused = callers.refused.iter().map(|(it, why)| (Some(it), *why));
        for (refused, why) in nobody.chain(refused) {
            let answer = ask(&server, &call, refused, client_id).await;
            let expected = json!({ "detail": why }).to_string();
            let found = (answer.status.as_u16(), answer.text);
            assert_eq!(found, (401, expected), "{call:?} {refused:?}");
        }
        for (credential, scopes) in &callers.of_another_tenant {
            let is_allowed = needed == "any" || scopes.contains(&needed);
            of_another_tenant_is_of_nobody(
                &server,
                &call,
                credential,
                is_allowed.then_some(()).ok_or(needed),
                &tenant,
            )
            .await;
        }
        let answer = ask(&server, &call, Some(&callers.of_another_record), client_id).await;
        match needed {
            "read" | "any" => {
                let id = event["event_id"].as_str().expect("an id");
                assert!(!answer.text.contains(id), "{call:?}: {answer:?}");
                assert_ne!(
                    answer.status,
                    StatusCode::UNAUTHORIZED,
                    "{call:?}: {answer:?}"
                );
            }
            _ => assert_forbidden(&answer, needed, &call, &callers.of_another_record),
        }
        // Deleting comes last: without the scope first, then with it.
        let own = [
            (TENANT_SCOPES, &callers.own_secret),
            (VIEW_SCOPES, &callers.own_token),
        ];
        let own = own.into_iter();
        let keys = callers.keys.iter().rev();
        let keys = keys.map(|(scope, key)| (std::slice::from_ref(scope), key));
        let (without, with): (Vec<_>, Vec<_>) = own
            .chain(keys)
            .partition(|(scopes, _)| needed != "any" && !scopes.contains(&needed));
        for (_, credential) in without {
            let answer = ask(&server, &call, Some(credential), client_id).await;
            assert_forbidden(&answer, needed, &call, credential);
        }
        for (_, credential) in with {
            let answer = ask(&server, &call, Some(credential), client_id).await;
            // The one operation that is not for all who have its scope.
            let is_token = *credential == callers.own_token;
            assert_eq!(
                is_refusal(&answer),
                is_token && operation.path == "/api/view-tokens",
                "{call:?} with {credential:?}: {answer:?}"
            );
        }
    }
}

/// A tenant that a credential is not for is one that does not exist. `allowed` has the scope that is lacking.
async fn of_another_tenant_is_of_nobody(
    server: &Server,
    call: &Call,
    credential: &Credential,
    allowed: Result<(), &str>,
    tenant: &Tenant,
) {
    let theirs = ask(server, call, Some(credential), &tenant.client_id).await;
    assert!(
        !theirs.text.contains(&tenant.client_id),
        "{call:?}: {theirs:?}"
    );
    if let Err(needed) = allowed {
        return assert_forbidden(&theirs, needed, call, credential);
    }
    // These name no tenant in a header: they are about that of the credential, or about none.
    let path = call.target.split('?').next().unwrap_or_default();
    let is_without = ["/api/keys", "/api/tenants", "/api/catalogue"];
    if is_without.iter().any(|it| path.starts_with(it)) {
        return;
    }
    if path == "/api/initialize-tenant" {
        return assert_eq!(theirs.status, StatusCode::FORBIDDEN, "{call:?}");
    }
    let nobodys = ask(server, call, Some(credential), &support::uuid()).await;
    let unknown = json!({"detail": "Failed to connect to tenant db."}).to_string();
    let found = (nobodys.status.as_u16(), &nobodys.text);
    assert_eq!(found, (400, &unknown), "{call:?}");
    assert_eq!(theirs, nobodys, "{call:?}");
}
