//! The HTTP client for the service's own requests to S3.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, HeaderName};
use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use reqwest::redirect::Policy;

use super::response::Response;
use crate::objects::PresignedUrl;

/// The time S3 has to respond, connecting included. Callers wait for 5 s at most (EventBridge's limit).
const TIMEOUT: Duration = Duration::from_secs(3);

/// The time for which an idle connection is kept. A connection that a router has dropped looks like any other until it is used,
/// and then costs [`TIMEOUT`]: after an outage there may be some for this long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest body that is read. S3's error documents are under 1 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The longest page that is read: a thousand keys of 1024 bytes each, escaped.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// The time a page may take: no API request waits for it.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// A pool of connections to one storage.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
}

/// A request to be signed and sent.
#[derive(Debug)]
pub(super) struct Call {
    /// The operation's name in the metrics.
    operation: &'static str,
    method: Method,
    body: String,
    timeout: Duration,
    max_body_bytes: usize,
}

impl Call {
    pub(super) fn new(operation: &'static str, method: Method) -> Self {
        Self {
            operation,
            method,
            body: String::new(),
            timeout: TIMEOUT,
            max_body_bytes: MAX_BODY_BYTES,
        }
    }

    pub(super) fn body(self, body: String) -> Self {
        Self { body, ..self }
    }

    pub(super) fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the limits for a response that is a list.
    pub(super) fn page(self) -> Self {
        Self {
            max_body_bytes: MAX_PAGE_BYTES,
            ..self.timeout(PAGE_TIMEOUT)
        }
    }
}

impl Client {
    pub(super) fn new() -> Result<Self, BoxError> {
        // Fails if there is a default provider already, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A signature is valid for one host and path only.
            .redirect(Policy::none())
            .build()?;
        Ok(Self { http })
    }

    /// Sends a request without a body for `check`. Errors never show the URL, which is a secret.
    pub(super) async fn probe(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<Response, BoxError> {
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        send("check", request, MAX_BODY_BYTES).await
    }

    /// Makes a call with the headers that were signed. Errors never show the URL either.
    pub(super) async fn call(
        &self,
        call: Call,
        signed: &PresignedUrl,
    ) -> Result<Response, BoxError> {
        let Call {
            operation,
            method,
            body,
            timeout,
            max_body_bytes,
        } = call;
        let sends = [Method::POST, Method::PUT].contains(&method);
        let mut request = self.http.request(method, &signed.url).timeout(timeout);
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        if sends {
            // The client states no length for an empty body by itself, and S3 rejects that with 411.
            request = request.header(CONTENT_LENGTH, body.len()).body(body);
        }
        send(operation, request, max_body_bytes).await
    }
}

/// Sends a request and records its duration and result.
async fn send(
    operation: &'static str,
    request: RequestBuilder,
    max_body_bytes: usize,
) -> Result<Response, BoxError> {
    let begin = Instant::now();
    let response = receive(request, max_body_bytes).await;
    let result = match &response {
        Ok(response) if response.status.is_success() => "ok",
        Ok(response) if response.status == StatusCode::NOT_FOUND => "missing",
        Ok(_) => "refused",
        Err(_) => "unreachable",
    };
    metrics::histogram!(
        "event_history_storage_request_duration_seconds",
        "operation" => operation,
        "result" => result
    )
    .record(begin.elapsed().as_secs_f64());
    response.map_err(|error| error.without_url().into())
}

async fn receive(
    request: RequestBuilder,
    max_body_bytes: usize,
) -> Result<Response, reqwest::Error> {
    let mut response = request.send().await?;
    let mut body = Vec::new();
    while body.len() < max_body_bytes
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status: response.status(),
        headers: response.headers().clone(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
