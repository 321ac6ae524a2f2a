//! Storage that speaks S3 elsewhere: presigning, and the few calls that the service makes itself.

mod answer;
mod check;
mod client;
mod clocks;
mod credentials;
mod keeping;
mod multipart;
mod owner;
mod part_sizes;
mod reads;
mod source;
mod versions;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;
use uuid::Uuid;

use self::client::Client;
use self::credentials::Credentials;
use self::source::Source;
use super::clock_skew::ClockSkew;
use super::signer::Signer;
use super::{
    DownloadOptions, Error, FormConstraints, Listing, ObjectInfo, Objects, PartTag, Parts,
    PresignedForm, PresignedUrl, Replace, Requirements,
};
use crate::domain::{Clock, DatabaseName, Finding, ObjectKey, Retention, UploadConstraints};

/// How long the signatures of our own requests hold: S3 allows clocks to differ by 15 minutes anyway.
const OWN_REQUEST_LIFE: Duration = Duration::from_mins(1);

/// A bucket of Amazon S3, or of anything else that speaks its protocol.
#[derive(Debug)]
pub struct S3 {
    signer: Signer,
    /// The storage's base URL without a slash at its end, for messages.
    endpoint: String,
    credentials: Credentials,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Of the clocks here and at the storage, the one that is behind.
    history: Mutex<ClockSkew>,
}

impl S3 {
    /// Opens a bucket without calling it. Credentials are looked for in the background: a bucket
    /// without any opens too, and fails at signing.
    ///
    /// `region` is by default the one that the environment, the profile or IMDSv2 names; to have none
    /// is an error. `endpoint` is by default Amazon's for the region.
    pub async fn open(
        bucket: &str,
        prefix: &str,
        region: Option<&str>,
        endpoint: Option<&Url>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let source = Source::new(Arc::clone(&clock));
        let region = match region {
            Some(region) => region.to_owned(),
            None => source.region().await.ok_or_else(|| {
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
        // A password would show in messages; S3 has no use for one. An http URL can go without.
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
            credentials: Credentials::new(source, region, Arc::clone(&clock)),
            client,
            clock,
            history: Mutex::default(),
        })
    }
}

impl S3 {
    /// Signs a request of our own.
    async fn sign<T>(
        &self,
        sign: impl FnOnce(&rusty_s3::Credentials, Timestamp, Duration) -> T + Send,
    ) -> Result<T, Error> {
        self.sign_for(OWN_REQUEST_LIFE, sign).await
    }

    /// Signs what is to live for `life`, or for as long as the credentials do.
    async fn sign_for<T>(
        &self,
        life: Duration,
        sign: impl FnOnce(&rusty_s3::Credentials, Timestamp, Duration) -> T + Send,
    ) -> Result<T, Error> {
        let held = self.credentials.get(life).await?;
        let now = self.clock.now();
        let life = held.life_within(life, now);
        Ok(sign(&held.credentials, now, life))
    }
}

#[async_trait]
impl Objects for S3 {
    async fn presign_put(
        &self,
        key: &ObjectKey,
        terms: &UploadConstraints,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        self.sign_for(life, |credentials, now, life| {
            self.signer.put(key, terms, credentials, now, life)
        })
        .await
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        terms: &DownloadOptions,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        self.sign_for(life, |credentials, now, life| {
            self.signer.get(key, terms, credentials, now, life)
        })
        .await
    }

    async fn presign_form(
        &self,
        key: &ObjectKey,
        terms: &FormConstraints,
        life: Duration,
    ) -> Result<PresignedForm, Error> {
        self.sign_for(life, |credentials, now, life| {
            self.signer.post_form(key, terms, credentials, now, life)
        })
        .await
    }

    async fn create_multipart(
        &self,
        key: &ObjectKey,
        terms: &UploadConstraints,
    ) -> Result<String, Error> {
        self.begin_upload(key, terms).await
    }

    async fn presign_part(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: u16,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        self.sign_for(life, |credentials, now, life| {
            self.signer
                .part(key, upload_id, number, credentials, now, life)
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
        self.finish_upload(key, upload_id, parts, replace).await
    }

    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), Error> {
        self.end_upload(key, upload_id).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, String)>, Error> {
        self.remove(keys).await
    }

    async fn retain(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        retention: Retention,
    ) -> Result<(), Error> {
        self.keep(key, version_id, retention).await
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectInfo>, Error> {
        self.ask_head(key, version_id).await
    }

    async fn part_sizes(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        size_bytes: u64,
        count: u16,
    ) -> Result<Option<Vec<u64>>, Error> {
        self.ask_part_sizes(key, version_id, size_bytes, count)
            .await
    }

    async fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error> {
        self.ask_list(tenant, after).await
    }

    async fn owner(&self) -> Result<Option<Uuid>, Error> {
        self.ask_owner().await
    }

    async fn set_owner(&self, database: Uuid) -> Result<(), Error> {
        self.put_owner(database).await
    }

    async fn age_cutoff(&self, life: Duration) -> Result<Option<Timestamp>, Error> {
        self.dated_before(life).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.ask_bucket().await?;
        Ok(())
    }

    async fn check(&self, requirements: &Requirements) -> Vec<Finding> {
        check::check(self, requirements).await
    }
}

/// Returns where Amazon serves S3 for a region.
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

/// A region becomes part of a host name and of every signature's scope.
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

/// HTTP clients resolve `.` and `..` in a path, so such a key would reach another object.
fn check_prefix(prefix: &str) -> Result<(), Error> {
    let dots = |segment: &str| matches!(segment, "." | "..");
    if !prefix.split('/').any(dots) {
        return Ok(());
    }
    let reason = format!("prefix '{prefix}' has a '.' or '..' between slashes");
    Err(Error::Unavailable(reason.into()))
}
