//! An upload is what its terms say or nothing, and a download is shown as its terms say.

use std::sync::Arc;

use bytes::Bytes;
use event_history::domain::{ContentType, FileName, ObjectKey, UploadConstraints};
use event_history::objects::{DownloadOptions, Objects, PresignedUrl};
use futures_util::stream;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, IF_NONE_MATCH,
};
use http::{Method, StatusCode};
use reqwest::Body;

use super::{LIFE, content, download, fresh_key, headers, left_nothing, refuses, sha256, upload};

/// No multiple of anything, and more than one read of a small buffer.
const SIZE_BYTES: usize = 10_007;

/// A name that ASCII does not have, with all that a header, a URL or XML could stumble over.
const NAME: &str = "Übersicht \"1\" & <2>; 100%.pdf";

/// Runs the functions of this module.
pub(crate) async fn all(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    what_was_declared_is_told_again(objects, http).await;
    whatever_differs_is_refused(objects, http).await;
    each_term_holds_by_itself(objects, http).await;
    a_refused_upload_leaves_what_was_there(objects, http).await;
    a_download_is_shown_as_signed(objects, http).await;
    an_upload_once_is_one(objects, http).await;
}

pub(crate) async fn what_was_declared_is_told_again(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let content = content(SIZE_BYTES);
    let terms = terms_of(&content);
    let presigned = presign(objects, &key, &terms).await;
    let status = put(http, &presigned, |_| {}, content.clone()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(download(objects, http, &key).await, content);

    let info = objects.head(&key, None).await.expect("head");
    let info = info.expect("the object is there");
    assert_eq!(info.size_bytes, SIZE_BYTES as u64);
    assert_eq!(info.content_type, terms.content_type);
    assert_eq!(info.declared_sha256, terms.sha256);
    assert!(info.sha256.is_none() || info.sha256 == terms.sha256);
    assert_eq!(info.file_name, terms.file_name);
    assert!(info.modified_at.is_some());
    assert_eq!(info.record().sha256, terms.sha256);
}

pub(crate) async fn whatever_differs_is_refused(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let whole = content(SIZE_BYTES);
    let terms = terms_of(&whole);
    let (longer, shorter, other) = others(&whole);
    let bodies = [
        ("a byte more", longer.clone()),
        ("a byte less", shorter),
        ("another byte", other.clone()),
        ("no bytes", Bytes::new()),
    ];
    for (what, body) in bodies {
        let key = fresh_key();
        let presigned = presign(objects, &key, &terms).await;
        let status = put(http, &presigned, |_| {}, body).await;
        left_nothing(objects, &key, status, what).await;
    }
    for (name, value) in [
        ("content-type", "text/html".to_owned()),
        ("x-amz-checksum-sha256", sha256(&other).to_base64()),
        ("x-amz-meta-sha256", sha256(&other).to_string()),
        ("x-amz-meta-file-name", "other".to_owned()),
    ] {
        for value in [Some(value), None] {
            let key = fresh_key();
            let presigned = presign(objects, &key, &terms).await;
            let change = |headers: &mut HeaderMap| match value {
                Some(value) => {
                    let value = HeaderValue::try_from(value).expect("a value");
                    headers.insert(name, value);
                }
                None => {
                    headers.remove(name);
                }
            };
            let status = put(http, &presigned, change, whole.clone()).await;
            left_nothing(objects, &key, status, name).await;
        }
    }
    for body in [whole, longer] {
        let key = fresh_key();
        let presigned = presign(objects, &key, &terms).await;
        let status = put_without_length(http, &presigned, body).await;
        left_nothing(objects, &key, status, "no length").await;
    }
}

pub(crate) async fn each_term_holds_by_itself(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let whole = content(SIZE_BYTES);
    let (longer, shorter, other) = others(&whole);
    let all = terms_of(&whole);

    let size = UploadConstraints {
        size_bytes: all.size_bytes,
        ..UploadConstraints::default()
    };
    for body in [longer.clone(), shorter.clone()] {
        let key = fresh_key();
        let presigned = presign(objects, &key, &size).await;
        let status = put(http, &presigned, |_| {}, body).await;
        left_nothing(objects, &key, status, "the size alone").await;
    }
    let key = fresh_key();
    let presigned = presign(objects, &key, &size).await;
    let status = put_without_length(http, &presigned, longer.clone()).await;
    left_nothing(objects, &key, status, "the size alone, no length sent").await;

    let checksum = UploadConstraints {
        sha256: all.sha256,
        ..UploadConstraints::default()
    };
    for body in [longer, shorter, other] {
        let key = fresh_key();
        let presigned = presign(objects, &key, &checksum).await;
        let status = put(http, &presigned, |_| {}, body).await;
        left_nothing(objects, &key, status, "the checksum alone").await;
    }

    let kind = UploadConstraints {
        content_type: all.content_type,
        ..UploadConstraints::default()
    };
    let key = fresh_key();
    let presigned = presign(objects, &key, &kind).await;
    let html = |headers: &mut HeaderMap| {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    };
    let status = put(http, &presigned, html, whole.clone()).await;
    left_nothing(objects, &key, status, "the type alone").await;

    // Where no type was asked for, the uploader may say one.
    let key = fresh_key();
    let presigned = presign(objects, &key, &size).await;
    let status = put(http, &presigned, html, whole.clone()).await;
    assert_eq!(status, StatusCode::OK);
    let info = objects.head(&key, None).await.expect("head");
    let kind = info.and_then(|info| info.content_type);
    assert_eq!(kind, ContentType::parse("text/html").ok());

    // Our own metadata is accepted only under our signature.
    for name in ["x-amz-meta-file-name", "x-amz-meta-sha256"] {
        let key = fresh_key();
        let presigned = presign(objects, &key, &size).await;
        let claim = |headers: &mut HeaderMap| {
            headers.insert(name, HeaderValue::from_static("0123"));
        };
        let status = put(http, &presigned, claim, whole.clone()).await;
        left_nothing(objects, &key, status, name).await;
    }
}

pub(crate) async fn a_refused_upload_leaves_what_was_there(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let whole = content(SIZE_BYTES);
    upload(objects, http, &key, whole.clone()).await;
    let before = objects.head(&key, None).await.expect("head");
    let (longer, _, other) = others(&whole);
    let presigned = presign(objects, &key, &terms_of(&whole)).await;
    for body in [longer, other] {
        let status = put(http, &presigned, |_| {}, body).await;
        assert!(status.is_client_error(), "{status}");
    }
    assert_eq!(objects.head(&key, None).await.expect("head"), before);
    assert_eq!(download(objects, http, &key).await, whole);
}

pub(crate) async fn an_upload_once_is_one(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let whole = content(SIZE_BYTES);
    let (_, _, other) = others(&whole);
    let once = UploadConstraints {
        once: true,
        ..UploadConstraints::default()
    };
    let key = fresh_key();
    let presigned = presign(objects, &key, &once).await;
    let needed = [("if-none-match".to_owned(), "*".to_owned())];
    assert_eq!(presigned.headers, needed);
    let bare = |headers: &mut HeaderMap| {
        headers.remove(IF_NONE_MATCH);
    };
    let status = put(http, &presigned, bare, whole.clone()).await;
    left_nothing(objects, &key, status, "no if-none-match").await;
    let status = put(http, &presigned, |_| {}, whole.clone()).await;
    assert_eq!(status, StatusCode::OK);

    let before = objects.head(&key, None).await.expect("head");
    for body in [other, whole.clone()] {
        let status = put(http, &presigned, |_| {}, body.clone()).await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED);
        let status = put(http, &presigned, bare, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    assert_eq!(objects.head(&key, None).await.expect("head"), before);
    assert_eq!(download(objects, http, &key).await, whole);

    // It stands among the other headers in its place.
    let key = fresh_key();
    let all = UploadConstraints {
        once: true,
        ..terms_of(&whole)
    };
    let presigned = presign(objects, &key, &all).await;
    for expected in [StatusCode::OK, StatusCode::PRECONDITION_FAILED] {
        let status = put(http, &presigned, |_| {}, whole.clone()).await;
        assert_eq!(status, expected);
    }
}

pub(crate) async fn a_download_is_shown_as_signed(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let content = content(100);
    upload(objects, http, &key, content.clone()).await;
    let name = FileName::parse(NAME).expect("a name");
    let disposition = name.disposition("attachment");
    let terms = DownloadOptions {
        version_id: None,
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        content_disposition: Some(disposition.clone()),
    };
    let presigned = objects
        .presign_get(&key, &terms, LIFE)
        .await
        .expect("presign");
    assert_eq!(presigned.headers, []);
    let response = http.get(&presigned.url).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[CONTENT_TYPE],
        "text/plain; charset=utf-8"
    );
    assert_eq!(response.headers()[CONTENT_DISPOSITION], disposition);
    assert_eq!(response.bytes().await.expect("the body"), content);

    let inline = presigned.url.replace("attachment", "inline");
    assert_ne!(inline, presigned.url);
    refuses(http, Method::GET, &inline, "another disposition").await;
    let html = presigned.url.replace("text%2Fplain", "text%2Fhtml");
    assert_ne!(html, presigned.url);
    refuses(http, Method::GET, &html, "another type").await;
}

fn terms_of(content: &[u8]) -> UploadConstraints {
    UploadConstraints {
        content_type: ContentType::parse("application/pdf; x=\"y z\"").ok(),
        size_bytes: Some(content.len() as u64),
        sha256: Some(sha256(content)),
        file_name: FileName::parse(NAME).ok(),
        once: false,
    }
}

/// Returns the bytes with one more, with one less, and with another.
fn others(whole: &Bytes) -> (Bytes, Bytes, Bytes) {
    let longer = [whole, &b"x"[..]].concat().into();
    let shorter = whole.slice(1..);
    let mut other = whole.to_vec();
    other[0] ^= 1;
    (longer, shorter, other.into())
}

async fn presign(
    objects: &Arc<dyn Objects>,
    key: &ObjectKey,
    terms: &UploadConstraints,
) -> PresignedUrl {
    let presigned = objects.presign_put(key, terms, LIFE).await;
    presigned.expect("presign")
}

async fn put(
    http: &reqwest::Client,
    presigned: &PresignedUrl,
    change: impl FnOnce(&mut HeaderMap),
    body: Bytes,
) -> StatusCode {
    let mut headers = headers(presigned, body.len());
    change(&mut headers);
    let request = http.put(&presigned.url).headers(headers).body(body);
    request.send().await.expect("an answer").status()
}

/// Sends the body in chunks, so that nothing says beforehand how long it is.
async fn put_without_length(
    http: &reqwest::Client,
    presigned: &PresignedUrl,
    body: Bytes,
) -> StatusCode {
    let mut headers = headers(presigned, body.len());
    headers.remove(CONTENT_LENGTH);
    let body = Body::wrap_stream(stream::iter([Ok::<_, std::io::Error>(body)]));
    let request = http.put(&presigned.url).headers(headers).body(body);
    request.send().await.expect("an answer").status()
}
