//! Multipart uploads: begin, sign URLs, list parts, complete, abort.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::file::limits::MAX_PARTS;
use crate::domain::{FileId, Invalid, UploadConstraints};
use crate::http::extractors::upload_fields::{content_type, expires_in, file_name, sha256};
use crate::http::extractors::{
    JsonBody, LargeBody, Object, PathParameters, Problems, SmallBody, json_fields, path_parameter,
};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiError, ApiResult, ErrorBody, RecordBody};
use crate::http::state::AppState;
use crate::objects::{Part, PartTag, PresignedUrl};
use crate::service::Access;

/// The one route with a timeout of its own.
pub(crate) const COMPLETE_PATH: &str = "/api/files/multipart/{file_id}/complete";

/// Ten times the longest id that any storage is known to make.
const MAX_UPLOAD_ID_BYTES: usize = 2048;

/// URLs in one response, which stays under a megabyte.
const MAX_URLS: usize = 1000;

/// A file to upload in parts.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `begin` reads")]
pub(crate) struct NewMultipartBody {
    /// The file's size in bytes.
    #[schema(
        minimum = 0,
        maximum = 5_497_558_138_880_u64,
        example = 6_442_450_944_u64
    )]
    content_length: u64,
    /// Bytes of each part but the last: 5 MiB to 5 GiB. Chosen where it is not given.
    #[schema(minimum = 5_242_880, maximum = 5_368_709_120_u64)]
    part_size: Option<u64>,
    #[schema(
        max_length = 255,
        example = "application/pdf",
        pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(;[!-~]+)?$"
    )]
    content_type: Option<String>,
    /// The whole file's SHA-256 in base64. Recorded as what the uploader declares: no storage computes it
    /// over parts, `event-history files verify` does.
    #[schema(pattern = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$")]
    checksum_sha256: Option<String>,
    /// At most 255 bytes.
    #[schema(min_length = 1, max_length = 255)]
    file_name: Option<String>,
    /// The life of the parts' URLs in seconds.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in: Option<u64>,
}

/// An upload in parts that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MultipartBody {
    /// The id by which events reference the file once the upload is completed.
    #[schema(format = Uuid)]
    file_id: String,
    upload_id: String,
    part_size: u64,
    part_count: u16,
    /// The first 1000 at most.
    #[serde(flatten)]
    urls: PartUrlsBody,
}

/// URLs to PUT parts to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartUrlsBody {
    parts: Vec<PartUrlBody>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartUrlBody {
    part_number: u16,
    /// A presigned URL: PUT the part's bytes there, and keep the `ETag` of the response.
    upload_url: String,
}

