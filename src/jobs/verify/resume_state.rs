//! The state that a stopped verification leaves to the next run.

use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Error;
use crate::durable_file;

/// The position that a verification has reached. Every tenant before `tenant` by name is done, and so is every event of `tenant` up to
/// the one at `time_us` with `event_id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeState {
    pub tenant: Option<String>,
    pub time_us: i64,
    pub event_id: Option<Uuid>,
    /// The counts so far.
    pub files: u64,
    pub bytes: u64,
    pub problems: u64,
    pub unverified: u64,
}

impl ResumeState {
    /// Reads the state at `path`; without a file, the beginning.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let state = durable_file::read_json(path).map_err(failed(path))?;
        Ok(state.unwrap_or_default())
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        durable_file::write_json(path, self).map_err(failed(path))
    }

    pub(super) fn remove(path: &Path) -> Result<(), Error> {
        durable_file::remove(path).map_err(failed(path))
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    |source| Error::State {
        path: path.to_owned(),
        source,
    }
}
