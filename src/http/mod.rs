//! The HTTP API: every route is on this screen.
//!
//! Imports go from here to `handlers` and `middleware`, then to `extractors`, `responses` and `state`, in this order.
//! `server` serves any router, and `viewer` is the page for people.

mod extractors;
mod handlers;
mod middleware;
mod responses;
mod server;
mod state;
mod viewer;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::routing::MethodFilter;
use axum::{Extension, Json, Router};
use http::HeaderValue;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::domain::{Requirement, Scope};
use handlers::{
    admin::{keys, secrets, tenants, view_tokens},
    data_lifecycle::{holds, redaction, retention},
    event_batch, event_bridge, feed, history, multipart_uploads, operations, records, stats,
    tenant_lifecycle, type_names, uploads,
};
use middleware::{Compression, Cors, Middleware, RequestLimits, RequestLog};
use responses::openapi;
pub use responses::{ApiError, Problem};
pub use server::{ADMIN_CONNECTIONS, CONNECTIONS, ServerOptions, Tls, TlsError, serve};
pub use state::{AppState, PartyLimits, SignInCode, Waiters};

/// The operator's settings for the API.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// The metrics and the reference are not on the listener of the API, but on another one.
    pub separate_admin: bool,
    /// The origins whose pages may call the API from a browser; empty: none, and no CORS at all.
    pub cors_origins: Vec<String>,
    /// The limit for one request, reading its body included.
    pub request_timeout: Duration,
    /// The origin of download URLs, from which the viewer may read.
    pub storage_origin: String,
}

/// The routers of the two listeners.
#[derive(Debug)]
pub struct Routers {
    pub api: Router,
    /// `None`: all of it is in `api`.
    pub admin: Option<Router>,
}

/// Every operation, with what a credential needs for it.
fn documented_routes() -> OpenApiRouter<Arc<AppState>> {
    api_routes().merge(health_routes()).merge(admin_routes())
}

fn api_routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(needs(Scope::Write, routes!(uploads::upload_url)))
        .routes(needs(Scope::Write, routes!(uploads::upload_form)))
        .routes(needs(Scope::Write, routes!(multipart_uploads::begin)))
        .routes(needs(Scope::Write, routes!(multipart_uploads::sign)))
        .routes(needs(Scope::Write, routes!(multipart_uploads::parts)))
        .routes(needs(Scope::Write, routes!(multipart_uploads::complete)))
        .routes(needs(Scope::Write, routes!(multipart_uploads::abort)))
        .routes(needs(Scope::Admin, routes!(tenant_lifecycle::initialize)))
        .routes(needs(Scope::Admin, routes!(tenant_lifecycle::delete)))
        .routes(needs(Scope::Admin, routes!(holds::list, holds::place)))
        .routes(needs(Scope::Admin, routes!(holds::release)))
        .routes(needs(Scope::Admin, routes!(retention::get, retention::set)))
        .routes(needs(Scope::Admin, routes!(tenants::list)))
        .routes(needs(Scope::Admin, routes!(tenants::get, tenants::update)))
        .routes(needs(Scope::Admin, routes!(tenants::restore)))
        .routes(needs(Scope::Admin, routes!(secrets::rotate)))
        .routes(needs(Scope::Admin, routes!(keys::list, keys::create)))
        .routes(needs(Scope::Admin, routes!(keys::revoke)))
        .routes(needs(Scope::Write, routes!(event_bridge::create_event)))
        .routes(needs(Scope::Write, routes!(event_batch::send_events)))
        .routes(needs(Scope::Read, routes!(history::list)))
        .routes(needs(Scope::Read, routes!(history::event)))
        .routes(needs(Scope::Read, routes!(history::file)))
        .routes(needs(Scope::Admin, routes!(redaction::redact)))
        .routes(needs(Scope::Read, routes!(records::record)))
        .routes(needs(Scope::Read, routes!(records::diff)))
        .routes(needs(Scope::Read, routes!(feed::poll::feed)))
        .routes(needs(Scope::Read, routes!(feed::stream::stream)))
        .routes(needs(Scope::Read, routes!(feed::export::export)))
        .routes(needs(Scope::Read, routes!(stats::stats)))
        .routes(needs(Scope::Read, routes!(view_tokens::create)))
        .routes(needs_any_scope(routes!(type_names::catalogue)))
}

