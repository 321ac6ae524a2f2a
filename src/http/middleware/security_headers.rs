//! The headers that tell caches and browsers what not to do with a response.

use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// The API. All of its responses are about one tenant, and some have secrets or presigned URLs.
const API_PATHS: &str = "/api/";

/// The reference: pages for developers. `operations::DOCS` without its own slash.
const DOCS_PATHS: &str = "/docs";

/// The viewer, whose page has a policy of its own.
const VIEWER_PATHS: &str = "/ui";

/// The reference loads its own scripts and styles and calls this service, and nothing else. Its scripts add inline styles, and
/// its styles contain images.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Nothing of the API is a page: where a browser shows a response all the same, it acts as none.
const API_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// No cache keeps it.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Only the caller's own cache keeps it, and asks before each use (`If-None-Match`).
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The kind of path that a response is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Api,
    Docs,
    Viewer,
    Other,
}

impl Kind {
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with(API_PATHS) {
            Self::Api
        } else if path.starts_with(DOCS_PATHS) {
            Self::Docs
        } else if path.starts_with(VIEWER_PATHS) {
            Self::Viewer
        } else {
            Self::Other
        }
    }

    /// Adds the headers that a handler has not set itself.
    pub(super) fn protect(self, response: &mut Response) {
        let headers = response.headers_mut();
        let nosniff = HeaderValue::from_static("nosniff");
        add(headers, X_CONTENT_TYPE_OPTIONS, nosniff);
        match self {
            Self::Api => {
                let caching = if headers.contains_key(ETAG) {
                    REVALIDATE
                } else {
                    NO_STORE
                };
                add(headers, CACHE_CONTROL, caching);
                add(headers, CONTENT_SECURITY_POLICY, API_POLICY);
            }
            Self::Docs => {
                add(headers, CONTENT_SECURITY_POLICY, DOCS_POLICY);
                protect_page(headers);
            }
            Self::Viewer => {
                add(headers, CONTENT_SECURITY_POLICY, API_POLICY);
                protect_page(headers);
            }
            Self::Other => {}
        }
    }
}

/// A page is in no frame, and nobody learns where a link was followed from.
fn protect_page(headers: &mut HeaderMap) {
    add(headers, X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let no_referrer = HeaderValue::from_static("no-referrer");
    add(headers, REFERRER_POLICY, no_referrer);
}

fn add(headers: &mut HeaderMap, name: http::HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}
