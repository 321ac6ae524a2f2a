//! Object storage for files: the trait [`Objects`], its values, and the two implementations.
//!
//! `s3` is a bucket on S3 or a compatible storage, `embedded` an S3 endpoint that this process serves from a folder. Both
//! import `signer` and the values here, never each other; only [`open`], [`open_blobs`] and [`check`] name them. `transfer` reads
//! and copies objects through presigned URLs, whatever the storage. `blobs` keeps backups, which are no tenant's files.

pub mod blobs;
mod clock_skew;
pub mod embedded;
mod location;
mod owner;
mod presigned;
mod recorded;
mod request_origin;
pub mod s3;
pub mod signer;
mod stored;
pub mod transfer;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use crate::domain::finding::State;
use crate::domain::{
    Clock, DatabaseName, Entropy, Finding, ObjectKey, Retention, UploadConstraints,
};

pub use blobs::{BlobLocation, Blobs};
pub use embedded::{Inspection, ObjectFile, ObjectFiles};
pub use location::Location;
pub use owner::require_owner;
pub use presigned::{
    DownloadOptions, FormConstraints, FormContentType, PresignedForm, PresignedUrl,
};
pub use recorded::{Recorded, find_recorded};
pub use request_origin::{Capacity, RequestOrigin, TransferLimits};
pub use stored::{ListedObject, Listing, ObjectInfo, Part, PartTag, Parts, Replace};
pub use transfer::{Checksums, RateLimiter};

/// The maximum life of a presigned URL (`X-Amz-Expires`).
/// Source: Amazon S3 API reference, "Authenticating requests: using query parameters".
pub const MAX_URL_LIFE: Duration = Duration::from_hours(7 * 24);

/// An object storage: presigns URLs for callers to upload and download objects, and manages the stored ones.
///
/// `presign_*` methods compute locally and send no request. URLs and forms live for `life` at most, and never longer
/// than [`MAX_URL_LIFE`] or the credentials that signed it.
#[async_trait]
pub trait Objects: Debug + Send + Sync {
    /// Returns a URL to PUT an object that satisfies the constraints, together with the headers to send.
    async fn presign_put(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
        life: Duration,
    ) -> Result<PresignedUrl, Error>;

    /// Returns a form to POST an object that satisfies the constraints.
    async fn presign_form(
        &self,
        key: &ObjectKey,
        constraints: &FormConstraints,
        life: Duration,
    ) -> Result<PresignedForm, Error>;

    /// Returns a URL to GET an object.
    async fn presign_get(
        &self,
        key: &ObjectKey,
        options: &DownloadOptions,
        life: Duration,
    ) -> Result<PresignedUrl, Error>;

    /// Starts a multipart upload and returns its id. The storage does not enforce the size: the caller checks it before
    /// completing the upload. The SHA-256 is stored as declared by the uploader.
    async fn create_multipart(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
    ) -> Result<String, Error>;

    /// Returns a URL to PUT one part.
    async fn presign_part(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: u16,
        life: Duration,
    ) -> Result<PresignedUrl, Error>;

    /// Returns a page of the uploaded parts after number `after`; `None` if there is no such upload.
    async fn parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: u16,
    ) -> Result<Option<Parts>, Error>;

    /// Completes an upload; the object is durable when this returns. `Ok(false)` if there is no such upload (any more), or
    /// if the object exists and must not be replaced; [`Error::Refused`] if a part does not match its ETag or is too small.
    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartTag],
        replace: Replace,
    ) -> Result<bool, Error>;

    /// Aborts an upload and removes its parts. An unknown upload is not an error.
    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), Error>;

    /// Returns the metadata of an object, or of one version of it; `None` if there is none.
    async fn head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectInfo>, Error>;

    /// Returns the sizes, in order, of the `count` parts that an object of `size_bytes` was uploaded in; `None` if the
    /// storage does not report them.
    async fn part_sizes(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        size_bytes: u64,
        count: u16,
    ) -> Result<Option<Vec<u64>>, Error>;

    /// Deletes objects, and returns those that could not be deleted, with the reasons. A missing object counts as deleted.
    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, String)>, Error>;

    /// Makes the object described by `info` immutable, durably: later uploads to `key` fail. Returns `false` if it has
    /// been replaced meanwhile. Called before an event that references the object is stored. By default a no-op, for
    /// storages with versioning or conditional writes.
    async fn seal(&self, _key: &ObjectKey, _info: &ObjectInfo) -> Result<bool, Error> {
        Ok(true)
    }

    /// Returns how far the storage's clock may be off. S3 accepts signatures that are 15 minutes off, so a deployment may
    /// work with such clocks.
    fn max_clock_skew(&self) -> Duration {
        Duration::from_mins(15)
    }

    /// Protects a version of an object from deletion, for at least as long and as strictly as asked for: one that is
    /// protected for longer already stays so. [`Error::Refused`] if the bucket has no Object Lock, or if the version is
    /// protected in a stricter mode for a shorter time.
    async fn retain(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        retention: Retention,
    ) -> Result<(), Error>;

    /// Returns a page of the stored objects, of one tenant or of all, in no particular order. `after` is the previous
    /// page's token.
    ///
    /// For copying and verifying: a storage may have to scan everything for the objects of one tenant.
    async fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error>;

    /// Returns the id of the database that owns the files, if it is set.
    async fn owner(&self) -> Result<Option<Uuid>, Error>;

    /// Sets the owner of the files durably, unless it is set already.
    async fn set_owner(&self, database: Uuid) -> Result<(), Error>;

    /// Returns the date before which objects of at least this age were stored, by the clock that dates objects, even if
    /// that clock was set meanwhile; `None` if no object is known to be so old.
    async fn age_cutoff(&self, age: Duration) -> Result<Option<Timestamp>, Error>;

    /// Tells whether the storage is reachable. Cheap enough for a probe every second.
    async fn ping(&self) -> Result<(), Error>;

    /// Tells whether the last upload succeeded, if the service handles uploads itself. Does no I/O.
    fn takes_writes(&self) -> bool {
        true
    }

    /// Checks the storage for `event-history check`: credentials, bucket, clock, and the requirements.
    async fn check(&self, requirements: &Requirements) -> Vec<Finding>;
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no credentials, or they are about to expire.
    #[error("no usable credentials for object storage")]
    Credentials(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The storage is unreachable or not working; retry later.
    #[error("object storage is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Stored data is damaged; an operator has to intervene.
    #[error("an object is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The storage rejects the request permanently, for the given reason.
    #[error("object storage refuses: {0}")]
    Refused(String),
}

