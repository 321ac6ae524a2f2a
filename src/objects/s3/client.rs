//! The few requests that the service makes to S3 itself.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, HeaderName};
use http::{Method, StatusCode};
use reqwest::redirect::Policy;

use super::answer::Answer;
use crate::objects::{Error, PresignedUrl};

/// How long S3 has to answer, connecting included: who waits has 5 s (what EventBridge gives an
/// endpoint).
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long a connection is kept without a use. One that a router forgot looks like any other until it
/// is used, and costs whoever uses it [`TIMEOUT`]: after a failure, this is for how long there may be some.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a body is read: S3's error documents are under 1 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How much of a page is read: a thousand of the longest keys, 1024 bytes each and escaped.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// How long a page may take: nobody waits for it at the other end of a request.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// Connections to one storage.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
}

/// A request under a signature of ours.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// What the metrics call it.
    operation: &'static str,
    method: Method,
    signed: &'a PresignedUrl,
    body: String,
    timeout: Duration,
    max_body_bytes: usize,
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: &'static str, method: Method, signed: &'a PresignedUrl) -> Self {
        Self {
            operation,
            method,
            signed,
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

    /// Its answer is a list of many things.
    pub(super) fn page(self) -> Self {
        Self {
            max_body_bytes: MAX_PAGE_BYTES,
            ..self.timeout(PAGE_TIMEOUT)
        }
    }
}

impl Client {
    pub(super) fn new() -> Result<Self, BoxError> {
        // An error means that there is one already, which does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A signature holds for one host and path alone.
            .redirect(Policy::none())
            .build()?;
        Ok(Self { http })
    }

    /// Sends a request without a body. Errors never show the URL, which is a secret.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        method: Method,
        url: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<Answer, BoxError> {
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        measure(operation, read(request, MAX_BODY_BYTES)).await
    }

    /// Makes a call, with the headers that its signature names. Errors never show the URL either.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Answer, Error> {
        let Call {
            operation,
            method,
            signed,
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
            // By itself the client states no length for an empty body, which S3 refuses with 411.
            request = request.header(CONTENT_LENGTH, body.len()).body(body);
        }
        let answer = measure(operation, read(request, max_body_bytes)).await;
        answer.map_err(Error::Unavailable)
    }
}

/// Keeps the time that a call takes, and what came of it.
async fn measure(
    operation: &'static str,
    answer: impl Future<Output = Result<Answer, BoxError>>,
) -> Result<Answer, BoxError> {
    let begin = Instant::now();
    let answer = answer.await;
    let result = match &answer {
        Ok(answer) if answer.status.is_success() => "ok",
        Ok(answer) if answer.status == StatusCode::NOT_FOUND => "missing",
        Ok(_) => "refused",
        Err(_) => "unreachable",
    };
    metrics::histogram!(
        "event_history_storage_request_duration_seconds",
        "operation" => operation,
        "result" => result
    )
    .record(begin.elapsed().as_secs_f64());
    answer
}

async fn read(request: reqwest::RequestBuilder, max_bytes: usize) -> Result<Answer, BoxError> {
    let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while body.len() < max_bytes {
        match response
            .chunk()
            .await
            .map_err(reqwest::Error::without_url)?
        {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
