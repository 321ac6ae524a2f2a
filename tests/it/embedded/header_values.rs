//! Headers that could not be sent with a download are rejected at the upload.

use rusty_s3::S3Action;

use super::forms::{Form, post};
use super::*;

#[tokio::test]
async fn a_field_that_is_not_a_header_value_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    for name in [
        "Content-Type",
        "Content-Encoding",
        "Content-Language",
        "Content-Disposition",
        "Cache-Control",
        "x-amz-meta-note",
    ] {
        for value in [
            "image/png\r\nX-Evil: 1",
            "a\nb",
            "a\rb",
            "a\0b",
            "a\u{7f}b",
            "a\u{85}b",
        ] {
            let form = Form::new(&key.to_string()).field(name, value);
            let refused = refusal(post(&endpoint, form, b"hello").await).await;
            let expected = (StatusCode::BAD_REQUEST, "InvalidArgument".to_owned());
            assert_eq!(refused, expected, "{name}: {value:?}");
        }
    }
    for name in [
        "x-amz-meta-",
        "x-amz-meta-a b",
        "x-amz-meta-a:",
        "x-amz-meta-\u{e4}",
    ] {
        let form = Form::new(&key.to_string()).field(name, "x");
        let refused = refusal(post(&endpoint, form, b"hello").await).await;
        assert_eq!(refused.1, "InvalidArgument", "{name}");
    }
    let form = Form::new(&key.to_string()).field("Content-Type", "text/\u{e4}");
    let refused = refusal(post(&endpoint, form, b"hello").await).await;
    assert_eq!(refused.1, "InvalidArgument");
    assert_eq!((endpoint.kept(), endpoint.uploads()), (0, 0));
}

#[tokio::test]
async fn an_accepted_field_is_returned_with_the_download() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let disposition = "attachment;\tfilename=\"a b.png\"";
    let form = Form::new(&key.to_string())
        .field("Content-Type", "image/png")
        .field("Content-Disposition", disposition)
        .field("x-amz-meta-Note", "a \u{e4}");
    assert_eq!(post(&endpoint, form, b"hello").await.status(), 204);
    let answer = endpoint.get(&key).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-disposition"], disposition);
    assert_eq!(answer.headers()["x-amz-meta-note"], "=?UTF-8?B?YSDDpA==?=");
}

/// s3s decodes the encoded words of RFC 2047, so a header may hold what no header can.
#[tokio::test]
async fn an_encoded_word_cannot_contain_control_characters() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let (key, bucket, credentials) = (key("alx_demo"), endpoint.bucket(REGION), credentials());
    let (name, value) = ("x-amz-meta-note", "=?UTF-8?B?YQ0KWDogMQ==?="); // "a\r\nX: 1"
    let key = key.to_string();
    let mut put_it = bucket.put_object(Some(&credentials), &key);
    put_it.headers_mut().insert(name, value);
    let put_it = put(
        put_it.sign(MINUTE).as_str(),
        b"x".to_vec(),
        &[(name, value)],
    )
    .await;
    assert_eq!(refusal(put_it).await.1, "InvalidArgument");
    let mut begin = bucket.create_multipart_upload(Some(&credentials), &key);
    begin.headers_mut().insert(name, value);
    let begin = send(Method::POST, begin.sign(MINUTE).as_str(), &[(name, value)]).await;
    assert_eq!(refusal(begin).await.1, "InvalidArgument");
    assert_eq!((endpoint.kept(), endpoint.in_parts()), (0, (0, 0)));
}

#[tokio::test]
async fn a_response_header_that_cannot_be_sent_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    assert_eq!(endpoint.put(&key, "hello").await.status(), 200);
    let (bucket, credentials) = (endpoint.bucket(REGION), credentials());
    let key = key.to_string();
    for name in [
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
    ] {
        for value in ["text/plain\r\nX-Evil: 1", "\u{e4}"] {
            let mut get = bucket.get_object(Some(&credentials), &key);
            get.query_mut().insert(name, value);
            let refused = refusal(send(Method::GET, get.sign(MINUTE).as_str(), &[]).await).await;
            assert_eq!(refused.0, 400, "{name}: {value:?}");
            let mut head = bucket.head_object(Some(&credentials), &key);
            head.query_mut().insert(name, value);
            let answer = send(Method::HEAD, head.sign(MINUTE).as_str(), &[]).await;
            assert_eq!(answer.status(), 400, "{name}: {value:?}");
        }
    }
}
