//! URLs and forms to upload files with.

use std::time::Duration;

use axum::Json;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::error::{ApiError, ApiResult};
use super::extract::{JSON, SmallBody};
use super::fields::{self, Object, Problems};
use super::openapi::{InvalidResponses, KeyResponses, TenantResponses, UnavailableResponses};
use super::query::{self, Parameters};
use crate::domain::{ContentType, FileName, FileSha256, Invalid, UploadConstraints};
use crate::objects::{FormContentType, MAX_URL_LIFE};
use crate::service::{self, Access, FormRequest};

pub(super) const UPLOAD_URL_PATH: &str = "/api/files/upload-url";

/// Where to upload a file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UploadUrlBody {
    /// A presigned URL: PUT the file's bytes there.
    upload_url: String,
    /// What an event says to reference the file.
    #[schema(format = Uuid)]
    file_id: String,
    /// The members below are there where the request asked for anything.
    #[serde(flatten)]
    terms: Option<TermsBody>,
}

impl UploadUrlBody {
    /// Writes what serde would where nothing was asked for. A presigned URL has no character that JSON
    /// escapes, and looking for one is what serde would spend its time on.
    fn to_json(&self) -> serde_json::Result<String> {
        let Self {
            upload_url,
            file_id,
            terms,
        } = self;
        let is_escaped = |byte| matches!(byte, ..0x20 | b'"' | b'\\');
        // A fold, not `any`: one without an early end is done on many bytes at once.
        let has_escapes = upload_url
            .bytes()
            .fold(false, |has, byte| has | is_escaped(byte));
        if terms.is_some() || has_escapes {
            return serde_json::to_string(self);
        }
        Ok(format!(
            r#"{{"upload_url":"{upload_url}","file_id":"{file_id}"}}"#
        ))
    }
}

impl IntoResponse for UploadUrlBody {
    fn into_response(self) -> Response {
        match self.to_json() {
            Ok(json) => ([JSON], json).into_response(),
            Err(error) => ApiError::Service(service::Error::Broken(error.into())).into_response(),
        }
    }
}

/// What an upload under terms needs beside its URL.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TermsBody {
    #[schema(example = "PUT")]
    method: &'static str,
    /// The headers that have to be sent, with these very values.
    #[schema(value_type = Object, example = json!({"content-type": "application/pdf"}))]
    headers: serde_json::Map<String, Value>,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Returns a presigned URL to upload a new file with (`curl -T file URL`).
///
/// Whatever is asked is signed into the URL: storage refuses an upload that differs.
#[utoipa::path(
    get, path = UPLOAD_URL_PATH, tag = "files", security(("api_key" = [])),
    params(
        ("X-Client-Id" = String, Header, description = "The tenant's client id"),
        ("content_type" = Option<String>, Query, description = "The file's media type"),
        ("content_length" = Option<u64>, Query, description = "The file's size in bytes, exactly"),
        ("checksum_sha256" = Option<String>, Query, description = "The file's SHA-256 in base64"),
        ("file_name" = Option<String>, Query, description = "The file's name, at most 255 bytes; \
                                                             events and downloads show it"),
        ("once" = Option<bool>, Query, description = "Whether storage takes one upload only: \
                                                      412 for any other"),
        ("expires_in" = Option<u64>, Query, description = "Seconds, 1 to 604800"),
    ),
    responses(
        (status = 200, description = "A URL for one new file", body = UploadUrlBody),
        KeyResponses, TenantResponses, InvalidResponses, UnavailableResponses,
    )
)]
pub(super) async fn upload_url(
    access: Access,
    RawQuery(query): RawQuery,
) -> ApiResult<UploadUrlBody> {
    let (terms, life) = upload_constraints(query.as_deref())?;
    let upload = access.upload_url(terms, life).await;
    let upload = upload.map_err(|error| ApiError::of_service("query", error))?;
    let terms = query
        .is_some_and(|query| !query.is_empty())
        .then(|| TermsBody {
            method: "PUT",
            headers: object(upload.presigned.headers),
            expires_at: upload.presigned.expires_at.to_string(),
        });
    Ok(UploadUrlBody {
        upload_url: upload.presigned.url,
        file_id: upload.file_id.to_string(),
        terms,
    })
}

fn upload_constraints(query: Option<&str>) -> ApiResult<(UploadConstraints, Option<Duration>)> {
    let parameters = Parameters::parse(query)?;
    let mut problems = Problems::default();
    let names = [
        "content_type",
        "content_length",
        "checksum_sha256",
        "file_name",
        "once",
        "expires_in",
    ];
    parameters.only(&names, &mut problems);
    let content_type = parameters.optional(&mut problems, "content_type", ContentType::parse);
    let size_bytes = parameters.optional(&mut problems, "content_length", query::integer);
    let sha256 = parameters.optional(&mut problems, "checksum_sha256", FileSha256::from_base64);
    let file_name = parameters.optional(&mut problems, "file_name", FileName::parse);
    let once = parameters.optional(&mut problems, "once", query::boolean);
    let life = parameters.optional(&mut problems, "expires_in", |text| {
        life(query::integer(text)?)
    });
    let terms = UploadConstraints {
        content_type: content_type.flatten(),
        size_bytes: size_bytes.flatten(),
        sha256: sha256.flatten(),
        file_name: file_name.flatten(),
        once: once.flatten().unwrap_or_default(),
    };
    problems.finish(Some((terms, life.flatten())))
}

