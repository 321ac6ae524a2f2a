//! What is seen of every request: an id, a log line, and figures.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::pin;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use metrics::{Counter, Gauge, Histogram};
use uuid::fmt::Hyphenated;

use super::{Api, Guard};

pub(super) const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a caller: what tracing systems send is shorter.
const MAX_REQUEST_ID_BYTES: usize = 128;

const UNMATCHED: &str = "unmatched";

tokio::task_local! {
    static REQUEST_ID: HeaderValue;
}

thread_local! {
    /// By route: finding a metric by its labels costs more than all else that happens here.
    static FIGURES: RefCell<HashMap<String, Vec<Figures>>> = RefCell::default();
}

/// The metrics of one route, method and status.
struct Figures {
    method: &'static str,
    status: StatusCode,
    requests: Counter,
    duration: Histogram,
}

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

/// Returns the gauge of requests in flight, to be kept: see [`Api`].
pub(super) fn in_flight() -> Gauge {
    metrics::gauge!("event_history_http_requests_in_flight")
}

/// Gives the request an id, and the log and the metrics an account of it.
pub(super) async fn observe(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let account = Account::open(&request, &guard.api);
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    account.close(route, guard.answer(request, next)).await
}

/// What is known of a request before it is answered. Query strings are left out: those of presigned URLs
/// are secrets.
pub(super) struct Account<'a> {
    api: &'a Api,
    started: Instant,
    id: HeaderValue,
    method: &'static str,
}

impl<'a> Account<'a> {
    pub(super) fn open<B>(request: &http::Request<B>, api: &'a Api) -> Self {
        Self {
            api,
            started: Instant::now(),
            id: request_id(request.headers(), api),
            method: known_method(request.method()),
        }
    }

    /// Answers the request, and tells of it.
    pub(super) async fn close(
        self,
        route: &str,
        answer: impl Future<Output = Response>,
    ) -> Response {
        let Self {
            api,
            started,
            id,
            method,
        } = self;
        api.in_flight.increment(1);
        let mut answer = pin!(REQUEST_ID.scope(id, answer));
        let mut response = answer.as_mut().await;
        let id = answer.as_mut().take_value();
        api.in_flight.decrement(1);

        let status = response.status();
        let seconds = started.elapsed().as_secs_f64();
        count(method, route, status, seconds);
        if let Some(id) = id {
            tell(&id, method, route, status, seconds);
            response.headers_mut().insert(REQUEST_ID_HEADER, id);
        }
        response
    }
}

/// Returns the id of the request that is being answered, for a log line about it.
pub(super) fn current_id() -> String {
    let id = REQUEST_ID.try_with(|id| id.to_str().unwrap_or_default().to_owned());
    id.unwrap_or_default()
}

/// What went well is told to those who ask for it: a line for each of ten thousand a second helps nobody.
fn tell(id: &HeaderValue, method: &str, route: &str, status: StatusCode, seconds: f64) {
    let id = id.to_str().unwrap_or_default();
    let (status, duration_ms) = (status.as_u16(), seconds * 1000.0);
    match status {
        ..400 => tracing::debug!(id, method, route, status, duration_ms, "answered"),
        400..500 => tracing::info!(id, method, route, status, duration_ms, "answered"),
        _ => tracing::warn!(id, method, route, status, duration_ms, "answered"),
    }
}

fn count(method: &'static str, route: &str, status: StatusCode, seconds: f64) {
    FIGURES.with_borrow_mut(|routes| {
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Vec::new());
        }
        let Some(known) = routes.get_mut(route) else {
            return; // it was put there
        };
        let is_it = |it: &Figures| it.method == method && it.status == status;
        let place = known.iter().position(is_it).unwrap_or_else(|| {
            known.push(Figures::new(method, route, status));
            known.len() - 1
        });
        known[place].requests.increment(1);
        known[place].duration.record(seconds);
    });
}

impl Figures {
    fn new(method: &'static str, route: &str, status: StatusCode) -> Self {
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        let name = "event_history_http_request_duration_seconds";
        Self {
            method,
            status,
            requests: metrics::counter!("event_history_http_requests_total", &labels),
            duration: metrics::histogram!(name, &labels[..2]),
        }
    }
}

/// Takes the caller's id over where it is safe to log, so that a request can be followed across
/// services.
fn request_id(headers: &HeaderMap, api: &Api) -> HeaderValue {
    let is_safe = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=MAX_REQUEST_ID_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    if let Some(sent) = headers.get(REQUEST_ID_HEADER).filter(is_safe) {
        return sent.clone();
    }
    let mut text = [0; Hyphenated::LENGTH];
    let id = api.service.entropy.uuid_v4();
    let id = id.hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("-"))
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
