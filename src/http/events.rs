//! Reading a tenant's history.

use axum::Json;
use axum::body::Body;
use axum::extract::{RawPathParams, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Api;
use super::error::{ApiError, ApiResult, ErrorBody};
use super::extract::JSON;
use super::fields::Problems;
use super::openapi::{InvalidResponses, KeyResponses, TenantResponses, UnavailableResponses};
use super::page::{self, PageBody};
use super::query::{self, EventsQuery, Parameters};
use crate::domain::{Catalogue, Event, EventFile, EventId, FileId, FileRecord, Invalid};
use crate::service::{Access, Disposition};

/// A page of a tenant's history.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents what `list` writes")]
pub(super) struct EventsBody {
    limit: u32,
    offset: u32,
    /// All events of the tenant.
    total_count: u64,
    /// The events that match the filters.
    filtered_count: u64,
    /// The URL of the page that follows, every filter kept.
    next: Option<String>,
    previous: Option<String>,
    results: Vec<EventBody>,
}

/// The members of [`EventsBody`] before its results.
#[derive(Debug, Serialize)]
struct HeadBody {
    limit: u32,
    offset: u32,
    total_count: u64,
    filtered_count: u64,
    next: Option<String>,
    previous: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventBody {
    #[schema(format = Uuid)]
    event_id: String,
    /// In UTC, to the precision in which it was sent.
    #[schema(format = DateTime)]
    event_time: String,
    event_type_id: i32,
    /// Null where the catalogue has no such type.
    event_type: Option<String>,
    record_id: i64,
    source_id: i64,
    source_type_id: i32,
    /// Null where the catalogue has no such type.
    source_type: Option<String>,
    source_name: String,
    source_info: String,
    #[schema(value_type = Vec<Value>)]
    event_data: Box<RawValue>,
    #[schema(format = Uuid)]
    file_id: Option<String>,
    /// What was recorded of the event's file when the event was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileBody>,
    /// All files of the event, where it references several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileBody>,
}

/// What storage said of a file when an event referenced it; null where it did not say.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FileBody {
    #[schema(format = Uuid)]
    file_id: String,
    #[serde(flatten)]
    record: RecordBody,
}

/// A file's fingerprint and what it is called.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RecordBody {
    size_bytes: u64,
    content_type: Option<String>,
    /// In hexadecimal, of the whole file.
    sha256: Option<String>,
    etag: Option<String>,
    version_id: Option<String>,
    file_name: Option<String>,
}

/// Lists a tenant's events, newest first.
#[utoipa::path(
    get, path = "/api/history/events", tag = "events", security(("api_key" = [])),
    params(
        ("X-Client-Id" = String, Header, description = "The tenant's client id"),
        EventsQuery,
    ),
    responses(
        (status = 200, description = "One page", body = EventsBody),
        KeyResponses, TenantResponses, InvalidResponses, UnavailableResponses,
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    access: Access,
    RawQuery(query): RawQuery,
) -> ApiResult<impl IntoResponse> {
    let parameters = Parameters::parse(query.as_deref())?;
    let query = parameters.events_query()?;
    let room = page::read_room(&api, &access).await;
    let page = access.events(&query).await?;
    let url = |offset| parameters.page_url(&api.public_url, query.limit, offset);
    let end = u64::from(query.offset) + u64::from(query.limit.get());
    let next = u32::try_from(end)
        .ok()
        .filter(|_| end < page.filtered_count);
    let previous = (query.offset > 0).then(|| query.offset.saturating_sub(query.limit.get()));
    let head = HeadBody {
        limit: query.limit.get(),
        offset: query.offset,
        total_count: page.total_count,
        filtered_count: page.filtered_count,
        next: next.map(url),
        previous: previous.map(url),
    };
    let body = PageBody::new(
        api.clone(),
        access,
        head.start(),
        (page.events, page.rest),
        room,
    );
    Ok(([JSON], Body::new(body.await?)))
}

impl HeadBody {
    /// Returns the text of a page up to its first result.
    fn start(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default(); // numbers and texts always are JSON
        text.pop();
        text + ",\"results\":["
    }
}

