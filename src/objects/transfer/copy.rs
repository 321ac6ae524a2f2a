//! Copying of an object from one storage to another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, ETAG, HeaderMap,
    HeaderName,
};
use reqwest::Response;
use sha2::{Digest, Sha256};

use super::requests::because;
use super::{StorageClient, URL_LIFE};
use crate::domain::file::limits::{self, MAX_SINGLE_UPLOAD_BYTES, MIN_PART_BYTES};
use crate::domain::{ObjectKey, UploadConstraints};
use crate::objects::{Error, ObjectInfo, PartTag, Replace};

const MAX_PARTS: u64 = limits::MAX_PARTS as u64;
const MIB: u64 = 1024 * 1024;

/// The default sizes of parts of our own client, and of the AWS command line and SDKs.
const USUAL_PART_BYTES: [u64; 3] = [16 * MIB, 8 * MIB, 5 * MIB];

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
    /// Larger objects are copied with a multipart upload, and those that arrived in parts.
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

/// A copy of one object, or of one version of it.
struct Transfer<'a> {
    from: &'a StorageClient,
    to: &'a StorageClient,
    key: &'a ObjectKey,
    version_id: Option<&'a str>,
    info: ObjectInfo,
    hasher: BodyHasher,
}

/// Copies an object, or one version of it, with its metadata, and returns the SHA-256 of the copied bytes. What was
/// uploaded in parts is copied in the same parts, so that its ETag stays the same. When this returns, `to` has
/// acknowledged the whole object. `moved` counts the bytes.
pub async fn copy(
    from: &StorageClient,
    to: &StorageClient,
    key: &ObjectKey,
    version_id: Option<&str>,
    config: TransferConfig,
    moved: &Arc<AtomicU64>,
) -> Result<[u8; 32], Error> {
    let info = from.objects.head(key, version_id).await?;
    let transfer = Transfer {
        from,
        to,
        key,
        version_id,
        info: info.ok_or_else(|| because("the object is gone"))?,
        hasher: BodyHasher::new(moved),
    };
    match transfer.part_sizes(config).await? {
        Some(sizes) => transfer.in_parts(&sizes).await?,
        None => transfer.at_once().await?,
    }
    Ok(transfer.hasher.sha256())
}

