//! The viewer at `/ui`, a page that shows people their history through the API alone, and the file with the elements that pages
//! of other origins embed. Their sources are in `ui/`; what is built from them is part of the program.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::http::extractors::{Object, Problems, SmallBody, json_fields};
use crate::http::handlers::operations;
use crate::http::middleware::Cors;
use crate::http::responses::{ApiError, ApiResult, EntityTag};
use crate::http::state::AppState;

// `static FILES: &[(&str, &[u8])]`: the names and contents of everything in `ui/dist`.
include!(concat!(env!("OUT_DIR"), "/viewer_files.rs"));

const PAGE: &str = "index.html";

/// The files here have a hash of their content in their names.
const HASHED: &str = "assets/";

/// Returns the routes of the viewer. Pages may read files at `storage_origin`, where download URLs lead to; those of the
/// origins that `cors` allows may load the elements.
pub(super) fn routes(storage_origin: &str, cors: Option<Cors>) -> Router<Arc<AppState>> {
    let policy = HeaderValue::try_from(policy(storage_origin)).expect("origins are ASCII");
    let page = move |asked: HeaderMap| async move {
        file(PAGE, &asked).map(|it| ([(CONTENT_SECURITY_POLICY, policy)], it))
    };
    let elements = Router::new().route(
        "/ui/embed.js",
        get(|asked: HeaderMap| async move { file("embed.js", &asked) }),
    );
    let elements = match cors {
        Some(cors) => cors.wrap(elements, None),
        None => elements,
    };
    Router::new()
        .merge(elements)
        // Relative, for proxies that serve the API below a path.
        .route(
            "/ui",
            get(|| async { (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "ui/")]) }),
        )
        .route("/ui/", get(page))
        .route(
            "/ui/{*name}",
            get(|Path(name): Path<String>, asked: HeaderMap| async move { file(&name, &asked) }),
        )
        .layer(from_fn(operations::only_get))
        .route(
            "/ui/sign-in",
            post(sign_in).fallback(async || ApiError::MethodNotAllowed {
                allow: HeaderValue::from_static("POST"),
            }),
        )
}

/// Exchanges the code of a link that the demo has printed for a view token, once: `{"code": "…"}` for `{"token": "…"}`. A code
/// that does not exist, or no more, is a 404.
async fn sign_in(
    State(state): State<Arc<AppState>>,
    body: SmallBody,
) -> ApiResult<impl IntoResponse> {
    let object = Object::from_body(&body.0)?;
    let mut problems = Problems::default();
    let code = object.required(&mut problems, "code", json_fields::string);
    let token = state.sign_in_code.redeem(&problems.finish(code)?);
    let token = token.ok_or(ApiError::NotFound)?;
    let body = json!({"token": token.expose_secret()});
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)))
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

/// Answers with a file, or 304 without it if the caller has it.
fn file(name: &str, asked: &HeaderMap) -> ApiResult<Response> {
    let (name, bytes) = FILES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or(ApiError::NotFound)?;
    let content_type = (CONTENT_TYPE, content_type(name));
    if name.starts_with(HASHED) {
        let caching = (CACHE_CONTROL, "public, max-age=31536000, immutable");
        return Ok(([content_type, caching], *bytes).into_response());
    }
    let tag = EntityTag::of(bytes);
    let caching = [
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ETAG, tag.value()?),
    ];
    if tag.is_among(asked) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, [content_type], *bytes).into_response())
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
