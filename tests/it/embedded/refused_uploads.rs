//! Uploads that are rejected for their length, headers or body.

use rusty_s3::S3Action;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::refusals::{endpoint_with_object, expected};
use super::*;

#[tokio::test]
async fn a_body_needs_a_length_within_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let url = endpoint.put_url(&key("alx_demo")).await;
    let target = url
        .strip_prefix(endpoint.url.trim_end_matches('/'))
        .unwrap();
    for (header, status, code) in [
        ("Transfer-Encoding: chunked", 411, "MissingContentLength"),
        ("X-Nothing: 1", 411, "MissingContentLength"),
        ("Content-Length: 5368709121", 400, "EntityTooLarge"),
    ] {
        let host = endpoint.address();
        let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\n{header}");
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream
            .write_all(format!("{head}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(MINUTE, stream.read(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer[..read.unwrap().unwrap()]).into_owned();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{header}: {answer}"
        );
        assert!(answer.contains(code), "{header}: {answer}");
    }
    assert_eq!((endpoint.kept(), endpoint.uploads()), (0, 0));
}

#[tokio::test]
async fn unsupported_headers_are_rejected_rather_than_ignored() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let url = endpoint.put_url(&key).await;
    for (name, value) in [("x-amz-meta-a", "b"), ("x-amz-acl", "public-read")] {
        let answer = put(&url, b"x".to_vec(), &[(name, value)]).await;
        assert_eq!(
            refusal(answer).await,
            expected(403, "AccessDenied"),
            "{name}"
        );
    }
    for condition in [("if-none-match", "\"x\"")] {
        let answer = put(&url, b"x".to_vec(), &[condition]).await;
        assert_eq!(refusal(answer).await, expected(501, "NotImplemented"));
    }
    let (bucket, credentials, name) = (endpoint.bucket(REGION), credentials(), key.to_string());
    for (header, value) in [
        ("x-amz-copy-source", "/event-history/other"),
        ("x-amz-acl", "public-read"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-server-side-encryption", "AES256"),
    ] {
        let mut action = bucket.put_object(Some(&credentials), &name);
        action.headers_mut().insert(header, value);
        let url = action.sign_with_time(MINUTE, &now());
        let answer = put(url.as_str(), b"x".to_vec(), &[(header, value)]).await;
        assert_eq!(
            refusal(answer).await,
            expected(501, "NotImplemented"),
            "{header}"
        );
    }
    for (parameter, status, code) in [
        ("acl", 501, "NotImplemented"),
        ("tagging", 501, "NotImplemented"),
        ("uploadId", 404, "NoSuchUpload"),
        ("versionId", 404, "NoSuchVersion"),
    ] {
        let mut action = bucket.get_object(Some(&credentials), &name);
        action.query_mut().insert(parameter, "1");
        let url = action.sign_with_time(MINUTE, &now());
        let answer = send(Method::GET, url.as_str(), &[]).await;
        assert_eq!(refusal(answer).await, expected(status, code), "{parameter}");
    }
    assert_eq!(endpoint.get(&key).await.text().await.unwrap(), "hello");
}

/// A client that is still sending must get to see why it was refused.
#[tokio::test]
async fn a_rejected_upload_of_any_size_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let url = endpoint.put_url(&key).await;
    let forged = url.replace(
        &key.file_id.to_string(),
        &super::key("x").file_id.to_string(),
    );
    let unsigned = url.split_once('?').unwrap().0;
    for _ in 0..5 {
        for (url, code) in [
            (unsigned, "AccessDenied"),
            (&forged, "SignatureDoesNotMatch"),
        ] {
            let answer = put(url, noise(1, 8 * 1024 * 1024), &[]).await;
            assert_eq!(refusal(answer).await, expected(403, code));
        }
    }
    assert_eq!((endpoint.kept(), endpoint.uploads()), (0, 0));
}
