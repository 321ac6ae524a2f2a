//! Moving the bytes of objects between storages: by presigned URLs, as everybody else does, a few
//! hundred kilobytes in memory at a time.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_MATCH, RANGE,
};
use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Body, Response};
use sha2::{Digest, Sha256};

use super::checksums::{Checksums, Hasher};
use super::signer::{FILE_NAME_HEADER, SHA256_HEADER};
use super::{
    DownloadOptions, Error, ObjectInfo, Objects, PartTag, PresignedUrl, RateLimiter, Replace,
};
use crate::domain::file::limits::{self, MAX_SINGLE_UPLOAD_BYTES, MIN_PART_BYTES};
use crate::domain::{ContentType, FileName, FileSha256, ObjectKey, UploadConstraints};

const MAX_PARTS: u64 = limits::MAX_PARTS as u64;
const MIB: u64 = 1024 * 1024;

/// How large the requests of a copy are.
#[derive(Debug, Clone, Copy)]
pub struct TransferConfig {
    /// What is larger goes in parts.
    pub multipart_threshold_bytes: u64,
    /// What a part has, unless there is a reason for another size.
    pub part_bytes: u64,
}

impl Default for TransferConfig {
    fn default() -> Self {
        Self {
            multipart_threshold_bytes: MAX_SINGLE_UPLOAD_BYTES,
            // What is lost where a connection breaks, and a hundred requests for 6 GiB.
            part_bytes: 64 * MIB,
        }
    }
}

/// A transfer begins as soon as its URL is there, and S3 looks at the clock at its beginning alone.
const URL_LIFE: Duration = Duration::from_mins(15);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a storage may be silent while it sends or takes an object: it may sync gigabytes.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(2);

/// How much of a refusal is read: error documents are under 1 KiB.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;

/// What an uploader may have said of an object beside what our URLs are signed for, and goes with it.
/// (An object that goes in parts leaves it behind: it is said when such an upload begins.)
const KEPT: [HeaderName; 4] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_DISPOSITION,
    CACHE_CONTROL,
];

/// A storage, and the connections to it.
#[derive(Debug, Clone)]
pub struct StorageClient {
    pub objects: Arc<dyn Objects>,
    http: reqwest::Client,
}

impl StorageClient {
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
        let rate_limiter = RateLimiter::default();
        let read = self
            .checksums(key, None, None, &rate_limiter, moved)
            .await?;
        Ok(*read.sha256.bytes())
    }

    /// Reads the object at `key`, or one version of it, no faster than `rate_limiter` allows, and returns the
    /// digests of its bytes, which `moved` counts. `part_sizes` are those of the parts that it came in,
    /// where they are known.
    pub async fn checksums(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        part_sizes: Option<Vec<u64>>,
        rate_limiter: &RateLimiter,
        moved: &AtomicU64,
    ) -> Result<Checksums, Error> {
        let terms = DownloadOptions {
            version_id: version_id.map(str::to_owned),
            ..DownloadOptions::default()
        };
        let presigned = self.objects.presign_get(key, &terms, URL_LIFE).await?;
        let response = self.http.get(presigned.url).send().await;
        let response = response.map_err(unavailable)?;
        let mut response = accepted(Method::GET, response, StatusCode::OK).await?;
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
        let response = request.send().await.map_err(unavailable)?;
        accepted(Method::GET, response, StatusCode::OK).await
    }

    /// Reads a part of the object, provided that it is still the one of this tag.
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
        let response = request.send().await.map_err(unavailable)?;
        accepted(Method::GET, response, StatusCode::PARTIAL_CONTENT).await
    }

    async fn url(&self, key: &ObjectKey) -> Result<String, Error> {
        let terms = DownloadOptions::default();
        let presigned = self.objects.presign_get(key, &terms, URL_LIFE).await?;
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
        let response = request.send().await.map_err(unavailable)?;
        accepted(Method::PUT, response, StatusCode::OK).await
    }
}

/// Copies the object at `key`, of which `info` is known, with what was declared of it. Returns the
/// SHA-256 of what went through. When this returns, `to` has acknowledged the whole of it. `moved`
/// counts its bytes.
pub async fn copy(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    info: &ObjectInfo,
    sizes: TransferConfig,
    moved: &Arc<AtomicU64>,
) -> Result<[u8; 32], Error> {
    let passing = Passing::new(moved);
    if info.size_bytes > sizes.multipart_threshold_bytes {
        copy_in_parts(from, to, key, sizes, &passing).await?;
    } else {
        copy_at_once(from, to, key, &passing).await?;
    }
    Ok(passing.sha256())
}

async fn copy_at_once(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    passing: &Passing,
) -> Result<(), Error> {
    let response = from.get(key).await?;
    // Sent as it came: no body with a length is taken for whole if a byte of it is missing.
    let length = response.content_length();
    let length = length.ok_or_else(|| because("its answer to GET states no length"))?;
    let text = |name: &str| response.headers().get(name)?.to_str().ok();
    let terms = UploadConstraints {
        content_type: text("content-type").and_then(|it| ContentType::parse(it).ok()),
        size_bytes: Some(length),
        sha256: text(SHA256_HEADER).and_then(FileSha256::from_hex),
        file_name: text(FILE_NAME_HEADER).and_then(FileName::from_header),
        once: false,
    };
    let headers = kept(response.headers());
    let presigned = to.objects.presign_put(key, &terms, URL_LIFE).await?;
    to.put(presigned, headers, length, passing.body(response))
        .await?;
    Ok(())
}

