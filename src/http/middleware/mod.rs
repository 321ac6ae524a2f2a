//! The layers around handlers: the request log and its metrics, the timeout, panics, unread bodies, CORS, compression, and
//! the headers that protect responses.
//! Imports errors from `responses`, header names from `extractors`, and of the handlers only the paths of slow routes.

mod body_drain;
mod compression;
mod cors;
mod failed_authentication;
mod request_head;
mod request_limits;
mod request_log;
mod route_metrics;
mod security_headers;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use crate::http::responses::rate_limit;
use crate::objects::RequestOrigin;
use crate::service::Service;
pub(super) use compression::Compression;
pub(super) use cors::Cors;
use failed_authentication::FailedAuthentications;
pub(super) use request_limits::RequestLimits;
pub(super) use request_log::RequestLog;

pub(super) fn describe_metrics() {
    route_metrics::describe_metrics();
    failed_authentication::describe_metrics();
}

const UNMATCHED_ROUTE: &str = "unmatched";

/// Everything that every request needs, as one layer: each layer costs a request several allocations.
#[derive(Debug, Clone)]
pub(super) struct Middleware {
    log: RequestLog,
    limits: RequestLimits,
    /// For the limits of tenants; `None` for the embedded storage, where no limits of tenants apply.
    service: Option<Arc<Service>>,
    /// `None` for the embedded storage, whose responses have headers of its own.
    failures: Option<FailedAuthentications>,
}

impl Middleware {
    pub(super) fn of_api(log: &RequestLog, limits: RequestLimits, service: &Arc<Service>) -> Self {
        Self {
            log: log.clone(),
            limits,
            service: Some(Arc::clone(service)),
            failures: Some(FailedAuthentications::default()),
        }
    }

    /// Of the embedded storage, which has limits and headers of its own.
    pub(super) fn of_storage(log: &RequestLog) -> Self {
        Self {
            log: log.clone(),
            limits: RequestLimits::default(),
            service: None,
            failures: None,
        }
    }

    pub(super) fn wrap(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, answer))
    }
}

async fn answer(State(it): State<Middleware>, request: Request, next: Next) -> Response {
    let Middleware {
        log,
        limits,
        service,
        failures,
    } = it;
    let entry = log.begin(&request);
    let client = request.extensions().get::<RequestOrigin>();
    let client = client.map(|origin| origin.client);
    let kind = security_headers::Kind::of(request.uri().path());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched
        .as_ref()
        .map_or(UNMATCHED_ROUTE, MatchedPath::as_str);
    let answer = async {
        let mut response = match request_head::check(&request) {
            // Boxed, for what a handler waits for is large, and would be moved by each of those around it.
            Ok(()) => observed(service.as_deref(), Box::pin(limits.answer(request, next))).await,
            Err(refusal) => refusal.into_response(),
        };
        if let Some(failures) = failures {
            response = failures.limit(client, response);
            kind.protect(&mut response);
        }
        response
    };
    entry.finish(route, answer).await
}

/// Waits for a response, and adds what its tenant has left of its limits.
async fn observed(
    service: Option<&Service>,
    answering: impl Future<Output = Response>,
) -> Response {
    let Some(service) = service else {
        return answering.await;
    };
    let now = || service.clock.now();
    let (mut response, standings) = service.limits.observe(now, answering).await;
    rate_limit::add(response.headers_mut(), &standings);
    response
}
