//! What is seen of every request: an id, a log line, and figures.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument;

use super::Api;

pub(super) const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a caller: what tracing systems send is shorter.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Describes the figures that this module keeps.
pub(super) fn describe_metrics() {
    metrics::describe_counter!(
        "event_history_http_requests_total",
        "Requests by route and status"
    );
    metrics::describe_histogram!(
        "event_history_http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time from a request's head to its answer's head"
    );
    metrics::describe_gauge!(
        "event_history_http_requests_in_flight",
        "Requests being answered"
    );
}

/// Gives the request an id, and the log and the metrics an account of it. Query strings are left out:
/// those of presigned URLs are secrets.
pub(super) async fn observe(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request, &api);
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = known_method(request.method());
    let id = request_id.to_str().unwrap_or_default();
    let span = tracing::info_span!("request", id, method, route);

    let in_flight = metrics::gauge!("event_history_http_requests_in_flight");
    in_flight.increment(1);
    let mut response = next.run(request).instrument(span.clone()).await;
    in_flight.decrement(1);

    let status = response.status().as_u16();
    let seconds = started.elapsed().as_secs_f64();
    span.in_scope(|| tracing::info!(status, duration_ms = seconds * 1000.0, "answered"));
    let labels = [
        ("method", method.to_owned()),
        ("route", route),
        ("status", status.to_string()),
    ];
    metrics::counter!("event_history_http_requests_total", &labels).increment(1);
    metrics::histogram!("event_history_http_request_duration_seconds", &labels[..2])
        .record(seconds);
    response.headers_mut().insert(REQUEST_ID_HEADER, request_id);
    response
}

/// Takes the caller's id over where it is safe to log, so that a request can be followed across
/// services.
fn request_id(request: &Request, api: &Api) -> HeaderValue {
    let is_safe = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=MAX_REQUEST_ID_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    if let Some(sent) = request.headers().get(REQUEST_ID_HEADER).filter(is_safe) {
        return sent.clone();
    }
    let id = api.service.entropy.uuid_v4().to_string();
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("-"))
}

/// Callers can invent methods: as labels they would grow without bound.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "other",
    }
}
