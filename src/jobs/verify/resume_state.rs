//! The state that a stopped verification leaves to the next run.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Error;
use crate::domain::{DatabaseName, EventId, Position, Tenant};
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
    /// The tenant's client id. Its name may belong to another tenant when the run is resumed.
    #[serde(default)]
    pub client_id: Option<Uuid>,
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

    /// Begins with a tenant, and returns the position that was reached in its events; `None` at their beginning.
    pub(super) fn begin(&mut self, tenant: &Tenant) -> Option<Position> {
        let name = tenant.database_name.as_str();
        let client_id = Some(tenant.client_id.uuid());
        let is_it = self.tenant.as_deref() == Some(name) && self.client_id == client_id;
        if !is_it {
            self.event_id = None;
        }
        (self.tenant, self.client_id) = (Some(name.to_owned()), client_id);
        self.event_id.map(|id| Position {
            time_us: self.time_us,
            event_id: EventId::from_uuid(id),
        })
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::ResumeState;
    use crate::domain::{ClientId, DatabaseName, Entropy, EventId, SystemEntropy, Tenant};

    fn tenant(name: &str) -> Tenant {
        Tenant {
            client_id: ClientId::random(&SystemEntropy),
            database_name: DatabaseName::parse(name).unwrap(),
            client_label: String::new(),
            client_secret_sha256: [0; 32],
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_position_is_that_of_one_tenant() {
        let (first, next) = (tenant("first"), tenant("next"));
        let reached = SystemEntropy.uuid_v4();
        let mut state = ResumeState::default();
        assert_eq!(state.begin(&first), None);
        state.event_id = Some(reached);
        let mut resumed = state.clone();
        let position = resumed.begin(&first).unwrap();
        assert_eq!(position.event_id, EventId::from_uuid(reached));
        // It was deleted meanwhile, and its name is another one's.
        assert_eq!(state.clone().begin(&tenant("first")), None);
        assert_eq!(resumed.begin(&next), None);
        assert_eq!(resumed.event_id, None);
        // A state that an older version wrote names no client id.
        state.client_id = None;
        assert_eq!(state.begin(&first), None);
    }
}
