//! The caller's side of the API: uploads and downloads files, each whole and verified or not at all, sends events, and
//! reads the history.
//!
//! It knows the service by its API only and could become a library of its own: it imports `domain`, `retry` and
//! `durable_file`, and nothing of the terminal. `upload/`, `download.rs` and `history/` use `api.rs` (requests to the
//! service) and `storage.rs` (requests to presigned URLs).

mod admin_requests;
mod administration;
mod api;
mod download;
mod error;
mod event;
mod history;
mod local_file;
mod progress;
mod storage;
mod upload;
mod upload_body;

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::domain::Catalogue;
use crate::retry::{Limit, Retry};

pub use administration::{
    CreatedKey, CreatedTenant, KeyEntry, NewSecret, TenantDetails, TenantEntry, TenantsPage,
};
pub use download::{Download, FileOfEvent, Target};
pub use error::Error;
pub use event::{NewEvent, NewFile};
pub use history::{
    Batch, BatchAnswer, Completed, EventProblem, EventReader, EventResult, EventsPage, Export,
    ExportProgress, FeedPage, HistoryEvent, InputError, InputEvent, Outcome, Parameters,
    TextFormat, Walk, complete,
};
pub use progress::{Phase, Progress, Snapshot};
pub use upload::MultipartRules;

/// The service, and the caller's credentials.
#[derive(Debug, Clone)]
pub struct Access {
    pub url: Url,
    pub api_key: SecretString,
    /// Empty for administrators, whose requests name tenants.
    pub client_id: String,
    /// The longest time to pause in total before retries of one request.
    pub retry_for: Duration,
}

/// A client of the service, for one tenant, or for administrators.
#[derive(Debug)]
pub struct Client {
    api: api::Api,
    storage: storage::Storage,
    retry: Retry,
}

impl Client {
    pub fn new(access: Access) -> Result<Self, Error> {
        let retry = Retry {
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(8),
            limit: Limit::Pauses(access.retry_for),
        };
        Ok(Self {
            api: api::Api::new(access, retry)?,
            storage: storage::Storage::new()?,
            retry,
        })
    }

    /// Returns a client that retries for as long as it takes.
    #[must_use]
    pub fn patient(&self) -> Self {
        let retry = Retry {
            limit: Limit::Pauses(Duration::MAX),
            ..self.retry
        };
        Self {
            api: self.api.with_retry(retry),
            storage: self.storage.clone(),
            retry,
        }
    }

    /// Returns the names that the service has for event types and source types.
    pub async fn catalogue(&self) -> Result<Catalogue, Error> {
        self.api.catalogue().await
    }
}
