//! Clients with the key pair itself, which sign headers rather than a URL.

use std::io;

use sha2::{Digest, Sha256};

use super::*;

const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const UNSIGNED_CHUNKS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

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
    let signed = sign(endpoint, method, key, payload, extra);
    let request = signed.request.header("content-length", body.len());
    request.body(body).send().await.unwrap()
}

/// A request signed by its headers, and what the signatures of its chunks start from.
struct Signed {
    request: reqwest::RequestBuilder,
    date: String,
    signature: String,
}

fn sign(
    endpoint: &Endpoint,
    method: Method,
    key: &ObjectKey,
    payload: &str,
    extra: &[(&str, &str)],
) -> Signed {
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
        .header("authorization", authorization);
    for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
        request = request.header(*name, *value);
    }
    Signed {
        request,
        date,
        signature,
    }
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
    let payload = UNSIGNED_CHUNKS;
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
        ("5\r\nhel", "5", 400, "IncompleteBody"),
        ("x\r\nhello", "5", 403, "SignatureDoesNotMatch"),
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
}

/// Behind a proxy that does not buffer, SDKs do not say how long the encoded body is.
#[tokio::test]
async fn a_chunked_body_needs_no_length_on_the_wire() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let whole = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let endless = "5\r\nhello\r\n".repeat(1_000_000);
    for (payload, length, body, status, code) in [
        (UNSIGNED_CHUNKS, "5", whole, 200, ""),
        (
            UNSIGNED_CHUNKS,
            "5",
            &whole.replace("NhCm", "AhCm"),
            400,
            "BadDigest",
        ),
        (UNSIGNED_CHUNKS, "4", whole, 400, "IncompleteBody"),
        (UNSIGNED_CHUNKS, "6", whole, 400, "IncompleteBody"),
        (UNSIGNED_CHUNKS, "5", &endless, 400, "IncompleteBody"),
        (UNSIGNED_CHUNKS, "5368709121", whole, 400, "EntityTooLarge"),
        (UNSIGNED_CHUNKS, "-1", whole, 411, "MissingContentLength"),
        ("UNSIGNED-PAYLOAD", "5", whole, 411, "MissingContentLength"),
    ] {
        let extra = [
            ("x-amz-decoded-content-length", length),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ];
        let signed = sign(&endpoint, Method::PUT, &key, payload, &extra);
        let pieces: Vec<_> = body.as_bytes().chunks(7000).map(<[u8]>::to_vec).collect();
        let pieces = futures_util::stream::iter(pieces.into_iter().map(Ok::<_, io::Error>));
        let request = signed.request.body(reqwest::Body::wrap_stream(pieces));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{length} {payload}");
        if status != 200 {
            assert_eq!(refusal(answer).await.1, code, "{length} {payload}");
        }
        assert_eq!((endpoint.kept(), endpoint.uploads()), (1, 0), "{length}");
    }
    assert_eq!(endpoint.get(&key).await.text().await.unwrap(), "hello");
}

/// The chunks as their signatures have to be, and the end.
fn signed_chunks(signed: &Signed, body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let (date, day) = (&signed.date, &signed.date[..8]);
    let (key, empty) = (signing_key(day), sha256(b""));
    let mut previous = signed.signature.clone();
    let mut encoded = Vec::new();
    for chunk in body.chunks(chunk_bytes).chain([&b""[..]]) {
        let hash = sha256(chunk);
        let to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{day}/{REGION}/s3/aws4_request\n{previous}\n{empty}\n{hash}"
        );
        previous = hex::encode(hmac(&key, to_sign.as_bytes()));
        let line = format!("{:x};chunk-signature={previous}\r\n", chunk.len());
        encoded.extend_from_slice(line.as_bytes());
        encoded.extend_from_slice(chunk);
        encoded.extend_from_slice(b"\r\n");
    }
    encoded
}

/// As minio-go sends everything that it does not sign as a whole.
#[tokio::test]
async fn signed_chunks_have_a_limit_each() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let (key, body) = (key("alx_demo"), noise(5, 40 << 20));
    let length = body.len().to_string();
    let extra = [("x-amz-decoded-content-length", length.as_str())];
    for (chunk_bytes, is_forged, status, code) in [
        (64 << 10, false, 200, ""),
        (16 << 20, false, 200, ""),
        (16 << 20, true, 403, "SignatureDoesNotMatch"),
        ((16 << 20) + 1, false, 501, "NotImplemented"),
    ] {
        let signed = sign(&endpoint, Method::PUT, &key, SIGNED_CHUNKS, &extra);
        let mut chunks = signed_chunks(&signed, &body, chunk_bytes);
        let request = signed.request.header("content-length", chunks.len());
        if is_forged {
            chunks[(40 << 20) - 9] ^= 1;
        }
        let answer = request.body(chunks).send().await.unwrap();
        assert_eq!(answer.status(), status, "{chunk_bytes}");
        if status != 200 {
            assert_eq!(refusal(answer).await.1, code, "{chunk_bytes}");
        }
    }
    assert!(endpoint.get(&key).await.bytes().await.unwrap() == body);
    assert_eq!((endpoint.kept(), endpoint.uploads()), (1, 0));
}

/// Some clients send everything as one unsigned chunk.
#[tokio::test]
async fn an_unsigned_chunk_of_any_size_takes_little_memory() {
    const CHUNK_BYTES: usize = 192 << 20;
    const PIECE_BYTES: usize = 64 << 10;
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let length = CHUNK_BYTES.to_string();
    let extra = [
        ("x-amz-decoded-content-length", length.as_str()),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    // The CRC-32 of that many zeros, by Python's zlib.
    let end = "\r\n0\r\nx-amz-checksum-crc32:ua8fpQ==\r\n\r\n".to_owned();
    let pieces = (0..CHUNK_BYTES / PIECE_BYTES).map(|_| vec![0; PIECE_BYTES]);
    let pieces = [format!("{CHUNK_BYTES:X}\r\n").into_bytes()]
        .into_iter()
        .chain(pieces)
        .chain([end.into_bytes()]);
    let pieces = futures_util::stream::iter(pieces.map(Ok::<_, io::Error>));
    let signed = sign(&endpoint, Method::PUT, &key, UNSIGNED_CHUNKS, &extra);
    let request = signed.request.body(reqwest::Body::wrap_stream(pieces));
    let answer = request.send().await.unwrap();
    let status = answer.status();
    assert_eq!(status, 200, "{}", answer.text().await.unwrap());
    let head = endpoint.objects.head(&key, None).await.unwrap().unwrap();
    assert_eq!(head.size_bytes, CHUNK_BYTES as u64);
    let memory = fs::read_to_string("/proc/self/status").unwrap();
    let peak = memory.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().strip_suffix(" kB").unwrap();
    assert!(peak.parse::<usize>().unwrap() < 128 << 10, "{peak} kB");
}
