//! The HTTP API: every route is on this screen.
//!
//! Imports go from here to `handlers` and `middleware`, then to `extractors`, `responses` and `state`, in this order.
//! `server` serves any router.

mod extractors;
mod handlers;
mod middleware;
mod responses;
mod server;
mod state;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::routing::MethodFilter;
use axum::{Json, Router};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use handlers::{
    data_lifecycle::holds, event_batch, event_bridge, feed, history, multipart_uploads, operations,
    records, stats, tenant_lifecycle, type_names, uploads,
};
use middleware::{Compression, Cors, Middleware, RequestLimits, RequestLog};
use responses::openapi;
pub use responses::{ApiError, Problem};
pub use server::{ServerOptions, serve};
pub use state::{AppState, Waiters};

/// The operator's settings for the API.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// The origins whose pages may call the API from a browser; empty: none, and no CORS at all.
    pub cors_origins: Vec<String>,
    /// The limit for one request, reading its body included.
    pub request_timeout: Duration,
}

fn documented_routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(only(routes!(uploads::upload_url)))
        .routes(only(routes!(uploads::upload_form)))
        .routes(only(routes!(multipart_uploads::begin)))
        .routes(only(routes!(multipart_uploads::sign)))
        .routes(only(routes!(multipart_uploads::parts)))
        .routes(only(routes!(multipart_uploads::complete)))
        .routes(only(routes!(multipart_uploads::abort)))
        .routes(only(routes!(tenant_lifecycle::initialize)))
        .routes(only(routes!(tenant_lifecycle::delete)))
        .routes(only(routes!(holds::list, holds::place)))
        .routes(only(routes!(holds::release)))
        .routes(only(routes!(event_bridge::create_event)))
        .routes(only(routes!(event_batch::send_events)))
        .routes(only(routes!(history::list)))
        .routes(only(routes!(history::event)))
        .routes(only(routes!(history::file)))
        .routes(only(routes!(records::record)))
        .routes(only(routes!(records::diff)))
        .routes(only(routes!(feed::poll::feed)))
        .routes(only(routes!(feed::stream::stream)))
        .routes(only(routes!(feed::export::export)))
        .routes(only(routes!(stats::stats)))
        .routes(only(routes!(type_names::catalogue)))
        .routes(only(routes!(operations::live)))
        .routes(only(routes!(operations::ready)))
        .routes(only(routes!(operations::metrics)))
        .routes(only(routes!(openapi_json)))
}

/// Returns the router of all requests; `storage` is the embedded S3 endpoint, if there is one.
pub fn router(state: AppState, options: &ApiOptions, storage: Option<Router>) -> Router {
    let log = RequestLog::new(Arc::clone(&state.service.entropy));
    // Uploads are large, and the endpoint has limits of its own.
    let for_storage = Middleware::new(&log, RequestLimits::default());
    let storage = for_storage.wrap(storage.unwrap_or_default());
    let mut limits = RequestLimits::new(options.request_timeout);
    let (mut api, _) = documented_routes().split_for_parts();
    if let Some(cors) = Cors::new(&options.cors_origins) {
        // The timeout goes inside, so that a page may read its response.
        let timeout = limits.timeout.take();
        api = cors.wrap(api, timeout);
    }
    let api = Compression::new()
        .wrap(api)
        .merge(operations::docs())
        .fallback(operations::unknown_path)
        .with_state(Arc::new(state));
    Middleware::new(&log, limits).wrap(api).merge(storage)
}

/// Refuses every method that the route does not document, HEAD and OPTIONS included, before anything
/// else is checked. axum would answer a HEAD with the handler of GET.
fn only(
    (schemas, paths, router): UtoipaMethodRouter<Arc<AppState>>,
) -> UtoipaMethodRouter<Arc<AppState>> {
    let allow = openapi::methods(&paths);
    let refuse = move || async move { ApiError::MethodNotAllowed { allow } };
    let router = if allow.starts_with("GET") {
        router.on(MethodFilter::HEAD, refuse)
    } else {
        router
    };
    (schemas, paths, router.fallback(refuse))
}

/// Returns the OpenAPI 3.1 document of the API.
pub fn openapi() -> OpenApi {
    documented_routes().into_openapi()
}

/// Returns this document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "operations",
    responses((status = 200, description = "The OpenAPI 3.1 document", body = serde_json::Value)))]
async fn openapi_json() -> Json<&'static OpenApi> {
    // Made once for a process: it walks every route.
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(openapi);
    Json(&*DOCUMENT)
}

/// Describes the metrics of this layer.
pub fn describe_metrics() {
    server::describe_metrics();
    middleware::describe_metrics();
    operations::describe_metrics();
    feed::describe_metrics();
}
