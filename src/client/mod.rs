//! The caller's side of the API: files go up and come down whole, or not at all. No terminal in it.

mod api;
mod body;
mod download;
mod error;
mod event;
mod file;
mod parts;
mod progress;
mod resume;
mod retry;
mod storage;
mod upload;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use download::{Received, Target};
pub use error::Error;
pub use event::{NewEvent, NewFile};
pub use progress::{Phase, Progress, Snapshot};

/// Where the service is, and who asks.
#[derive(Debug, Clone)]
pub struct Access {
    pub url: Url,
    pub api_key: SecretString,
    pub client_id: String,
    /// How long to wait, all pauses together, for what may pass by itself.
    pub patience: Duration,
}

/// When a file goes up in parts.
#[derive(Debug, Clone)]
pub struct PartRules {
    /// Larger files do; what is over the largest single PUT does in any case.
    pub above_bytes: u64,
    /// `None`: as small as is sensible.
    pub part_bytes: Option<u64>,
    /// Where it is remembered which uploads have begun; `None`: nobody said where, and there is no home.
    pub state_folder: Option<PathBuf>,
}

/// A connection to the service, for one tenant.
#[derive(Debug)]
pub struct Client {
    api: api::Api,
    storage: storage::Storage,
}

impl Client {
    pub fn new(access: Access) -> Result<Self, Error> {
        let patience = access.patience;
        Ok(Self {
            api: api::Api::new(access)?,
            storage: storage::Storage::new(patience)?,
        })
    }
}
