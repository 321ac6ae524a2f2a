//! The state that a stopped verification leaves to the next run.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Error;
use crate::domain::DatabaseName;
use crate::durable_file;

/// The position that a verification has reached. Every tenant before `tenant` by name is done, and so is every event of `tenant` up to
/// the one at `time_us` with `event_id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeState {
    /// `None` at the beginning, and in a state that an older version wrote.
    #[serde(default)]
    pub selection: Option<Selection>,
    pub tenant: Option<String>,
    pub time_us: i64,
    pub event_id: Option<Uuid>,
    /// The counts so far.
    pub files: u64,
    pub bytes: u64,
    pub problems: u64,
    pub unverified: u64,
}

/// The tenants that a verification covers. A run with another selection would skip tenants that the first run did not verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The id of the database.
    pub database: Uuid,
    /// Ordered by name. Empty: all.
    pub tenants: Vec<String>,
}

impl ResumeState {
    /// Returns the state to resume from. Refuses one of another selection.
    pub(super) fn resume(
        self,
        path: &Path,
        database: Uuid,
        tenants: &BTreeSet<DatabaseName>,
    ) -> Result<Self, Error> {
        let selection = Selection {
            database,
            tenants: tenants.iter().map(ToString::to_string).collect(),
        };
        let problem = match &self.selection {
            _ if self.tenant.is_none() => None,
            Some(before) if *before == selection => None,
            Some(before) if before.database != database => Some("another database".to_owned()),
            Some(before) if before.tenants.is_empty() => Some("all tenants".to_owned()),
            Some(before) => Some(format!("the tenants {}", before.tenants.join(", "))),
            None => Some("tenants that it does not name".to_owned()),
        };
        match problem {
            Some(covers) => Err(Error::OtherSelection {
                path: path.to_owned(),
                covers,
            }),
            None => Ok(Self {
                selection: Some(selection),
                ..self
            }),
        }
    }

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
