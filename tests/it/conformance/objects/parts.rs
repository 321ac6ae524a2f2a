//! Uploads in parts.

use std::sync::Arc;

use bytes::Bytes;
use event_history::domain::{ContentType, FileName, ObjectKey, UploadConstraints};
use event_history::objects::{Error, Objects, Part, PartTag, Replace};
use http::header::ETAG;
use http::{Method, StatusCode};

use super::{LIFE, content, download, fresh_key, headers, refuses, sha256};

/// The least that a part has which is not the last. Source: Amazon S3 user guide, "Multipart upload
/// limits".
const LEAST_PART_BYTES: usize = 5 * 1024 * 1024;

/// Runs the functions of this module.
pub(crate) async fn all(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    parts_in_any_order_make_a_file(objects, http).await;
    an_upload_goes_on_from_its_parts(objects, http).await;
    a_part_may_be_sent_again(objects, http).await;
    parts_that_make_no_file_are_refused(objects, http).await;
    an_aborted_upload_is_gone(objects, http).await;
    an_unknown_upload_is_none(objects).await;
    the_url_of_a_part_is_for_that_part(objects, http).await;
    parts_may_be_kept_from_replacing(objects, http).await;
}

pub(crate) async fn parts_in_any_order_make_a_file(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let whole = content(LEAST_PART_BYTES + 1001);
    let terms = UploadConstraints {
        content_type: ContentType::parse("application/pdf").ok(),
        size_bytes: Some(whole.len() as u64),
        sha256: Some(sha256(&whole)),
        file_name: FileName::parse("Übersicht & 1.pdf").ok(),
        ..UploadConstraints::default()
    };
    let created = objects.create_multipart(&key, &terms).await;
    let id = created.expect("create");
    let (one, two) = (
        whole.slice(..LEAST_PART_BYTES),
        whole.slice(LEAST_PART_BYTES..),
    );
    let two = send(objects, http, &key, &id, 7, two).await;
    let one = send(objects, http, &key, &id, 2, one).await;
    assert_eq!(objects.head(&key, None).await.expect("head"), None);
    let tags = [one, two];
    assert!(complete(objects, &key, &id, &tags).await.expect("complete"));
    assert_eq!(download(objects, http, &key).await, whole);

    let before = objects.head(&key, None).await.expect("head");
    let info = before.clone().expect("the object is there");
    assert_eq!(info.size_bytes, whole.len() as u64);
    assert_eq!(info.content_type, terms.content_type);
    assert_eq!(info.declared_sha256, terms.sha256);
    assert!(info.sha256.is_none() || info.sha256 == terms.sha256);
    assert_eq!(info.file_name, terms.file_name);
    assert!(info.etag.is_some_and(|etag| etag.ends_with("-2")));

    // Whether that is news or not: nothing changes any more.
    complete(objects, &key, &id, &tags).await.expect("complete");
    assert_eq!(objects.parts(&key, &id, 0).await.expect("parts"), None);
    objects.abort_multipart(&key, &id).await.expect("abort");
    assert_eq!(objects.head(&key, None).await.expect("head"), before);
}

pub(crate) async fn parts_may_be_kept_from_replacing(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let mut uploads = Vec::new();
    for size_bytes in [100, 101] {
        let id = create(objects, &key).await;
        let tag = send(objects, http, &key, &id, 1, content(size_bytes)).await;
        uploads.push((id, [tag]));
    }
    for ((id, tags), is_first) in uploads.iter().zip([true, false]) {
        let completed = objects
            .complete_multipart(&key, id, tags, Replace::No)
            .await;
        assert_eq!(completed.expect("complete"), is_first);
        assert_eq!(download(objects, http, &key).await, content(100));
    }
    let (id, tags) = &uploads[1];
    assert!(complete(objects, &key, id, tags).await.expect("complete"));
    assert_eq!(download(objects, http, &key).await, content(101));
}

pub(crate) async fn an_upload_goes_on_from_its_parts(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let id = create(objects, &key).await;
    let listed = objects.parts(&key, &id, 0).await.expect("parts");
    assert_eq!(listed.expect("an upload").parts, []);
    let (one, two) = (content(LEAST_PART_BYTES), content(77));
    let first = send(objects, http, &key, &id, 1, one.clone()).await;
    assert_eq!(
        sizes(&list(objects, &key, &id, 0).await),
        [(1, one.len() as u64)]
    );
    send(objects, http, &key, &id, 2, two.clone()).await;

    let parts = list(objects, &key, &id, 0).await;
    assert_eq!(sizes(&parts), [(1, one.len() as u64), (2, 77)]);
    assert_eq!(parts[0].etag, first.etag);
    assert_eq!(sizes(&list(objects, &key, &id, 1).await), [(2, 77)]);
    assert_eq!(list(objects, &key, &id, 2).await, []);
    let tag = |part: &Part| PartTag {
        number: part.number,
        etag: part.etag.clone(),
    };
    let tags: Vec<_> = parts.iter().map(tag).collect();
    assert!(complete(objects, &key, &id, &tags).await.expect("complete"));
    let whole = [&one[..], &two[..]].concat();
    assert_eq!(download(objects, http, &key).await, whole);
}

pub(crate) async fn a_part_may_be_sent_again(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    let id = create(objects, &key).await;
    let first = send(objects, http, &key, &id, 1, content(100)).await;
    let again = send(objects, http, &key, &id, 1, content(101)).await;
    assert_ne!(first, again);
    let numbers = list(objects, &key, &id, 0).await;
    assert_eq!(numbers.len(), 1, "one number, one part");
    assert!(
        complete(objects, &key, &id, &[again])
            .await
            .expect("complete")
    );
    assert_eq!(download(objects, http, &key).await, content(101));
}

