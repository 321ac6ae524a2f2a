//! Reads a tenant's history: its events and their files.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{CursorProblem, Event, EventId, FileId, Invalid, Page, PageCursor};
use crate::http::extractors::event_query::{EventFilters, EventsPaging, ListParameters};
use crate::http::extractors::parameters::boolean;
use crate::http::extractors::{Parameters, PathParameters, Problems, path_parameter};
use crate::http::responses::openapi::{
    NotModified, RequestErrors, TenantErrors, UnavailableErrors,
};
use crate::http::responses::{
    ApiError, ApiResult, ChangedBody, EntityTag, ErrorBody, EventBody, EventPage, acquire_for_read,
};
use crate::http::state::AppState;
use crate::service::{self, Access, Disposition};

/// A page of a tenant's history.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents what `list` writes")]
pub(crate) struct EventsBody {
    limit: u32,
    /// Null in a page by cursor.
    offset: Option<u32>,
    /// All events of the tenant; null with `count=none`.
    total_count: Option<u64>,
    /// The events that match the filters; null with `count=none`.
    filtered_count: Option<u64>,
    /// The URL of the page that follows, every filter kept.
    next: Option<String>,
    /// Null in a page by cursor.
    previous: Option<String>,
    /// The position to continue from, as `cursor`; null at the end.
    next_cursor: Option<String>,
    results: Vec<EventBody>,
}

/// The members of [`EventsBody`] before its results.
#[derive(Debug, Serialize)]
struct HeadBody {
    limit: u32,
    offset: Option<u32>,
    total_count: Option<u64>,
    filtered_count: Option<u64>,
    next: Option<String>,
    previous: Option<String>,
    next_cursor: Option<String>,
}

/// Lists a tenant's events, newest first.
#[utoipa::path(
    get, path = "/api/history/events", operation_id = "list_events", tag = "events", security(("api_key" = [], "client_id" = [])),
    params(EventFilters, EventsPaging),
    responses(
        (status = 200, description = "One page", body = EventsBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn list(
    State(state): State<Arc<AppState>>,
    access: Access,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let parameters = Parameters::parse(query.as_deref())?;
    let ListParameters {
        mut query,
        cursor,
        ordering,
    } = parameters.list_query()?;
    let cursor = cursor.map(|text| PageCursor::parse(&text)).transpose();
    let cursor = cursor.map_err(service::Error::CursorRefused)?;
    if let Some(cursor) = cursor {
        if ordering.is_some_and(|it| it != cursor.ordering()) {
            return Err(service::Error::CursorRefused(CursorProblem::OtherOrdering).into());
        }
        query.ordering = cursor.ordering();
        query.after = Some(cursor.position());
    }
    let permit = acquire_for_read(&state, &access).await;
    let (page, next_cursor) = access.events(cursor, &query).await?;
    let Page {
        events,
        rest,
        has_more,
        counts,
    } = page;
    let (limit, offset) = (query.limit.get(), query.offset);
    let public_url = &state.public_url;
    let (next, previous) = if cursor.is_some() {
        let url = |it| parameters.cursor_url(public_url, query.limit, it);
        (next_cursor.as_ref().map(url), None)
    } else {
        let url = |offset| parameters.page_url(public_url, query.limit, offset);
        let end = u64::from(offset) + u64::from(limit);
        let has_next = counts.map_or(has_more, |it| end < it.filtered);
        let next = u32::try_from(end).ok().filter(|_| has_next);
        let previous = (offset > 0).then(|| offset.saturating_sub(limit));
        (next.map(url), previous.map(url))
    };
    let head = HeadBody {
        limit,
        offset: cursor.is_none().then_some(offset),
        total_count: counts.map(|it| it.total),
        filtered_count: counts.map(|it| it.filtered),
        next,
        previous,
        next_cursor: next_cursor.map(|it| it.to_string()),
    };
    EventPage::respond(state, access, &head, (events, rest), permit).await
}

/// Returns one event.
#[utoipa::path(
    get, path = "/api/history/events/{event_id}", operation_id = "get_event", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(
        ("event_id" = String, Path, format = Uuid, description = "The event's id"),
        ("If-None-Match" = Option<String>, Header, description = "Tags of answers that the caller has"),
    ),
    responses(
        (status = 200, description = "The event", body = EventBody),
        (status = 404, description = "No such event", body = ErrorBody),
        NotModified, RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn event(
    State(state): State<Arc<AppState>>,
    access: Access,
    path: PathParameters,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let mut problems = Problems::default();
    let event_id = path_parameter(&path, "event_id", EventId::parse, &mut problems);
    Parameters::parse(query.as_deref())?.only(&[], &mut problems);
    let event_id = problems.finish(event_id)?;
    let permit = acquire_for_read(&state, &access).await;
    let event = access.event(event_id).await?;
    let json = write_event(&state, &access, event).await?;
    EntityTag::respond(&headers, json, permit)
}

/// Writes one event as JSON.
pub(super) async fn write_event(
    state: &AppState,
    access: &Access,
    event: Event,
) -> ApiResult<Vec<u8>> {
    let (catalogue, event_id) = (access.catalogue(), event.id);
    let weight_bytes = event.weight_bytes();
    let write = move || {
        let body = EventBody::new(event, &catalogue)?;
        serde_json::to_vec(&body).map_err(|error| ApiError::damaged(event_id, error))
    };
    state.cpu_pool.write_events(weight_bytes, write).await?
}

/// Where an event's file can be downloaded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DownloadUrlBody {
    /// A presigned URL: GET it.
    download_url: String,
    #[schema(format = Uuid)]
    file_id: String,
}

/// Returns a presigned URL for the file of an event, or goes there.
#[utoipa::path(
    get, path = "/api/history/events/{event_id}/file", operation_id = "get_event_file", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(
        ("event_id" = String, Path, format = Uuid, description = "The event's id"),
        ("redirect" = Option<bool>, Query, description = "Answer 307 to the file's URL"),
        ("file_id" = Option<String>, Query, format = Uuid,
         description = "Which of the event's files, where it references several"),
        ("disposition" = inline(Option<DispositionName>), Query,
         description = "`attachment` saves the file under its name, `inline` shows it where its \
                        type is one that a browser cannot run"),
    ),
    responses(
        (status = 200, description = "Where the file is", body = DownloadUrlBody),
        (status = 307, description = "To where the file is, with `redirect=true`"),
        (status = 404, description = "No such event, or an event without a file", body = ErrorBody),
        (status = 409, description = "Storage has other bytes than those that were recorded, or \
                                      none: `recorded` and `found` are the fingerprints",
         body = ChangedBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn file(
    access: Access,
    path: PathParameters,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let mut problems = Problems::default();
    let event_id = path_parameter(&path, "event_id", EventId::parse, &mut problems);
    let parameters = Parameters::parse(query.as_deref())?;
    parameters.only(&["redirect", "file_id", "disposition"], &mut problems);
    let redirect = parameters.optional(&mut problems, "redirect", boolean);
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

#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the values that `disposition` reads")]
pub(crate) enum DispositionName {
    Inline,
    Attachment,
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
