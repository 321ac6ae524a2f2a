//! A referenced file never changes, and only its tenant can reach it.

use rusty_s3::S3Action;
use serde_json::{Value, json};
use sha2::Digest;

use super::parts::{begin, tag};
use super::*;
use crate::support::{Server, Tenant, event_with_file, expect, expect_json};

fn refused(code: &str) -> (StatusCode, String) {
    (StatusCode::FORBIDDEN, code.to_owned())
}

async fn form(server: &Server, tenant: &Tenant) -> Value {
    let request = server.request_as(tenant, Method::POST, "/api/files/upload-form");
    expect_json(request.json(&json!({})), StatusCode::OK).await
}

fn post_form(server: &Server, form: &Value, file: &str) -> reqwest::RequestBuilder {
    let boundary = "a-boundary-of-this-test";
    let mut parts = Vec::new();
    let fields = form["fields"].as_object().unwrap().iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    for (name, value) in fields.chain([("file", file)]) {
        let head = format!("content-disposition: form-data; name=\"{name}\"");
        parts.push(format!("--{boundary}\r\n{head}\r\n\r\n{value}\r\n"));
    }
    let body = format!("{}--{boundary}--\r\n", parts.concat());
    let content_type = format!("multipart/form-data; boundary={boundary}");
    let url = form["url"].as_str().unwrap();
    let request = server.client().post(url).body(body);
    request.header("content-type", content_type)
}

#[tokio::test]
async fn the_url_and_form_of_a_referenced_file_accept_no_other_bytes() {
    let mut server = Server::start();
    let tenant = server.create_tenant("demo").await;
    let upload = server.upload_url(&tenant).await;
    let put = |server: &Server, body: &'static str| server.client().put(&upload.url).body(body);
    expect(put(&server, "first"), StatusCode::OK).await;
    // Until an event references it, the last upload counts.
    expect(put(&server, "hello"), StatusCode::OK).await;
    let by_form = form(&server, &tenant).await;
    expect(
        post_form(&server, &by_form, "hello"),
        StatusCode::NO_CONTENT,
    )
    .await;
    let form_id = by_form["file_id"].as_str().unwrap();
    let url = server.download_url(&tenant, &upload.file_id).await;
    let form_url = server.download_url(&tenant, form_id).await;
    for is_last in [false, true] {
        for other in ["hellO", "another length"] {
            let answer = put(&server, other).send().await.unwrap();
            assert_eq!(refusal(answer).await, refused("AccessDenied"), "{other}");
        }
        let answer = post_form(&server, &by_form, "hellO").send().await.unwrap();
        assert_eq!(refusal(answer).await, refused("AccessDenied"));
        expect(put(&server, "hello"), StatusCode::OK).await;
        expect(
            post_form(&server, &by_form, "hello"),
            StatusCode::NO_CONTENT,
        )
        .await;
        for url in [&url, &form_url] {
            let answer = expect(server.client().get(url), StatusCode::OK).await;
            assert_eq!(answer.text().await.unwrap(), "hello");
        }
        let left = fs::read_dir(server.folder().join("data/files/uploads")).unwrap();
        assert_eq!(left.count(), 0);
        if !is_last {
            server.kill();
            server.start_again();
        }
    }
}

#[tokio::test]
async fn an_upload_in_progress_does_not_replace_a_file_referenced_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    for round in 0..20 {
        let key = key("alx_demo");
        assert_eq!(endpoint.put(&key, "before").await.status(), 200);
        let info = endpoint.objects.head(&key, None).await.unwrap().unwrap();
        let others = (0..8).map(|_| endpoint.put(&key, "behind"));
        let others = futures_util::future::join_all(others);
        let (is_sealed, answers) = tokio::join!(endpoint.objects.seal(&key, &info), others);
        let left = endpoint.get(&key).await.text().await.unwrap();
        if is_sealed.unwrap() {
            assert_eq!(left, "before", "round {round}");
            assert!(answers.iter().all(|answer| answer.status() == 403));
        } else {
            assert_eq!(left, "behind", "round {round}");
        }
    }
}

