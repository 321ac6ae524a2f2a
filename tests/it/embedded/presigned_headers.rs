//! Headers that a presigner moves to the query, and headers that are returned as they were sent.

use rusty_s3::S3Action;

use super::*;

/// Returns a presigned URL of the object with these parameters.
fn signed<'a>(
    endpoint: &Endpoint,
    method: &Method,
    key: &'a ObjectKey,
    parameters: &[(&'a str, &'a str)],
) -> String {
    let (bucket, credentials, key) = (endpoint.bucket(REGION), credentials(), key.to_string());
    macro_rules! sign {
        ($action:expr) => {{
            let mut action = $action;
            for (name, value) in parameters {
                action.query_mut().insert(*name, *value);
            }
            action.sign(MINUTE).to_string()
        }};
    }
    match *method {
        Method::PUT => sign!(bucket.put_object(Some(&credentials), &key)),
        Method::POST => sign!(bucket.create_multipart_upload(Some(&credentials), &key)),
        Method::HEAD => sign!(bucket.head_object(Some(&credentials), &key)),
        _ => sign!(bucket.get_object(Some(&credentials), &key)),
    }
}

fn header(answer: &Response, name: &str) -> Option<String> {
    let value = answer.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

/// As aws-sdk-js v3 presigns: metadata and a checksum of nothing are in the query.
#[tokio::test]
async fn metadata_in_the_query_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let parameters = [
        ("x-amz-meta-author", "Ada L"),
        ("x-amz-meta-place", "Zürich"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("x-id", "PutObject"),
    ];
    let url = signed(&endpoint, &Method::PUT, &key, &parameters);
    assert_eq!(put(&url, b"hello".to_vec(), &[]).await.status(), 200);
    for method in [Method::GET, Method::HEAD] {
        let url = signed(&endpoint, &method, &key, &[]);
        let answer = send(method, &url, &[]).await;
        assert_eq!(header(&answer, "x-amz-meta-author").unwrap(), "Ada L");
        let place = header(&answer, "x-amz-meta-place").unwrap();
        assert_eq!(place, "=?UTF-8?B?WsO8cmljaA==?=");
    }
    let forged = url.replace("Ada", "Eve");
    assert_eq!(put(&forged, b"hello".to_vec(), &[]).await.status(), 403);

    let url = signed(&endpoint, &Method::POST, &key, &parameters);
    let begun = send(Method::POST, &url, &[]).await.text().await.unwrap();
    let id = begun.split_once("<UploadId>").unwrap().1;
    let id = id.split_once('<').unwrap().0;
    let tags = [super::parts::tag(&endpoint, &key, id, 1, b"x".to_vec()).await];
    let objects = &endpoint.objects;
    let completed = objects.complete_multipart(&key, id, &tags, Replace::Yes);
    assert!(completed.await.unwrap());
    let answer = endpoint.get(&key).await;
    assert_eq!(header(&answer, "x-amz-meta-author").unwrap(), "Ada L");

    // The checksum's mode counts.
    let url = signed(&endpoint, &Method::PUT, &key, &[]);
    put(&url, b"hello".to_vec(), &[]).await;
    let mode = [("x-amz-checksum-mode", "ENABLED")];
    let url = signed(&endpoint, &Method::GET, &key, &mode);
    let answer = send(Method::GET, &url, &[]).await;
    // `printf hello | openssl dgst -sha256 -binary | base64`
    let sha256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    assert_eq!(header(&answer, "x-amz-checksum-sha256").unwrap(), sha256);
}

#[tokio::test]
async fn what_is_refused_as_a_header_is_refused_in_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    for (name, value, expected) in [
        ("x-amz-acl", "public-read", (501, "NotImplemented")),
        ("x-amz-grant-read", "id=1", (501, "NotImplemented")),
        ("x-amz-tagging", "a=b", (501, "NotImplemented")),
        ("X-Amz-Tagging", "a=b", (501, "NotImplemented")),
        (
            "x-amz-object-lock-mode",
            "GOVERNANCE",
            (501, "NotImplemented"),
        ),
        (
            "x-amz-server-side-encryption",
            "AES256",
            (501, "NotImplemented"),
        ),
        (
            "x-amz-copy-source",
            "/event-history/other",
            (501, "NotImplemented"),
        ),
        ("x-amz-meta-a", "1\r\nX-Evil: 1", (400, "InvalidArgument")),
        ("x-amz-meta-a b", "1", (400, "InvalidArgument")),
        ("x-amz-meta-a", &"x".repeat(2048), (400, "MetadataTooLarge")),
    ] {
        let url = signed(&endpoint, &Method::PUT, &key, &[(name, value)]);
        let refused = refusal(put(&url, b"x".to_vec(), &[]).await).await;
        let (status, code) = expected;
        assert_eq!(
            (refused.0.as_u16(), refused.1.as_str()),
            (status, code),
            "{name}"
        );
    }
    assert_eq!((endpoint.kept(), endpoint.uploads()), (0, 0));
}

