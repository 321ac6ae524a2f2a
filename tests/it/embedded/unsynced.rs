//! An object that could not be synced counts as not stored: now, on a retry, and after a restart.

use serde_json::{Value, json};
use sha2::Digest;

use super::parts::{begin, tag};
use super::*;
use crate::support::{
    Call, FaultySync, Server, Tenant, Upload, event_with_file, expect, expect_json,
};

async fn stage() -> (FaultySync, Server, Tenant) {
    let faults = FaultySync::new();
    let server = faults.befalls(Server::builder()).start();
    let tenant = server.create_tenant("demo").await;
    (faults, server, tenant)
}

/// Holds an answer to be a 503 that says when to try again.
async fn assert_later(request: reqwest::RequestBuilder) {
    let answer = expect(request, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(answer.headers()["retry-after"], "1");
}

async fn begin_upload(server: &Server, tenant: &Tenant) -> Value {
    let request = server.request_as(tenant, Method::POST, "/api/files/multipart");
    let body = json!({"content_length": 5});
    expect_json(request.json(&body), StatusCode::CREATED).await
}

fn put_to(server: &Server, url: &str) -> reqwest::RequestBuilder {
    server.client().put(url).body("hello")
}

#[tokio::test]
async fn a_file_that_cannot_be_synced_is_a_503_and_leaves_nothing() {
    let (faults, server, tenant) = stage().await;
    let Upload { url, file_id } = server.upload_url(&tenant).await;
    let parts = begin_upload(&server, &tenant).await;
    let part_url = parts["parts"][0]["upload_url"].as_str().unwrap();
    faults.fail("/uploads/");
    let begin = server.request_as(&tenant, Method::POST, "/api/files/multipart");
    assert_later(begin.json(&json!({"content_length": 5}))).await;
    for _ in 0..2 {
        assert_later(put_to(&server, &url)).await;
        assert_later(put_to(&server, part_url)).await;
    }
    let files = server.folder().join("data/files");
    let left = fs::read_dir(files.join("uploads")).unwrap().count();
    assert_eq!(left, 0);
    let delivery = server.delivery(&tenant, &event_with_file(&file_id));
    expect(delivery, StatusCode::BAD_REQUEST).await;
    // Readiness writes a file of its own once an upload has failed.
    faults.fail("/data/files/");
    assert_later(put_to(&server, &url)).await;
    let ready = || server.request(Method::GET, "/health/ready");
    expect(ready(), StatusCode::SERVICE_UNAVAILABLE).await;
    faults.recover();
    expect(put_to(&server, &url), StatusCode::OK).await;
    expect(ready(), StatusCode::OK).await;
    expect(put_to(&server, part_url), StatusCode::OK).await;
}

#[tokio::test]
async fn no_event_references_an_unsynced_name() {
    let (faults, server, tenant) = stage().await;
    let Upload { url, file_id } = server.upload_url(&tenant).await;
    faults.fail("/files/objects/");
    for _ in 0..2 {
        assert_later(put_to(&server, &url)).await;
        assert_later(server.delivery(&tenant, &event_with_file(&file_id))).await;
    }
    let once = put_to(&server, &url).header("if-none-match", "*");
    assert_later(once).await;
    faults.recover();
    let before = faults.calls().len();
    let url = server.download_url(&tenant, &file_id).await;
    let calls = faults.calls();
    let is_shard = |path: &str| path.contains("/files/objects/");
    let is_synced = |call: &Call| matches!(call, Call::Sync { path } if is_shard(path));
    assert!(calls[before..].iter().any(is_synced), "{calls:?}");
    let answer = expect(server.client().get(url), StatusCode::OK).await;
    assert_eq!(answer.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn a_completion_does_not_succeed_before_it_is_synced() {
    let (faults, server, tenant) = stage().await;
    let upload = begin_upload(&server, &tenant).await;
    let part_url = upload["parts"][0]["upload_url"].as_str().unwrap();
    expect(put_to(&server, part_url), StatusCode::OK).await;
    let file_id = upload["file_id"].as_str().unwrap();
    let target = format!("/api/files/multipart/{file_id}/complete");
    let this = json!({"upload_id": upload["upload_id"]});
    let complete = || {
        server
            .request_as(&tenant, Method::POST, &target)
            .json(&this)
    };
    faults.fail("/files/objects/");
    for _ in 0..3 {
        assert_later(complete()).await;
    }
    assert_later(server.delivery(&tenant, &event_with_file(file_id))).await;
    faults.recover();
    expect(complete(), StatusCode::OK).await;
    server.download_url(&tenant, file_id).await;
}

#[tokio::test]
async fn an_unsynced_part_does_not_exist() {
    let (faults, server, tenant) = stage().await;
    let upload = begin_upload(&server, &tenant).await;
    let part_url = upload["parts"][0]["upload_url"].as_str().unwrap();
    let file_id = upload["file_id"].as_str().unwrap();
    let target = format!("/api/files/multipart/{file_id}/parts");
    let this = json!({"upload_id": upload["upload_id"]});
    faults.fail("/files/multipart/");
    assert_later(put_to(&server, part_url)).await;
    let parts = server
        .request_as(&tenant, Method::POST, &target)
        .json(&this);
    let parts = expect_json(parts, StatusCode::OK).await;
    assert_eq!(parts["parts"], json!([]));
    faults.recover();
    expect(put_to(&server, part_url), StatusCode::OK).await;
}

/// A process that was killed may have named an object, and not have synced the name.
#[tokio::test]
async fn a_start_syncs_existing_objects_before_serving_them() {
    let (faults, mut server, tenant) = stage().await;
    let upload = begin_upload(&server, &tenant).await;
    server.kill();
    let before = faults.calls().len();
    server.start_again();
    let mut left = (0..=u8::MAX)
        .map(|shard| format!("/files/objects/{}", hex::encode([shard])))
        .collect::<Vec<_>>();
    let upload_id = upload["upload_id"].as_str().unwrap();
    left.push(format!("/files/multipart/{upload_id}"));
    left.extend(["objects", "multipart", "parts"].map(|name| format!("/files/{name}")));
    left.extend(["/data/files".to_owned(), "/data".to_owned()]);
    for call in &faults.calls()[before..] {
        if let Call::Sync { path } = call {
            left.retain(|end| !path.ends_with(end));
        }
    }
    assert!(left.is_empty(), "{left:?}");
}

/// One folder of objects that cannot be synced holds back what is in it, and nothing else.
#[tokio::test]
async fn a_start_with_an_unsyncable_folder_serves_the_others() {
    let (faults, mut server, tenant) = stage().await;
    let mut uploads = Vec::new();
    for _ in 0..2 {
        let upload = server.upload_url(&tenant).await;
        expect(put_to(&server, &upload.url), StatusCode::OK).await;
        uploads.push(upload);
    }
    server.kill();
    let objects = server.folder().join("data/files/objects");
    let path_of = |upload: &Upload| {
        let key = format!("demo/{}", upload.file_id);
        let name = hex::encode(sha2::Sha256::digest(key));
        objects.join(&name[..2])
    };
    faults.fail(path_of(&uploads[0]).to_str().unwrap());
    server.start_again();
    let is_apart = path_of(&uploads[0]) != path_of(&uploads[1]);
    if is_apart {
        server
            .deliver(&tenant, &event_with_file(&uploads[1].file_id))
            .await;
    }
    let detail = event_with_file(&uploads[0].file_id);
    assert_later(server.delivery(&tenant, &detail)).await;
    faults.recover();
    server.deliver(&tenant, &detail).await;
}

/// Whoever replaces or removes an object while its upload is brought to its end finds the parts in use.
#[tokio::test]
async fn an_object_deleted_during_completion_leaves_no_parts() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    for round in 0..200 {
        let id = begin(&endpoint, &key).await;
        let tags = [tag(&endpoint, &key, &id, 1, vec![1]).await];
        let complete = endpoint
            .objects
            .complete_multipart(&key, &id, &tags, Replace::Yes);
        let (completed, ()) = tokio::join!(complete, async {
            for _ in 0..20 {
                endpoint
                    .objects
                    .delete(std::slice::from_ref(&key))
                    .await
                    .unwrap();
            }
        });
        assert!(completed.unwrap());
        endpoint
            .objects
            .delete(std::slice::from_ref(&key))
            .await
            .unwrap();
        assert_eq!(endpoint.in_parts(), (0, 0), "round {round}");
    }
}
