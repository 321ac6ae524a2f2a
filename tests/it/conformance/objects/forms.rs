//! A form upload is what its policy says or nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use event_history::domain::{ContentType, FileName, ObjectKey};
use event_history::objects::{FormConstraints, FormContentType, Objects, PresignedForm};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::{EXPIRY_PAUSE, EXPIRY_TRIES, LIFE, content, download, fresh_key, left_nothing, sha256};

const BOUNDARY: &str = "b1946ac92492d2347c6235b4d2611184";

/// Runs the functions of this module.
pub(crate) async fn all(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    the_range_holds_to_the_byte(objects, http).await;
    what_was_declared_is_told_again(objects, http).await;
    the_type_holds(objects, http).await;
    the_checksum_holds(objects, http).await;
    a_changed_form_is_refused(objects, http).await;
    an_expired_form_is_refused(objects, http).await;
}

pub(crate) async fn the_range_holds_to_the_byte(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let terms = FormConstraints {
        min_bytes: 100,
        max_bytes: 200_000,
        ..any_size()
    };
    for (size_bytes, is_taken) in [(99, false), (100, true), (200_000, true), (200_001, false)] {
        let key = fresh_key();
        let form = presign(objects, &key, &terms).await;
        let content = content(size_bytes);
        let status = post(http, &form, &form.fields, &content).await;
        if is_taken {
            assert_eq!(status, StatusCode::NO_CONTENT, "{size_bytes}");
            assert_eq!(download(objects, http, &key).await, content);
        } else {
            left_nothing(objects, &key, status, &format!("{size_bytes} bytes")).await;
        }
    }
}

pub(crate) async fn what_was_declared_is_told_again(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let content = content(1000);
    let content_type = ContentType::parse("application/pdf").expect("a type");
    let terms = FormConstraints {
        content_type: Some(FormContentType::Exactly(content_type.clone())),
        sha256: Some(sha256(&content)),
        file_name: FileName::parse("Übersicht & 1.pdf").ok(),
        ..any_size()
    };
    let form = presign(objects, &key, &terms).await;
    let status = post(http, &form, &form.fields, &content).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(download(objects, http, &key).await, content);
    let info = objects.head(&key, None).await.expect("head");
    let info = info.expect("the object is there");
    assert_eq!(info.size_bytes, 1000);
    assert_eq!(info.content_type, Some(content_type));
    assert_eq!(info.declared_sha256, terms.sha256);
    assert!(info.sha256.is_none() || info.sha256 == terms.sha256);
    assert_eq!(info.file_name, terms.file_name);
}

pub(crate) async fn the_type_holds(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let content = content(100);
    let png = ContentType::parse("image/png").expect("a type");
    let exactly = FormConstraints {
        content_type: Some(FormContentType::Exactly(png)),
        ..any_size()
    };
    let starts = FormConstraints {
        content_type: Some(FormContentType::StartsWith("image/".to_owned())),
        ..any_size()
    };
    for (terms, said, is_taken) in [
        (&exactly, Some("image/png"), true),
        (&exactly, Some("image/gif"), false),
        (&exactly, None, false),
        (&starts, Some("image/gif"), true),
        (&starts, Some("text/html"), false),
        (&starts, None, false),
        (&any_size(), None, true),
    ] {
        let key = fresh_key();
        let form = presign(objects, &key, terms).await;
        let mut fields = form.fields.clone();
        fields.retain(|(name, _)| name != "Content-Type");
        fields.extend(said.map(|said| ("Content-Type".to_owned(), said.to_owned())));
        let status = post(http, &form, &fields, &content).await;
        if !is_taken {
            left_nothing(objects, &key, status, &format!("{terms:?} {said:?}")).await;
            continue;
        }
        assert_eq!(status, StatusCode::NO_CONTENT, "{terms:?} {said:?}");
        let info = objects.head(&key, None).await.expect("head");
        let kind = info.expect("the object is there").content_type;
        if let Some(said) = said {
            assert_eq!(kind.expect("a type").as_str(), said);
        }
    }
}