fn health_routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(needs_nothing(routes!(operations::live)))
        .routes(needs_nothing(routes!(operations::ready)))
}

fn admin_routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(needs_nothing(routes!(operations::metrics)))
        .routes(needs_nothing(routes!(openapi_json)))
}

/// Operations of one path.
type Routes = UtoipaMethodRouter<Arc<AppState>>;

fn needs(scope: Scope, routes: Routes) -> Routes {
    route(routes, Some(Requirement::Scope(scope)))
}

fn needs_any_scope(routes: Routes) -> Routes {
    route(routes, Some(Requirement::AnyScope))
}

fn needs_nothing(routes: Routes) -> Routes {
    route(routes, None)
}

/// Tells the extractor what a credential needs: without that, it accepts none.
fn route(documented: Routes, requirement: Option<Requirement>) -> Routes {
    let (schemas, mut paths, router) = only(documented);
    openapi::document_scope(&mut paths, requirement);
    let router = match requirement {
        Some(requirement) => router.layer(Extension(requirement)),
        None => router,
    };
    (schemas, paths, router)
}

/// Returns the routers of all requests; `storage` is the embedded S3 endpoint, if there is one.
pub fn routers(state: AppState, options: &ApiOptions, storage: Option<Router>) -> Routers {
    let state = Arc::new(state);
    let log = RequestLog::new(Arc::clone(&state.service.entropy));
    let (api, admin) = if options.separate_admin {
        let admin = admin_router(Arc::clone(&state), options, &log);
        (api_routes().merge(health_routes()), Some(admin))
    } else {
        (documented_routes(), None)
    };
    let api = api_router(api, state, options, &log);
    // Uploads are large, and the endpoint has limits of its own.
    let storage = Middleware::of_storage(&log).wrap(storage.unwrap_or_default());
    Routers {
        api: api.merge(storage),
        admin,
    }
}

fn api_router(
    routes: OpenApiRouter<Arc<AppState>>,
    state: Arc<AppState>,
    options: &ApiOptions,
    log: &RequestLog,
) -> Router {
    let mut limits = RequestLimits::new(options.request_timeout);
    let (mut api, _) = routes.split_for_parts();
    let cors = Cors::new(&options.cors_origins);
    let viewer = viewer::routes(&options.storage_origin, cors.clone());
    if let Some(cors) = cors {
        // The timeout goes inside, so that a page may read its response.
        let timeout = limits.timeout.take();
        api = cors.wrap(api, timeout);
    }
    let api = Compression::new().wrap(api.merge(viewer));
    let api = if options.separate_admin {
        api.fallback(operations::not_found)
    } else {
        api.merge(operations::docs())
            .fallback(operations::unknown_path)
    };
    let service = Arc::clone(&state.service);
    Middleware::of_api(log, limits, &service).wrap(api.with_state(state))
}

/// Returns the router of what operators and developers look at. Nothing there changes anything.
fn admin_router(state: Arc<AppState>, options: &ApiOptions, log: &RequestLog) -> Router {
    let service = Arc::clone(&state.service);
    let (admin, _) = admin_routes().merge(health_routes()).split_for_parts();
    let admin = admin
        .merge(operations::docs())
        .fallback(operations::unknown_path)
        .with_state(state);
    let limits = RequestLimits::new(options.request_timeout);
    Middleware::of_api(log, limits, &service).wrap(admin)
}

/// Refuses every method that the path does not document, HEAD and OPTIONS included, before anything
/// else is checked. axum would answer a HEAD with the handler of GET.
fn only((schemas, paths, router): Routes) -> Routes {
    let methods = openapi::methods(&paths);
    let allow = HeaderValue::from_str(&methods.join(", ")).expect("names of methods are text");
    let refuse = move || async move { ApiError::MethodNotAllowed { allow } };
    let router = if methods.contains(&"GET") {
        router.on(MethodFilter::HEAD, refuse.clone())
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
