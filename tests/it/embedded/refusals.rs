//! Requests that no signed URL permits are rejected as Amazon S3 rejects them.

use event_history::objects::DownloadOptions;
use rusty_s3::S3Action;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

type Headers<'a> = &'a [(&'a str, &'a str)];

pub(super) fn expected(status: u16, code: &str) -> (StatusCode, String) {
    (StatusCode::from_u16(status).unwrap(), code.to_owned())
}

/// An endpoint with one object on it.
pub(super) async fn endpoint_with_object() -> (tempfile::TempDir, Endpoint, ObjectKey) {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    assert_eq!(endpoint.put(&key, "hello").await.status(), 200);
    (folder, endpoint, key)
}

/// Sends exactly these lines, and returns the answer's status and whole text.
async fn raw(endpoint: &Endpoint, head: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(endpoint.address()).await.unwrap();
    let request = format!("{head}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    tokio::time::timeout(MINUTE, read).await.unwrap().unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text)
}

#[tokio::test]
async fn a_url_permits_only_its_method() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let (put_url, get_url) = (endpoint.put_url(&key).await, endpoint.get_url(&key).await);
    let mismatch = expected(403, "SignatureDoesNotMatch");
    assert_eq!(
        refusal(send(Method::GET, &put_url, &[]).await).await,
        mismatch
    );
    let answer = put(&get_url, b"other".to_vec(), &[]).await;
    assert_eq!(refusal(answer).await, mismatch);
    assert_eq!(send(Method::HEAD, &get_url, &[]).await.status(), 403);
    assert_eq!(endpoint.get(&key).await.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn unsupported_methods_are_405_signed_or_not() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let (bucket, credentials, name) = (endpoint.bucket(REGION), credentials(), key.to_string());
    let get = bucket.get_object(Some(&credentials), &name);
    let signed = get.sign_with_time(MINUTE, &now());
    let unsigned = signed.as_str().split_once('?').unwrap().0;
    for url in [signed.as_str(), unsigned] {
        for method in [Method::POST, Method::PATCH] {
            let answer = send(method, url, &[]).await;
            assert_eq!(answer.headers()["allow"], "GET, HEAD, PUT, POST, DELETE");
            assert_eq!(refusal(answer).await, expected(405, "MethodNotAllowed"));
        }
    }
    let form = [("content-type", "multipart/form-data; boundary=x")];
    assert_eq!(send(Method::POST, unsigned, &form).await.status(), 405);
    // The bucket knows nothing but forms.
    let bucket = format!("{}{BUCKET}", endpoint.url);
    for url in [bucket.clone(), format!("{bucket}/")] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
            let answer = send(method, &url, &[]).await;
            assert_eq!(answer.headers()["allow"], "POST");
            assert_eq!(answer.status(), 405);
        }
    }
    assert_eq!(endpoint.get(&key).await.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn a_url_with_any_changed_character_is_rejected() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let url = endpoint.get_url(&key).await;
    let start = url.find(BUCKET).unwrap() + BUCKET.len() + 1;
    let client = client();
    for place in start..url.len() {
        let mut changed = url.clone().into_bytes();
        changed[place] = match changed[place] {
            b'0' => b'1',
            b'a' => b'b',
            b'A' => b'B',
            byte if byte.is_ascii_digit() => b'0',
            byte if byte.is_ascii_uppercase() => b'A',
            _ => b'a',
        };
        let changed = String::from_utf8(changed).unwrap();
        let answer = client.get(&changed).send().await.unwrap();
        let status = answer.status().as_u16();
        assert!(
            matches!(status, 400 | 403),
            "{status} at {place} for {changed}"
        );
    }
    for name in [
        "Algorithm",
        "Credential",
        "Date",
        "Expires",
        "SignedHeaders",
        "Signature",
    ] {
        let (path, query) = url.split_once('?').unwrap();
        let name = format!("X-Amz-{name}=");
        let others = query.split('&').filter(|pair| !pair.starts_with(&name));
        let without = others.collect::<Vec<_>>().join("&");
        let twice = query
            .split('&')
            .find(|pair| pair.starts_with(&name))
            .unwrap();
        for query in [
            without,
            format!("{query}&{twice}"),
            format!("{query}&extra=1"),
        ] {
            let status = send(Method::GET, &format!("{path}?{query}"), &[])
                .await
                .status();
            assert!(matches!(status.as_u16(), 400 | 403), "{status} for {query}");
        }
    }
    assert_eq!(send(Method::GET, &url, &[]).await.status(), 200);
}