pub(crate) async fn the_checksum_holds(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let content = content(100);
    let terms = FormConstraints {
        sha256: Some(sha256(&content)),
        ..any_size()
    };
    for other in [&content[1..], &[&content[..], b"x"].concat(), b"other"] {
        let key = fresh_key();
        let form = presign(objects, &key, &terms).await;
        let status = post(http, &form, &form.fields, other).await;
        left_nothing(objects, &key, status, "other bytes").await;
    }
}

/// No field may be another, away, or more than the policy says.
pub(crate) async fn a_changed_form_is_refused(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let (key, other) = (fresh_key(), fresh_key());
    let content = content(100);
    let terms = FormConstraints {
        sha256: Some(sha256(&content)),
        file_name: FileName::parse("a.pdf").ok(),
        ..any_size()
    };
    let form = presign(objects, &key, &terms).await;
    let wider = FormConstraints {
        max_bytes: 1_000_000,
        ..terms.clone()
    };
    let wider = presign(objects, &key, &wider).await;
    for (name, value) in &form.fields {
        let changed = match name.as_str() {
            "key" => value.replace(&key.to_string(), &other.to_string()),
            "policy" => field(&wider, "policy").to_owned(),
            _ => with_a_character_changed(value),
        };
        assert_ne!(&changed, value, "{name}");
        for changed in [Some(changed), None] {
            let mut fields = form.fields.clone();
            match changed {
                Some(changed) => {
                    for (found, value) in &mut fields {
                        if found == name {
                            value.clone_from(&changed);
                        }
                    }
                }
                None => fields.retain(|(found, _)| found != name),
            }
            let status = post(http, &form, &fields, &content).await;
            left_nothing(objects, &key, status, name).await;
        }
    }
    // Of the fields that the policy does not have, SeaweedFS refuses these alone.
    let mut fields = form.fields.clone();
    fields.push(("x-amz-meta-other".to_owned(), "claim".to_owned()));
    let status = post(http, &form, &fields, &content).await;
    left_nothing(objects, &key, status, "a field more").await;
    assert_eq!(objects.head(&other, None).await.expect("head"), None);
    // All of this was refused for what was changed alone.
    let status = post(http, &form, &form.fields, &content).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

pub(crate) async fn an_expired_form_is_refused(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let life = Duration::from_secs(1);
    let form = objects
        .presign_form(&fresh_key(), &any_size(), life)
        .await
        .expect("presign");
    for _ in 0..EXPIRY_TRIES {
        let status = post(http, &form, &form.fields, b"content").await;
        if status != StatusCode::NO_CONTENT {
            assert!(status.is_client_error(), "{status}");
            return;
        }
        tokio::time::sleep(EXPIRY_PAUSE).await;
    }
    panic!("a form that lives for a second is accepted after ten");
}

fn any_size() -> FormConstraints {
    FormConstraints {
        min_bytes: 0,
        max_bytes: 500_000,
        content_type: None,
        sha256: None,
        file_name: None,
    }
}

async fn presign(
    objects: &Arc<dyn Objects>,
    key: &ObjectKey,
    terms: &FormConstraints,
) -> PresignedForm {
    let form = objects.presign_form(key, terms, LIFE).await;
    form.expect("presign")
}

fn field<'a>(form: &'a PresignedForm, name: &str) -> &'a str {
    let mut fields = form.fields.iter();
    let (_, value) = fields
        .find(|(found, _)| found == name)
        .unwrap_or_else(|| panic!("no {name}"));
    value
}

/// Changes the first one, which is none that fills up base64.
fn with_a_character_changed(value: &str) -> String {
    let (first, rest) = value.split_at(1);
    let other = if first == "1" { "2" } else { "1" };
    format!("{other}{rest}")
}

/// Sends a form as a browser does (RFC 7578), the file last.
async fn post(
    http: &reqwest::Client,
    form: &PresignedForm,
    fields: &[(String, String)],
    content: &[u8],
) -> StatusCode {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
    }
    let file = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(file.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = http.post(&form.url).header(CONTENT_TYPE, kind);
    let request = request.body(Bytes::from(body));
    request.send().await.expect("an answer").status()
}