pub(crate) async fn parts_that_make_no_file_are_refused(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let id = create(objects, &key).await;
    let one = send(objects, http, &key, &id, 1, content(LEAST_PART_BYTES)).await;
    let two = send(objects, http, &key, &id, 2, content(100)).await;
    let three = send(objects, http, &key, &id, 3, content(101)).await;
    let untrue = PartTag {
        number: 2,
        etag: one.etag.clone(),
    };
    let unknown = PartTag {
        number: 4,
        etag: two.etag.clone(),
    };
    let hostile = PartTag {
        number: 2,
        etag: "</ETag><&\"".to_owned(),
    };
    for (what, tags) in [
        ("no part", vec![]),
        ("an untrue tag", vec![one.clone(), untrue]),
        ("a part that never came", vec![one.clone(), unknown]),
        ("a tag that is none", vec![one.clone(), hostile]),
        ("another order", vec![two.clone(), one.clone()]),
        ("a part twice", vec![one.clone(), one.clone()]),
        (
            "a small part before the last",
            vec![one.clone(), two.clone(), three],
        ),
    ] {
        let answer = complete(objects, &key, &id, &tags).await;
        assert!(
            matches!(answer, Err(Error::Refused(_))),
            "{what}: {answer:?}"
        );
        assert_eq!(
            objects.head(&key, None).await.expect("head"),
            None,
            "{what}"
        );
    }
    // None of this ended the upload, and not every part that came has to be used.
    assert!(
        complete(objects, &key, &id, &[one, two])
            .await
            .expect("complete")
    );
}

pub(crate) async fn an_aborted_upload_is_gone(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    let id = create(objects, &key).await;
    let one = send(objects, http, &key, &id, 1, content(100)).await;
    objects.abort_multipart(&key, &id).await.expect("abort");
    assert_eq!(objects.parts(&key, &id, 0).await.expect("parts"), None);
    assert!(
        !complete(objects, &key, &id, &[one])
            .await
            .expect("complete")
    );
    let presigned = objects.presign_part(&key, &id, 1, LIFE).await;
    let url = presigned.expect("presign").url;
    let response = http.put(url).body(content(100)).send().await;
    let status = response.expect("an answer").status();
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(objects.head(&key, None).await.expect("head"), None);
    objects.abort_multipart(&key, &id).await.expect("abort");
}

pub(crate) async fn an_unknown_upload_is_none(objects: &Arc<dyn Objects>) {
    let key = fresh_key();
    let of_another = create(objects, &fresh_key()).await;
    let tag = PartTag {
        number: 1,
        etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
    };
    for id in ["unknown", "../..", "a b&uploads=1", of_another.as_str()] {
        assert_eq!(
            objects.parts(&key, id, 0).await.expect("parts"),
            None,
            "{id}"
        );
        let tags = [tag.clone()];
        let completed = complete(objects, &key, id, &tags).await.expect("complete");
        assert!(!completed, "{id}");
        objects.abort_multipart(&key, id).await.expect("abort");
    }
}

pub(crate) async fn the_url_of_a_part_is_for_that_part(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let (id, other) = (create(objects, &key).await, create(objects, &key).await);
    let presigned = objects.presign_part(&key, &id, 1, LIFE).await;
    let url = presigned.expect("presign").url;
    let number = url.replace("partNumber=1", "partNumber=2");
    let upload = url.replace(&id, &other);
    let alone = url.replace("partNumber=1&", "");
    for (what, changed) in [("number", number), ("upload", upload), ("none", alone)] {
        assert_ne!(changed, url, "{what}");
        refuses(http, Method::PUT, &changed, what).await;
    }
    refuses(http, Method::DELETE, &url, "the URL of a part").await;
    refuses(http, Method::POST, &url, "the URL of a part").await;
    assert_eq!(list(objects, &key, &id, 0).await, []);
    assert_eq!(list(objects, &key, &other, 0).await, []);
}

async fn create(objects: &Arc<dyn Objects>, key: &ObjectKey) -> String {
    let created = objects
        .create_multipart(key, &UploadConstraints::default())
        .await;
    created.expect("create")
}

async fn complete(
    objects: &Arc<dyn Objects>,
    key: &ObjectKey,
    id: &str,
    tags: &[PartTag],
) -> Result<bool, Error> {
    let replace = Replace::Yes;
    objects.complete_multipart(key, id, tags, replace).await
}

/// Walks the pages behind a number.
async fn list(objects: &Arc<dyn Objects>, key: &ObjectKey, id: &str, after: u16) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut after = Some(after);
    while let Some(mark) = after {
        let page = objects.parts(key, id, mark).await.expect("parts");
        let page = page.expect("an upload");
        parts.extend(page.parts);
        after = page.next;
    }
    parts
}

fn sizes(parts: &[Part]) -> Vec<(u16, u64)> {
    let size = |part: &Part| (part.number, part.size_bytes);
    parts.iter().map(size).collect()
}

/// Sends a part by its URL, and returns its tag.
async fn send(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
    key: &ObjectKey,
    id: &str,
    number: u16,
    content: Bytes,
) -> PartTag {
    let presigned = objects.presign_part(key, id, number, LIFE).await;
    let presigned = presigned.expect("presign");
    let headers = headers(&presigned, content.len());
    let request = http.put(&presigned.url).headers(headers).body(content);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "PUT of part {number}");
    let etag = response.headers()[ETAG].to_str().expect("text");
    PartTag {
        number,
        etag: etag.trim_matches('"').to_owned(),
    }
}
