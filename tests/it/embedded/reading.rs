//! Objects are read back, completely or in ranges, as HTTP and S3 specify.

use event_history::objects::ObjectInfo;
use rusty_s3::S3Action;

use super::*;

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .unwrap()
}

#[tokio::test]
async fn bytes_come_back_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let mut kept = Vec::new();
    for size in [0, 1, 262_144, 262_145, 5 * 1024 * 1024] {
        let (key, body) = (key("alx_demo"), noise(7, size));
        assert_eq!(endpoint.objects.head(&key, None).await.unwrap(), None);
        let answer = endpoint.put(&key, body.clone()).await;
        assert_eq!(answer.status(), 200, "{size}");
        let etag = header(&answer, "etag").trim_matches('"').to_owned();
        let info: ObjectInfo = endpoint.objects.head(&key, None).await.unwrap().unwrap();
        assert_eq!((info.size_bytes, info.etag), (size as u64, Some(etag)));
        kept.push((key, body));
    }
    assert_eq!((endpoint.kept(), endpoint.uploads()), (5, 0));
    drop(endpoint);

    let endpoint = Endpoint::start(folder.path()).await;
    for (key, body) in kept {
        let answer = endpoint.get(&key).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "content-length"), body.len().to_string());
        assert!(answer.bytes().await.unwrap() == body, "{}", body.len());
    }
}

#[tokio::test]
async fn a_response_returns_the_uploaders_headers_as_a_download() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let said = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-language", "en"),
        ("cache-control", "max-age=60"),
        ("content-disposition", "inline; filename=page.html"),
    ];
    put(&endpoint.put_url(&key).await, b"<script>".to_vec(), &said).await;
    let answer = endpoint.get(&key).await;
    assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&answer, "content-language"), "en");
    assert_eq!(header(&answer, "cache-control"), "max-age=60");
    assert_eq!(header(&answer, "content-disposition"), "attachment");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert!(header(&answer, "content-security-policy").starts_with("sandbox"));
    assert_eq!(header(&answer, "accept-ranges"), "bytes");
    // `printf '<script>' | md5sum`
    assert_eq!(
        header(&answer, "etag"),
        "\"8cd03c2da7b97e107ce990e50b6886cf\""
    );
    assert!(header(&answer, "last-modified").ends_with(" GMT"));
    assert_eq!(header(&answer, "x-amz-request-id").len(), 16);

    // A file name that the uploader gave to a download stays.
    let named = [("content-disposition", "attachment; filename=page.html")];
    put(&endpoint.put_url(&key).await, b"<script>".to_vec(), &named).await;
    let answer = endpoint.get(&key).await;
    assert_eq!(
        header(&answer, "content-disposition"),
        "attachment; filename=page.html"
    );
    assert_eq!(header(&answer, "content-type"), "binary/octet-stream");
}

#[tokio::test]
async fn signed_parameters_override_the_headers() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    endpoint.put(&key, "hello").await;
    let (bucket, credentials, name) = (endpoint.bucket(REGION), credentials(), key.to_string());
    let mut action = bucket.get_object(Some(&credentials), &name);
    let query = action.query_mut();
    query.insert(
        "response-content-disposition",
        "inline; filename=\"a b.txt\"",
    );
    query.insert("response-content-type", "text/plain");
    let url = action.sign_with_time(MINUTE, &now());
    let answer = send(Method::GET, url.as_str(), &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        header(&answer, "content-disposition"),
        "inline; filename=\"a b.txt\""
    );
    assert_eq!(header(&answer, "content-type"), "text/plain");
    assert!(header(&answer, "content-security-policy").starts_with("sandbox"));
}

