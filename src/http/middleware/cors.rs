//! Cross-origin requests from browsers, where the operator allows them.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::Method;
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, ORIGIN, RETRY_AFTER,
};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::request_limits::{limit_time, timeout_of};
use crate::http::extractors::feed_parameters::{CURSOR_HEADER, LAST_EVENT_ID};
use crate::http::extractors::{API_KEY_HEADER, CLIENT_ID_HEADER};
use crate::http::responses::rate_limit::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::http::responses::request_id::REQUEST_ID_HEADER;

/// The time for which browsers cache a preflight: Chromium caps it at two hours anyway.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(2);

#[derive(Debug, Clone)]
pub(crate) struct Cors(CorsLayer);

impl Cors {
    /// Returns `None` where no origin is allowed.
    pub(crate) fn new(origins: &[String]) -> Option<Self> {
        let allowed = if origins.iter().any(|origin| origin == "*") {
            AllowOrigin::any()
        } else {
            AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
        };
        let layer = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([
                Method::GET,
                Method::POST,
                Method::PATCH,
                Method::PUT,
                Method::DELETE,
            ])
            .allow_headers([
                AUTHORIZATION,
                CONTENT_TYPE,
                IF_NONE_MATCH,
                API_KEY_HEADER,
                CLIENT_ID_HEADER,
                REQUEST_ID_HEADER,
                LAST_EVENT_ID,
            ])
            .expose_headers([
                CONTENT_DISPOSITION,
                ETAG,
                RETRY_AFTER,
                RATE_LIMIT,
                RATE_LIMIT_POLICY,
                CURSOR_HEADER,
                REQUEST_ID_HEADER,
            ])
            .max_age(PREFLIGHT_MAX_AGE);
        (!origins.is_empty()).then_some(Self(layer))
    }

    /// Adds CORS, and within it `timeout`, to the routes of `router`.
    pub(crate) fn wrap<S>(self, router: Router<S>, timeout: Option<Duration>) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        router.route_layer(from_fn(move |request: Request, next: Next| {
            self.clone().answer(timeout, request, next)
        }))
    }

    /// Lets the CORS layer answer what is a preflight by the Fetch standard: any other OPTIONS is a method that the
    /// route does not have.
    async fn answer(self, timeout: Option<Duration>, request: Request, next: Next) -> Response {
        let timeout = timeout.map(|timeout| timeout_of(&request, timeout));
        let headers = request.headers();
        let is_preflight =
            headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if request.method() == Method::OPTIONS && !is_preflight {
            return limit_time(timeout, next.run(request)).await;
        }
        let inner = service_fn(move |request| {
            let next = next.clone();
            async move { Ok::<_, Infallible>(limit_time(timeout, next.run(request)).await) }
        });
        match self.0.layer(inner).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
