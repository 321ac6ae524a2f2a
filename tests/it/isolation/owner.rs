//! What the owner sees of its own.

use http::{Method, StatusCode};
use serde_json::Value;

use super::{Call, Owner, answer};
use crate::support::{Server, expect};

/// Returns the whole of what the owner sees: the list, and the file's bytes.
pub(super) async fn everything(server: &Server, owner: &Owner) -> (Value, String) {
    let list = server
        .get_json(&owner.tenant, "/api/history/events?limit=1000")
        .await;
    let target = format!("/api/history/events/{}/file", owner.belongings.event_id);
    let answer = server.get_json(&owner.tenant, &target).await;
    let url = answer["download_url"].as_str().expect("a URL is text");
    let file = expect(server.client().get(url), StatusCode::OK).await;
    (list, file.text().await.expect("a file of text"))
}

/// The owner's own calls show what a stranger's must not: the scan sees it where it is.
pub(super) async fn assert_the_scan_can_fail(server: &Server, owner: &Owner) {
    let call = Call {
        method: Method::GET,
        target: "/api/history/events".to_owned(),
        body: None,
    };
    let answer = answer(server, &owner.tenant, &call).await;
    assert!(
        owner.shown(&call, &answer).is_some(),
        "the scan is blind: {answer:?}"
    );
    let (_, file) = everything(server, owner).await;
    assert!(
        owner.secrets.contains(&file),
        "the file is not the one that was stored"
    );
}
