//! What the product does, told without HTTP and without a backend.
//!
//! A caller goes from [`Service`] to [`Caller`] with an API key, and from there to [`Access`] with a
//! tenant. Whatever touches a tenant's data is a method of [`Access`]: there is no way to name another.

mod access;
mod error;
mod events;
mod files;
mod ingest;
mod multipart;
mod rules;
mod tenants;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Catalogue, Clock, Entropy, TenantMember};
use crate::objects::{Objects, RetentionMode};
use crate::store::Store;

pub use access::{Access, ApiKeys, Caller};
pub use error::{Error, FileChange};
pub use files::{Disposition, DownloadUrl, FormRequest, UploadForm, UploadUrl, describe_metrics};
pub use multipart::Multipart;
pub use rules::{Objection, UploadRules};
pub use tenants::{NewClient, TenantFiles};

/// The service: two backends, and what it was told to do with them.
#[derive(Debug)]
pub struct Service {
    pub store: Arc<dyn Store>,
    pub objects: Arc<dyn Objects>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub settings: Settings,
}

/// What an operator decides.
#[derive(Debug)]
pub struct Settings {
    pub api_keys: ApiKeys,
    /// The envelope member that names the tenant where no client id is sent.
    pub tenant_from: TenantMember,
    pub upload_url_life: Duration,
    pub download_url_life: Duration,
    pub catalogue: Catalogue,
    pub uploads: UploadRules,
    /// How referenced files are kept from being removed, in a bucket that has Object Lock.
    pub object_lock: Option<ObjectLock>,
}

/// For how long, from its event on, nobody removes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLock {
    pub mode: RetentionMode,
    pub life: Duration,
}

/// How the two backends are; `None` for one that did not say in time.
#[derive(Debug)]
pub struct Readiness {
    pub database: Option<Result<(), crate::store::Error>>,
    pub files: Option<Result<(), crate::objects::Error>>,
    /// Whether both took what came last. Where they are within reach all the same, other replicas fare no better.
    pub takes_writes: bool,
}

impl Service {
    /// Asks both backends at once whether they would answer now, and gives each of them `limit`.
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
