//! Storage that speaks S3 elsewhere: presigning, and the few calls that the service makes itself.

mod check;
mod client;
mod credentials;
mod source;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusty_s3::actions::ListObjectsV2Response;
use url::Url;

use self::client::Client;
use self::credentials::Credentials;
use self::source::Source;
use super::signer::Signer;
use super::{
    DownloadTerms, Error, FormTerms, Listed, Listing, ObjectInfo, Objects, PartTag, Parts,
    Presigned, PresignedForm, Retention, UploadTerms,
};
use crate::domain::{Clock, DatabaseName, Finding, ObjectKey};

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
        })
    }
}

#[async_trait]
impl Objects for S3 {
    async fn presign_put(
        &self,
        key: &ObjectKey,
        terms: &UploadTerms,
        life: Duration,
    ) -> Result<Presigned, Error> {
        let held = self.credentials.get(life).await?;
        let now = self.clock.now();
        let life = held.life_within(life, now);
        Ok(self.signer.put(key, terms, &held.credentials, now, life))
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        terms: &DownloadTerms,
        life: Duration,
    ) -> Result<Presigned, Error> {
        let held = self.credentials.get(life).await?;
        let now = self.clock.now();
        let life = held.life_within(life, now);
        Ok(self.signer.get(key, terms, &held.credentials, now, life))
    }

    async fn presign_form(
        &self,
        _key: &ObjectKey,
        _terms: &FormTerms,
        _life: Duration,
    ) -> Result<PresignedForm, Error> {
        Err(Error::Refused("forms are not there yet".into()))
    }

    async fn create_multipart(
        &self,
        _key: &ObjectKey,
        _terms: &UploadTerms,
    ) -> Result<String, Error> {
        Err(Error::Refused("uploads in parts are not there yet".into()))
    }

    async fn presign_part(
        &self,
        _key: &ObjectKey,
        _upload_id: &str,
        _number: u16,
        _life: Duration,
    ) -> Result<Presigned, Error> {
        Err(Error::Refused("uploads in parts are not there yet".into()))
    }

    async fn parts(
        &self,
        _key: &ObjectKey,
        _upload_id: &str,
        _after: u16,
    ) -> Result<Option<Parts>, Error> {
        Err(Error::Refused("uploads in parts are not there yet".into()))
    }

    async fn complete_multipart(
        &self,
        _key: &ObjectKey,
        _upload_id: &str,
        _parts: &[PartTag],
    ) -> Result<bool, Error> {
        Err(Error::Refused("uploads in parts are not there yet".into()))
    }

    async fn abort_multipart(&self, _key: &ObjectKey, _upload_id: &str) -> Result<(), Error> {
        Err(Error::Refused("uploads in parts are not there yet".into()))
    }

    async fn delete(&self, _keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, String)>, Error> {
        Err(Error::Refused("removing is not there yet".into()))
    }

    async fn retain(
        &self,
        _key: &ObjectKey,
        _version_id: Option<&str>,
        _retention: Retention,
    ) -> Result<(), Error> {
        Err(Error::Refused("retention is not there yet".into()))
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectInfo>, Error> {
        let held = self.credentials.get(OWN_REQUEST_LIFE).await?;
        let now = self.clock.now();
        let life = held.life_within(OWN_REQUEST_LIFE, now);
        let signed = self
            .signer
            .head(key, version_id, &held.credentials, now, life);
        self.client.head(&signed.url).await
    }

    async fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error> {
        let held = self.credentials.get(OWN_REQUEST_LIFE).await?;
        let now = self.clock.now();
        let life = held.life_within(OWN_REQUEST_LIFE, now);
        let signed = self
            .signer
            .list(tenant, after, &held.credentials, now, life);
        let page = self.client.list(&signed.url).await?;
        Ok(self.listing(page))
    }

    async fn ping(&self) -> Result<(), Error> {
        let held = self.credentials.get(OWN_REQUEST_LIFE).await?;
        let now = self.clock.now();
        let life = held.life_within(OWN_REQUEST_LIFE, now);
        let signed = self.signer.head_bucket(&held.credentials, now, life);
        self.client.ping(&signed.url).await
    }

    async fn check(&self, origins: &[String]) -> Vec<Finding> {
        check::check(self, origins).await
    }
}

impl S3 {
    fn listing(&self, page: ListObjectsV2Response) -> Listing {
        let mut listing = Listing {
            next: page.next_continuation_token,
            ..Listing::default()
        };
        for content in page.contents {
            let key = self.signer.key_of(&content.key);
            match (key, content.size) {
                (Some(key), Some(size_bytes)) => {
                    let etag = content.etag.map(|etag| etag.trim_matches('"').to_owned());
                    let info = ObjectInfo {
                        size_bytes,
                        etag,
                        ..ObjectInfo::default()
                    };
                    listing.objects.push(Listed { key, info });
                }
                (Some(key), None) => {
                    let problem = format!("object '{key}' is listed without a size");
                    listing.damaged.push(problem);
                }
                (None, _) => listing.strangers.push(content.key),
            }
        }
        listing
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
