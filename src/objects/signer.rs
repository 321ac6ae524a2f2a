//! SigV4 presigning for one bucket: pure computation, the same for S3 and for our own endpoint.

use std::time::Duration;

use jiff::Timestamp;
use rusty_s3::actions::S3Action;
use rusty_s3::{Bucket, Credentials, UrlStyle};
use url::Url;

use super::{MAX_URL_LIFE, Presigned};
use crate::domain::{DatabaseName, ObjectKey};

/// A presigned URL lives for whole seconds, and for one at least.
const MIN_URL_LIFE: Duration = Duration::from_secs(1);

/// A bucket, and the prefix under which our keys lie in it.
#[derive(Debug, Clone)]
pub struct Signer {
    bucket: Bucket,
    prefix: String,
}

impl Signer {
    /// `endpoint` is the storage's base URL; URLs are path-style: `<endpoint>/<bucket>/<key>`.
    pub fn new(
        endpoint: Url,
        bucket: String,
        prefix: String,
        region: String,
    ) -> Result<Self, rusty_s3::BucketError> {
        let bucket = Bucket::new(endpoint, UrlStyle::Path, bucket, region)?;
        Ok(Self { bucket, prefix })
    }

    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the whole key of an object in the bucket.
    pub fn full_key(&self, key: &ObjectKey) -> String {
        if self.prefix.is_empty() {
            key.to_string()
        } else {
            format!("{}/{key}", self.prefix)
        }
    }

    /// Signs a PUT of `key` at `now`. `life` is cut to whole seconds and to [`MAX_URL_LIFE`].
    pub fn put(
        &self,
        key: &ObjectKey,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> Presigned {
        let key = self.full_key(key);
        sign(&self.bucket.put_object(Some(credentials), &key), now, life)
    }

    /// Signs a GET of `key`, likewise.
    pub fn get(
        &self,
        key: &ObjectKey,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> Presigned {
        let key = self.full_key(key);
        sign(&self.bucket.get_object(Some(credentials), &key), now, life)
    }

    /// Signs a HEAD of `key`, likewise.
    pub fn head(
        &self,
        key: &ObjectKey,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> Presigned {
        let key = self.full_key(key);
        sign(&self.bucket.head_object(Some(credentials), &key), now, life)
    }

    /// Returns which of our objects has this whole key.
    pub fn key_of(&self, full_key: &str) -> Option<ObjectKey> {
        if self.prefix.is_empty() {
            return ObjectKey::parse(full_key);
        }
        let key = full_key.strip_prefix(&self.prefix)?.strip_prefix('/')?;
        ObjectKey::parse(key)
    }

    /// Signs the listing of a page of keys, those of one tenant or all below the prefix, likewise.
    /// `after` is the continuation token of the page before.
    pub fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> Presigned {
        let mut prefix = self.prefix.clone();
        if !prefix.is_empty() {
            prefix.push('/');
        }
        if let Some(tenant) = tenant {
            prefix.push_str(tenant.as_str());
            prefix.push('/');
        }
        let mut action = self.bucket.list_objects_v2(Some(credentials));
        action.with_prefix(prefix);
        if let Some(after) = after {
            action.with_continuation_token(after);
        }
        sign(&action, now, life)
    }

    /// Signs a HEAD of the bucket itself, likewise.
    pub fn head_bucket(
        &self,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> Presigned {
        sign(&self.bucket.head_bucket(Some(credentials)), now, life)
    }
}

fn sign<'a>(action: &impl S3Action<'a>, now: Timestamp, life: Duration) -> Presigned {
    let life = Duration::from_secs(life.clamp(MIN_URL_LIFE, MAX_URL_LIFE).as_secs());
    let url = action.sign_with_time(life, &now).into();
    // The URL states its beginning in whole seconds (`X-Amz-Date`), so its end lies on one too.
    let begin = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let expires_at = begin.checked_add(life).unwrap_or(Timestamp::MAX);
    Presigned { url, expires_at }
}
