//! Forms that browsers POST, beyond what the conformance suite can test on any S3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::signed_headers::{hmac, signing_key};
use super::*;

const BOUNDARY: &str = "b1946ac92492d2347c6235b4d2611184";

/// A form as somebody with the key pair makes it: `fields` are all in the policy, `uncovered` are not.
pub(super) struct Form {
    conditions: Vec<Value>,
    fields: Vec<(String, String)>,
    uncovered: Vec<(String, String)>,
}

impl Form {
    pub(super) fn new(key: &str) -> Self {
        let conditions = vec![
            json!({"bucket": BUCKET}),
            json!(["content-length-range", 1, 1_000_000]),
        ];
        let form = Self {
            conditions,
            fields: Vec::new(),
            uncovered: Vec::new(),
        };
        form.field("key", key)
    }

    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        self.conditions.push(json!({name: value}));
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn condition(mut self, condition: Value) -> Self {
        self.conditions.push(condition);
        self
    }

    fn uncovered(mut self, name: &str, value: &str) -> Self {
        self.uncovered.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns all fields, the policy and its signature at the end.
    pub(super) fn signed(self) -> Vec<(String, String)> {
        let date = now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let credential = format!("{KEY_ID}/{}/{REGION}/s3/aws4_request", &date[..8]);
        let form = self
            .field("x-amz-algorithm", "AWS4-HMAC-SHA256")
            .field("x-amz-credential", &credential)
            .field("x-amz-date", &date);
        let expiration = (now() + MINUTE).to_string();
        let policy = json!({"expiration": expiration, "conditions": form.conditions});
        let policy = STANDARD.encode(policy.to_string());
        let signature = hex::encode(hmac(&signing_key(&date[..8]), policy.as_bytes()));
        let mut fields = form.fields;
        fields.extend(form.uncovered);
        fields.push(("policy".to_owned(), policy));
        fields.push(("x-amz-signature".to_owned(), signature));
        fields
    }
}

fn encode(fields: &[(String, String)], file: &[u8], behind: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n");
        body.extend_from_slice(format!("{head}\r\n{value}\r\n").as_bytes());
    }
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n";
    body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}").as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n{behind}--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn post_body(endpoint: &Endpoint, body: Vec<u8>) -> Response {
    client()
        .post(format!("{}{BUCKET}", endpoint.url))
        .header(
            "content-type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .header("origin", ORIGIN)
        .body(body)
        .send()
        .await
        .unwrap()
}

pub(super) async fn post(endpoint: &Endpoint, form: Form, file: &[u8]) -> Response {
    post_body(endpoint, encode(&form.signed(), file, "")).await
}

#[tokio::test]
async fn a_form_becomes_an_object() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    for (wish, status) in [("200", 200), ("201", 201), ("204", 204), ("302", 204)] {
        let key = key("alx_demo");
        let file = noise(3, 900_000);
        let form = Form::new(&key.to_string())
            .field("Content-Type", "image/png")
            .field("x-amz-meta-file-name", "a%20b.png")
            .field("success_action_status", wish)
            .uncovered("x-ignore-this", "1");
        let behind = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nUpload\r\n"
        );
        let answer = post_body(&endpoint, encode(&form.signed(), &file, &behind)).await;
        assert_eq!(answer.status(), status);
        let headers = answer.headers();
        let etag = headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(headers["location"], format!("/{BUCKET}/{key}"));
        assert_eq!(headers["access-control-allow-origin"], ORIGIN);
        let exposed = headers["access-control-expose-headers"].to_str().unwrap();
        assert!(exposed.contains("etag"), "{exposed}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["content-security-policy"], "sandbox");
        let text = answer.text().await.unwrap();
        assert_eq!(text.contains("<PostResponse>"), status == 201, "{text}");

        let info = endpoint.objects.head(&key, None).await.unwrap().unwrap();
        assert_eq!(info.size_bytes, 900_000);
        assert_eq!(format!("\"{}\"", info.etag.unwrap()), etag);
        assert_eq!(info.content_type.unwrap().as_str(), "image/png");
        assert_eq!(info.file_name.unwrap().as_str(), "a b.png");
        assert!(info.sha256.is_some());
        assert!(endpoint.get(&key).await.bytes().await.unwrap() == file);
    }
    assert_eq!(endpoint.uploads(), 0);
}

#[tokio::test]
async fn a_form_that_violates_its_policy_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo").to_string();
    let new = || Form::new(&key);
    for (what, form, status, code) in against_policy(&key)
        .into_iter()
        .chain(not_implemented(&key))
    {
        let (found_status, found) = refusal(post(&endpoint, form, b"hello").await).await;
        assert_eq!(
            (found_status.as_u16(), found.as_str()),
            (status, code),
            "{what}"
        );
        assert_eq!((endpoint.kept(), endpoint.uploads()), (0, 0), "{what}");
    }
    // The same form without all that is taken.
    assert_eq!(post(&endpoint, new(), b"hello").await.status(), 204);
}

