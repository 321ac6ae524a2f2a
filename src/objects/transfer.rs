//! Moving the bytes of objects between storages: by presigned URLs, as everybody else does, a few
//! hundred kilobytes in memory at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_TYPE, HeaderMap, HeaderName,
};
use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Body, Response};
use sha2::{Digest, Sha256};

use super::{DownloadTerms, Error, Objects, UploadTerms};
use crate::domain::ObjectKey;

/// The largest object of a single PUT. Source: Amazon S3 API reference, "`PutObject`".
pub const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// A transfer begins as soon as its URL is there, and S3 looks at the clock at its beginning alone.
const URL_LIFE: Duration = Duration::from_mins(15);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a storage may be silent while it sends or takes an object: it may sync gigabytes.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(2);

/// How much of a refusal is read: error documents are under 1 KiB.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;

/// What is known of an object beside its bytes and goes with them. (`x-amz-meta-…` would have to be
/// signed, so no holder of one of our upload URLs could ever set it.)
const KEPT: [HeaderName; 5] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_DISPOSITION,
    CACHE_CONTROL,
];

/// A storage, and the connections to it.
#[derive(Debug, Clone)]
pub struct Link {
    pub objects: Arc<dyn Objects>,
    http: reqwest::Client,
}

impl Link {
    /// `is_local`: this process serves the storage itself, so no proxy stands between.
    pub fn new(objects: Arc<dyn Objects>, is_local: bool) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_TIMEOUT)
            // A signature holds for one host and path alone.
            .redirect(Policy::none());
        let http = if is_local { http.no_proxy() } else { http };
        let http = http.build().map_err(unavailable)?;
        Ok(Self { objects, http })
    }

    /// Reads the object at `key`, and returns its SHA-256. `moved` counts its bytes.
    pub async fn sha256(&self, key: &ObjectKey, moved: &AtomicU64) -> Result<[u8; 32], Error> {
        let mut response = self.get(key).await?;
        let mut sha256 = Sha256::new();
        while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
            sha256.update(&chunk);
            moved.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        Ok(sha256.finalize().into())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Response, Error> {
        let presigned = self
            .objects
            .presign_get(key, &DownloadTerms::default(), URL_LIFE)
            .await?;
        let response = self.http.get(presigned.url).send().await;
        accepted(Method::GET, response.map_err(unavailable)?).await
    }
}

/// Copies the object at `key`, and returns the SHA-256 of what went through. When this returns, `to`
/// has acknowledged the whole of it. `moved` counts its bytes.
pub async fn copy(
    from: &Link,
    to: &Link,
    key: &ObjectKey,
    moved: &Arc<AtomicU64>,
) -> Result<[u8; 32], Error> {
    let response = from.get(key).await?;
    let mut headers = kept(response.headers());
    // Sent as it came: no body with a length is taken for whole if a byte of it is missing.
    let length = response.headers().get(CONTENT_LENGTH).cloned();
    let length = length.ok_or_else(|| because("its answer to GET states no length"))?;
    headers.insert(CONTENT_LENGTH, length);

    let sha256 = Arc::new(Mutex::new(Sha256::new()));
    let (hashing, moving) = (Arc::clone(&sha256), Arc::clone(moved));
    let body = response.bytes_stream().inspect_ok(move |chunk| {
        let mut sha256 = hashing.lock().unwrap_or_else(PoisonError::into_inner);
        sha256.update(chunk);
        moving.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    });
    let presigned = to
        .objects
        .presign_put(key, &UploadTerms::default(), URL_LIFE)
        .await?;
    let put = to.http.put(presigned.url).headers(headers);
    let response = put.body(Body::wrap_stream(body)).send().await;
    accepted(Method::PUT, response.map_err(unavailable)?).await?;
    let sha256 = sha256.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(sha256.clone().finalize().into())
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in KEPT {
        let Some(value) = headers.get(&name) else {
            continue;
        };
        // What our own endpoint says of every object whose uploader said nothing.
        if name == CONTENT_DISPOSITION && value == "attachment" {
            continue;
        }
        kept.insert(name, value.clone());
    }
    kept
}

async fn accepted(method: Method, response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(response);
    }
    let code = refusal_code(response).await.unwrap_or_default();
    let said = format!("it answered {status} to {method} {code}");
    Err(because(said.trim_end()))
}

/// Returns S3's word for why it refuses. Of the rest of the document nothing is shown: it quotes parts
/// of the signed request.
async fn refusal_code(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while body.len() < MAX_REFUSAL_BYTES
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

/// Keeps the URL, which is a secret, out of the message.
fn unavailable(error: reqwest::Error) -> Error {
    Error::Unavailable(error.without_url().into())
}

fn because(reason: &str) -> Error {
    Error::Unavailable(reason.to_owned().into())
}
