//! The viewer at `/ui`: a page that shows people their history, through the API alone. Its sources are in `ui/`; what is
//! built from them is part of the program.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::http::handlers::operations;
use crate::http::responses::{ApiError, ApiResult};
use crate::http::state::AppState;

// `static FILES: &[(&str, &[u8])]`: the names and contents of everything in `ui/dist`.
include!(concat!(env!("OUT_DIR"), "/viewer_files.rs"));

const PAGE: &str = "index.html";

/// The files here have a hash of their content in their names.
const HASHED: &str = "assets/";

/// Returns the routes of the viewer. Pages may read files at `storage_origin`, where download URLs lead to.
pub(super) fn routes(storage_origin: &str) -> Router<Arc<AppState>> {
    let policy = HeaderValue::try_from(policy(storage_origin)).expect("origins are ASCII");
    let page =
        move || async move { file(PAGE).map(|it| ([(CONTENT_SECURITY_POLICY, policy)], it)) };
    Router::new()
        // Relative, for proxies that serve the API below a path.
        .route(
            "/ui",
            get(|| async { (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "ui/")]) }),
        )
        .route("/ui/", get(page))
        .route(
            "/ui/{*name}",
            get(|Path(name): Path<String>| async move { file(&name) }),
        )
        .layer(from_fn(operations::only_get))
}

/// Nothing inline and nothing from elsewhere, save the bytes of files, which may be on a storage of their own. Those are shown
/// as `blob:` URLs of a type that the page has chosen. Strings cannot become markup or scripts, other than Lit's templates.
fn policy(storage_origin: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; frame-src blob:; object-src blob:; \
         connect-src 'self' {storage_origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types lit-html"
    )
}

fn file(name: &str) -> ApiResult<Response> {
    let (name, bytes) = FILES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or(ApiError::NotFound)?;
    let caching = if name.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers: [(HeaderName, &str); 2] =
        [(CONTENT_TYPE, content_type(name)), (CACHE_CONTROL, caching)];
    Ok((headers, *bytes).into_response())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