#[tokio::test]
async fn another_key_or_host_is_rejected() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let url = endpoint.get_url(&key).await;
    let other = super::key("alx_demo");
    endpoint.put(&other, "other").await;
    let moved = url.replace(&key.file_id.to_string(), &other.file_id.to_string());
    let mismatch = expected(403, "SignatureDoesNotMatch");
    assert_eq!(
        refusal(send(Method::GET, &moved, &[]).await).await,
        mismatch
    );

    let target = url
        .strip_prefix(endpoint.url.trim_end_matches('/'))
        .unwrap();
    let right = format!("GET {target} HTTP/1.1\r\nHost: {}", endpoint.address());
    assert_eq!(raw(&endpoint, &right).await.0, 200);
    for host in ["evil.example", "localhost", "127.0.0.1"] {
        let wrong = format!("GET {target} HTTP/1.1\r\nHost: {host}");
        let (status, text) = raw(&endpoint, &wrong).await;
        assert_eq!(status, 403, "{text}");
        assert!(text.contains("SignatureDoesNotMatch"), "{text}");
    }
}

#[tokio::test]
async fn a_url_expires() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let second = Duration::from_secs(1);
    // A URL's life begins with the second in which it was signed: this one may be over already.
    let url = endpoint
        .objects
        .presign_get(&key, &DownloadOptions::default(), second)
        .await
        .unwrap();
    let deadline = Instant::now() + MINUTE;
    while send(Method::GET, &url.url, &[]).await.status() == 200 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = send(Method::GET, &url.url, &[]).await;
    assert_eq!(refusal(answer).await, expected(403, "AccessDenied"));

    let (bucket, credentials, name) = (endpoint.bucket(REGION), credentials(), key.to_string());
    let action = bucket.get_object(Some(&credentials), &name);
    let hour = jiff::SignedDuration::from_hours(1);
    let day = Duration::from_hours(24);
    for (life, signed_at, refused) in [
        (
            8 * day,
            now(),
            Some((400, "AuthorizationQueryParametersError")),
        ),
        (
            7 * day + second,
            now(),
            Some((400, "AuthorizationQueryParametersError")),
        ),
        (
            Duration::ZERO,
            now(),
            Some((400, "AuthorizationQueryParametersError")),
        ),
        (7 * day, now(), None),
        (day, now() + hour, Some((403, "RequestTimeTooSkewed"))),
        (MINUTE, now() - hour, Some((403, "AccessDenied"))),
    ] {
        let url = action.sign_with_time(life, &signed_at);
        let answer = send(Method::GET, url.as_str(), &[]).await;
        match refused {
            None => assert_eq!(answer.status(), 200),
            Some((status, code)) => assert_eq!(refusal(answer).await, expected(status, code)),
        }
    }
}