#[tokio::test]
async fn signed_metadata_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let (bucket, credentials, name) = (endpoint.bucket(REGION), credentials(), key.to_string());
    let mut action = bucket.put_object(Some(&credentials), &name);
    action.headers_mut().insert("x-amz-meta-author", "Ada");
    let url = action.sign_with_time(MINUTE, &now());
    let answer = put(url.as_str(), b"x".to_vec(), &[("x-amz-meta-author", "Ada")]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        header(&endpoint.get(&key).await, "x-amz-meta-author"),
        "Ada"
    );
    let other = put(url.as_str(), b"x".to_vec(), &[("x-amz-meta-author", "Eve")]).await;
    let expected = (StatusCode::FORBIDDEN, "SignatureDoesNotMatch".to_owned());
    assert_eq!(refusal(other).await, expected);

    let long = "x".repeat(2048);
    let mut action = bucket.put_object(Some(&credentials), &name);
    action
        .headers_mut()
        .insert("x-amz-meta-author", long.as_str());
    let url = action.sign_with_time(MINUTE, &now());
    let answer = put(url.as_str(), b"x".to_vec(), &[("x-amz-meta-author", &long)]).await;
    let expected = (StatusCode::BAD_REQUEST, "MetadataTooLarge".to_owned());
    assert_eq!(refusal(answer).await, expected);
}

#[tokio::test]
async fn ranges_return_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let (key, body) = (key("alx_demo"), noise(3, 300_000));
    endpoint.put(&key, body.clone()).await;
    let url = endpoint.get_url(&key).await;
    for (range, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=262143-262145", 262_143, 262_146),
        ("bytes=299999-", 299_999, 300_000),
        ("bytes=-5", 299_995, 300_000),
        ("bytes=-999999", 0, 300_000),
        ("bytes=100-999999", 100, 300_000),
        ("bytes=0-", 0, 300_000),
    ] {
        let answer = send(Method::GET, &url, &[("range", range)]).await;
        assert_eq!(answer.status(), 206, "{range}");
        let expected = format!("bytes {start}-{}/300000", end - 1);
        assert_eq!(header(&answer, "content-range"), expected);
        assert!(answer.bytes().await.unwrap() == body[start..end], "{range}");
    }
    for range in ["bytes=300000-", "bytes=-0"] {
        let answer = send(Method::GET, &url, &[("range", range)]).await;
        assert_eq!(
            header(&answer, "content-range"),
            "bytes */300000",
            "{range}"
        );
        let expected = (StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange".to_owned());
        assert_eq!(refusal(answer).await, expected);
    }
    // What is no range is ignored, and so are several.
    for range in [
        "items=0-1",
        "bytes=5-2",
        "bytes=0-1,3-4",
        "bytes=x-",
        "bytes=",
        "0-1",
    ] {
        let answer = send(Method::GET, &url, &[("range", range)]).await;
        assert_eq!(answer.status(), 200, "{range}");
        assert!(answer.bytes().await.unwrap() == body, "{range}");
    }
    let lines = [("range", "bytes=0-0"), ("range", "bytes=1-1")];
    assert_eq!(send(Method::GET, &url, &lines).await.status(), 200);
    // HEAD tells what GET would send.
    let head = endpoint.bucket(REGION);
    let (credentials, name) = (credentials(), key.to_string());
    let head = head.head_object(Some(&credentials), &name).sign(MINUTE);
    let answer = send(Method::HEAD, head.as_str(), &[("range", "bytes=-5")]).await;
    assert_eq!(answer.status(), 206);
    assert_eq!(header(&answer, "content-length"), "5");
    let expected = "bytes 299995-299999/300000";
    assert_eq!(header(&answer, "content-range"), expected);
    let answer = send(Method::HEAD, head.as_str(), &[("range", "bytes=300000-")]).await;
    assert_eq!(answer.status(), 416);
    // A part of an object that was replaced meanwhile is no use: the whole comes instead.
    let other = [("range", "bytes=0-0"), ("if-range", "\"another\"")];
    assert_eq!(send(Method::GET, &url, &other).await.status(), 200);
}

#[tokio::test]
async fn an_empty_object_has_no_range() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    endpoint.put(&key, "").await;
    let url = endpoint.get_url(&key).await;
    for range in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
        let answer = send(Method::GET, &url, &[("range", range)]).await;
        assert_eq!(answer.status(), 416, "{range}");
    }
}

