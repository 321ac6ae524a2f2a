//! Presigned URLs and forms for one bucket (AWS Signature Version 4). Pure computation, used for S3 and for the
//! embedded endpoint alike.
//!
//! This file signs what is handed out to callers, `requests.rs` the service's own requests to S3.

mod form;
mod presign;
mod requests;

use std::time::Duration;

use jiff::Timestamp;
use rusty_s3::{Bucket, BucketError, Credentials, Method, UrlStyle};
use url::Url;

use self::presign::{Presigner, Request};
use super::{DownloadOptions, MAX_URL_LIFE, PresignedUrl};
use crate::domain::{FileName, FileSha256, ObjectKey, UploadConstraints};

pub use requests::complete_body;

/// X-Amz-Expires is in whole seconds, one at least.
const MIN_URL_LIFE: Duration = Duration::from_secs(1);

/// Metadata: the file's name, in the form of [`FileName::to_header`](crate::domain::FileName).
pub const FILE_NAME_HEADER: &str = "x-amz-meta-file-name";
/// Metadata: the file's SHA-256 as the uploader declares it, in hexadecimal. Not every storage keeps the checksum that
/// it verifies, and none has one for the whole of a multipart upload.
pub const SHA256_HEADER: &str = "x-amz-meta-sha256";

/// Makes the storage reject an upload if the object exists.
/// Source: Amazon S3 user guide, "Conditional writes".
const IF_ABSENT: (&str, &str) = ("if-none-match", "*");

/// Signs requests for a bucket, with keys below a prefix.
#[derive(Debug, Clone)]
pub struct Signer {
    bucket: Bucket,
    /// Ends with a slash, unless it is empty.
    prefix: String,
    presigner: Presigner,
}

/// The credentials, time and lifetime of a signature.
///
/// The lifetime is limited to [`MAX_URL_LIFE`] and rounded to whole seconds.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    pub credentials: &'a Credentials,
    pub now: Timestamp,
    pub life: Duration,
}

impl Signing<'_> {
    fn life(&self) -> Duration {
        Duration::from_secs(self.life.clamp(MIN_URL_LIFE, MAX_URL_LIFE).as_secs())
    }

    /// Counts from the whole second that `X-Amz-Date` states.
    fn expires_at(&self) -> Timestamp {
        let begin = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        begin.checked_add(self.life()).unwrap_or(Timestamp::MAX)
    }
}

impl Signer {
    /// `endpoint` is the storage's base URL. URLs are path-style: `<endpoint>/<bucket>/<key>`.
    pub fn new(
        endpoint: Url,
        bucket: String,
        mut prefix: String,
        region: String,
    ) -> Result<Self, BucketError> {
        let bucket = Bucket::new(endpoint, UrlStyle::Path, bucket, region)?;
        if !prefix.is_empty() {
            prefix.push('/');
        }
        Ok(Self {
            presigner: Presigner::new(&bucket.object_url(&prefix), bucket.region()),
            bucket,
            prefix,
        })
    }

    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Returns the full key of an object in the bucket.
    pub fn full_key(&self, key: impl std::fmt::Display) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Parses a full key; `None` if it is not the key of a tenant's file.
    pub fn parse_key(&self, full_key: &str) -> Option<ObjectKey> {
        ObjectKey::parse(full_key.strip_prefix(&self.prefix)?)
    }

    /// Signs a PUT of an object.
    pub fn put(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let headers = upload_headers(constraints);
        let request = Request {
            method: "PUT",
            key,
            query: &[],
            headers: &headers,
        };
        PresignedUrl {
            url: self.presigner.url(request, signing),
            headers,
            expires_at: signing.expires_at(),
        }
    }

    /// Signs a GET of an object.
    pub fn get(
        &self,
        key: &ObjectKey,
        options: &DownloadOptions,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let DownloadOptions {
            version_id,
            content_type,
            content_disposition,
        } = options;
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
        PresignedUrl {
            url: self.presigner.url(request, signing),
            headers: Vec::new(),
            expires_at: signing.expires_at(),
        }
    }

    /// Signs a PUT of one part of a multipart upload.
    pub fn part(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: u16,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let number = number.to_string();
        let query = [("partNumber", &*number), ("uploadId", upload_id)];
        self.sign(Method::Put, self.object_url(key), &query, &[], signing)
    }

    fn object_url(&self, key: impl std::fmt::Display) -> Url {
        self.bucket.object_url(&self.full_key(key))
    }

    /// Signs a request with a query and headers that are sorted by name.
    fn sign(
        &self,
        method: Method,
        url: Url,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let url = rusty_s3::signing::sign(
            &signing.now,
            method,
            url,
            signing.credentials.key(),
            signing.credentials.secret(),
            signing.credentials.token(),
            self.bucket.region(),
            signing.life().as_secs(),
            query.iter().copied(),
            headers.iter().copied(),
        );
        PresignedUrl {
            url: url.into(),
            headers: headers.iter().copied().map(owned).collect(),
            expires_at: signing.expires_at(),
        }
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Returns the headers that express the constraints, sorted by name.
fn upload_headers(constraints: &UploadConstraints) -> Vec<(String, String)> {
    let UploadConstraints {
        content_type,
        size_bytes,
        sha256,
        file_name,
        once,
    } = constraints;
    let headers = [
        ("content-length", size_bytes.map(|it| it.to_string())),
        (
            "content-type",
            content_type.as_ref().map(ToString::to_string),
        ),
        (IF_ABSENT.0, once.then(|| IF_ABSENT.1.to_owned())),
        ("x-amz-checksum-sha256", sha256.map(FileSha256::to_base64)),
        (
            FILE_NAME_HEADER,
            file_name.as_ref().map(FileName::to_header),
        ),
        (SHA256_HEADER, sha256.map(|it| it.to_string())),
    ];
    headers
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
