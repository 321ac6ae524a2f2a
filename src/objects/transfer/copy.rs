//! Copying of an object from one storage to another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, ETAG, HeaderMap,
    HeaderName,
};
use reqwest::{Body, Response};
use sha2::{Digest, Sha256};

use super::{StorageClient, URL_LIFE, because};
use crate::domain::file::limits::{self, MAX_SINGLE_UPLOAD_BYTES, MIN_PART_BYTES};
use crate::domain::{ContentType, FileName, FileSha256, ObjectKey, UploadConstraints};
use crate::objects::signer::{FILE_NAME_HEADER, SHA256_HEADER};
use crate::objects::{Error, ObjectInfo, PartTag, Replace};

const MAX_PARTS: u64 = limits::MAX_PARTS as u64;
const MIB: u64 = 1024 * 1024;

/// Headers that an uploader may have set in addition to the signed ones, and that are copied. (Not with a multipart
/// upload, which would have to set them at its start.)
const COPIED_HEADERS: [HeaderName; 4] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_DISPOSITION,
    CACHE_CONTROL,
];

/// Sizes of the requests of a copy.
#[derive(Debug, Clone, Copy)]
pub struct TransferConfig {
    /// Larger objects are copied with a multipart upload.
    pub multipart_threshold_bytes: u64,
    /// The default size of a part.
    pub part_bytes: u64,
}

impl Default for TransferConfig {
    fn default() -> Self {
        Self {
            multipart_threshold_bytes: MAX_SINGLE_UPLOAD_BYTES,
            // Little is lost if a connection breaks, and 6 GiB take a hundred requests.
            part_bytes: 64 * MIB,
        }
    }
}

/// Copies an object with its metadata, and returns the SHA-256 of the copied bytes. When this returns, `to` has
/// acknowledged the whole object. `moved` counts the bytes.
pub async fn copy(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    info: &ObjectInfo,
    config: TransferConfig,
    moved: &Arc<AtomicU64>,
) -> Result<[u8; 32], Error> {
    let hasher = BodyHasher::new(moved);
    if info.size_bytes > config.multipart_threshold_bytes {
        copy_in_parts(from, to, key, config, &hasher).await?;
    } else {
        copy_at_once(from, to, key, &hasher).await?;
    }
    Ok(hasher.sha256())
}

async fn copy_at_once(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    hasher: &BodyHasher,
) -> Result<(), Error> {
    let response = from.get(key).await?;
    // With a length, a truncated body is detected.
    let length = response.content_length();
    let length = length.ok_or_else(|| because("its answer to GET states no length"))?;
    let text = |name: &str| response.headers().get(name)?.to_str().ok();
    let constraints = UploadConstraints {
        content_type: text("content-type").and_then(|it| ContentType::parse(it).ok()),
        size_bytes: Some(length),
        sha256: text(SHA256_HEADER).and_then(FileSha256::from_hex),
        file_name: text(FILE_NAME_HEADER).and_then(FileName::from_header),
        once: false,
    };
    let headers = copied_headers(response.headers());
    let presigned = to.objects.presign_put(key, &constraints, URL_LIFE).await?;
    to.put(presigned, headers, length, hasher.body(response))
        .await?;
    Ok(())
}

async fn copy_in_parts(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    config: TransferConfig,
    hasher: &BodyHasher,
) -> Result<(), Error> {
    let info = from.objects.head(key, None).await?;
    let info = info.ok_or_else(|| because("the object is gone"))?;
    let constraints = UploadConstraints {
        content_type: info.content_type.clone(),
        size_bytes: Some(info.size_bytes),
        sha256: info.declared_sha256.or(info.sha256),
        file_name: info.file_name.clone(),
        once: false,
    };
    let upload_id = to.objects.create_multipart(key, &constraints).await?;
    let sent = send_parts(from, to, key, &info, &upload_id, config, hasher).await;
    let error = match sent {
        Ok(tags) => {
            let completed = to
                .objects
                .complete_multipart(key, &upload_id, &tags, Replace::Yes);
            match completed.await {
                Ok(true) => return Ok(()),
                Ok(false) => because("the multipart upload was ended by another process"),
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    // If this fails, the bucket's lifecycle rule aborts the upload.
    let _ = to.objects.abort_multipart(key, &upload_id).await;
    Err(error)
}

async fn send_parts(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    info: &ObjectInfo,
    upload_id: &str,
    config: TransferConfig,
    hasher: &BodyHasher,
) -> Result<Vec<PartTag>, Error> {
    let part_bytes = part_bytes(info, config);
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
        let (length, body) = (range.end - range.start, hasher.body(response));
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

/// Returns the size of the parts: that of the original upload, if it can be derived from the ETag, so that the ETag stays
/// the same.
fn part_bytes(info: &ObjectInfo, config: TransferConfig) -> u64 {
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
    config
        .part_bytes
        .max(whole_mib(size_bytes.div_ceil(MAX_PARTS)))
}

/// Hashes and counts the bytes of consecutive bodies.
struct BodyHasher {
    sha256: Arc<Mutex<Sha256>>,
    moved: Arc<AtomicU64>,
}

impl BodyHasher {
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

fn copied_headers(headers: &HeaderMap) -> HeaderMap {
    let mut copied = HeaderMap::new();
    for name in COPIED_HEADERS {
        let Some(value) = headers.get(&name) else {
            continue;
        };
        // The embedded endpoint's default.
        if name == CONTENT_DISPOSITION && value == "attachment" {
            continue;
        }
        copied.insert(name, value.clone());
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::{MIB, TransferConfig, part_bytes};
    use crate::objects::ObjectInfo;

    #[test]
    fn parts_have_the_size_of_the_original_upload() {
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
