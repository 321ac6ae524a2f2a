//! Files as evidence: what is recorded of them with an event, and what a download says of it later.

mod lies;
mod limits;
mod once;
mod retained;

use http::{Method, StatusCode};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{
    SeaweedFs, Server, Storage, Tenant, event, event_with_file, expect, expect_json,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusty_s3::S3Action;

const MINUTE: std::time::Duration = std::time::Duration::from_mins(1);

/// A service, where its files are, and a tenant.
struct Case {
    server: Server,
    storage: Storage,
    tenant: Tenant,
}

#[tokio::test]
async fn files_are_evidence_on_the_embedded_storage() {
    let server = Server::start();
    let storage = server.embedded_storage();
    holds(server, storage).await;
}

#[tokio::test]
async fn files_are_evidence_on_seaweedfs() {
    let seaweedfs = SeaweedFs::start().await;
    let storage = seaweedfs.storage().clone();
    let server = Server::builder().files_in(&storage).start();
    holds(server, storage).await;
}

async fn holds(server: Server, storage: Storage) {
    let tenant = server.create_tenant("demo").await;
    let case = Case {
        server,
        storage,
        tenant,
    };
    what_was_asked_is_enforced_and_recorded(&case).await;
    a_form_takes_what_it_says_and_no_byte_more(&case).await;
    an_upload_in_parts_becomes_a_file(&case).await;
    an_event_references_several_files(&case).await;
    names_come_back_right(&case).await;
    what_a_browser_would_run_is_never_shown(&case).await;
    other_bytes_are_a_conflict(&case).await;
    a_file_that_is_gone_is_a_conflict(&case).await;
}

impl Case {
    async fn terms(&self, query: &str) -> Value {
        let target = format!("/api/files/upload-url?{query}");
        self.server.get_json(&self.tenant, &target).await
    }

    fn post(&self, target: &str, body: &Value) -> RequestBuilder {
        let request = self.server.request_as(&self.tenant, Method::POST, target);
        request.json(body)
    }

    /// Delivers an event that references the file, and returns the event as it is read.
    async fn referenced(&self, file_id: &str) -> Value {
        let detail = event_with_file(file_id);
        self.server.deliver(&self.tenant, &detail).await;
        self.read(&detail).await
    }

    async fn read(&self, detail: &Value) -> Value {
        let event_id = detail["event_id"].as_str().expect("an id");
        let target = format!("/api/history/events?event_id={event_id}");
        let page = self.server.get_json(&self.tenant, &target).await;
        page["results"][0].clone()
    }

    async fn is_stored(&self, file_id: &str) -> bool {
        let key = format!("{}/{file_id}", self.tenant.database_name);
        let (bucket, credentials) = (self.storage.bucket(), self.storage.credentials());
        let url = bucket.head_object(Some(&credentials), &key).sign(MINUTE);
        let answer = self.server.client().head(url).send().await;
        answer.expect("storage answers").status() == StatusCode::OK
    }

    fn download(&self, event: &Value, query: &str) -> RequestBuilder {
        let event_id = event["event_id"].as_str().expect("an id");
        let target = format!("/api/history/events/{event_id}/file?{query}");
        self.server.request_as(&self.tenant, Method::GET, &target)
    }

    async fn downloaded(&self, event: &Value, query: &str) -> Response {
        let answer = expect_json(self.download(event, query), StatusCode::OK).await;
        let url = answer["download_url"].as_str().expect("a URL");
        expect(self.server.client().get(url), StatusCode::OK).await
    }

    /// Uploads `bytes` under the terms of `query`, and returns the file's id.
    async fn upload(&self, query: &str, bytes: &str) -> String {
        let answer = self.terms(query).await;
        let put = put(&self.server, &answer, &[]).body(bytes.to_owned());
        expect(put, StatusCode::OK).await;
        text(&answer["file_id"])
    }

    /// Removes a file and puts other bytes at its key, with the storage's own credentials.
    async fn overwrite(&self, file_id: &str, bytes: &'static str) {
        let key = format!("{}/{file_id}", self.tenant.database_name);
        let (bucket, credentials) = (self.storage.bucket(), self.storage.credentials());
        let url = bucket.delete_object(Some(&credentials), &key).sign(MINUTE);
        expect(self.server.client().delete(url), StatusCode::NO_CONTENT).await;
        let url = bucket.put_object(Some(&credentials), &key).sign(MINUTE);
        expect(self.server.client().put(url).body(bytes), StatusCode::OK).await;
    }
}

/// Starts the upload that an answer describes, with some headers changed.
fn put(server: &Server, answer: &Value, changes: &[(&str, &str)]) -> RequestBuilder {
    assert_eq!(answer["method"], "PUT");
    let mut put = server.client().put(text(&answer["upload_url"]));
    for (name, value) in answer["headers"].as_object().expect("headers") {
        let change = changes.iter().find(|(changed, _)| changed == name);
        let value = change.map_or_else(|| text(value), |(_, value)| (*value).to_owned());
        put = put.header(name, value);
    }
    put
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn base64_of_sha256(bytes: &str) -> String {
    STANDARD.encode(Sha256::digest(bytes)).replace('+', "%2B")
}

async fn what_was_asked_is_enforced_and_recorded(case: &Case) {
    let bytes = "the contract, signed";
    let sum = base64_of_sha256(bytes);
    let query = format!(
        "content_type=application/pdf&content_length={}&checksum_sha256={sum}&file_name=a.pdf\
         &expires_in=120",
        bytes.len()
    );
    // Each of these is refused, and leaves nothing.
    let other = "the contract, unsigned".replace("un", "");
    let more = format!("{bytes}!");
    let wrong: [(&[(&str, &str)], &str); 4] = [
        (&[("content-length", "21")], &more),
        (&[], &other[..bytes.len()].replace('s', "z")),
        (&[("content-type", "text/html")], bytes),
        (&[("x-amz-meta-file-name", "b.pdf")], bytes),
    ];
    for (changes, bytes) in wrong {
        let answer = case.terms(&query).await;
        let put = put(&case.server, &answer, changes).body(bytes.to_owned());
        let refused = put.send().await.expect("storage answers").status();
        assert!(refused.is_client_error(), "{changes:?} {bytes}: {refused}");
        let file_id = text(&answer["file_id"]);
        assert!(!case.is_stored(&file_id).await, "{changes:?} {bytes}");
    }

    let file_id = case.upload(&query, bytes).await;
    let event = case.referenced(&file_id).await;
    let file = &event["file"];
    assert_eq!(event["file_id"], file_id.as_str());
    assert_eq!(file["file_id"], file_id.as_str());
    assert_eq!(file["size_bytes"], bytes.len());
    assert_eq!(file["content_type"], "application/pdf");
    assert_eq!(file["sha256"], hex::encode(Sha256::digest(bytes)));
    assert_eq!(file["file_name"], "a.pdf");
    assert!(
        file["etag"].is_string() && file["version_id"].is_null(),
        "{file}"
    );

    let shown = case.downloaded(&event, "disposition=inline").await;
    let header = |name: &str| shown.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "application/pdf");
    assert_eq!(header("content-disposition"), "inline; filename=\"a.pdf\"");
    assert_eq!(shown.text().await.expect("text"), bytes);
}

async fn a_form_takes_what_it_says_and_no_byte_more(case: &Case) {
    let body = json!({
        "min_length": 5, "max_length": 10, "content_type_prefix": "image/", "file_name": "ü.png",
    });
    for (length, fits) in [(4, false), (5, true), (10, true), (11, false)] {
        let request = case.post("/api/files/upload-form", &body);
        let form = expect_json(request, StatusCode::OK).await;
        assert_eq!(form["method"], "POST");
        let mut fields = form["fields"].as_object().expect("fields").clone();
        fields.insert("Content-Type".to_owned(), "image/png".into());
        let boundary = crate::support::uuid();
        let mut parts: Vec<String> = Vec::new();
        for (name, value) in &fields {
            let head = format!("content-disposition: form-data; name=\"{name}\"");
            parts.push(format!("{head}\r\n\r\n{}", text(value)));
        }
        let head = "content-disposition: form-data; name=\"file\"; filename=\"x.png\"";
        let file = "x".repeat(length);
        parts.push(format!("{head}\r\n\r\n{file}"));
        let parts = parts.join(&format!("\r\n--{boundary}\r\n"));
        let parts = format!("--{boundary}\r\n{parts}\r\n--{boundary}--\r\n");
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let post = case.server.client().post(text(&form["url"])).body(parts);
        let post = post.header("content-type", content_type);
        let status = post.send().await.expect("storage answers").status();
        assert_eq!(status.is_success(), fits, "{length} bytes: {status}");
        let file_id = text(&form["file_id"]);
        assert_eq!(case.is_stored(&file_id).await, fits, "{length} bytes");
        if fits {
            let event = case.referenced(&file_id).await;
            assert_eq!(event["file"]["content_type"], "image/png");
            assert_eq!(event["file"]["file_name"], "ü.png");
        }
    }
}

async fn an_upload_in_parts_becomes_a_file(case: &Case) {
    const PART: usize = 5 * 1024 * 1024;
    let bytes = "0123456789abcdef".repeat(PART / 16 * 2 + 10);
    let sum = STANDARD.encode(Sha256::digest(&bytes));
    let body = json!({
        "content_length": bytes.len(), "part_size": PART, "content_type": "application/zip",
        "checksum_sha256": sum, "file_name": "big.zip",
    });
    let upload = expect_json(
        case.post("/api/files/multipart", &body),
        StatusCode::CREATED,
    )
    .await;
    assert_eq!(
        (&upload["part_count"], &upload["part_size"]),
        (&json!(3), &json!(PART))
    );
    let (file_id, upload_id) = (text(&upload["file_id"]), text(&upload["upload_id"]));
    let of = |action: &str| format!("/api/files/multipart/{file_id}/{action}");
    for index in [2, 0, 1] {
        let part = bytes[index * PART..].chars().take(PART).collect::<String>();
        let url = text(&upload["parts"][index]["upload_url"]);
        expect(case.server.client().put(url).body(part), StatusCode::OK).await;
    }
    let this = json!({ "upload_id": upload_id });
    let stored = expect_json(case.post(&of("parts"), &this), StatusCode::OK).await;
    assert_eq!(
        stored["parts"].as_array().map(Vec::len),
        Some(3),
        "{stored}"
    );
    assert!(
        !case.is_stored(&file_id).await,
        "nothing is there before it is whole"
    );
    for _ in 0..2 {
        let complete = case.post(&of("complete"), &this);
        let record = expect_json(complete, StatusCode::OK).await;
        assert_eq!(record["size_bytes"], bytes.len());
    }
    let event = case.referenced(&file_id).await;
    assert_eq!(event["file"]["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert_eq!(event["file"]["file_name"], "big.zip");
    let whole = case.downloaded(&event, "").await;
    assert!(
        whole.text().await.expect("text") == bytes,
        "other bytes came back"
    );

    // Given up, and gone.
    let upload = expect_json(
        case.post("/api/files/multipart", &body),
        StatusCode::CREATED,
    )
    .await;
    let file_id = text(&upload["file_id"]);
    let of = |action: &str| format!("/api/files/multipart/{file_id}/{action}");
    let this = json!({ "upload_id": upload["upload_id"] });
    expect(case.post(&of("abort"), &this), StatusCode::OK).await;
    expect(case.post(&of("parts"), &this), StatusCode::NOT_FOUND).await;
    expect(case.post(&of("complete"), &this), StatusCode::NOT_FOUND).await;
}

async fn an_event_references_several_files(case: &Case) {
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(case.upload(&format!("file_name={name}"), name).await);
    }
    let mut detail = event();
    detail["event_data"] = json!([{ "file_id": ids[0] }]);
    detail["file_ids"] = json!([ids[1], ids[0], ids[2]]);
    case.server.deliver(&case.tenant, &detail).await;
    case.server.deliver(&case.tenant, &detail).await;
    let event = case.read(&detail).await;
    assert_eq!(event["file_id"], ids[0].as_str());
    assert_eq!(event["file"]["file_name"], "one");
    let names: Vec<_> = event["files"].as_array().expect("files").iter().collect();
    let names: Vec<_> = names.iter().map(|it| it["file_name"].clone()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    let third = case
        .downloaded(&event, &format!("file_id={}", ids[2]))
        .await;
    assert_eq!(third.text().await.expect("text"), "three");
    let other = case.download(&event, &format!("file_id={}", crate::support::uuid()));
    expect(other, StatusCode::NOT_FOUND).await;

    // One that is not there keeps the event out.
    let mut detail = event_with_file(&ids[0]);
    let absent = crate::support::uuid();
    detail["file_ids"] = json!([ids[1], absent]);
    let refused = case.server.delivery(&case.tenant, &detail);
    let refused = expect_json(refused, StatusCode::BAD_REQUEST).await;
    let message = format!("'{absent}' file not found in storage.");
    assert_eq!(refused["detail"], message);
    assert!(case.read(&detail).await.is_null(), "it was stored half");
}

async fn names_come_back_right(case: &Case) {
    let emoji = "📄".repeat(63) + "abc";
    assert_eq!(emoji.len(), 255);
    for name in [
        "a \"quoted\" 'name'; filename=x.exe",
        "two\r\nlines: yes",
        "\u{202e}fdp.exe\u{202c} \u{200f}עברית",
        &emoji,
        "../../etc/passwd",
        "%2e%2e%2f 100%",
        "..",
    ] {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("file_name", name)
            .finish();
        let file_id = case.upload(&query, "x").await;
        let event = case.referenced(&file_id).await;
        assert_eq!(event["file"]["file_name"], name);
        let shown = case.downloaded(&event, "disposition=attachment").await;
        let disposition = shown.headers()["content-disposition"].to_str();
        let disposition = disposition.expect("visible ASCII");
        assert!(
            disposition.starts_with("attachment; filename=\""),
            "{disposition}"
        );
        let harmful = ['/', '\\', '\r', '\n'];
        assert!(!disposition.contains(harmful), "{disposition}");
        if let Some((_, encoded)) = disposition.split_once("filename*=UTF-8''") {
            let said = percent_encoding::percent_decode_str(encoded).decode_utf8();
            // Marks that change the direction of text make a name look like another one.
            let is_mark = |it| matches!(it, '\u{200f}' | '\u{202a}'..='\u{202e}');
            let is_replaced = |it: &char| harmful.contains(it) || is_mark(*it);
            let shown = |it| if is_replaced(&it) { '_' } else { it };
            let expected: String = name.chars().map(shown).collect();
            assert_eq!(said.expect("UTF-8"), expected);
        }
    }
}

async fn what_a_browser_would_run_is_never_shown(case: &Case) {
    for content_type in ["text/html", "image/svg%2Bxml", "application/xhtml%2Bxml"] {
        let query = format!("content_type={content_type}&file_name=page");
        let file_id = case.upload(&query, "<script>alert(1)</script>").await;
        let event = case.referenced(&file_id).await;
        for query in ["disposition=inline", "disposition=attachment", ""] {
            let shown = case.downloaded(&event, query).await;
            let header = |name: &str| shown.headers()[name].to_str().expect("text");
            assert_eq!(header("content-type"), "application/octet-stream");
            assert!(header("content-disposition").starts_with("attachment"));
        }
    }
}

async fn other_bytes_are_a_conflict(case: &Case) {
    let changed = |metrics: &str| {
        let name = "event_history_changed_files_total ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |count| count.parse::<u64>().expect("a count"))
    };
    let metrics = async || {
        let answer = expect(case.server.request(Method::GET, "/metrics"), StatusCode::OK).await;
        changed(&answer.text().await.expect("text"))
    };
    let before = metrics().await;
    let file_id = case.upload("file_name=x", "genuine").await;
    let event = case.referenced(&file_id).await;
    case.overwrite(&file_id, "forged!").await;
    for query in ["", "redirect=true", "disposition=inline"] {
        let refused = expect_json(case.download(&event, query), StatusCode::CONFLICT).await;
        let problem = &refused["detail"][0];
        assert_eq!(problem["type"], "file_changed");
        assert_eq!(problem["recorded"]["etag"], event["file"]["etag"]);
        assert_ne!(problem["found"]["etag"], event["file"]["etag"]);
        assert_eq!(problem["file_id"], file_id.as_str());
    }
    assert_eq!(metrics().await, before + 3);
    // What is recorded stays, also when the event is delivered again.
    let detail = event_with_file(&file_id);
    assert_eq!(case.read(&event).await["file"], event["file"]);
    case.server.deliver(&case.tenant, &detail).await;
    let later = case.read(&detail).await;
    assert_ne!(later["file"]["etag"], event["file"]["etag"]);
    case.downloaded(&later, "").await;
}

async fn a_file_that_is_gone_is_a_conflict(case: &Case) {
    let file_id = case.upload("file_name=x", "genuine").await;
    let event = case.referenced(&file_id).await;
    let key = format!("{}/{file_id}", case.tenant.database_name);
    let (bucket, credentials) = (case.storage.bucket(), case.storage.credentials());
    let url = bucket.delete_object(Some(&credentials), &key).sign(MINUTE);
    let deleted = case.server.client().delete(url);
    expect(deleted, StatusCode::NO_CONTENT).await;
    let refused = expect_json(case.download(&event, ""), StatusCode::CONFLICT).await;
    assert_eq!(refused["detail"][0]["type"], "file_missing");
    assert_eq!(refused["detail"][0]["found"], Value::Null);
}
