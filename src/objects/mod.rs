//! Where files are kept: object storage that speaks S3, another's or our own.

mod checksums;
mod clock_skew;
pub mod embedded;
mod listing;
mod location;
mod owner;
mod rate_limiter;
mod request_origin;
pub mod s3;
pub mod signer;
mod terms;
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

pub use checksums::Checksums;
pub use embedded::Inspection;
pub use listing::{ListedObject, Listing};
pub use location::Location;
pub use owner::require_owner;
pub use rate_limiter::RateLimiter;
pub use request_origin::{Capacity, RequestOrigin, TransferLimits};
pub use terms::{
    DownloadOptions, FormConstraints, FormContentType, ObjectInfo, Part, PartTag, Parts,
    PresignedForm, PresignedUrl, Replace,
};

/// The longest life that SigV4 allows a presigned URL (`X-Amz-Expires`).
/// Source: Amazon S3 API reference, "Authenticating requests: using query parameters".
pub const MAX_URL_LIFE: Duration = Duration::from_hours(7 * 24);

/// Hands out URLs with which others upload and download one object, and knows which objects are there.
#[async_trait]
pub trait Objects: Debug + Send + Sync {
    /// Returns a URL that lets its holder PUT the object at `key` under these terms, sending the
    /// headers that stand with it and nothing else.
    ///
    /// Computed locally: no call to the storage. It lives for `life` at most, and never longer than
    /// [`MAX_URL_LIFE`] or the credentials that signed it.
    async fn presign_put(
        &self,
        key: &ObjectKey,
        terms: &UploadConstraints,
        life: Duration,
    ) -> Result<PresignedUrl, Error>;

    /// Returns a form that lets its holder POST the object at `key` under these terms, likewise.
    async fn presign_form(
        &self,
        key: &ObjectKey,
        terms: &FormConstraints,
        life: Duration,
    ) -> Result<PresignedForm, Error>;

    /// Returns a URL that lets its holder GET the object at `key`, likewise.
    async fn presign_get(
        &self,
        key: &ObjectKey,
        terms: &DownloadOptions,
        life: Duration,
    ) -> Result<PresignedUrl, Error>;

    /// Begins an upload in parts and returns its id. The size of `terms` binds nobody here: whoever
    /// completes the upload looks at it; its SHA-256 is kept as what the uploader declares.
    async fn create_multipart(
        &self,
        key: &ObjectKey,
        terms: &UploadConstraints,
    ) -> Result<String, Error>;

    /// Returns a URL that lets its holder PUT one part, likewise. Computed locally.
    async fn presign_part(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: u16,
        life: Duration,
    ) -> Result<PresignedUrl, Error>;