impl EventBody {
    pub(super) fn new(event: Event, catalogue: &Catalogue) -> ApiResult<Self> {
        let Event {
            id,
            time,
            event_type_id,
            record_id,
            source_id,
            source_type_id,
            source_name,
            source_info,
            data,
            files,
        } = event;
        let file_id = files.first().map(|file| file.id.to_string());
        let bodies: Vec<FileBody> = files.iter().filter_map(FileBody::new).collect();
        Ok(Self {
            event_id: id.to_string(),
            event_time: time.to_string(),
            event_type_id,
            event_type: catalogue.event_type(event_type_id).map(str::to_owned),
            record_id,
            source_id,
            source_type_id,
            source_type: catalogue.source_type(source_type_id).map(str::to_owned),
            source_name,
            source_info,
            event_data: RawValue::from_string(data.into_string())
                .map_err(|error| ApiError::damaged(id, error))?,
            file: bodies
                .first()
                .filter(|it| Some(&it.file_id) == file_id.as_ref())
                .cloned(),
            file_id,
            files: if files.len() > 1 { bodies } else { Vec::new() },
        })
    }
}

impl FileBody {
    fn new(file: &EventFile) -> Option<Self> {
        let EventFile { id, record } = file;
        Some(Self {
            file_id: id.to_string(),
            record: RecordBody::new(record.as_ref()?),
        })
    }
}

impl RecordBody {
    pub(super) fn new(record: &FileRecord) -> Self {
        let FileRecord {
            size_bytes,
            content_type,
            sha256,
            etag,
            version_id,
            file_name,
        } = record;
        Self {
            size_bytes: *size_bytes,
            content_type: content_type.as_ref().map(ToString::to_string),
            sha256: sha256.map(|sha256| sha256.to_string()),
            etag: etag.clone(),
            version_id: version_id.clone(),
            file_name: file_name.as_ref().map(|name| name.as_str().to_owned()),
        }
    }
}

/// Where an event's file can be downloaded.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DownloadUrlBody {
    /// A presigned URL: GET it.
    download_url: String,
    #[schema(format = Uuid)]
    file_id: String,
}

/// Returns a presigned URL for the file of an event, or goes there.
#[utoipa::path(
    get, path = "/api/history/events/{event_id}/file", tag = "events",
    security(("api_key" = [])),
    params(
        ("event_id" = String, Path, format = Uuid, description = "The event's id"),
        ("redirect" = Option<bool>, Query, description = "Answer 307 to the file's URL"),
        ("file_id" = Option<String>, Query, format = Uuid,
         description = "Which of the event's files, where it references several"),
        ("disposition" = Option<String>, Query,
         description = "`attachment` saves the file under its name, `inline` shows it where its \
                        type is one that a browser cannot run"),
        ("X-Client-Id" = String, Header, description = "The tenant's client id"),
    ),
    responses(
        (status = 200, description = "Where the file is", body = DownloadUrlBody),
        (status = 307, description = "To where the file is, with `redirect=true`"),
        (status = 404, description = "No such event, or an event without a file", body = ErrorBody),
        (status = 409, description = "Storage has other bytes than those that were recorded, or \
                                      none: `recorded` and `found` are the fingerprints",
         body = super::error::ChangedBody),
        KeyResponses, TenantResponses, InvalidResponses, UnavailableResponses,
    )
)]
pub(super) async fn file(
    access: Access,
    path: RawPathParams,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let mut problems = Problems::default();
    let event_id = event_id(&path, &mut problems);
    let parameters = Parameters::parse(query.as_deref())?;
    parameters.only(&["redirect", "file_id", "disposition"], &mut problems);
    let redirect = parameters.optional(&mut problems, "redirect", query::boolean);
    let file_id = parameters.optional(&mut problems, "file_id", FileId::parse);
    let disposition = parameters.optional(&mut problems, "disposition", disposition);
    let wanted = event_id.zip(file_id).zip(disposition);
    let ((event_id, file_id), disposition) = problems.finish(wanted)?;
    let redirect = redirect.flatten().unwrap_or_default();

    let download = access.download_url(event_id, file_id, disposition).await?;
    let download_url = download.presigned.url;
    if redirect {
        return Ok(Redirect::temporary(&download_url).into_response());
    }
    let file_id = download.file_id.to_string();
    Ok(Json(DownloadUrlBody {
        download_url,
        file_id,
    })
    .into_response())
}

fn disposition(text: &str) -> Result<Disposition, Invalid> {
    match text {
        "inline" => Ok(Disposition::Inline),
        "attachment" => Ok(Disposition::Attachment),
        _ => {
            let message = "Input should be 'inline' or 'attachment'";
            Err(Invalid::new("enum", message))
        }
    }
}

fn event_id(path: &RawPathParams, problems: &mut Problems) -> Option<EventId> {
    let text = path
        .iter()
        .find_map(|(name, value)| (name == "event_id").then_some(value));
    let parsed = match text {
        Some(text) => EventId::parse(text),
        None => Err(Invalid::new("missing", "Field required")),
    };
    let loc = || vec![Value::from("path"), Value::from("event_id")];
    parsed.map_err(|invalid| problems.add(loc(), invalid)).ok()
}
