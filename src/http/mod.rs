//! The HTTP API: every route is on this screen.

mod auth;
mod connection;
mod drain;
mod error;
mod events;
mod extract;
mod fields;
mod files;
mod front;
mod ingest;
mod lanes;
mod multipart;
mod observe;
mod offload;
mod openapi;
mod ops;
mod page;
mod query;
mod room;
mod tenants;

use std::future::poll_fn;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use futures_util::FutureExt;
use ipnet::IpNet;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::service::Service;
use connection::TrustedProxies;
pub use connection::{Limits, serve};
pub use error::{ApiError, Problem};
pub use front::Front;
pub use openapi::document as openapi;

/// The memory for large bodies: some twenty of the largest there are.
const MAX_BODIES_BYTES: usize = 48 * 1024 * 1024;

/// The memory for pages of events on their way out: see [`page`].
const MAX_ANSWERS_BYTES: usize = 64 * 1024 * 1024;

/// What a handler can reach. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api(Arc<Reach>);

/// What there is to reach.
#[derive(Debug)]
pub struct Reach {
    pub service: Arc<Service>,
    /// The base of the URLs in answers, without a slash at its end.
    pub public_url: Box<str>,
    pub metrics: PrometheusHandle,
    in_flight: metrics::Gauge,
    offload: offload::Offload,
    /// What pages of events take up, from their being read to their being sent.
    answers: room::Memory,
    /// What large bodies take up, from their being read to their being stored.
    bodies: room::Memory,
}

impl Api {
    /// `public_url` is the base of the URLs in answers; the recorder of `metrics` has to be in place.
    pub fn new(service: Arc<Service>, public_url: &str, metrics: PrometheusHandle) -> Self {
        Self(Arc::new(Reach {
            service,
            public_url: public_url.trim_end_matches('/').into(),
            metrics,
            in_flight: observe::in_flight(),
            offload: offload::Offload::default(),
            answers: room::Memory::new(MAX_ANSWERS_BYTES),
            bodies: room::Memory::new(MAX_BODIES_BYTES),
        }))
    }
}

impl Deref for Api {
    type Target = Reach;

    fn deref(&self) -> &Reach {
        &self.0
    }
}

/// What the operator decides about HTTP.
#[derive(Debug, Clone)]
pub struct Options {
    /// The origins whose pages may call the API from a browser; empty: none, and no CORS at all.
    pub cors_origins: Vec<String>,
    /// How long one request may take, reading its body included.
    pub request_timeout: Duration,
    /// The networks whose word on where a request came from counts.
    pub trusted_proxies: Vec<IpNet>,
}

/// Describes the figures that this layer keeps.
pub fn describe_metrics() {
    connection::describe_metrics();
    observe::describe_metrics();
    ops::describe_metrics();
}

/// Returns what answers every request; `storage` is the embedded S3 endpoint, if there is one.
pub fn front(api: Api, options: &Options, storage: Option<Router>) -> Front {
    let guard = Guard {
        api,
        timeout: Some(options.request_timeout),
        drains: true,
    };
    // A page of another origin takes the way through the layer that lets it in.
    let direct = options.cors_origins.is_empty().then(|| guard.clone());
    let documented = documented(guard.clone(), &options.cors_origins);
    // What is sent there is large, and has limits of its own.
    let guard = Guard {
        timeout: None,
        drains: false,
        ..guard
    };
    let storage = storage.unwrap_or_default();
    let storage = storage.layer(middleware::from_fn_with_state(guard, observe::observe));
    let trusted_proxies = TrustedProxies::new(options.trusted_proxies.clone());
    Front::new(documented.merge(storage), direct, trusted_proxies)
}

/// Returns the router of the API. One layer around it does all that every request needs: a layer costs a
/// request several allocations.
fn documented(mut guard: Guard, cors_origins: &[String]) -> Router {
    let (mut documented, _) = documented_routes().split_for_parts();
    let api = guard.api.clone();
    if !cors_origins.is_empty() {
        // The limit goes inside, so that a page may read what came of it.
        let (cors, timeout) = (cors(cors_origins), guard.timeout.take());
        documented =
            documented.route_layer(middleware::from_fn(move |request: Request, next: Next| {
                answer_with_cors(cors.clone(), timeout, request, next)
            }));
    }
    documented
        .merge(ops::docs())
        .fallback(|| async { ApiError::NotFound })
        .with_state(api)
        .layer(middleware::from_fn_with_state(guard, observe::observe))
}

/// What stands around the answering of a request.
#[derive(Debug, Clone)]
struct Guard {
    api: Api,
    /// How long an answer may take; `None`: somebody else sees to that.
    timeout: Option<Duration>,
    /// Whether a body is read on after an answer that came before its end.
    drains: bool,
}

