//! The HTTP endpoint: routes and CORS.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use http::header::InvalidHeaderValue;
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::s3_api::S3Server;

/// Stands for every origin.
pub(super) const ANY_ORIGIN: &str = "*";
/// The longest time that Chromium caches a preflight response.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(2);
/// The response headers that a page may read, besides those that every page may.
const EXPOSED: [HeaderName; 6] = [
    header::ETAG,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_DISPOSITION,
    header::ACCEPT_RANGES,
    HeaderName::from_static("x-amz-request-id"),
];

/// Serves the embedded storage over HTTP.
#[derive(Debug, Clone)]
pub struct Endpoint {
    server: Arc<S3Server>,
    bucket: String,
    origins: Vec<HeaderValue>,
}

impl Endpoint {
    pub(super) fn new(
        server: S3Server,
        bucket: &str,
        origins: &[String],
    ) -> Result<Self, InvalidHeaderValue> {
        let origins = origins.iter().map(|origin| HeaderValue::from_str(origin));
        Ok(Self {
            server: Arc::new(server),
            bucket: bucket.to_owned(),
            origins: origins.collect::<Result<_, _>>()?,
        })
    }

    /// Returns the routes to mount on the API's port: `/<bucket>/{*key}` for objects, and `/<bucket>` for
    /// forms. Merge them, do not nest them: a signature covers the whole path. No request timeout or body
    /// limit may cover them: the endpoint has its own.
    pub fn router(self) -> Router {
        let Self {
            server,
            bucket,
            origins,
        } = self;
        let service = tower::service_fn(move |request: Request| {
            let server = Arc::clone(&server);
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let router = Router::new()
            .route_service(&format!("/{bucket}/{{*key}}"), service.clone())
            .route_service(&format!("/{bucket}"), service.clone())
            .route_service(&format!("/{bucket}/"), service);
        if origins.is_empty() {
            return router;
        }
        let origins = if origins.iter().any(|origin| origin == ANY_ORIGIN) {
            AllowOrigin::any()
        } else {
            AllowOrigin::list(origins)
        };
        let cors = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(PREFLIGHT_MAX_AGE);
        router.layer(cors)
    }
}
