//! Every operation that reads, called with the view token of one record and everything that belongs to another record of the
//! same tenant.

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::json;

use super::scopes::{ask, documented, view_token};
use super::{Belongings, Call, operations, own_something};
use crate::support::{Server, event, expect_json};

/// Calls that are made at once, since each stream is listened to for a while: fewer than a tenant may have exports.
const AT_ONCE: usize = 6;

#[tokio::test]
async fn a_view_token_shows_nothing_of_another_record() {
    let server = Server::start();
    let owner = own_something(&server).await;
    let tenant = &owner.tenant;
    server.deliver(tenant, &event()).await; // of record 42
    let token = view_token(&server, tenant, &json!({"record_id": 42})).await;
    let own_record = json!({"record_id": owner.belongings.record_id});
    let token_of_owner = view_token(&server, tenant, &own_record).await;
    let list = Call {
        method: Method::GET,
        target: "/api/history/events".to_owned(),
        body: None,
    };
    let shown = ask(&server, &list, Some(&token_of_owner), &tenant.client_id).await;
    assert!(owner.shown(&list, &shown).is_some(), "the scan is blind");

    let document = expect_json(server.request(Method::GET, "/openapi.json"), StatusCode::OK).await;
    let table = documented(&document);
    let nobodys = Belongings {
        cursor: owner.belongings.cursor.clone(),
        page_cursor: owner.belongings.page_cursor.clone(),
        ..Belongings::nobodys()
    };
    for operation in operations(&document) {
        let needed = table[&format!("{} {}", operation.method, operation.path)].as_str();
        if !["read", "any"].contains(&needed) {
            continue;
        }
        let calls = operation.calls(&owner.belongings);
        let twins = operation.calls(&nobodys);
        let pairs: Vec<_> = calls.iter().zip(&twins).collect();
        for pairs in pairs.chunks(AT_ONCE) {
            join_all(pairs.iter().map(|(call, twin)| {
                let (server, token, owner, nobodys) = (&server, &token, &owner, &nobodys);
                async move {
                    let client_id = &owner.tenant.client_id;
                    let answer = ask(server, call, Some(token), client_id).await;
                    owner.assert_hidden(call, &answer);
                    let twin_answer = ask(server, twin, Some(token), client_id).await;
                    assert_eq!(
                        owner.belongings.mask(&answer),
                        nobodys.mask(&twin_answer),
                        "{call:?} tells that it is there"
                    );
                }
            }))
            .await;
        }
    }
}
