//! SigV4 presigning for one bucket: pure computation, the same for S3 and for our own endpoint.

use std::time::Duration;

use jiff::Timestamp;
use rusty_s3::actions::S3Action;
use rusty_s3::{Bucket, Credentials, UrlStyle};
use url::Url;

use super::{MAX_URL_LIFE, Presigned};
use crate::domain::ObjectKey;

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
}

fn sign<'a>(action: &impl S3Action<'a>, now: Timestamp, life: Duration) -> Presigned {
    let life = Duration::from_secs(life.min(MAX_URL_LIFE).as_secs());
    let url = action.sign_with_time(life, &now).into();
    let expires_at = now.checked_add(life).unwrap_or(Timestamp::MAX);
    Presigned { url, expires_at }
}
