//! URLs and forms that upload files to storage.

use std::time::Duration;

use axum::Json;
use axum::extract::RawQuery;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::{ContentType, FileName, FileSha256, Invalid, UploadConstraints};
use crate::http::extractors::upload_fields::{self, expires_in, file_name, sha256, url_life};
use crate::http::extractors::{Object, Parameters, Problems, SmallBody, json_fields, parameters};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiError, ApiResult};
use crate::objects::FormContentType;
use crate::service::{Access, FormRequest};

/// A URL to upload a file to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadUrlBody {
    /// A presigned URL: PUT the file's bytes there.
    upload_url: String,
    /// The id by which events reference the file.
    #[schema(format = Uuid)]
    file_id: String,
    /// Present where the request has parameters, as are the members below.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "PUT")]
    method: Option<&'static str>,
    /// The headers that have to be sent, with these very values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = HashMap<String, String>, required = false,
             example = json!({"content-type": "application/pdf"}))]
    headers: Option<serde_json::Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    expires_at: Option<String>,
}

/// Returns a presigned URL to upload a new file with (`curl -T file URL`).
///
/// Every parameter is signed into the URL: storage refuses an upload that differs.
#[utoipa::path(
    get, path = "/api/files/upload-url", operation_id = "get_upload_url", tag = "files", security(("api_key" = [], "client_id" = [])),
    params(
        ("content_type" = Option<String>, Query, max_length = 255,
         pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(;[!-~]+)?$",
         description = "The file's media type", example = "application/pdf"),
        ("content_length" = Option<u64>, Query, minimum = 0, maximum = 5_368_709_120_u64,
         description = "The file's size in bytes, exactly"),
        ("checksum_sha256" = Option<String>, Query, pattern = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$",
         description = "The file's SHA-256 in base64"),
        ("file_name" = Option<String>, Query, min_length = 1, max_length = 255,
         description = "The file's name, at most 255 bytes; events and downloads show it"),
        ("once" = Option<bool>, Query, description = "Accept one upload only: storage refuses any \
                                                      other with 412"),
        ("expires_in" = Option<u64>, Query, minimum = 1, maximum = 604_800,
         description = "The life of the URL in seconds"),
    ),
    responses(
        (status = 200, description = "A URL for one new file", body = UploadUrlBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn upload_url(
    access: Access,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<UploadUrlBody>> {
    let (terms, life) = upload_constraints(query.as_deref())?;
    let upload = access.upload_url(terms, life).await;
    let upload = upload.map_err(|error| ApiError::of_service("query", error))?;
    let has_parameters = query.is_some_and(|query| !query.is_empty());
    let presigned = upload.presigned;
    Ok(Json(UploadUrlBody {
        upload_url: presigned.url,
        file_id: upload.file_id.to_string(),
        method: has_parameters.then_some("PUT"),
        headers: has_parameters.then(|| object(presigned.headers)),
        expires_at: has_parameters.then(|| presigned.expires_at.to_string()),
    }))
}

fn upload_constraints(query: Option<&str>) -> ApiResult<(UploadConstraints, Option<Duration>)> {
    let sent = Parameters::parse(query)?;
    let mut problems = Problems::default();
    let names = [
        "content_type",
        "content_length",
        "checksum_sha256",
        "file_name",
        "once",
        "expires_in",
    ];
    sent.only(&names, &mut problems);
    let content_type = sent.optional(&mut problems, "content_type", ContentType::parse);
    let size_bytes = sent.optional(&mut problems, "content_length", parameters::integer);
    let sha256 = sent.optional(&mut problems, "checksum_sha256", FileSha256::from_base64);
    let file_name = sent.optional(&mut problems, "file_name", FileName::parse);
    let once = sent.optional(&mut problems, "once", parameters::boolean);
    let life = sent.optional(&mut problems, "expires_in", |text| {
        url_life(parameters::integer(text)?)
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

/// The conditions of a form upload.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `form_request` reads")]
pub(crate) struct UploadFormRequestBody {
    /// The fewest bytes that storage takes.
    #[schema(minimum = 0, maximum = 5_368_709_120_u64)]
    min_length: Option<u64>,
    /// The most bytes that storage takes, at most 5 GiB.
    #[schema(minimum = 0, maximum = 5_368_709_120_u64, example = 10_485_760)]
    max_length: Option<u64>,
    /// The file's media type, exactly.
    #[schema(
        max_length = 255,
        example = "application/pdf",
        pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(;[!-~]+)?$"
    )]
    content_type: Option<String>,
    /// The beginning of the file's media type; the form's field `Content-Type` then has to be the whole type.
    #[schema(example = "image/")]
    content_type_prefix: Option<String>,
    /// The file's SHA-256 in base64.
    #[schema(pattern = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$")]
    checksum_sha256: Option<String>,
    /// At most 255 bytes.
    #[schema(min_length = 1, max_length = 255)]
    file_name: Option<String>,
    /// Seconds.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in: Option<u64>,
}

/// A form that uploads a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadFormBody {
    /// Where to POST the form.
    url: String,
    #[schema(example = "POST")]
    method: &'static str,
    /// The fields to send before the field `file`.
    #[schema(value_type = HashMap<String, String>)]
    fields: serde_json::Map<String, Value>,
    /// The id by which events reference the file.
    #[schema(format = Uuid)]
    file_id: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Returns a presigned form (`multipart/form-data`) to upload a new file with from a browser.
#[utoipa::path(
    post, path = "/api/files/upload-form", operation_id = "create_upload_form", tag = "files", security(("api_key" = [], "client_id" = [])),
    request_body = UploadFormRequestBody,
    responses(
        (status = 200, description = "A form for one new file", body = UploadFormBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn upload_form(
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
    let min_bytes = object.optional(&mut problems, "min_length", json_fields::unsigned);
    let max_bytes = object.optional(&mut problems, "max_length", json_fields::unsigned);
    let exactly = object.optional(&mut problems, "content_type", upload_fields::content_type);
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

/// Parses the beginning of a media type, its top-level type complete.
fn content_type_prefix(json: &RawValue) -> Result<String, Invalid> {
    let prefix = json_fields::string(json)?;
    if prefix.contains('/') && ContentType::parse(&format!("{prefix}x")).is_ok() {
        return Ok(prefix);
    }
    let message = "Input should be the beginning of a media type, as in 'image/'";
    Err(Invalid::new("media_type", message))
}

/// Returns pairs as the members of an object, in their order.
fn object(pairs: Vec<(String, String)>) -> serde_json::Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect()
}
