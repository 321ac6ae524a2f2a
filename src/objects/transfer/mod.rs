//! Reading and copying of objects through presigned URLs, whatever the storage. For long jobs.

mod checksums;
mod copy;
mod rate_limiter;
mod requests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use self::checksums::Hasher;
use self::requests::Requests;
use super::{DownloadOptions, Error, Objects};
use crate::domain::ObjectKey;

pub use checksums::Checksums;
pub use copy::{TransferConfig, copy};
pub use rate_limiter::RateLimiter;

/// A transfer starts as soon as its URL is signed, and S3 checks the expiry only at the start.
const URL_LIFE: Duration = Duration::from_mins(15);

/// A storage, with an HTTP client for its presigned URLs.
#[derive(Debug, Clone)]
pub struct StorageClient {
    pub objects: Arc<dyn Objects>,
    requests: Requests,
}

impl StorageClient {
    /// `is_local`: this process serves the storage, so no proxy is used.
    pub fn new(objects: Arc<dyn Objects>, is_local: bool) -> Result<Self, Error> {
        let requests = Requests::new(is_local)?;
        Ok(Self { objects, requests })
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
        let url = self.url(key, version_id).await?;
        let mut response = self.requests.get(&url).await?;
        let mut hasher = Hasher::new(part_sizes);
        while let Some(chunk) = self.requests.chunk(&mut response).await? {
            hasher.update(&chunk);
            moved.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            rate_limiter.wait(chunk.len()).await;
        }
        Ok(hasher.finish())
    }

    async fn url(&self, key: &ObjectKey, version_id: Option<&str>) -> Result<String, Error> {
        let options = DownloadOptions {
            version_id: version_id.map(str::to_owned),
            ..DownloadOptions::default()
        };
        let presigned = self.objects.presign_get(key, &options, URL_LIFE).await?;
        Ok(presigned.url)
    }
}