/// What a form upload should be.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `form_request` reads")]
pub(super) struct UploadFormRequestBody {
    /// The fewest bytes that storage takes.
    min_length: Option<u64>,
    /// The most bytes that storage takes, at most 5 GiB.
    #[schema(example = 10_485_760)]
    max_length: Option<u64>,
    /// The file's media type, exactly.
    #[schema(example = "application/pdf")]
    content_type: Option<String>,
    /// How the file's media type begins; the form's field `Content-Type` then has to say the whole.
    #[schema(example = "image/")]
    content_type_prefix: Option<String>,
    /// The file's SHA-256 in base64.
    checksum_sha256: Option<String>,
    /// At most 255 bytes.
    file_name: Option<String>,
    /// Seconds, 1 to 604800.
    expires_in: Option<u64>,
}

/// How to upload a file from a form.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UploadFormBody {
    /// Where to POST the form.
    url: String,
    #[schema(example = "POST")]
    method: &'static str,
    /// The fields to send before the field `file`.
    #[schema(value_type = Object)]
    fields: serde_json::Map<String, Value>,
    /// What an event says to reference the file.
    #[schema(format = Uuid)]
    file_id: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Returns a presigned form (`multipart/form-data`) to upload a new file with from a browser.
#[utoipa::path(
    post, path = "/api/files/upload-form", tag = "files", security(("api_key" = [])),
    params(("X-Client-Id" = String, Header, description = "The tenant's client id")),
    request_body = UploadFormRequestBody,
    responses(
        (status = 200, description = "A form for one new file", body = UploadFormBody),
        KeyResponses, TenantResponses, InvalidResponses, UnavailableResponses,
    )
)]
pub(super) async fn upload_form(
    access: Access,
    body: Result<SmallBody, ApiError>,
) -> ApiResult<Json<UploadFormBody>> {
    let (request, life) = form_request(&body?.0)?;
    let upload = access.upload_form(request, life).await?;
    Ok(Json(UploadFormBody {
        url: upload.presigned.url,
        method: "POST",
        fields: object(upload.presigned.fields),
        file_id: upload.file_id.to_string(),
        expires_at: upload.presigned.expires_at.to_string(),
    }))
}

fn form_request(body: &[u8]) -> ApiResult<(FormRequest, Option<Duration>)> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let min_bytes = object.optional(&mut problems, "min_length", fields::unsigned);
    let max_bytes = object.optional(&mut problems, "max_length", fields::unsigned);
    let exactly = object.optional(&mut problems, "content_type", content_type);
    let prefix = object.optional(&mut problems, "content_type_prefix", content_type_prefix);
    let checksum = object.optional(&mut problems, "checksum_sha256", sha256);
    let file_name = object.optional(&mut problems, "file_name", file_name);
    let life = object.optional(&mut problems, "expires_in", expires_in);
    let content_type = match (exactly.flatten(), prefix.flatten()) {
        (Some(_), Some(_)) => {
            let message = "Input should not be given beside 'content_type'";
            let loc = object.loc("content_type_prefix");
            problems.add(loc, Invalid::new("extra_forbidden", message));
            None
        }
        (Some(exactly), None) => Some(FormContentType::Exactly(exactly)),
        (None, prefix) => prefix.map(FormContentType::StartsWith),
    };
    let request = FormRequest {
        min_bytes: min_bytes.flatten(),
        max_bytes: max_bytes.flatten(),
        content_type,
        checksum: checksum.flatten(),
        file_name: file_name.flatten(),
    };
    problems.finish(Some((request, life.flatten())))
}

pub(super) fn content_type(json: &RawValue) -> Result<ContentType, Invalid> {
    ContentType::parse(&fields::string(json)?)
}

pub(super) fn sha256(json: &RawValue) -> Result<FileSha256, Invalid> {
    FileSha256::from_base64(&fields::string(json)?)
}

pub(super) fn file_name(json: &RawValue) -> Result<FileName, Invalid> {
    FileName::parse(&fields::string(json)?)
}

pub(super) fn expires_in(json: &RawValue) -> Result<Duration, Invalid> {
    life(fields::unsigned(json)?)
}

/// A beginning with the kind whole, so that what follows is a type of that kind.
fn content_type_prefix(json: &RawValue) -> Result<String, Invalid> {
    let prefix = fields::string(json)?;
    if prefix.contains('/') && ContentType::parse(&format!("{prefix}x")).is_ok() {
        return Ok(prefix);
    }
    let message = "Input should be the beginning of a media type, as in 'image/'";
    Err(Invalid::new("media_type", message))
}

fn life(seconds: u64) -> Result<Duration, Invalid> {
    let longest = MAX_URL_LIFE.as_secs();
    if (1..=longest).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    let message = format!("Input should be between 1 and {longest}");
    Err(Invalid::new("expires_in", message))
}

/// Returns pairs as the members of an object, in their order.
pub(super) fn object(pairs: Vec<(String, String)>) -> serde_json::Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::UploadUrlBody;

    #[test]
    fn an_upload_url_is_written_as_serde_writes_it() {
        for url in [
            "https://a/b?c=%22&d",
            "http://quoted/\"",
            "http://a\\b",
            "http://a\nb",
            "é",
        ] {
            let body = UploadUrlBody {
                upload_url: url.to_owned(),
                file_id: "0".to_owned(),
                terms: None,
            };
            assert_eq!(
                body.to_json().unwrap(),
                serde_json::to_string(&body).unwrap()
            );
        }
    }
}
