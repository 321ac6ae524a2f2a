//! The product's operations, independent of HTTP and of any backend: uses the traits of `store` and `objects`.
//!
//! A caller goes from [`Service`] to [`Caller`] with a credential, and from there to [`Access`] with a
//! tenant. Every operation on a tenant's data is a method of [`Access`], so no operation can name another tenant.

mod access;
mod audit;
mod batch;
mod data_lifecycle;
mod error;
mod events;
mod files;
mod ingest;
mod limits;
mod multipart;
mod tenants;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{
    Catalogue, Clock, Entropy, EventSchemas, ObjectLock, TenantMember, UploadRules,
};
use crate::objects::Objects;
use crate::store::Store;

pub use crate::store::News;
pub use access::{
    Access, ApiKeys, Caller, Credential, Credentials, MAX_OVERLAP, MAX_STORED_KEYS,
    MAX_VIEW_TOKEN_LIFE, NewKey, Origin, RotatedSecret,
};
pub use audit::Reading;
pub use batch::{BatchLookups, BatchOutcome};
pub use error::{Error, FileChange};
pub use files::{Disposition, DownloadUrl, FormRequest, UploadForm, UploadUrl};
pub use ingest::Delivery;
pub use limits::{Limits, Standing};
pub use multipart::MultipartUpload;
pub use tenants::{DeletedPage, Deletion, NewClient, TenantChanges, TenantFiles, TenantSummary};

/// Describes the metrics of this layer.
pub fn describe_metrics() {
    files::describe_metrics();
    limits::describe_metrics();
    tenants::describe_metrics();
}

/// The service: the two backends and the operator's settings.
#[derive(Debug)]
pub struct Service {
    pub store: Arc<dyn Store>,
    pub objects: Arc<dyn Objects>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub settings: Settings,
    pub limits: Arc<Limits>,
    pub credentials: Credentials,
    pub changes: TenantChanges,
    pub batch_lookups: BatchLookups,
}

/// The operator's settings.
#[derive(Debug)]
pub struct Settings {
    pub api_keys: ApiKeys,
    /// The envelope member that names the tenant where no client id is sent.
    pub tenant_from: TenantMember,
    pub upload_url_life: Duration,
    pub download_url_life: Duration,
    pub catalogue: Arc<Catalogue>,
    pub event_schemas: EventSchemas,
    pub uploads: UploadRules,
    /// Every read of a tenant's history is recorded in that of the system tenant.
    pub audit_reads: bool,
    /// For so long a deleted tenant can be restored; `None`: it is deleted for good at once.
    pub deletion_delay: Option<Duration>,
    /// Protects referenced files from removal, in a bucket with Object Lock.
    pub object_lock: Option<ObjectLock>,
}

/// The state of the two backends; `None` for one that did not answer in time.
#[derive(Debug)]
pub struct Readiness {
    pub database: Option<Result<(), crate::store::Error>>,
    pub files: Option<Result<(), crate::objects::Error>>,
    /// Both accepted their last write. A reachable backend that rejects writes does so for other replicas too.
    pub takes_writes: bool,
}

impl Service {
    /// Pings both backends concurrently, each with a timeout of `limit`.
    pub async fn readiness(&self, limit: Duration) -> Readiness {
        let (database, files) = tokio::join!(
            tokio::time::timeout(limit, self.store.ping()),
            tokio::time::timeout(limit, self.objects.ping()),
        );
        Readiness {
            database: database.ok(),
            files: files.ok(),
            takes_writes: self.store.takes_writes() && self.objects.takes_writes(),
        }
    }
}
