//! For those who run the service: health, metrics and the API reference. None of it needs a key.

use std::error::Error;
use std::sync::LazyLock;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::Api;
use crate::service::Readiness;

/// How long a backend may take to say that it is there: probes usually give up after a second or two.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthBody {
    /// `ok`, or `unavailable`
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadinessBody {
    /// `ok`, or `unavailable`
    status: &'static str,
    /// The database: `ok`, or why it is out of reach.
    database: String,
    /// The object storage: `ok`, or why it is out of reach.
    files: String,
    /// `ok`, or `unavailable`: what was sent last could not be stored. With status 200 the cause is one that all
    /// replicas share, and reading works.
    writes: &'static str,
}

/// Describes the figures that this module keeps.
pub(super) fn describe_metrics() {
    let up = "Whether the last readiness probe found the backend within reach";
    metrics::describe_gauge!("event_history_backend_up", up);
    let writes = "Whether what was sent last could be stored, at the last readiness probe";
    metrics::describe_gauge!("event_history_writes_available", writes);
}

/// Tells that the process answers.
#[utoipa::path(get, path = "/health/live", tag = "operations",
    responses((status = 200, description = "The process answers", body = HealthBody)))]
pub(super) async fn live() -> Json<HealthBody> {
    Json(HealthBody { status: "ok" })
}

/// Tells whether both backends are within reach, and take what is sent as far as that is this replica's affair.
#[utoipa::path(get, path = "/health/ready", tag = "operations",
    responses(
        (status = 200, description = "Both backends are within reach", body = ReadinessBody),
        (status = 503, description = "A backend is out of reach", body = ReadinessBody),
    ))]
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let Readiness {
        database,
        files,
        takes_writes,
    } = api.service.readiness(PROBE_TIMEOUT).await;
    let (database, files) = (state_of("database", database), state_of("files", files));
    readiness_body(database, files, takes_writes)
}

fn readiness_body(database: String, files: String, takes_writes: bool) -> Response {
    let all_well = database == "ok" && files == "ok";
    for (backend, state) in [("database", &database), ("files", &files)] {
        let up = if state == "ok" { 1.0 } else { 0.0 };
        metrics::gauge!("event_history_backend_up", "backend" => backend).set(up);
    }
    metrics::gauge!("event_history_writes_available").set(f64::from(u8::from(takes_writes)));
    let writes = if takes_writes { "ok" } else { "unavailable" };
    let (code, status) = if all_well {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    (
        code,
        Json(ReadinessBody {
            status,
            database,
            files,
            writes,
        }),
    )
        .into_response()
}

/// Causes go to the log, not to whoever asks: they may name folders and hosts.
fn state_of<E: Error>(backend: &str, answer: Option<Result<(), E>>) -> String {
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
pub(super) async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], api.metrics.render())
}

/// Returns this document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "The OpenAPI 3.1 document", body = serde_json::Value)))]
pub(super) async fn openapi() -> impl IntoResponse {
    // Making it walks every route: once is enough for a process.
    static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(super::openapi);
    Json(&*DOCUMENT)
}

/// Returns the routes of the API reference at `/docs`, everything it needs included.
pub(super) fn docs() -> Router<Api> {
    SwaggerUi::new("/docs")
        .config(Config::from("/openapi.json"))
        .into()
}
