//! A tenant's history as a file.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};

use super::position;
use crate::domain::{Cursor, EventId};
use crate::http::extractors::Parameters;
use crate::http::extractors::event_query::EventFilters;
use crate::http::extractors::feed_parameters::{CURSOR_HEADER, ExportParameters, ExportQuery};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiError, ApiResult, ErrorBody, Export, ExportFormat, FeedReader};
use crate::http::state::AppState;
use crate::service::{self, Access};

/// Returns all events that match, in the order in which they arrived, as a file.
///
/// What arrives after the export has begun is not in it. To resume one that was interrupted, pass the response's header
/// `Event-History-Cursor` as `until` and the id of the last event whose line is complete as `after_event`: the rest has the
/// bytes that it would have had.
#[utoipa::path(
    get, path = "/api/history/export", operation_id = "export_events", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(ExportQuery, EventFilters),
    responses(
        (status = 200, description = "The events, one on each line",
         headers(("Event-History-Cursor" = String, description = "The end of the export")),
         content((String = "application/x-ndjson"), (String = "text/csv"))),
        (status = 404, description = "No event has the id `after_event`", body = ErrorBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn export(
    State(state): State<Arc<AppState>>,
    access: Access,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let ExportParameters {
        query,
        format,
        after,
        after_event,
        until,
    } = Parameters::parse(query.as_deref())?.export_query()?;
    let place = state.exports.enter(access.client_id(), None);
    let place = place.map_err(|_| ApiError::TooManyExports)?;
    let with_header = after_event.is_none();
    let after = match after_event {
        Some(id) => Some(behind(&access, id).await?),
        None => position(&access, after.as_deref()).await?,
    };
    let (until, end) = end(&access, until.as_deref()).await?;
    let headers = headers(format, &access, &until)?;
    let reader = FeedReader::new(state, access, query);
    let body = Export::new(reader, format, end, place).body(after, with_header);
    Ok((headers, Body::new(body.await?)).into_response())
}

async fn behind(access: &Access, event_id: EventId) -> ApiResult<Cursor> {
    let cursor = access.cursor_behind(event_id).await?;
    Ok(cursor.ok_or(service::Error::EventNotFound { event_id })?)
}

/// Returns the end that the caller named, or else the newest event, and the last place at which there still are events
/// before it: the newest ones may have been deleted since.
async fn end(access: &Access, until: Option<&str>) -> ApiResult<(Cursor, Cursor)> {
    let newest = access.newest_cursor().await?;
    let Some(text) = until else {
        return Ok((newest, newest));
    };
    let refused = service::Error::CursorRefused;
    let until = Cursor::parse(text).map_err(refused)?;
    let position = until.position_like(&newest).map_err(refused)?;
    Ok((until, newest.at(position.min(newest.position()))))
}

fn headers(
    format: ExportFormat,
    access: &Access,
    until: &Cursor,
) -> ApiResult<[(HeaderName, HeaderValue); 3]> {
    let (content_type, extension) = match format {
        ExportFormat::Ndjson => ("application/x-ndjson", "ndjson"),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    // Names of databases have no character that would end the quotes.
    let name = access.database_name();
    let disposition = format!("attachment; filename=\"{name}-events.{extension}\"");
    let value = |text: String| {
        HeaderValue::try_from(text).map_err(|error| service::Error::Broken(error.into()))
    };
    Ok([
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_DISPOSITION, value(disposition)?),
        (CURSOR_HEADER, value(until.to_string())?),
    ])
}
