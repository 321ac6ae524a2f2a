//! The HTTP API: every route is on this screen.

mod auth;
mod drain;
mod error;
mod events;
mod extract;
mod fields;
mod files;
mod ingest;
mod multipart;
mod observe;
mod openapi;
mod ops;
mod query;
mod server;
mod tenants;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::service::Service;
pub use error::{ApiError, Problem};
pub use openapi::document as openapi;
pub use server::{Limits, serve};

/// What a handler can reach.
#[derive(Debug, Clone)]
pub struct Api {
    pub service: Arc<Service>,
    /// The base of the URLs in answers, without a slash at its end.
    pub public_url: Arc<str>,
    pub metrics: PrometheusHandle,
}

/// What the operator decides about HTTP.
#[derive(Debug, Clone)]
pub struct Options {
    /// The origins whose pages may call the API from a browser; empty: none, and no CORS at all.
    pub cors_origins: Vec<String>,
    /// How long one request may take, reading its body included.
    pub request_timeout: Duration,
}

/// Describes the figures that this layer keeps.
pub fn describe_metrics() {
    observe::describe_metrics();
    ops::describe_metrics();
}

/// Returns the router of the whole service; `storage` is the embedded S3 endpoint, if there is one.
pub fn router(api: Api, options: &Options, storage: Option<Router>) -> Router {
    let timeout = options.request_timeout;
    let (documented, _) = documented_routes().split_for_parts();
    let mut documented = documented.route_layer(middleware::from_fn(move |request, next| {
        limit_time(timeout, request, next)
    }));
    if !options.cors_origins.is_empty() {
        let cors = cors(&options.cors_origins);
        documented =
            documented.route_layer(middleware::from_fn(move |request: Request, next: Next| {
                answer_with_cors(cors.clone(), request, next)
            }));
    }
    documented
        .merge(ops::docs())
        .fallback(|| async { ApiError::NotFound })
        .with_state(api.clone())
        .layer(middleware::from_fn(drain::drain))
        .merge(storage.unwrap_or_default())
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::Panicked.into_response()
        }))
        .layer(middleware::from_fn_with_state(api, observe::observe))
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

async fn limit_time(timeout: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::TimedOut.into_response(),
    }
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
async fn answer_with_cors(cors: CorsLayer, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_preflight = headers.contains_key(http::header::ORIGIN)
        && headers.contains_key(http::header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == http::Method::OPTIONS && !is_preflight {
        return next.run(request).await;
    }
    let inner = tower::service_fn(move |request| {
        let next = next.clone();
        async move { Ok::<_, std::convert::Infallible>(next.run(request).await) }
    });
    let service = tower::Layer::layer(&cors, inner);
    match tower::ServiceExt::oneshot(service, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