async fn copy_in_parts(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    sizes: TransferConfig,
    passing: &Passing,
) -> Result<(), Error> {
    let info = from.objects.head(key, None).await?;
    let info = info.ok_or_else(|| because("the object is gone"))?;
    let terms = UploadConstraints {
        content_type: info.content_type.clone(),
        size_bytes: Some(info.size_bytes),
        sha256: info.declared_sha256.or(info.sha256),
        file_name: info.file_name.clone(),
        once: false,
    };
    let upload_id = to.objects.create_multipart(key, &terms).await?;
    let sent = send_parts(from, to, key, &info, &upload_id, sizes, passing).await;
    let error = match sent {
        Ok(tags) => {
            let completed = to
                .objects
                .complete_multipart(key, &upload_id, &tags, Replace::Yes);
            match completed.await {
                Ok(true) => return Ok(()),
                Ok(false) => because("the upload in parts was ended by another"),
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    // What cannot be ended now is ended by the rule that every bucket should have.
    let _ = to.objects.abort_multipart(key, &upload_id).await;
    Err(error)
}

async fn send_parts(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    info: &ObjectInfo,
    upload_id: &str,
    sizes: TransferConfig,
    passing: &Passing,
) -> Result<Vec<PartTag>, Error> {
    let part_bytes = part_bytes(info, sizes);
    let mut tags = Vec::new();
    let mut begin = 0;
    for number in 1.. {
        if begin >= info.size_bytes {
            break;
        }
        let range = begin..info.size_bytes.min(begin + part_bytes);
        let response = from.get_range(key, &range, info.etag.as_deref()).await?;
        let presigned = to
            .objects
            .presign_part(key, upload_id, number, URL_LIFE)
            .await?;
        let (length, body) = (range.end - range.start, passing.body(response));
        let answer = to.put(presigned, HeaderMap::new(), length, body).await?;
        let etag = answer.headers().get(ETAG).and_then(|it| it.to_str().ok());
        let etag = etag.ok_or_else(|| because("its answer to a part has no ETag"))?;
        tags.push(PartTag {
            number,
            etag: etag.trim_matches('"').to_owned(),
        });
        begin = range.end;
    }
    Ok(tags)
}

/// Returns how large the parts are: as those that the object came in, as far as its tag tells, so that
/// its tag will be the same.
fn part_bytes(info: &ObjectInfo, sizes: TransferConfig) -> u64 {
    let size_bytes = info.size_bytes;
    let whole_mib = |bytes: u64| bytes.div_ceil(MIB) * MIB;
    let tag = info.etag.as_deref().and_then(|etag| etag.split_once('-'));
    let count = tag.and_then(|(_, count)| count.parse().ok());
    if let Some(count @ 1..=MAX_PARTS) = count {
        let bytes = whole_mib(size_bytes.div_ceil(count));
        let is_possible = (MIN_PART_BYTES..=MAX_SINGLE_UPLOAD_BYTES).contains(&bytes);
        if is_possible && size_bytes.div_ceil(bytes) == count {
            return bytes;
        }
    }
    sizes
        .part_bytes
        .max(whole_mib(size_bytes.div_ceil(MAX_PARTS)))
}

/// What passes from one storage to the other, in its order.
struct Passing {
    sha256: Arc<Mutex<Sha256>>,
    moved: Arc<AtomicU64>,
}

impl Passing {
    fn new(moved: &Arc<AtomicU64>) -> Self {
        Self {
            sha256: Arc::default(),
            moved: Arc::clone(moved),
        }
    }

    fn body(&self, response: Response) -> Body {
        let (sha256, moved) = (Arc::clone(&self.sha256), Arc::clone(&self.moved));
        let stream = response.bytes_stream().inspect_ok(move |chunk| {
            let mut sha256 = sha256.lock().unwrap_or_else(PoisonError::into_inner);
            sha256.update(chunk);
            moved.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        Body::wrap_stream(stream)
    }

    fn sha256(&self) -> [u8; 32] {
        let sha256 = self.sha256.lock().unwrap_or_else(PoisonError::into_inner);
        sha256.clone().finalize().into()
    }
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

async fn accepted(
    method: Method,
    response: Response,
    expected: StatusCode,
) -> Result<Response, Error> {
    let status = response.status();
    if status == expected {
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

#[cfg(test)]
mod tests {
    use super::{MIB, TransferConfig, part_bytes};
    use crate::objects::ObjectInfo;

    #[test]
    fn parts_are_as_those_that_the_object_came_in() {
        let gib = 1024 * MIB;
        for (size_bytes, etag, expected) in [
            (6 * gib, "d41d8cd98f00b204e9800998ecf8427e", 64 * MIB),
            // 8 MiB, as the AWS command line sends them; the last is smaller.
            (6 * gib + 1, "d41d8cd98f00b204e9800998ecf8427e-769", 8 * MIB),
            // No parts of one size come to this.
            (6 * gib, "d41d8cd98f00b204e9800998ecf8427e-9999", 64 * MIB),
            (6 * gib, "d41d8cd98f00b204e9800998ecf8427e-1", 64 * MIB),
            (5000 * gib, "d41d8cd98f00b204e9800998ecf8427e", 512 * MIB),
        ] {
            let info = ObjectInfo {
                size_bytes,
                etag: Some(etag.to_owned()),
                ..ObjectInfo::default()
            };
            assert_eq!(
                part_bytes(&info, TransferConfig::default()),
                expected,
                "{etag}"
            );
        }
    }
}
