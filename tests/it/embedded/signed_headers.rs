//! Clients with the key pair itself, which sign headers rather than a URL.

use sha2::{Digest, Sha256};

use super::*;

/// Signs as "Authenticating Requests: Using the Authorization Header" of the S3 API reference says, and
/// sends. `payload` is the value of `x-amz-content-sha256`.
async fn send_signed(
    endpoint: &Endpoint,
    method: Method,
    key: &ObjectKey,
    payload: &str,
    extra: &[(&str, &str)],
    body: Vec<u8>,
) -> Response {
    let date = now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut headers = vec![
        ("host", endpoint.address()),
        ("x-amz-content-sha256", payload),
        ("x-amz-date", &date),
    ];
    headers.extend(extra);
    headers.sort_unstable();
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let canonical = format!("{method}\n/{BUCKET}/{key}\n\n{lines}\n\n{names}\n{payload}");
    let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
    let hash = hex::encode(Sha256::digest(canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
    let signature = hex::encode(hmac(&signing_key(&date[..8]), to_sign.as_bytes()));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}"
    );
    let mut request = client()
        .request(method, format!("{}{BUCKET}/{key}", endpoint.url))
        .header("authorization", authorization)
        .header("content-length", body.len());
    for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
        request = request.header(*name, *value);
    }
    request.body(body).send().await.unwrap()
}

pub(super) fn signing_key(date: &str) -> [u8; 32] {
    let start = hmac(format!("AWS4{SECRET}").as_bytes(), date.as_bytes());
    let parts = [REGION, "s3", "aws4_request"];
    parts
        .iter()
        .fold(start, |key, part| hmac(&key, part.as_bytes()))
}

/// RFC 2104, for keys no longer than a block.
pub(super) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(message);
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize().into()
}

fn sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[tokio::test]
async fn a_signed_body_must_match_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let (key, body) = (key("alx_demo"), noise(5, 700_000));
    let payload = sha256(&body);
    let answer = send_signed(&endpoint, Method::PUT, &key, &payload, &[], body.clone()).await;
    assert_eq!(answer.status(), 200);
    let empty = sha256(b"");
    let answer = send_signed(&endpoint, Method::GET, &key, &empty, &[], Vec::new()).await;
    assert!(answer.bytes().await.unwrap() == body);
    let answer = send_signed(&endpoint, Method::HEAD, &key, &empty, &[], Vec::new()).await;
    assert_eq!(answer.headers()["content-length"], "700000");

    let other = noise(6, 700_000);
    let answer = send_signed(&endpoint, Method::PUT, &key, &payload, &[], other).await;
    assert_eq!(refusal(answer).await.1, "XAmzContentSHA256Mismatch");
    assert_eq!(endpoint.uploads(), 0);
    assert!(endpoint.get(&key).await.bytes().await.unwrap() == body);
}

#[tokio::test]
async fn a_chunked_body_must_match_its_trailer_and_length() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    let whole = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    for (body, length, status, code) in [
        (whole, "5", 200, ""),
        (&whole.replace("hello", "hellO"), "5", 400, "BadDigest"),
        (
            &whole.replace("x-amz-checksum-crc32:NhCmhg==\r\n", ""),
            "5",
            400,
            "BadDigest",
        ),
        (whole, "6", 400, "IncompleteBody"),
        ("5\r\nhello\r\n", "5", 400, "BadDigest"),
        ("5\r\nhel", "5", 403, "SignatureDoesNotMatch"),
    ] {
        let extra = [
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", length),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ];
        let answer = send_signed(&endpoint, Method::PUT, &key, payload, &extra, body.into()).await;
        assert_eq!(answer.status(), status, "{body:?}");
        if status != 200 {
            assert_eq!(refusal(answer).await.1, code, "{body:?}");
        }
        assert_eq!((endpoint.kept(), endpoint.uploads()), (1, 0), "{body:?}");
    }
    let answer = endpoint.get(&key).await;
    assert!(answer.headers().get("content-encoding").is_none());
    assert_eq!(answer.text().await.unwrap(), "hello");

    // A chunk is held in memory until it is verified, so there is a limit on what comes in chunks.
    let extra = [("x-amz-decoded-content-length", "17000000")];
    let large = vec![b'0'; 17_000_000];
    let answer = send_signed(&endpoint, Method::PUT, &key, payload, &extra, large).await;
    assert_eq!(refusal(answer).await.1, "NotImplemented");
}