    /// Returns the parts behind number `after` that the storage has; `None` if there is no such upload.
    async fn parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: u16,
    ) -> Result<Option<Parts>, Error>;

    /// Makes the object out of these parts; durable when this answers. `Ok(false)` if there is no such
    /// upload, or no longer, or an object that is not to be replaced; [`Error::Refused`] if a part is not
    /// what its tag says, or too small.
    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartTag],
        replace: Replace,
    ) -> Result<bool, Error>;

    /// Ends an upload and removes its parts. One that is not there is no error.
    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), Error>;

    /// Returns what storage says of the object at `key`, or of one version of it: `None` if there is
    /// none.
    async fn head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectInfo>, Error>;

    /// Returns the sizes of the `count` parts that the object at `key` of `size_bytes` came in, in their
    /// order; `None` where the storage does not say.
    async fn part_sizes(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        size_bytes: u64,
        count: u16,
    ) -> Result<Option<Vec<u64>>, Error>;

    /// Removes objects, and answers with those that are still there, each with the reason. One that is
    /// not there is removed.
    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, String)>, Error>;

    /// Keeps the bytes of the object as `info` tells of them, durably, whatever is uploaded to `key` from
    /// then on; `false` if they are others by now. Asked for when an event is about to reference them. A
    /// storage elsewhere does nothing: it has versions, or takes conditions with an upload.
    async fn seal(&self, _key: &ObjectKey, _info: &ObjectInfo) -> Result<bool, Error> {
        Ok(true)
    }

    /// Returns how far the clock that dates objects may be from ours. S3 takes signatures that are 15
    /// minutes off, so a deployment may work with clocks as far apart.
    fn max_clock_skew(&self) -> Duration {
        Duration::from_mins(15)
    }

    /// Keeps a version of the object from being removed. [`Error::Refused`] where the bucket has no
    /// Object Lock, or where the version is kept for longer already.
    async fn retain(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        retention: Retention,
    ) -> Result<(), Error>;

    /// Returns a page of the objects that are there, those of one tenant or of all; each stands in one
    /// page, in no order that means anything. `after` is the mark that the page before ended with.
    ///
    /// For copying and verifying: a storage may look at all that it has for the objects of one tenant.
    async fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error>;

    /// Returns the id of the database whose files these are, if that was said.
    async fn owner(&self) -> Result<Option<Uuid>, Error>;

    /// Says durably whose files these are, unless that was said before.
    async fn set_owner(&self, database: Uuid) -> Result<(), Error>;

    /// Returns the date before which an object was put that has been there for `life`, by whatever clock
    /// dates objects and whatever was done to it meanwhile; `None` if none is known to have been.
    async fn age_cutoff(&self, life: Duration) -> Result<Option<Timestamp>, Error>;

    /// Tells whether the storage would answer now. Cheap enough for a probe every second.
    async fn ping(&self) -> Result<(), Error>;

    /// Tells whether the last file that came was taken, as far as the service sees files. Does no I/O.
    fn takes_writes(&self) -> bool {
        true
    }

    /// Says what stands in the way of using this storage, for `event-history check`: credentials,
    /// bucket, clock, and what of `requirements` cannot be.
    async fn check(&self, requirements: &Requirements) -> Vec<Finding>;
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No credentials to sign with, or none that live long enough.
    #[error("no usable credentials for object storage")]
    Credentials(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The storage cannot be reached, or refuses to work: try again later.
    #[error("object storage is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the storage has of this is damaged: a person has to look.
    #[error("an object is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The storage will not do this, now or later; the text says why.
    #[error("object storage refuses: {0}")]
    Refused(String),
}

/// An access key id and its secret.
#[derive(Debug, Clone)]
pub struct KeyPair {
    pub access_key_id: String,
    pub secret_access_key: SecretString,
}

/// What opening a storage needs to know beside its location.
#[derive(Debug, Clone)]
pub struct StorageContext {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// The base of the embedded endpoint's URLs, as its users see it.
    pub public_url: Url,
    /// The embedded endpoint's key pair; `None`: it makes one and keeps it in its folder.
    pub embedded_key_pair: Option<KeyPair>,
    /// The origins whose pages may use the embedded endpoint from a browser; `*` is every origin.
    pub embedded_origins: Vec<String>,
    /// How many requests the embedded endpoint answers at once; `None`: as many as there are.
    pub transfer_limits: Option<TransferLimits>,
    /// Since when tenants have their names; `None`: no URL is too old for its tenant.
    pub tenant_ages: Option<Arc<dyn embedded::TenantAges>>,
}

/// What a deployment wants of its storage beside keeping files.
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    /// The origins whose pages are to upload and download.
    pub origins: Vec<String>,
    /// Whether files are to be retained.
    pub object_lock: bool,
    /// Whether an upload URL is to be for one upload.
    pub upload_once: bool,
}

/// An open storage; `endpoint` is there if this process has to serve it too.
#[derive(Debug)]
pub struct Opened {
    pub objects: Arc<dyn Objects>,
    pub endpoint: Option<embedded::Endpoint>,
}

/// Describes the figures that the storages keep.
fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_histogram};
    let refreshes = "Attempts to obtain AWS credentials, by result";
    describe_counter!("event_history_credentials_refreshes_total", refreshes);
    let calls = "Time that a call to object storage took, by operation and result";
    let name = "event_history_storage_request_duration_seconds";
    describe_histogram!(name, Unit::Seconds, calls);
    let answers = "Requests to the embedded storage, by operation and status";
    describe_counter!("event_history_embedded_requests_total", answers);
    let received = "Bytes that the embedded storage was sent";
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
                objects: Arc::new(objects),
                endpoint: Some(endpoint),
            })
        }
    }
}

/// Says what stands in the way of using the storage that `location` names; see [`Objects::check`].
/// May run beside a service that serves it.
pub async fn check(
    location: &Location,
    context: &StorageContext,
    requirements: &Requirements,
) -> Vec<Finding> {
    if let Location::Embedded { folder, .. } = location {
        let finding = embedded::check_folder(folder);
        // A folder that is not there yet would be made by opening it.
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