impl Guard {
    /// Answers a request within these bounds.
    async fn answer(&self, request: Request, next: Next) -> Response {
        let timeout = self.timeout.map(|timeout| timeout_of(&request, timeout));
        let answer = async {
            if self.drains {
                drain::drain(request, next).await
            } else {
                next.run(request).await
            }
        };
        within(timeout, answer).await
    }
}

/// Waits for an answer, and has one in any case: after a while, and where a handler panics.
async fn within(timeout: Option<Duration>, answer: impl Future<Output = Response>) -> Response {
    let answer = AssertUnwindSafe(limit_time(timeout, answer)).catch_unwind();
    answer
        .await
        .unwrap_or_else(|_| ApiError::Panicked.into_response())
}

/// A storage may take minutes to make a file out of its parts.
/// Source: Amazon S3 API reference, "`CompleteMultipartUpload`".
const COMPLETION_TIMEOUT: Duration = Duration::from_mins(10);

fn timeout_of(request: &Request, timeout: Duration) -> Duration {
    let matched = request.extensions().get::<MatchedPath>();
    if matched.is_some_and(|it| it.as_str() == multipart::COMPLETE_PATH) {
        return COMPLETION_TIMEOUT;
    }
    timeout
}

async fn limit_time(timeout: Option<Duration>, answer: impl Future<Output = Response>) -> Response {
    let Some(timeout) = timeout else {
        return answer.await;
    };
    let mut answer = std::pin::pin!(answer);
    // What waits for nothing needs no timer.
    let at_once = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context)));
    if let Poll::Ready(response) = at_once.await {
        return response;
    }
    match tokio::time::timeout(timeout, answer).await {
        Ok(response) => response,
        Err(_) => ApiError::TimedOut.into_response(),
    }
}

fn documented_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(only(routes!(files::upload_url)))
        .routes(only(routes!(files::upload_form)))
        .routes(only(routes!(multipart::begin)))
        .routes(only(routes!(multipart::sign)))
        .routes(only(routes!(multipart::parts)))
        .routes(only(routes!(multipart::complete)))
        .routes(only(routes!(multipart::abort)))
        .routes(only(routes!(tenants::initialize)))
        .routes(only(routes!(tenants::delete)))
        .routes(only(routes!(ingest::create_event)))
        .routes(only(routes!(events::list)))
        .routes(only(routes!(events::file)))
        .routes(only(routes!(ops::live)))
        .routes(only(routes!(ops::ready)))
        .routes(only(routes!(ops::metrics)))
        .routes(only(routes!(ops::openapi)))
}

/// Refuses every method that the route does not document, HEAD and OPTIONS included, before anything
/// else is looked at. axum by itself would answer a HEAD with the handler of GET.
fn only((schemas, paths, router): UtoipaMethodRouter<Api>) -> UtoipaMethodRouter<Api> {
    let allow = openapi::methods(&paths);
    let refuse = move || async move { ApiError::MethodNotAllowed { allow } };
    let router = match allow {
        "GET" => router.on(MethodFilter::HEAD, refuse),
        _ => router,
    };
    (schemas, paths, router.fallback(refuse))
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([http::Method::GET, http::Method::POST, http::Method::DELETE])
        .allow_headers([
            http::header::CONTENT_TYPE,
            auth::API_KEY_HEADER,
            auth::CLIENT_ID_HEADER,
            observe::REQUEST_ID_HEADER,
        ])
        .expose_headers([http::header::RETRY_AFTER, observe::REQUEST_ID_HEADER])
        .max_age(PREFLIGHT_LIFE)
}

/// How long a browser may remember a preflight's answer: Chromium caps it at two hours anyway.
const PREFLIGHT_LIFE: Duration = Duration::from_hours(2);

/// Lets the CORS layer answer what is a preflight by the Fetch standard, and only that: any other
/// OPTIONS is a method that the route does not have.
async fn answer_with_cors(
    cors: CorsLayer,
    timeout: Option<Duration>,
    request: Request,
    next: Next,
) -> Response {
    let timeout = timeout.map(|timeout| timeout_of(&request, timeout));
    let headers = request.headers();
    let is_preflight = headers.contains_key(http::header::ORIGIN)
        && headers.contains_key(http::header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == http::Method::OPTIONS && !is_preflight {
        return limit_time(timeout, next.run(request)).await;
    }
    let inner = tower::service_fn(move |request| {
        let next = next.clone();
        async move {
            let answer = limit_time(timeout, next.run(request)).await;
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let service = tower::Layer::layer(&cors, inner);
    match tower::ServiceExt::oneshot(service, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
