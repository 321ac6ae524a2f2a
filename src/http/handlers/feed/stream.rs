//! A tenant's history as server-sent events.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::position;
use crate::http::extractors::Parameters;
use crate::http::extractors::event_query::EventFilters;
use crate::http::extractors::feed_parameters::{FeedStart, LAST_EVENT_ID, StreamParameters};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiError, ApiResult, EventStream, FeedReader};
use crate::http::state::{AppState, Full};
use crate::service::Access;

/// Makes nginx pass on what it receives at once.
/// Source: nginx, `ngx_http_proxy_module`, "`proxy_buffering`".
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Returns a tenant's events in the order in which they arrive, as server-sent events.
///
/// The data of each is one event, its id the cursor behind it. A client that comes back with the last id as `Last-Event-ID`
/// misses none and receives none again.
#[utoipa::path(
    get, path = "/api/history/stream", operation_id = "stream_events", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(
        FeedStart, EventFilters,
        ("Last-Event-ID" = Option<String>, Header, description = "The last id that was received; goes before `after`"),
    ),
    responses(
        (status = 200, description = "The events, without an end", content((String = "text/event-stream"))),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn stream(
    State(state): State<Arc<AppState>>,
    access: Access,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> ApiResult<impl IntoResponse> {
    let StreamParameters { query, after } = Parameters::parse(query.as_deref())?.stream_query()?;
    let last_id = headers.get(LAST_EVENT_ID);
    let last_id = last_id.map(|it| String::from_utf8_lossy(it.as_bytes()));
    let last_id = last_id.as_deref().filter(|it| !it.is_empty());
    let waiter = state
        .waiters
        .enter(access.client_id(), access.limited_key());
    let waiter = waiter.map_err(|Full(of)| ApiError::TooManyWaiting { of })?;
    let news = access.news().await?;
    let after = position(&access, last_id.or(after.as_deref())).await?;
    let reader = FeedReader::new(state, access, query);
    let body = EventStream::body(reader, waiter, news, after).await?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::new(body)))
}
