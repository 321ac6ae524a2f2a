//! The few requests that the service makes to S3 itself.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, ETAG, HeaderMap, HeaderName};
use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use rusty_s3::actions::{ListObjectsV2, ListObjectsV2Response};

use crate::objects::{Error, ObjectInfo};

/// How long S3 has to answer, connecting included: who waits has 5 s (what EventBridge gives an
/// endpoint).
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long a connection is kept without a use. One that a router forgot looks like any other until it
/// is used, and costs whoever uses it [`TIMEOUT`]: after a failure, this is for how long there may be some.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a body is read: S3's error documents are under 1 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How much of a page of keys is read: a thousand of the longest, 1024 bytes each and escaped.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// How long a page of keys may take: nobody waits for it at the other end of a request.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

type BoxError = Box<dyn StdError + Send + Sync>;

/// Connections to one storage.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
}

/// An answer in full.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
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

    /// Asks for an object by a presigned HEAD.
    pub(super) async fn head(&self, url: &str) -> Result<Option<ObjectInfo>, Error> {
        let answer = self
            .send("head", Method::HEAD, url, &[])
            .await
            .map_err(Error::Unavailable)?;
        match answer.status {
            StatusCode::OK => Ok(Some(object_info(&answer.headers)?)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refusal(&answer)),
        }
    }

    /// Asks for a page of keys by a presigned GET of the bucket.
    pub(super) async fn list(&self, url: &str) -> Result<ListObjectsV2Response, Error> {
        let request = self.http.get(url).timeout(PAGE_TIMEOUT);
        let answer = measure("list", read(request, MAX_PAGE_BYTES))
            .await
            .map_err(Error::Unavailable)?;
        match answer.status {
            StatusCode::OK => ListObjectsV2::parse_response(&answer.body)
                .map_err(|error| unavailable(format!("its list of keys makes no sense: {error}"))),
            StatusCode::NOT_FOUND => Err(unavailable("the bucket does not exist".to_owned())),
            _ => Err(refusal(&answer)),
        }
    }

    /// Asks for the bucket by a presigned HEAD.
    pub(super) async fn ping(&self, url: &str) -> Result<(), Error> {
        let answer = self
            .send("ping", Method::HEAD, url, &[])
            .await
            .map_err(Error::Unavailable)?;
        match answer.status {
            StatusCode::OK => Ok(()),
            StatusCode::NOT_FOUND => Err(unavailable("the bucket does not exist".to_owned())),
            _ => Err(refusal(&answer)),
        }
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

fn object_info(headers: &HeaderMap) -> Result<ObjectInfo, Error> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let size_bytes = text(CONTENT_LENGTH)
        .and_then(|length| length.parse().ok())
        .ok_or_else(|| unavailable("its answer to HEAD states no size".to_owned()))?;
    let etag = text(ETAG).map(|etag| etag.trim_matches('"').to_owned());
    Ok(ObjectInfo {
        size_bytes,
        etag,
        ..ObjectInfo::default()
    })
}

/// What a HEAD that was neither answered nor "not found" comes to; its answer has no body that says.
fn refusal(answer: &Answer) -> Error {
    let status = answer.status;
    let region = answer.headers.get("x-amz-bucket-region");
    let region = region.and_then(|region| region.to_str().ok());
    unavailable(match (status, region) {
        (StatusCode::FORBIDDEN, _) => format!(
            "it answered {status}: the credentials are wrong, or lack s3:GetObject on the objects or \
             s3:ListBucket on the bucket"
        ),
        (StatusCode::MOVED_PERMANENTLY | StatusCode::BAD_REQUEST, Some(region)) => {
            format!("it answered {status}: the bucket is in region {region}")
        }
        _ => format!("it answered {status}"),
    })
}

fn unavailable(reason: String) -> Error {
    Error::Unavailable(reason.into())
}
