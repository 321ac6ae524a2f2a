//! The metrics of requests, by route.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use http::StatusCode;
use metrics::{Counter, Gauge, Histogram, Unit};

const REQUESTS: &str = "event_history_http_requests_total";
const DURATION: &str = "event_history_http_request_duration_seconds";
const IN_FLIGHT: &str = "event_history_http_requests_in_flight";

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(REQUESTS, "Requests by route and status");
    metrics::describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time from a request's head to its answer's head"
    );
    metrics::describe_gauge!(IN_FLIGHT, "Requests being answered");
}

/// The handles of all routes' metrics: looking a metric up by its labels costs more than all else in the request log.
#[derive(Debug)]
pub(super) struct RouteMetrics {
    pub(super) in_flight: Gauge,
    routes: RwLock<HashMap<String, Vec<Handles>>>,
}

/// The metrics of one route, method and status.
#[derive(Debug)]
struct Handles {
    method: &'static str,
    status: StatusCode,
    requests: Counter,
    duration: Histogram,
}

impl Default for RouteMetrics {
    fn default() -> Self {
        Self {
            in_flight: metrics::gauge!(IN_FLIGHT),
            routes: RwLock::default(),
        }
    }
}

impl RouteMetrics {
    pub(super) fn count(
        &self,
        method: &'static str,
        route: &str,
        status: StatusCode,
        seconds: f64,
    ) {
        let is_it = |it: &&Handles| it.method == method && it.status == status;
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handles) = routes.get(route).and_then(|all| all.iter().find(is_it)) {
            return handles.count(seconds);
        }
        drop(routes);
        let handles = Handles::new(method, route, status);
        handles.count(seconds);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.entry(route.to_owned()).or_default().push(handles);
    }
}

impl Handles {
    fn new(method: &'static str, route: &str, status: StatusCode) -> Self {
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        Self {
            method,
            status,
            requests: metrics::counter!(REQUESTS, &labels),
            duration: metrics::histogram!(DURATION, &labels[..2]),
        }
    }

    fn count(&self, seconds: f64) {
        self.requests.increment(1);
        self.duration.record(seconds);
    }
}