#[tokio::test]
async fn expires_is_returned_as_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    for value in ["Wed, 21 Oct 2026 07:28:00 GMT", "0", "in a week, or so"] {
        let url = signed(&endpoint, &Method::PUT, &key, &[]);
        let sent = put(&url, b"hello".to_vec(), &[("expires", value)]).await;
        assert_eq!(sent.status(), 200, "{value}");
        for method in [Method::GET, Method::HEAD] {
            let url = signed(&endpoint, &method, &key, &[]);
            let answer = send(method.clone(), &url, &[]).await;
            assert_eq!(header(&answer, "expires").as_deref(), Some(value));

            let asked = [("response-expires", "Thu, 01 Jan 1970 00:00:00 GMT")];
            let url = signed(&endpoint, &method, &key, &asked);
            let answer = send(method, &url, &[]).await;
            assert_eq!(header(&answer, "expires").as_deref(), Some(asked[0].1));
        }
    }
    let asked = [("response-expires", "a\r\nX-Evil: 1")];
    for method in [Method::GET, Method::HEAD] {
        let url = signed(&endpoint, &method, &key, &asked);
        assert_eq!(send(method, &url, &[]).await.status(), 400);
    }
}

#[tokio::test]
async fn an_upload_can_depend_on_the_object_that_it_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let url = signed(&endpoint, &Method::PUT, &key, &[]);
    let with = async |condition: &[(&str, &str)], body: &str| {
        put(&url, body.as_bytes().to_vec(), condition).await
    };
    let missing = refusal(with(&[("if-match", "*")], "a").await).await;
    assert_eq!(missing, (StatusCode::NOT_FOUND, "NoSuchKey".to_owned()));
    let first = with(&[("if-none-match", "*")], "a").await;
    let etag = header(&first, "etag").unwrap();
    let list = format!("\"x\", {etag}");
    for (condition, body, status) in [
        (("if-none-match", "*"), "b", 412),
        (("if-match", "\"x\""), "b", 412),
        (("if-match", list.as_str()), "b", 200),
        (("if-match", list.as_str()), "c", 412),
        (("if-match", "*"), "c", 200),
        (("if-none-match", "\"x\""), "d", 501),
    ] {
        let answer = with(&[condition], body).await;
        assert_eq!(answer.status(), status, "{condition:?} {body}");
    }
    assert_eq!(endpoint.get(&key).await.text().await.unwrap(), "c");
    assert_eq!((endpoint.kept(), endpoint.uploads()), (1, 0));

    // Of many that replace the same object, one does.
    let etag = header(&endpoint.get(&key).await, "etag").unwrap();
    let bodies: Vec<_> = (0..8).map(|number| format!("body {number}")).collect();
    let condition = [("if-match", etag.as_str())];
    let puts = bodies.iter().map(|body| with(&condition, body));
    let answers = futures_util::future::join_all(puts).await;
    let accepted = answers.iter().filter(|answer| answer.status() == 200);
    assert_eq!(accepted.count(), 1);
}
