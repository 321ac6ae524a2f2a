//! The layers around handlers: the request log and its metrics, the timeout, panics, unread bodies, CORS, compression.
//! Imports errors from `responses`, header names from `extractors`, and of the handlers only the paths of slow routes.

mod body_drain;
mod compression;
mod cors;
mod request_head;
mod request_limits;
mod request_log;
mod route_metrics;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

pub(super) use compression::Compression;
pub(super) use cors::Cors;
pub(super) use request_limits::RequestLimits;
pub(super) use request_log::RequestLog;
pub(super) use route_metrics::describe_metrics;

const UNMATCHED_ROUTE: &str = "unmatched";

/// Everything that every request needs, as one layer: each layer costs a request several allocations.
#[derive(Debug, Clone)]
pub(super) struct Middleware {
    pub(super) log: RequestLog,
    pub(super) limits: RequestLimits,
}

impl Middleware {
    pub(super) fn new(log: &RequestLog, limits: RequestLimits) -> Self {
        let log = log.clone();
        Self { log, limits }
    }

    pub(super) fn wrap(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, answer))
    }
}

async fn answer(State(it): State<Middleware>, request: Request, next: Next) -> Response {
    let Middleware { log, limits } = it;
    let entry = log.begin(&request);
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched
        .as_ref()
        .map_or(UNMATCHED_ROUTE, MatchedPath::as_str);
    let answer = async {
        match request_head::check(&request) {
            Ok(()) => limits.answer(request, next).await,
            Err(refusal) => refusal.into_response(),
        }
    };
    entry.finish(route, answer).await
}