impl Transfer<'_> {
    /// Returns the sizes of the parts to send; `None` for a single PUT.
    async fn part_sizes(&self, config: TransferConfig) -> Result<Option<Vec<u64>>, Error> {
        let size_bytes = self.info.size_bytes;
        let is_large = size_bytes > config.multipart_threshold_bytes;
        let Some(count) = part_count(&self.info) else {
            let sizes = || sizes_of_parts(size_bytes, default_part_bytes(size_bytes, config));
            return Ok(is_large.then(sizes));
        };
        let objects = &self.from.objects;
        let sizes = objects.part_sizes(self.key, self.version_id, size_bytes, count);
        if let Some(sizes) = sizes.await?.filter(|sizes| can_send(sizes, size_bytes)) {
            return Ok(Some(sizes));
        }
        Ok(match usual_part_bytes(size_bytes, count) {
            Some(part_bytes) => Some(sizes_of_parts(size_bytes, part_bytes)),
            None if is_large => Some(sizes_of_parts(
                size_bytes,
                default_part_bytes(size_bytes, config),
            )),
            None => None,
        })
    }

    fn constraints(&self) -> UploadConstraints {
        let info = &self.info;
        // An ETag that is no digest will be another one there.
        let computed = info.sha256.filter(|_| info.has_opaque_etag);
        UploadConstraints {
            content_type: info.content_type.clone(),
            size_bytes: Some(info.size_bytes),
            sha256: info.declared_sha256.or(computed),
            file_name: info.file_name.clone(),
            once: false,
        }
    }

    async fn at_once(&self) -> Result<(), Error> {
        let url = self.from.url(self.key, self.version_id).await?;
        let response = self.from.requests.get(&url).await?;
        self.put_object(response).await
    }

    /// Sends the body of a response as the whole object.
    async fn put_object(&self, response: Response) -> Result<(), Error> {
        // With a length, a truncated body is detected.
        let length = response.content_length();
        if length != Some(self.info.size_bytes) {
            return Err(because("its answer to GET states another length than HEAD"));
        }
        let headers = copied_headers(response.headers());
        let constraints = self.constraints();
        let to = &self.to;
        let presigned = to.objects.presign_put(self.key, &constraints, URL_LIFE);
        let presigned = presigned.await?;
        let body = self.hasher.count(self.from.requests.body(response));
        let size_bytes = self.info.size_bytes;
        to.requests
            .put(presigned, headers, size_bytes, body)
            .await?;
        Ok(())
    }

    async fn in_parts(&self, sizes: &[u64]) -> Result<(), Error> {
        let first = self
            .get_part(0, sizes.first().copied().unwrap_or(0))
            .await?;
        // Parts cannot carry these, and they matter more to who downloads the object than its ETag.
        let has_headers = |it: &Response| !copied_headers(it.headers()).is_empty();
        if first.as_ref().is_some_and(has_headers)
            && self.info.size_bytes <= MAX_SINGLE_UPLOAD_BYTES
        {
            drop(first);
            return self.at_once().await;
        }
        let (to, key) = (&self.to.objects, self.key);
        let upload_id = to.create_multipart(key, &self.constraints()).await?;
        let error = match self.send_parts(sizes, first, &upload_id).await {
            Ok(tags) => {
                let completed = to.complete_multipart(key, &upload_id, &tags, Replace::Yes);
                match completed.await {
                    Ok(true) => return Ok(()),
                    Ok(false) => because("the multipart upload was ended by another process"),
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        // If this fails, the bucket's lifecycle rule aborts the upload.
        let _ = to.abort_multipart(key, &upload_id).await;
        Err(error)
    }

    async fn send_parts(
        &self,
        sizes: &[u64],
        first: Option<Response>,
        upload_id: &str,
    ) -> Result<Vec<PartTag>, Error> {
        let mut first = Some(first);
        let mut tags = Vec::with_capacity(sizes.len());
        let mut begin = 0;
        for (number, size_bytes) in (1..=limits::MAX_PARTS).zip(sizes.iter().copied()) {
            let response = match first.take() {
                Some(first) => first,
                None => self.get_part(begin, size_bytes).await?,
            };
            let presigned = self
                .to
                .objects
                .presign_part(self.key, upload_id, number, URL_LIFE);
            let presigned = presigned.await?;
            let requests = self.from.requests.clone();
            let body = stream::iter(response).flat_map(move |it| requests.body(it));
            let body = self.hasher.count(body);
            let answer = self
                .to
                .requests
                .put(presigned, HeaderMap::new(), size_bytes, body);
            let answer = answer.await?;
            let etag = answer.headers().get(ETAG).and_then(|it| it.to_str().ok());
            let etag = etag.ok_or_else(|| because("its answer to a part has no ETag"))?;
            tags.push(PartTag {
                number,
                etag: etag.trim_matches('"').to_owned(),
            });
            begin += size_bytes;
        }
        Ok(tags)
    }

    /// Returns the response with the bytes of a part; `None` for a part without any, which no range can name.
    async fn get_part(&self, begin: u64, size_bytes: u64) -> Result<Option<Response>, Error> {
        if size_bytes == 0 {
            return Ok(None);
        }
        let url = self.from.url(self.key, self.version_id).await?;
        let (range, etag) = (begin..begin + size_bytes, self.info.etag.as_deref());
        let response = self.from.requests.get_range(&url, &range, etag).await?;
        Ok(Some(response))
    }
}

/// Returns the number of parts that an object was uploaded in, as its ETag shows it.
fn part_count(info: &ObjectInfo) -> Option<u16> {
    let (_, count) = info.etag.as_deref()?.split_once('-')?;
    let count = count.parse().ok()?;
    (1..=limits::MAX_PARTS).contains(&count).then_some(count)
}

/// Tells whether every storage accepts parts of these sizes.
fn can_send(sizes: &[u64], size_bytes: u64) -> bool {
    let Some((last, others)) = sizes.split_last() else {
        return false;
    };
    let is_possible = |it: &u64| (MIN_PART_BYTES..=MAX_SINGLE_UPLOAD_BYTES).contains(it);
    others.iter().all(is_possible)
        && *last <= MAX_SINGLE_UPLOAD_BYTES
        && sizes.iter().sum::<u64>() == size_bytes
}

/// Returns the size of the parts if they may be of one size: one that uploaders use by default, or the smallest.
fn usual_part_bytes(size_bytes: u64, count: u16) -> Option<u64> {
    let smallest = whole_mib(size_bytes.div_ceil(u64::from(count))).max(MIN_PART_BYTES);
    let mut sizes = USUAL_PART_BYTES.into_iter().chain([smallest]);
    sizes.find(|bytes| {
        *bytes <= MAX_SINGLE_UPLOAD_BYTES && size_bytes.div_ceil(*bytes).max(1) == u64::from(count)
    })
}

fn default_part_bytes(size_bytes: u64, config: TransferConfig) -> u64 {
    let smallest = whole_mib(size_bytes.div_ceil(MAX_PARTS));
    config.part_bytes.max(smallest)
}

fn whole_mib(bytes: u64) -> u64 {
    bytes.div_ceil(MIB) * MIB
}

/// Splits an object into parts of one size; the last may be smaller.
fn sizes_of_parts(size_bytes: u64, part_bytes: u64) -> Vec<u64> {
    let mut sizes = Vec::new();
    let mut left = size_bytes;
    while left > part_bytes {
        sizes.push(part_bytes);
        left -= part_bytes;
    }
    sizes.push(left);
    sizes
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

    fn count<S>(&self, body: S) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, Error>> + Send,
    {
        let (sha256, moved) = (Arc::clone(&self.sha256), Arc::clone(&self.moved));
        body.inspect_ok(move |chunk| {
            let mut sha256 = sha256.lock().unwrap_or_else(PoisonError::into_inner);
            sha256.update(chunk);
            moved.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        })
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
    use super::{
        MIB, TransferConfig, can_send, default_part_bytes, part_count, sizes_of_parts,
        usual_part_bytes,
    };
    use crate::objects::ObjectInfo;

    #[test]
    fn parts_have_the_size_of_the_original_upload() {
        let gib = 1024 * MIB;
        for (size_bytes, etag, expected) in [
            (6 * gib, "d41d8cd98f00b204e9800998ecf8427e", None),
            // 8 MiB, as the AWS command line sends them; the last is smaller.
            (
                6 * gib + 1,
                "d41d8cd98f00b204e9800998ecf8427e-769",
                Some(8 * MIB),
            ),
            (
                70 * MIB,
                "d41d8cd98f00b204e9800998ecf8427e-5",
                Some(16 * MIB),
            ),
            (
                70 * MIB,
                "d41d8cd98f00b204e9800998ecf8427e-3",
                Some(24 * MIB),
            ),
            // No parts of one size come to this.
            (6 * gib, "d41d8cd98f00b204e9800998ecf8427e-9999", None),
            // One part of 6 GiB would be too large, one of 3 bytes is the last.
            (6 * gib, "d41d8cd98f00b204e9800998ecf8427e-1", None),
            (3, "d41d8cd98f00b204e9800998ecf8427e-1", Some(16 * MIB)),
            (0, "d41d8cd98f00b204e9800998ecf8427e-1", Some(16 * MIB)),
        ] {
            let info = ObjectInfo {
                size_bytes,
                etag: Some(etag.to_owned()),
                ..ObjectInfo::default()
            };
            let count = part_count(&info);
            let found = count.and_then(|count| usual_part_bytes(size_bytes, count));
            assert_eq!(found, expected, "{etag}");
        }
        let default = |size_bytes| default_part_bytes(size_bytes, TransferConfig::default());
        assert_eq!(default(6 * gib), 64 * MIB);
        assert_eq!(default(5000 * gib), 512 * MIB);
    }

    #[test]
    fn parts_add_up_and_are_accepted() {
        for (size_bytes, count) in [
            (0, 1),
            (1, 1),
            (5 * MIB, 1),
            (5 * MIB + 1, 2),
            (70 * MIB, 14),
        ] {
            let sizes = sizes_of_parts(size_bytes, 5 * MIB);
            assert_eq!(sizes.len(), count, "{size_bytes}");
            assert!(can_send(&sizes, size_bytes), "{size_bytes}");
            assert!(!can_send(&sizes, size_bytes + 1), "{size_bytes}");
        }
        assert!(!can_send(&[], 0));
        assert!(!can_send(&[1, 5 * MIB], 5 * MIB + 1));
        assert!(can_send(&[7 * MIB, 5 * MIB, 1], 12 * MIB + 1));
    }
}
