//! Gives every request an id and a log line, and counts it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode};

use super::route_metrics::RouteMetrics;
use crate::domain::Entropy;
use crate::http::responses::request_id::{self, REQUEST_ID, REQUEST_ID_HEADER};

/// The log of requests. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RequestLog {
    entropy: Arc<dyn Entropy>,
    metrics: Arc<RouteMetrics>,
}

/// The log entry of one request. Query strings are left out: those of presigned URLs are secrets.
pub(super) struct Entry<'a> {
    metrics: &'a RouteMetrics,
    started: Instant,
    id: HeaderValue,
    method: &'static str,
}

impl RequestLog {
    /// The recorder of metrics has to be in place.
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self {
            entropy,
            metrics: Arc::default(),
        }
    }

    pub(super) fn begin(&self, request: &Request) -> Entry<'_> {
        Entry {
            metrics: &self.metrics,
            started: Instant::now(),
            id: request_id::of_request(request.headers(), &*self.entropy),
            method: known_method(request.method()),
        }
    }
}

impl Entry<'_> {
    /// Waits for the response, and logs and counts it.
    pub(super) async fn finish(
        self,
        route: &str,
        answer: impl Future<Output = Response>,
    ) -> Response {
        self.metrics.in_flight.increment(1);
        let mut answer = pin!(REQUEST_ID.scope(self.id, answer));
        let mut response = answer.as_mut().await;
        let id = answer.as_mut().take_value();
        self.metrics.in_flight.decrement(1);

        let status = response.status();
        let seconds = self.started.elapsed().as_secs_f64();
        self.metrics.count(self.method, route, status, seconds);
        if let Some(id) = id {
            log(&id, self.method, route, status, seconds);
            response.headers_mut().insert(REQUEST_ID_HEADER, id);
        }
        response
    }
}

/// Successful requests are logged at `debug` only: there may be ten thousand a second.
fn log(id: &HeaderValue, method: &str, route: &str, status: StatusCode, seconds: f64) {
    let id = id.to_str().unwrap_or_default();
    let status = status.as_u16();
    let duration_ms = (seconds * 1e6).round() / 1000.0; // to the microsecond
    match status {
        ..400 => tracing::debug!(id, method, route, status, duration_ms, "answered"),
        400..500 => tracing::info!(id, method, route, status, duration_ms, "answered"),
        _ => tracing::warn!(id, method, route, status, duration_ms, "answered"),
    }
}

/// Callers can invent methods: as labels they would grow without bound.
fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    let found = known.into_iter().find(|known| method == known);
    found.unwrap_or("other")
}
