//! SigV4 presigning for one bucket: pure computation, the same for S3 and for our own endpoint.

mod form;
mod parts;
mod presign;

use std::time::Duration;

use jiff::Timestamp;
use rusty_s3::actions::S3Action;
use rusty_s3::{Bucket, Credentials, UrlStyle};
use url::Url;

use super::{DownloadOptions, MAX_URL_LIFE, PresignedUrl};
use crate::domain::{DatabaseName, FileSha256, ObjectKey, UploadConstraints};

use self::presign::{Presigner, Request};

pub use parts::complete_body;

/// A presigned URL lives for whole seconds, and for one at least.
const MIN_URL_LIFE: Duration = Duration::from_secs(1);

/// Keeps a file's name with the object, in the form of [`FileName::to_header`](crate::domain::FileName).
pub const FILE_NAME_HEADER: &str = "x-amz-meta-file-name";
/// Keeps what the uploader says that the file's SHA-256 is, in hexadecimal. Not every storage keeps the
/// checksum that it verifies, and none has one of a file that came in parts.
pub const SHA256_HEADER: &str = "x-amz-meta-sha256";

/// Makes storage refuse an upload where an object is.
/// Source: Amazon S3 user guide, "Conditional writes".
const ONLY_NEW: (&str, &str) = ("if-none-match", "*");

/// Makes S3 tell the checksums that it has of an object.
const CHECKSUM_MODE: (&str, &str) = ("x-amz-checksum-mode", "ENABLED");

/// A bucket, and the prefix under which our keys lie in it.
#[derive(Debug, Clone)]
pub struct Signer {
    bucket: Bucket,
    prefix: String,
    presigner: Presigner,
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
        let base = if prefix.is_empty() {
            bucket.base_url().clone()
        } else {
            bucket.object_url(&format!("{prefix}/"))
        };
        Ok(Self {
            presigner: Presigner::new(&base, bucket.region()),
            bucket,
            prefix,
        })
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
        terms: &UploadConstraints,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let headers = upload_headers(terms);
        let request = Request {
            method: "PUT",
            key,
            query: &[],
            headers: &headers,
        };
        let life = whole_seconds(life);
        PresignedUrl {
            url: self.presigner.url(request, credentials, now, life),
            headers,
            expires_at: end(now, life),
        }
    }

    /// Signs a GET of `key`, likewise.
    pub fn get(
        &self,
        key: &ObjectKey,
        terms: &DownloadOptions,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let DownloadOptions {
            version_id,
            content_type,
            content_disposition,
        } = terms;
        let query: Vec<(&str, &str)> = [
            ("response-content-disposition", content_disposition),
            ("response-content-type", content_type),
            ("versionId", version_id),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect();
        let request = Request {
            method: "GET",
            key,
            query: &query,
            headers: &[],
        };
        let life = whole_seconds(life);
        PresignedUrl {
            url: self.presigner.url(request, credentials, now, life),
            headers: Vec::new(),
            expires_at: end(now, life),
        }
    }

    /// Signs a HEAD of `key` that asks for its checksums, or one of a part of it, likewise.
    pub fn head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        part: Option<u16>,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let key = self.full_key(key);
        let mut action = self.bucket.head_object(Some(credentials), &key);
        if let Some(version_id) = version_id {
            action.query_mut().insert("versionId", version_id);
        }
        if let Some(number) = part {
            action.query_mut().insert("partNumber", number.to_string());
        }
        let (name, value) = CHECKSUM_MODE;
        action.headers_mut().insert(name, value);
        let mut presigned = sign(&action, now, life);
        presigned.headers = vec![(name.to_owned(), value.to_owned())];
        presigned
    }

    /// Returns the whole key of the object that says whose files these are. No tenant's name begins so.
    pub fn owner_key(&self) -> String {
        if self.prefix.is_empty() {
            OWNER.to_owned()
        } else {
            format!("{}/{OWNER}", self.prefix)
        }
    }

    /// Signs a GET of that object, likewise.
    pub fn get_owner(
        &self,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let key = self.owner_key();
        sign(&self.bucket.get_object(Some(credentials), &key), now, life)
    }

    /// Signs a PUT of that object with a content of this SHA-256, likewise.
    pub fn put_owner(
        &self,
        sha256: FileSha256,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let key = self.owner_key();
        let mut action = self.bucket.put_object(Some(credentials), &key);
        // A bucket with Object Lock takes nothing without a checksum.
        let (name, value) = ("x-amz-checksum-sha256", sha256.to_base64());
        action.headers_mut().insert(name, value.clone());
        let mut presigned = sign(&action, now, life);
        presigned.headers = vec![(name.to_owned(), value), header(ONLY_NEW)];
        presigned
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
    ) -> PresignedUrl {
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
    ) -> PresignedUrl {
        sign(&self.bucket.head_bucket(Some(credentials)), now, life)
    }
}

/// See [`Signer::owner_key`].
const OWNER: &str = ".event-history/owner";

fn sign<'a>(action: &impl S3Action<'a>, now: Timestamp, life: Duration) -> PresignedUrl {
    let life = whole_seconds(life);
    PresignedUrl {
        url: action.sign_with_time(life, &now).into(),
        headers: Vec::new(),
        expires_at: end(now, life),
    }
}

fn whole_seconds(life: Duration) -> Duration {
    Duration::from_secs(life.clamp(MIN_URL_LIFE, MAX_URL_LIFE).as_secs())
}

/// What is signed states its beginning in whole seconds (`X-Amz-Date`), so its end lies on one too.
fn end(now: Timestamp, life: Duration) -> Timestamp {
    let begin = Timestamp::from_second(now.as_second()).unwrap_or(now);
    begin.checked_add(life).unwrap_or(Timestamp::MAX)
}

fn header((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Returns the headers that make an upload what `terms` say, in the order in which they are signed.
fn upload_headers(terms: &UploadConstraints) -> Vec<(String, String)> {
    let UploadConstraints {
        content_type,
        size_bytes,
        sha256,
        file_name,
        once,
    } = terms;
    let mut headers = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    if let Some(size_bytes) = size_bytes {
        add("content-length", size_bytes.to_string());
    }
    if let Some(content_type) = content_type {
        add("content-type", content_type.to_string());
    }
    if *once {
        headers.push(header(ONLY_NEW));
    }
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    if let Some(sha256) = sha256 {
        add("x-amz-checksum-sha256", sha256.to_base64());
    }
    if let Some(file_name) = file_name {
        add(FILE_NAME_HEADER, file_name.to_header());
    }
    if let Some(sha256) = sha256 {
        add(SHA256_HEADER, sha256.to_string());
    }
    headers
}