/// Begins an upload in parts, for a file of more than 5 GiB or one that may have to be resumed.
#[utoipa::path(
    post, path = "/api/files/multipart", operation_id = "begin_multipart_upload", tag = "files", security(("api_key" = [], "client_id" = [])),
    request_body = NewMultipartBody,
    responses(
        (status = 201, description = "The upload has begun", body = MultipartBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn begin(
    access: Access,
    body: Result<SmallBody, ApiError>,
) -> ApiResult<(StatusCode, Json<MultipartBody>)> {
    let body = body?;
    let object = Object::from_body(&body.0)?;
    let mut problems = Problems::default();
    let size_bytes = object.required(&mut problems, "content_length", json_fields::unsigned);
    let part_bytes = object.optional(&mut problems, "part_size", json_fields::unsigned);
    let content_type = object.optional(&mut problems, "content_type", content_type);
    let sha256 = object.optional(&mut problems, "checksum_sha256", sha256);
    let file_name = object.optional(&mut problems, "file_name", file_name);
    let life = object.optional(&mut problems, "expires_in", expires_in);
    let terms = UploadConstraints {
        content_type: content_type.flatten(),
        size_bytes,
        sha256: sha256.flatten(),
        file_name: file_name.flatten(),
        once: false,
    };
    let (terms, life) = problems.finish(Some((terms, life.flatten())))?;
    let upload = access.begin_multipart(&terms, part_bytes.flatten()).await?;
    let first: Vec<u16> = (1..=upload.parts).take(MAX_URLS).collect();
    let urls = access.part_urls(upload.file_id, &upload.upload_id, &first, life);
    let urls = PartUrlsBody::new(&first, urls.await?);
    Ok((
        StatusCode::CREATED,
        Json(MultipartBody {
            file_id: upload.file_id.to_string(),
            upload_id: upload.upload_id,
            part_size: upload.part_bytes,
            part_count: upload.parts,
            urls,
        }),
    ))
}

/// The parts to sign URLs for.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `sign` reads")]
pub(crate) struct PartsBody {
    #[schema(min_length = 1, max_length = 2048, pattern = "^[!-~]+$")]
    upload_id: String,
    /// 1 to 10,000 each.
    #[schema(min_items = 1, max_items = 1000, value_type = Vec<PartNumber>)]
    part_numbers: Vec<u16>,
    /// Seconds.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in: Option<u64>,
}

#[derive(Debug, ToSchema)]
#[schema(minimum = 1, maximum = 10_000)]
#[expect(dead_code, reason = "documents a part's number")]
pub(crate) struct PartNumber(u16);

/// Returns presigned URLs for parts of an upload, also for those that are there already.
#[utoipa::path(
    post, path = "/api/files/multipart/{file_id}/sign", operation_id = "sign_parts", tag = "files",
    security(("api_key" = [], "client_id" = [])),
    params(
        ("file_id" = String, Path, format = Uuid, description = "The file's id"),
    ),
    request_body = PartsBody,
    responses(
        (status = 200, description = "A URL for each part", body = PartUrlsBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn sign(
    access: Access,
    path: PathParameters,
    body: Result<SmallBody, ApiError>,
) -> ApiResult<Json<PartUrlsBody>> {
    let (upload, (numbers, life)) = parse(&path, &body?.0, |object, problems| {
        let numbers = object.required(problems, "part_numbers", part_numbers);
        let life = object.optional(problems, "expires_in", expires_in);
        numbers.zip(life)
    })?;
    let urls = access.part_urls(upload.file_id, &upload.id, &numbers, life);
    Ok(Json(PartUrlsBody::new(&numbers, urls.await?)))
}

/// The upload.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that the handlers read")]
pub(crate) struct UploadBody {
    #[schema(min_length = 1, max_length = 2048, pattern = "^[!-~]+$")]
    upload_id: String,
}

/// The parts that storage has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoredPartsBody {
    parts: Vec<StoredPartBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoredPartBody {
    part_number: u16,
    size_bytes: u64,
    etag: String,
}

/// Lists the parts that storage has, to resume an upload.
#[utoipa::path(
    post, path = "/api/files/multipart/{file_id}/parts", operation_id = "list_parts", tag = "files",
    security(("api_key" = [], "client_id" = [])),
    params(
        ("file_id" = String, Path, format = Uuid, description = "The file's id"),
    ),
    request_body = UploadBody,
    responses(
        (status = 200, description = "The parts, by number", body = StoredPartsBody),
        (status = 404, description = "No such upload, or one that is over", body = ErrorBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn parts(
    access: Access,
    path: PathParameters,
    body: Result<SmallBody, ApiError>,
) -> ApiResult<Json<StoredPartsBody>> {
    let (upload, ()) = parse(&path, &body?.0, |_, _| Some(()))?;
    let parts = access.parts(upload.file_id, &upload.id).await?;
    let parts = parts.into_iter().map(|part| {
        let Part {
            number,
            size_bytes,
            etag,
        } = part;
        StoredPartBody {
            part_number: number,
            size_bytes,
            etag,
        }
    });
    Ok(Json(StoredPartsBody {
        parts: parts.collect(),
    }))
}

/// The parts to make the file of.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `complete` reads")]
pub(crate) struct CompleteBody {
    #[schema(min_length = 1, max_length = 2048, pattern = "^[!-~]+$")]
    upload_id: String,
    /// In the order of their numbers; all that storage has where this is not given.
    parts: Option<Vec<PartTagBody>>,
}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `part_tags` reads")]
pub(crate) struct PartTagBody {
    #[schema(minimum = 1, maximum = 10_000)]
    part_number: u16,
    /// From the response to the part's PUT.
    etag: String,
}

/// Makes the file out of its parts; it is durable when the response is sent. May be retried.
#[utoipa::path(
    post, path = COMPLETE_PATH, operation_id = "complete_multipart_upload", tag = "files",
    security(("api_key" = [], "client_id" = [])),
    params(
        ("file_id" = String, Path, format = Uuid, description = "The file's id"),
    ),
    request_body = CompleteBody,
    responses(
        (status = 200, description = "The file's record", body = RecordBody),
        (status = 400, description = "A part is missing, too small or another", body = ErrorBody),
        (status = 404, description = "No such upload, and no such file", body = ErrorBody),
        RequestErrors, UnavailableErrors,
    )
)]
pub(crate) async fn complete(
    State(state): State<Arc<AppState>>,
    access: Access,
    path: PathParameters,
    body: Result<LargeBody, ApiError>,
) -> ApiResult<Json<RecordBody>> {
    let JsonBody(body, _permit) = body?;
    let parse = move |body: &[u8]| {
        parse(&path, body, |object, problems| {
            object.optional(problems, "parts", part_tags)
        })
    };
    let (upload, tags) = state.cpu_pool.parse(body, parse).await??;
    let record = access.complete_multipart(upload.file_id, &upload.id, tags);
    Ok(Json(RecordBody::new(&record.await?)))
}

/// Ends an upload and removes its parts.
#[utoipa::path(
    post, path = "/api/files/multipart/{file_id}/abort", operation_id = "abort_multipart_upload", tag = "files",
    security(("api_key" = [], "client_id" = [])),
    params(
        ("file_id" = String, Path, format = Uuid, description = "The file's id"),
    ),
    request_body = UploadBody,
    responses(
        (status = 200, description = "The upload is over", body = ErrorBody,
         example = json!({"detail": "Upload aborted."})),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn abort(
    access: Access,
    path: PathParameters,
    body: Result<SmallBody, ApiError>,
) -> ApiResult<Json<ErrorBody>> {
    let (upload, ()) = parse(&path, &body?.0, |_, _| Some(()))?;
    access.abort_multipart(upload.file_id, &upload.id).await?;
    Ok(Json(ErrorBody {
        detail: "Upload aborted.".into(),
    }))
}

impl PartUrlsBody {
    fn new(numbers: &[u16], urls: Vec<PresignedUrl>) -> Self {
        // Credentials may have been renewed between two of them.
        let first_to_end = urls.iter().map(|url| url.expires_at).min();
        let parts = numbers.iter().zip(urls).map(|(number, url)| PartUrlBody {
            part_number: *number,
            upload_url: url.url,
        });
        Self {
            parts: parts.collect(),
            expires_at: first_to_end.map(|it| it.to_string()),
        }
    }
}

/// The upload that a request names.
struct Upload {
    file_id: FileId,
    id: String,
}

/// Parses the upload that a request names, by its path and its body, and the other members of the body.
fn parse<T>(
    path: &PathParameters,
    body: &[u8],
    others: impl FnOnce(&Object<'_>, &mut Problems) -> Option<T>,
) -> ApiResult<(Upload, T)> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let file_id = path_parameter(path, "file_id", FileId::parse, &mut problems);
    let id = object.required(&mut problems, "upload_id", |json| {
        let text = json_fields::string(json)?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain || text.is_empty() || text.len() > MAX_UPLOAD_ID_BYTES {
            let message = "Input should be the id of an upload";
            return Err(Invalid::new("upload_id", message));
        }
        Ok(text)
    });
    let upload = file_id.zip(id).map(|(file_id, id)| Upload { file_id, id });
    let others = others(&object, &mut problems);
    problems.finish(upload.zip(others))
}

fn part_numbers(json: &RawValue) -> Result<Vec<u16>, Invalid> {
    list::<_, MAX_URLS>(json, part_number)
}

fn part_tags(json: &RawValue) -> Result<Vec<PartTag>, Invalid> {
    list::<_, { MAX_PARTS as usize }>(json, part_tag)
}

/// Parses a list of 1 to `MAX` elements, whose number is checked first.
fn list<T, const MAX: usize>(
    json: &RawValue,
    parse: fn(&RawValue) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    let elements = json_fields::elements::<MAX>(json)?;
    if elements.is_empty() {
        let message = format!("List should have 1 to {MAX} items");
        return Err(Invalid::new("too_short", message));
    }
    elements.into_iter().map(parse).collect()
}

fn part_tag(json: &RawValue) -> Result<PartTag, Invalid> {
    #[derive(serde::Deserialize)]
    struct Tag<'a> {
        #[serde(borrow)]
        part_number: &'a RawValue,
        etag: String,
    }
    let tag: Tag<'_> = serde_json::from_str(json.get()).map_err(|_| {
        let message = "Input should be an object with 'part_number' and 'etag'";
        Invalid::new("dict_type", message)
    })?;
    Ok(PartTag {
        number: part_number(tag.part_number)?,
        etag: tag.etag.trim_matches('"').to_owned(),
    })
}

fn part_number(json: &RawValue) -> Result<u16, Invalid> {
    let number = json_fields::unsigned::<u16>(json)?;
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(number);
    }
    let message = format!("Input should be from 1 to {MAX_PARTS}");
    Err(Invalid::new("part_number", message))
}
