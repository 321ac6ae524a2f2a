//! Reading and copying of objects through presigned URLs, whatever the storage. For long jobs.

mod checksums;
mod copy;
mod rate_limiter;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, IF_MATCH, RANGE};
use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Body, RequestBuilder, Response};

use self::checksums::Hasher;
use super::{DownloadOptions, Error, Objects, PresignedUrl};
use crate::domain::ObjectKey;

pub use checksums::Checksums;
pub use copy::{TransferConfig, copy};
pub use rate_limiter::RateLimiter;

/// A transfer starts as soon as its URL is signed, and S3 checks the expiry only at the start.
const URL_LIFE: Duration = Duration::from_mins(15);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for which a storage may be silent during a transfer: it may be syncing gigabytes.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// The longest error document that is read; they are under 1 KiB.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// A storage, with an HTTP client for its presigned URLs.
#[derive(Debug, Clone)]
pub struct StorageClient {
    pub objects: Arc<dyn Objects>,
    http: reqwest::Client,
}

impl StorageClient {
    /// `is_local`: this process serves the storage, so no proxy is used.
    pub fn new(objects: Arc<dyn Objects>, is_local: bool) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A signature is valid for one host and path only.
            .redirect(Policy::none());
        let http = if is_local { http.no_proxy() } else { http };
        let http = http.build().map_err(unavailable)?;
        Ok(Self { objects, http })
    }

    /// Reads an object and returns its SHA-256. `moved` counts the bytes.
    pub async fn sha256(&self, key: &ObjectKey, moved: &AtomicU64) -> Result<[u8; 32], Error> {
        let rate_limiter = RateLimiter::default();
        let read = self
            .checksums(key, None, None, &rate_limiter, moved)
            .await?;
        Ok(*read.sha256.bytes())
    }

    /// Reads an object, or one version of it, and returns its checksums. `part_sizes` are those of the parts that it was
    /// uploaded in, if known. `moved` counts the bytes.
    pub async fn checksums(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        part_sizes: Option<Vec<u64>>,
        rate_limiter: &RateLimiter,
        moved: &AtomicU64,
    ) -> Result<Checksums, Error> {
        let options = DownloadOptions {
            version_id: version_id.map(str::to_owned),
            ..DownloadOptions::default()
        };
        let presigned = self.objects.presign_get(key, &options, URL_LIFE).await?;
        let request = self.http.get(presigned.url);
        let mut response = send(Method::GET, request, StatusCode::OK).await?;
        let mut hasher = Hasher::new(part_sizes);
        while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
            hasher.update(&chunk);
            moved.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            rate_limiter.wait(chunk.len()).await;
        }
        Ok(hasher.finish())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Response, Error> {
        let request = self.http.get(self.url(key).await?);
        send(Method::GET, request, StatusCode::OK).await
    }

    /// Reads a range of an object, if its ETag is still this one.
    async fn get_range(
        &self,
        key: &ObjectKey,
        range: &Range<u64>,
        etag: Option<&str>,
    ) -> Result<Response, Error> {
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let mut request = self.http.get(self.url(key).await?).header(RANGE, bytes);
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, format!("\"{etag}\""));
        }
        send(Method::GET, request, StatusCode::PARTIAL_CONTENT).await
    }

    async fn url(&self, key: &ObjectKey) -> Result<String, Error> {
        let options = DownloadOptions::default();
        let presigned = self.objects.presign_get(key, &options, URL_LIFE).await?;
        Ok(presigned.url)
    }

    async fn put(
        &self,
        presigned: PresignedUrl,
        mut headers: HeaderMap,
        length: u64,
        body: Body,
    ) -> Result<Response, Error> {
        let PresignedUrl {
            url,
            headers: signed,
            expires_at: _,
        } = presigned;
        headers.insert(CONTENT_LENGTH, length.into());
        for (name, value) in signed {
            let name = HeaderName::try_from(name).map_err(|it| Error::Unavailable(it.into()))?;
            let value = HeaderValue::try_from(value).map_err(|it| Error::Unavailable(it.into()))?;
            headers.insert(name, value);
        }
        let request = self.http.put(url).headers(headers).body(body);
        send(Method::PUT, request, StatusCode::OK).await
    }
}

async fn send(
    method: Method,
    request: RequestBuilder,
    expected: StatusCode,
) -> Result<Response, Error> {
    let response = request.send().await.map_err(unavailable)?;
    let status = response.status();
    if status == expected {
        return Ok(response);
    }
    let code = error_code(response).await.unwrap_or_default();
    let answered = format!("it answered {status} to {method} {code}");
    Err(because(answered.trim_end()))
}

/// Returns S3's error code. The rest of an error document is never shown: it quotes parts of the signed request.
async fn error_code(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while body.len() < MAX_ERROR_BYTES
        && let Some(chunk) = response.chunk().await.ok()?
    {
        body.extend_from_slice(&chunk);
    }
    let body = String::from_utf8_lossy(&body);
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

/// Removes the URL, which is a secret, from the message.
fn unavailable(error: reqwest::Error) -> Error {
    Error::Unavailable(error.without_url().into())
}

fn because(reason: &str) -> Error {
    Error::Unavailable(reason.to_owned().into())
}
