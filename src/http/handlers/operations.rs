//! Operations: health, metrics and the API reference. None of it needs a key.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::responses::ApiError;
use crate::http::state::AppState;
use crate::service::Readiness;

/// The path of the API reference.
const DOCS: &str = "/docs";

/// The limit for a backend to answer: probes usually time out after a second or two.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthBody {
    /// `ok`, or `unavailable`
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadinessBody {
    /// `ok`, or `unavailable`
    status: &'static str,
    /// The database: `ok`, or why it is unreachable.
    database: String,
    /// The object storage: `ok`, or why it is unreachable.
    files: String,
    /// `ok`, or `unavailable`: the last write failed. With status 200 the cause is one that all replicas share, and
    /// reading works.
    writes: &'static str,
}

pub(crate) fn describe_metrics() {
    let up = "1 if the last readiness probe reached the backend, else 0";
    metrics::describe_gauge!("event_history_backend_up", up);
    let writes = "1 if the last write had succeeded at the last readiness probe, else 0";
    metrics::describe_gauge!("event_history_writes_available", writes);
}

/// Reports that the process answers.
#[utoipa::path(get, path = "/health/live", tag = "operations",
    responses((status = 200, description = "The process answers", body = HealthBody)))]
pub(crate) async fn live() -> Json<HealthBody> {
    Json(HealthBody { status: "ok" })
}

/// Reports whether both backends are reachable, and whether this replica can write to them.
#[utoipa::path(get, path = "/health/ready", tag = "operations",
    responses(
        (status = 200, description = "Both backends are reachable", body = ReadinessBody),
        (status = 503, description = "A backend is unreachable", body = ReadinessBody),
    ))]
pub(crate) async fn ready(State(state): State<Arc<AppState>>) -> Response {
    let Readiness {
        database,
        files,
        takes_writes,
    } = state.service.readiness(PROBE_TIMEOUT).await;
    let (database, files) = (state_of("database", database), state_of("files", files));
    metrics::gauge!("event_history_writes_available").set(f64::from(u8::from(takes_writes)));
    let word = |is_ok| if is_ok { "ok" } else { "unavailable" };
    let is_ready = database == "ok" && files == "ok";
    let body = ReadinessBody {
        status: word(is_ready),
        database,
        files,
        writes: word(takes_writes),
    };
    let code = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, Json(body)).into_response()
}

/// Causes go to the log, not to the caller: they may name folders and hosts.
fn state_of<E: Error>(backend: &'static str, answer: Option<Result<(), E>>) -> String {
    let is_up = matches!(answer, Some(Ok(())));
    metrics::gauge!("event_history_backend_up", "backend" => backend)
        .set(f64::from(u8::from(is_up)));
    match answer {
        Some(Ok(())) => "ok".to_owned(),
        Some(Err(error)) => {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(backend, %error, cause, "backend is not ready");
            error.to_string()
        }
        None => {
            let error = format!("no answer within {} s", PROBE_TIMEOUT.as_secs());
            tracing::warn!(backend, error, "backend is not ready");
            error
        }
    }
}

/// Returns the metrics in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        state.metrics.render(),
    )
}

/// Returns the routes of the API reference at `/docs`, assets included.
pub(crate) fn docs() -> Router<Arc<AppState>> {
    let docs = SwaggerUi::new(DOCS).config(Config::from("/openapi.json"));
    Router::from(docs).layer(from_fn(only_get))
}

/// axum answers HEAD with the handler of GET, and other methods in plain text.
pub(crate) async fn only_get(request: Request, next: Next) -> Result<Response, ApiError> {
    match *request.method() {
        Method::GET => Ok(next.run(request).await),
        _ => Err(ApiError::MethodNotAllowed {
            allow: HeaderValue::from_static("GET"),
        }),
    }
}

/// Answers every path without a route: 404.
pub(crate) async fn not_found() -> ApiError {
    ApiError::NotFound
}

/// Does the same where the reference is. Only a browser that opens the root is sent to the API reference.
pub(crate) async fn unknown_path(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if uri.path() != "/" {
        return ApiError::NotFound.into_response();
    }
    let vary = [(header::VARY, "Accept")];
    if method == Method::GET && accepts_html(&headers) {
        return (vary, Redirect::to(DOCS)).into_response();
    }
    (vary, ApiError::NotFound).into_response()
}

/// Tells whether a caller names HTML as what it wants, as browsers do: `*/*` alone is any program.
fn accepts_html(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT).into_iter();
    let ranges = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    let mut types = ranges.map(|range| range.split(';').next().unwrap_or(range).trim());
    types.any(|it| it.eq_ignore_ascii_case("text/html"))
}