#[tokio::test]
async fn another_region_key_pair_or_scheme_is_rejected() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let name = key.to_string();
    let ours = credentials();
    let wrong_secret = Credentials::new(KEY_ID, "wrong");
    let wrong_id = Credentials::new("AKIDOTHER", SECRET);
    for (region, credentials, status, code) in [
        ("us-east-1", &ours, 400, "AuthorizationQueryParametersError"),
        (REGION, &wrong_secret, 403, "SignatureDoesNotMatch"),
        (REGION, &wrong_id, 403, "InvalidAccessKeyId"),
    ] {
        let bucket = endpoint.bucket(region);
        let action = bucket.get_object(Some(credentials), &name);
        let url = action.sign_with_time(MINUTE, &now());
        let answer = send(Method::GET, url.as_str(), &[]).await;
        assert_eq!(refusal(answer).await, expected(status, code), "{region}");
    }
    let path = format!("{}{BUCKET}/{name}", endpoint.url);
    let url = endpoint.get_url(&key).await;
    let other_service = url.replace("%2Fs3%2F", "%2Fsts%2F");
    let basic = [("authorization", "Basic YTpi")];
    let version_2 = [("authorization", "AWS AKIDEXAMPLE:c2lnbmF0dXJl")];
    let version_2_url =
        format!("{path}?AWSAccessKeyId={KEY_ID}&Expires=9999999999&Signature=c2lnbmF0dXJl");
    let version_4 = [("authorization", "AWS4-HMAC-SHA256 Credential=x")];
    let cases: [(&str, Headers, u16, &str); 7] = [
        (&path, &[], 403, "AccessDenied"),
        (&version_2_url, &[], 400, "InvalidRequest"),
        (&path, &version_2, 400, "InvalidRequest"),
        (&path, &basic, 400, "InvalidRequest"),
        (&url, &version_4, 400, "InvalidArgument"),
        (&path, &version_4, 400, "AuthorizationHeaderMalformed"),
        (
            &other_service,
            &[],
            400,
            "AuthorizationQueryParametersError",
        ),
    ];
    for (url, headers, status, code) in cases {
        let answer = send(Method::GET, url, headers).await;
        assert_eq!(refusal(answer).await, expected(status, code), "{url}");
    }
}

#[tokio::test]
async fn a_signed_key_of_another_format_is_rejected() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let (bucket, credentials) = (endpoint.bucket(REGION), credentials());
    let id = key.file_id.to_string();
    for name in [
        id.clone(),
        format!("alx_demo/{id}/more"),
        format!("alx_demo//{id}"),
        format!("-alx/{id}"),
        format!("alx demo/{id}"),
        format!("älx/{id}"),
        format!("{}/{id}", "x".repeat(65)),
        format!("alx_demo/{}", id.to_uppercase()),
        format!("alx_demo/{}", id.replace('-', "")),
        format!("alx_demo/{{{id}}}"),
        "alx_demo/key-pair.json".to_owned(),
        "x".repeat(5000),
    ] {
        let url = bucket
            .put_object(Some(&credentials), &name)
            .sign_with_time(MINUTE, &now());
        let target = url
            .as_str()
            .strip_prefix(endpoint.url.trim_end_matches('/'))
            .unwrap();
        let head = format!(
            "PUT {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0",
            endpoint.address()
        );
        let (status, text) = raw(&endpoint, &head).await;
        assert_eq!(status, 400, "{name}: {text}");
        assert!(
            text.contains("<Code>InvalidArgument</Code>"),
            "{name}: {text}"
        );
    }
    assert_eq!((endpoint.kept(), endpoint.uploads()), (1, 0));
}

#[tokio::test]
async fn a_path_is_decoded_segment_by_segment() {
    let (_folder, endpoint, key) = endpoint_with_object().await;
    let url = endpoint.get_url(&key).await;
    let target = url
        .strip_prefix(endpoint.url.trim_end_matches('/'))
        .unwrap();
    // The signature is over the decoded key, so each of these has a good one.
    for (path, status) in [
        (target.replacen("alx_demo/", "alx_demo%2F", 1), 400),
        (target.replacen("alx_demo/", "alx_demo%2f", 1), 400),
        (target.replacen("alx_demo/", "alx%5Fdemo/", 1), 200),
        (target.replacen("alx_demo/", "alx_demo%00/", 1), 400),
        (target.replacen("alx_demo/", "%61lx_demo/", 1), 200),
        (
            target.replacen("alx_demo/", "alx_demo/%2e%2e/alx_demo/", 1),
            400,
        ),
        (
            target.replacen("alx_demo/", "alx_demo/../alx_demo/", 1),
            400,
        ),
        (target.replacen("alx_demo/", "alx_demo%", 1), 400),
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}", endpoint.address());
        let (answered, text) = raw(&endpoint, &head).await;
        assert_eq!(answered, status, "{path}: {text}");
    }
}