/// An access key id and its secret.
#[derive(Debug, Clone)]
pub struct KeyPair {
    pub access_key_id: String,
    pub secret_access_key: SecretString,
}

/// The dependencies and settings for opening a storage.
#[derive(Debug, Clone)]
pub struct StorageContext {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// The base of the embedded endpoint's URLs, as clients see it.
    pub public_url: Url,
    /// The embedded endpoint's key pair; by default it generates one and stores it in its folder.
    pub embedded_key_pair: Option<KeyPair>,
    /// The origins that CORS allows on the embedded endpoint; `*` for all.
    pub embedded_origins: Vec<String>,
    /// Limits the concurrent requests of the embedded endpoint; `None` for no limit.
    pub transfer_limits: Option<TransferLimits>,
    /// Knows when tenants were created, so that URLs of a former tenant are rejected; `None` accepts them.
    pub tenants: Option<Arc<dyn embedded::TenantLookup>>,
}

/// A deployment's requirements on its storage.
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    /// The origins whose pages upload and download.
    pub origins: Vec<String>,
    pub object_lock: bool,
    /// Upload URLs are good for one upload.
    pub upload_once: bool,
}

/// An open storage, and the endpoint if this process has to serve it.
#[derive(Debug)]
pub struct Opened {
    pub objects: Arc<dyn Objects>,
    /// The origin of presigned URLs, as browsers write it.
    pub origin: String,
    pub endpoint: Option<embedded::Endpoint>,
}

/// Describes the metrics of the storages.
fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_histogram};
    let refreshes = "Attempts to obtain AWS credentials, by result";
    describe_counter!("event_history_credentials_refreshes_total", refreshes);
    let calls = "Duration of requests to object storage, by operation and result";
    let name = "event_history_storage_request_duration_seconds";
    describe_histogram!(name, Unit::Seconds, calls);
    let answers = "Requests to the embedded storage, by operation and status";
    describe_counter!("event_history_embedded_requests_total", answers);
    let received = "Bytes that the embedded storage received";
    describe_counter!(
        "event_history_embedded_received_bytes_total",
        Unit::Bytes,
        received
    );
    let sent = "Bytes that the embedded storage sent";
    describe_counter!("event_history_embedded_sent_bytes_total", Unit::Bytes, sent);
}

/// Opens the storage that `location` names.
pub async fn open(location: &Location, context: &StorageContext) -> Result<Opened, Error> {
    describe_metrics();
    match location {
        Location::S3 {
            bucket,
            prefix,
            region,
            endpoint,
        } => {
            let clock = Arc::clone(&context.clock);
            let s3 =
                s3::S3::open(bucket, prefix, region.as_deref(), endpoint.as_ref(), clock).await?;
            Ok(Opened {
                origin: s3.origin(),
                objects: Arc::new(s3),
                endpoint: None,
            })
        }
        Location::Embedded {
            folder,
            bucket,
            region,
        } => {
            let (objects, endpoint) = embedded::open(folder, bucket, region, context).await?;
            Ok(Opened {
                origin: context.public_url.origin().ascii_serialization(),
                objects: Arc::new(objects),
                endpoint: Some(endpoint),
            })
        }
    }
}

/// Opens the storage of blobs that `location` names. Sends no request, and creates nothing.
pub async fn open_blobs(
    location: &BlobLocation,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Blobs>, Error> {
    match location {
        BlobLocation::Folder(path) => Ok(Arc::new(blobs::BlobFolder::new(path.clone()))),
        BlobLocation::S3 {
            bucket,
            prefix,
            region,
            endpoint,
        } => {
            let (region, endpoint) = (region.as_deref(), endpoint.as_ref());
            let s3 = s3::S3::open(bucket, prefix, region, endpoint, clock).await?;
            Ok(Arc::new(s3::S3Blobs::new(s3)?))
        }
    }
}

/// Checks the storage that `location` names; see [`Objects::check`]. Safe while a service is using it.
pub async fn check(
    location: &Location,
    context: &StorageContext,
    requirements: &Requirements,
) -> Vec<Finding> {
    if let Location::Embedded { folder, .. } = location {
        let finding = embedded::check_writable(folder);
        // Opening would create a missing folder.
        if finding.state != State::Good || !folder.exists() {
            return vec![finding];
        }
    }
    match open(location, context).await {
        Ok(opened) => opened.objects.check(requirements).await,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let message = format!("{error}: {}", cause.unwrap_or_default());
            vec![Finding::wrong("bucket", message, "correct --files")]
        }
    }
}