type Case = (&'static str, Form, u16, &'static str);

fn not_implemented(key: &str) -> Vec<Case> {
    let new = || Form::new(key);
    vec![
        (
            "a redirect",
            new().field("success_action_redirect", "http://x/"),
            501,
            "NotImplemented",
        ),
        (
            "an ACL",
            new().field("acl", "public-read"),
            501,
            "NotImplemented",
        ),
        (
            "tags",
            new().field("tagging", "<Tagging/>"),
            501,
            "NotImplemented",
        ),
        (
            "another checksum",
            new().field("x-amz-checksum-crc32", "NhCmhg=="),
            501,
            "NotImplemented",
        ),
    ]
}

fn against_policy(key: &str) -> Vec<Case> {
    let new = || Form::new(key);
    let long = "x".repeat(20 * 1024);
    vec![
        (
            "a field that no condition covers",
            new().uncovered("Content-Type", "a/b"),
            403,
            "AccessDenied",
        ),
        (
            "a wrong checksum",
            new().field("x-amz-checksum-sha256", &STANDARD.encode([7; 32])),
            400,
            "BadDigest",
        ),
        (
            "a condition on a missing field",
            new().condition(json!(["starts-with", "$Content-Type", ""])),
            403,
            "AccessDenied",
        ),
        (
            "another bucket",
            new().condition(json!({"bucket": "other"})),
            403,
            "AccessDenied",
        ),
        (
            "another beginning",
            new().condition(json!(["starts-with", "$key", "other/"])),
            403,
            "AccessDenied",
        ),
        (
            "an unknown condition",
            new().condition(json!(["ends-with", "$key", ""])),
            400,
            "InvalidPolicyDocument",
        ),
        (
            "a key of another form",
            Form::new("alx_demo/../x"),
            400,
            "InvalidArgument",
        ),
        (
            "a key to fill in",
            Form::new("alx_demo/${filename}"),
            400,
            "InvalidArgument",
        ),
        (
            "a field twice",
            new().field("key", key),
            400,
            "MalformedPOSTRequest",
        ),
        (
            "long fields",
            new().field("x-ignore-1", &long),
            400,
            "MaxPostPreDataLengthExceeded",
        ),
        (
            "too many bytes",
            new().condition(json!(["content-length-range", 0, 4])),
            400,
            "EntityTooLarge",
        ),
        (
            "too few bytes",
            new().condition(json!(["content-length-range", 6, 9])),
            400,
            "EntityTooSmall",
        ),
    ]
}

/// A file that breaks off, a body that is no form, and one without a file or a length.
#[tokio::test]
async fn a_malformed_form_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let fields = Form::new(&key("alx_demo").to_string()).signed();
    let whole = encode(&fields, &noise(1, 500_000), "");
    let without_end = whole[..whole.len() - 40].to_vec();
    let without_file = format!("--{BOUNDARY}--\r\n").into_bytes();
    for (what, body, code) in [
        ("no end", without_end, "MalformedPOSTRequest"),
        ("no file", without_file, "InvalidArgument"),
        ("no form", noise(2, 300_000), "MaxPostPreDataLengthExceeded"),
        ("nothing", Vec::new(), "MissingContentLength"),
    ] {
        let answer = post_body(&endpoint, body).await;
        assert!(answer.status().is_client_error(), "{what}");
        assert_eq!(refusal(answer).await.1, code, "{what}");
    }
    let other = client()
        .post(format!("{}{BUCKET}", endpoint.url))
        .header("content-type", "text/plain")
        .body("x");
    assert_eq!(
        refusal(other.send().await.unwrap()).await.1,
        "PreconditionFailed"
    );
    assert_eq!((endpoint.kept(), endpoint.uploads()), (0, 0));
}

#[tokio::test]
async fn a_page_may_post_to_the_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let url = format!("{}{BUCKET}", endpoint.url);
    let ask = [
        ("origin", ORIGIN),
        ("access-control-request-method", "POST"),
    ];
    let answer = send(Method::OPTIONS, &url, &ask).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(headers["access-control-allow-origin"], ORIGIN);
    let methods = headers["access-control-allow-methods"].to_str().unwrap();
    assert!(methods.contains("POST"), "{methods}");
}

/// As many and as long fields as are allowed, the file ready behind them.
#[tokio::test]
async fn the_largest_form_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let mut form = Form::new(&key("alx_demo").to_string());
    for number in 0..43 {
        form = form.uncovered(&format!("x-ignore-{number}"), &"x".repeat(400));
    }
    assert_eq!(
        post(&endpoint, form, &noise(1, 900_000)).await.status(),
        204
    );
}
