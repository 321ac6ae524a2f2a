//! A URL for one upload: by request, or for all of them by `--upload-once`.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Case, put, text};
use crate::support::{SeaweedFs, Server, Storage, expect, expect_json};

const PATH: &str = "/api/files/upload-url";

#[tokio::test]
async fn an_upload_once_is_one_on_the_embedded_storage() {
    let server = Server::start();
    let storage = server.embedded_storage();
    asked_for(case(server, storage).await).await;
    let server = Server::builder()
        .env("EVENT_HISTORY_UPLOAD_ONCE", "true")
        .start();
    let storage = server.embedded_storage();
    always(case(server, storage).await).await;
}

#[tokio::test]
async fn an_upload_once_is_one_on_seaweedfs() {
    let seaweedfs = SeaweedFs::start().await;
    let storage = seaweedfs.storage();
    let server = Server::builder().files_in(storage).start();
    asked_for(case(server, storage.clone()).await).await;
    let server = Server::builder()
        .files_in(storage)
        .env("EVENT_HISTORY_UPLOAD_ONCE", "true")
        .start();
    always(case(server, storage.clone()).await).await;
}

async fn case(server: Server, storage: Storage) -> Case {
    let tenant = server.create_tenant("once").await;
    Case {
        server,
        storage,
        tenant,
    }
}

/// Where nothing is set, it is a term like the others.
async fn asked_for(case: Case) {
    let nothing_asked = case.server.get_json(&case.tenant, PATH).await;
    let members: Vec<_> = nothing_asked
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(members, ["file_id", "upload_url"]);
    let other = case.terms("content_type=text/plain&once=false").await;
    assert_eq!(other["headers"], json!({"content-type": "text/plain"}));

    let once = case.terms("once=true").await;
    assert_eq!(once["headers"], json!({"if-none-match": "*"}));
    takes_one(&case, &once).await;
    let target = format!("{PATH}?once=often");
    let request = case.server.request_as(&case.tenant, Method::GET, &target);
    let refused = expect_json(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(refused["detail"][0]["loc"], json!(["query", "once"]));
}

/// Where it is set, no URL goes out whose uploader does not hear of the header.
async fn always(case: Case) {
    let request = case.server.request_as(&case.tenant, Method::GET, PATH);
    let refused = expect_json(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(refused["detail"][0]["loc"], json!(["query", "once"]));
    assert_eq!(refused["detail"][0]["type"], "missing");
    for query in ["once=true", "expires_in=60", "once=false&expires_in=60"] {
        let answer = case.terms(query).await;
        assert_eq!(answer["headers"], json!({"if-none-match": "*"}), "{query}");
        takes_one(&case, &answer).await;
    }
    let answer = case.terms("content_type=text/plain").await;
    let expected = json!({"content-type": "text/plain", "if-none-match": "*"});
    assert_eq!(answer["headers"], expected);
    takes_one(&case, &answer).await;

    // Uploads in parts need nothing else, and a complete may be repeated.
    let begin = case.post("/api/files/multipart", &json!({"content_length": 5}));
    let upload = expect_json(begin, StatusCode::CREATED).await;
    let url = text(&upload["parts"][0]["upload_url"]);
    expect(case.server.client().put(url).body("parts"), StatusCode::OK).await;
    let target = format!("/api/files/multipart/{}/complete", text(&upload["file_id"]));
    let complete = json!({"upload_id": upload["upload_id"]});
    let first = expect_json(case.post(&target, &complete), StatusCode::OK).await;
    let second = expect_json(case.post(&target, &complete), StatusCode::OK).await;
    assert_eq!((&first["size_bytes"], &first), (&json!(5), &second));
}

async fn takes_one(case: &Case, answer: &Value) {
    for (body, status) in [
        ("genuine", StatusCode::OK),
        ("forged!", StatusCode::PRECONDITION_FAILED),
    ] {
        expect(put(&case.server, answer, &[]).body(body), status).await;
    }
    let event = case.referenced(&text(&answer["file_id"])).await;
    let shown = case.downloaded(&event, "").await;
    assert_eq!(shown.text().await.expect("text"), "genuine");
}