#[tokio::test]
async fn parts_do_not_replace_a_referenced_file() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let complete = async |body: &[u8]| {
        let id = begin(&endpoint, &key).await;
        let tags = [tag(&endpoint, &key, &id, 1, body.to_vec()).await];
        let completed = endpoint
            .objects
            .complete_multipart(&key, &id, &tags, Replace::Yes)
            .await;
        (id, completed)
    };
    assert!(complete(b"hello").await.1.unwrap());
    let info = endpoint.objects.head(&key, None).await.unwrap().unwrap();
    assert!(endpoint.objects.seal(&key, &info).await.unwrap());
    let (id, answer) = complete(b"hellO").await;
    assert!(matches!(
        answer,
        Err(event_history::objects::Error::Refused(_))
    ));
    endpoint.objects.abort_multipart(&key, &id).await.unwrap();
    assert!(complete(b"hello").await.1.unwrap());
    assert_eq!(endpoint.in_parts(), (0, 1));
    let found = endpoint.objects.head(&key, None).await.unwrap().unwrap();
    assert_eq!(found, info);
    assert!(endpoint.objects.delete(&[key]).await.unwrap().is_empty());
    assert_eq!(endpoint.in_parts(), (0, 0));
}

/// Dates the one object of `folder` an hour back, as one that an earlier tenant uploaded.
fn make_older(folder: &Path) {
    let shards = fs::read_dir(folder.join("objects")).unwrap();
    let mut files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    let path = files.next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    let footer = whole.len() - 52;
    let meta_bytes: [u8; 4] = whole[footer + 32..footer + 36].try_into().unwrap();
    let start = footer - u32::from_le_bytes(meta_bytes) as usize;
    let mut meta: Value = serde_json::from_slice(&whole[start..footer]).unwrap();
    meta["modified_at_s"] = (now().as_second() - 3600).into();
    let meta = serde_json::to_vec(&meta).unwrap();
    let mut file = whole[..start].to_vec();
    file.extend_from_slice(&meta);
    file.extend_from_slice(&sha2::Sha256::digest(&meta));
    file.extend_from_slice(&u32::try_from(meta.len()).unwrap().to_le_bytes());
    file.extend_from_slice(&whole[footer + 36..]);
    fs::write(path, file).unwrap();
}

#[tokio::test]
async fn a_reused_tenant_name_reaches_no_older_file() {
    let server = Server::start();
    let first = server.create_tenant("demo").await;
    let upload = server.upload_url(&first).await;
    expect(
        server.client().put(&upload.url).body("hello"),
        StatusCode::OK,
    )
    .await;
    make_older(&server.folder().join("data/files"));
    let delete = server.request_as(&first, Method::DELETE, "/api/delete-tenant");
    expect(delete, StatusCode::OK).await;
    let second = server.create_tenant("demo").await;
    let delivery = server.delivery(&second, &event_with_file(&upload.file_id));
    let answer = expect_json(delivery, StatusCode::BAD_REQUEST).await;
    let expected = format!("'{}' file not found in storage.", upload.file_id);
    assert_eq!(answer["detail"], expected.as_str());
    // One of its own is.
    let own = server.upload_url(&second).await;
    expect(server.client().put(&own.url).body("hello"), StatusCode::OK).await;
    server.download_url(&second, &own.file_id).await;
}

#[tokio::test]
async fn a_url_older_than_the_tenant_is_rejected() {
    let server = Server::start();
    server.create_tenant("demo").await;
    let storage = server.embedded_storage();
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let name = key("demo").to_string();
    let hour = Duration::from_hours(1);
    for (age_s, status) in [(600, 403), (0, 200)] {
        let signed_at = Timestamp::from_second(now().as_second() - age_s).unwrap();
        let url = bucket.put_object(Some(&credentials), &name);
        let url = url.sign_with_time(hour, &signed_at);
        let answer = put(url.as_str(), b"hello".to_vec(), &[]).await;
        assert_eq!(answer.status(), status, "signed {age_s} s ago");
        let url = bucket.get_object(Some(&credentials), &name);
        let url = url.sign_with_time(hour, &signed_at);
        let answer = send(Method::GET, url.as_str(), &[]).await;
        assert_eq!(answer.status(), status, "signed {age_s} s ago");
    }
    // A signature that is none learns nothing of the tenant's age.
    let signed_at = Timestamp::from_second(now().as_second() - 600).unwrap();
    let other = Credentials::new(credentials.key(), "another secret");
    let url = bucket.put_object(Some(&other), &name);
    let url = url.sign_with_time(hour, &signed_at);
    let answer = put(url.as_str(), b"hello".to_vec(), &[]).await;
    assert_eq!(refusal(answer).await, refused("SignatureDoesNotMatch"));
}