#[tokio::test]
async fn conditions_decide_between_200_304_and_412() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let answer = endpoint.put(&key, "hello").await;
    let etag = header(&answer, "etag").to_owned();
    let url = endpoint.get_url(&key).await;
    let modified = send(Method::GET, &url, &[]).await;
    let modified = header(&modified, "last-modified").to_owned();
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    let other = "\"00000000000000000000000000000000\"";
    let list = format!("{other}, {etag}");
    let weak = format!("W/{etag}");
    let in_days_of_one_digit = "Sun, 6 Nov 1994 08:49:37 GMT";
    let cases: [(&[(&str, &str)], u16); 24] = [
        (&[("if-match", &list)], 200),
        (&[("if-match", other), ("if-match", &etag)], 200),
        (&[("if-match", &weak)], 412),
        (&[("if-match", etag.trim_matches('"'))], 200),
        (&[("if-none-match", &list)], 304),
        (&[("if-none-match", other), ("if-none-match", &etag)], 304),
        (&[("if-none-match", &weak)], 304),
        (&[("if-unmodified-since", in_days_of_one_digit)], 412),
        (
            &[("if-unmodified-since", "Sunday, 06-Nov-94 08:49:37 GMT")],
            412,
        ),
        (&[("if-unmodified-since", "Sun Nov  6 08:49:37 1994")], 412),
        (&[("if-unmodified-since", "long ago")], 200),
        (&[("if-modified-since", "tomorrow")], 200),
        (&[("if-modified-since", "")], 200),
        (&[("if-match", &etag)], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", other)], 412),
        (&[("if-none-match", &etag)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", other)], 200),
        (&[("if-modified-since", &modified)], 304),
        (&[("if-modified-since", past)], 200),
        (&[("if-unmodified-since", past)], 412),
        // An entity tag outweighs a date.
        (&[("if-match", &etag), ("if-unmodified-since", past)], 200),
        (
            &[("if-none-match", other), ("if-modified-since", &modified)],
            200,
        ),
    ];
    for (headers, status) in cases {
        let answer = send(Method::GET, &url, headers).await;
        assert_eq!(answer.status(), status, "{headers:?}");
        if status == 304 {
            assert_eq!(header(&answer, "etag"), etag);
            assert!(answer.bytes().await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn head_answers_without_a_body() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    endpoint.put(&key, "hello").await;
    let (bucket, credentials) = (endpoint.bucket(REGION), credentials());
    for (name, status) in [
        (key.to_string(), 200),
        (super::key("alx_demo").to_string(), 404),
    ] {
        let action = bucket.head_object(Some(&credentials), &name);
        let url = action.sign_with_time(MINUTE, &now());
        let answer = send(Method::HEAD, url.as_str(), &[]).await;
        assert_eq!(answer.status(), status);
        if status == 200 {
            assert_eq!(header(&answer, "content-length"), "5");
        }
        assert!(answer.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn only_pages_of_an_allowed_origin_may_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let url = endpoint.put_url(&key).await;
    let asks = [
        ("origin", ORIGIN),
        ("access-control-request-method", "PUT"),
        (
            "access-control-request-headers",
            "content-type,x-amz-meta-a",
        ),
    ];
    // Without its signature: a browser leaves it in the URL, but nothing depends on it.
    let unsigned = url.split_once('?').unwrap().0;
    let answer = send(Method::OPTIONS, unsigned, &asks).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "access-control-allow-origin"), ORIGIN);
    assert!(header(&answer, "access-control-allow-methods").contains("PUT"));
    let allowed = header(&answer, "access-control-allow-headers");
    assert_eq!(allowed, "content-type,x-amz-meta-a");

    let answer = put(&url, b"x".to_vec(), &[("origin", ORIGIN)]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "access-control-allow-origin"), ORIGIN);
    assert!(header(&answer, "access-control-expose-headers").contains("etag"));
    // A page has to be able to read a refusal too.
    let answer = send(Method::GET, unsigned, &[("origin", ORIGIN)]).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(header(&answer, "access-control-allow-origin"), ORIGIN);

    let other = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "PUT"),
    ];
    let answer = send(Method::OPTIONS, unsigned, &other).await;
    assert!(
        answer
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
}
