//! A bucket on S3 or a compatible storage: presigning, and the requests that the service sends itself.
//!
//! Each file adds one group of requests to [`S3`]. They import `client` (sending) and `response` (parsing), and those
//! import no other.

mod age;
mod blobs;
mod check;
mod client;
mod credentials;
mod delete;
mod list;
mod metadata;
mod multipart;
mod owner;
mod response;
mod retention;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;
use uuid::Uuid;

pub use self::blobs::S3Blobs;
use self::client::{Call, Client};
use self::credentials::{Credentials, ProviderChain};
use self::response::Response;
use super::clock_skew::ClockSkew;
use super::signer::{Signer, Signing};
use super::{
    DownloadOptions, Error, FormConstraints, Listing, ObjectInfo, Objects, PartTag, Parts,
    PresignedForm, PresignedUrl, Replace, Requirements,
};
use crate::domain::{Clock, DatabaseName, Finding, ObjectKey, Retention, UploadConstraints};

/// The lifetime of the signatures of the service's own requests. S3 tolerates a clock skew of 15 minutes in any case.
const REQUEST_LIFE: Duration = Duration::from_mins(1);

/// A bucket of Amazon S3 or a compatible storage.
#[derive(Debug)]
pub struct S3 {
    signer: Signer,
    /// The storage's base URL without a trailing slash, for messages.
    endpoint: String,
    credentials: Credentials,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Readings of the local clock or the storage's, whichever is behind.
    clock_skew: Mutex<ClockSkew>,
}

impl S3 {
    /// Opens a bucket without sending a request. Credentials are fetched in the background: without any, signing fails
    /// later.
    ///
    /// `region` defaults to that of the environment, the profile or IMDSv2, and is required. `endpoint` defaults to
    /// Amazon's for the region.
    pub async fn open(
        bucket: &str,
        prefix: &str,
        region: Option<&str>,
        endpoint: Option<&Url>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let chain = ProviderChain::new(Arc::clone(&clock));
        let region = match region {
            Some(region) => region.to_owned(),
            None => chain.region().await.ok_or_else(|| {
                let remedy =
                    "no region is set: add '?region=…' to the bucket's URL, or set AWS_REGION";
                Error::Unavailable(remedy.into())
            })?,
        };
        check_region(&region)?;
        check_prefix(prefix)?;
        let mut endpoint = match endpoint {
            Some(endpoint) => endpoint.clone(),
            None => amazon_endpoint(&region)?,
        };
        // S3 ignores a password, and it would show in messages. Removing it cannot fail for an http URL.
        let _ = endpoint.set_username("");
        let _ = endpoint.set_password(None);
        let signer = Signer::new(
            endpoint.clone(),
            bucket.to_owned(),
            prefix.to_owned(),
            region.clone(),
        )
        .map_err(|error| Error::Unavailable(error.into()))?;
        let client = Client::new().map_err(Error::Unavailable)?;
        Ok(Self {
            signer,
            endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
            credentials: Credentials::new(chain, region, Arc::clone(&clock)),
            client,
            clock,
            clock_skew: Mutex::default(),
        })
    }

    /// Returns the origin of presigned URLs.
    pub(super) fn origin(&self) -> String {
        let base = self.signer.bucket().base_url();
        base.origin().ascii_serialization()
    }

    /// Signs for `life`, or for as long as the credentials live.
    async fn sign<T>(
        &self,
        life: Duration,
        sign: impl FnOnce(Signing<'_>) -> T + Send,
    ) -> Result<T, Error> {
        let cached = self.credentials.get(life).await?;
        let now = self.clock.now();
        Ok(sign(Signing {
            credentials: &cached.credentials,
            now,
            life: cached.life_within(life, now),
        }))
    }

    /// Signs and sends a request of the service itself.
    async fn send(
        &self,
        call: Call,
        sign: impl FnOnce(Signing<'_>) -> PresignedUrl + Send,
    ) -> Result<Response, Error> {
        let signed = self.sign(REQUEST_LIFE, sign).await?;
        let response = self.client.call(call, &signed).await;
        response.map_err(Error::Unavailable)
    }
}

#[async_trait]
impl Objects for S3 {
    async fn presign_put(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        self.sign(life, |signing| self.signer.put(key, constraints, signing))
            .await
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        options: &DownloadOptions,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        self.sign(life, |signing| self.signer.get(key, options, signing))
            .await
    }

    async fn presign_form(
        &self,
        key: &ObjectKey,
        constraints: &FormConstraints,
        life: Duration,
    ) -> Result<PresignedForm, Error> {
        self.sign(life, |signing| {
            self.signer.post_form(key, constraints, signing)
        })
        .await
    }

    async fn create_multipart(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
    ) -> Result<String, Error> {
        self.create_upload(key, constraints).await
    }

    async fn presign_part(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: u16,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        self.sign(life, |signing| {
            self.signer.part(key, upload_id, number, signing)
        })
        .await
    }

    async fn parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: u16,
    ) -> Result<Option<Parts>, Error> {
        self.list_parts(key, upload_id, after).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartTag],
        replace: Replace,
    ) -> Result<bool, Error> {
        self.complete_upload(key, upload_id, parts, replace).await
    }

    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), Error> {
        self.abort_upload(key, upload_id).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, String)>, Error> {
        self.delete_objects(keys).await
    }

    async fn retain(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        retention: Retention,
    ) -> Result<(), Error> {
        self.put_retention(key, version_id, retention).await
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectInfo>, Error> {
        self.head_object(key, version_id).await
    }

    async fn part_sizes(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        size_bytes: u64,
        count: u16,
    ) -> Result<Option<Vec<u64>>, Error> {
        self.head_parts(key, version_id, size_bytes, count).await
    }

    async fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error> {
        self.list_objects(tenant, after).await
    }

    async fn owner(&self) -> Result<Option<Uuid>, Error> {
        self.get_owner().await
    }

    async fn set_owner(&self, database: Uuid) -> Result<(), Error> {
        self.put_owner(database).await
    }

    async fn age_cutoff(&self, age: Duration) -> Result<Option<Timestamp>, Error> {
        self.dated_before(age).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.head_bucket().await?;
        Ok(())
    }

    async fn check(&self, requirements: &Requirements) -> Vec<Finding> {
        check::check(self, requirements).await
    }
}

/// Returns the endpoint of Amazon S3 in a region.
/// Source: the AWS partitions as `botocore/data/partitions.json` lists them.
pub fn amazon_endpoint(region: &str) -> Result<Url, Error> {
    let partitions = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
    ];
    let suffix = partitions
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("amazonaws.com", |(_, suffix)| suffix);
    Url::parse(&format!("https://s3.{region}.{suffix}"))
        .map_err(|error| Error::Unavailable(error.into()))
}

/// A region becomes part of a host name and of the scope of signatures.
fn check_region(region: &str) -> Result<(), Error> {
    if is_region(region) {
        return Ok(());
    }
    let reason = format!("region '{region}' is not made of letters, digits, '-' and '_'");
    Err(Error::Unavailable(reason.into()))
}

fn is_region(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(allowed)
}

/// HTTP clients resolve `.` and `..` in a path, so the key would be that of another object.
fn check_prefix(prefix: &str) -> Result<(), Error> {
    let dots = |segment: &str| matches!(segment, "." | "..");
    if !prefix.split('/').any(dots) {
        return Ok(());
    }
    let reason = format!("prefix '{prefix}' has a '.' or '..' between slashes");
    Err(Error::Unavailable(reason.into()))
}
