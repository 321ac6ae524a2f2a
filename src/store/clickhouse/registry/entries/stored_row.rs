//! The rows of the table of entries.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Entry, Hiding, TABLE};
use crate::domain::{ClientId, DatabaseName, Placement, Tenant};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::registry::revision::{Revision, State};
use crate::store::clickhouse::table_names::{Assignment, ShardName};

pub(super) const COLUMNS: &str = "client_id, revision, database_name, placement, shard, client_label, \
     client_secret_sha256, created_at, label_changes, \
     toUnixTimestamp64Micro(restorable_until) AS restorable_until_us, hidden_with_files, \
     toUInt32(greatest(0, dateDiff('second', written_at, now()))) AS age_s, \
     toUnixTimestamp64Micro(now64(6)) AS read_at_us";

#[derive(Debug, clickhouse::Row, Serialize)]
pub(super) struct NewRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    revision: u32,
    database_name: String,
    placement: i8,
    shard: String,
    client_label: String,
    client_secret_sha256: [u8; 32],
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    created_at: i64,
    label_changes: u32,
    /// Microseconds since 1970-01-01T00:00:00Z.
    restorable_until: i64,
    hidden_with_files: bool,
}

#[derive(Debug, clickhouse::Row, Deserialize)]
pub(super) struct StoredRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) client_id: Uuid,
    revision: u32,
    pub(super) database_name: String,
    placement: i8,
    shard: String,
    client_label: String,
    client_secret_sha256: [u8; 32],
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    created_at: i64,
    label_changes: u32,
    restorable_until_us: i64,
    hidden_with_files: bool,
    age_s: u32,
    read_at_us: i64,
}

impl NewRow {
    pub(super) fn new(tenant: &Tenant, assignment: &Assignment, revision: Revision) -> Self {
        let Assignment { placement, shard } = assignment;
        let Tenant {
            client_id,
            database_name,
            client_label,
            client_secret_sha256,
            created_at,
        } = tenant;
        let is_kept = revision.state() < State::Deleted;
        Self {
            client_id: client_id.uuid(),
            revision: revision.0,
            database_name: database_name.to_string(),
            placement: match placement {
                Placement::Pooled => 0,
                Placement::Dedicated => 1,
            },
            shard: shard.as_str().to_owned(),
            client_label: if is_kept {
                client_label.clone()
            } else {
                String::new()
            },
            client_secret_sha256: if is_kept {
                *client_secret_sha256
            } else {
                [0; 32]
            },
            // Out of range only for years that no clock shows.
            created_at: i64::try_from(created_at.as_nanosecond()).unwrap_or_default(),
            label_changes: 0,
            restorable_until: 0,
            hidden_with_files: false,
        }
    }

    pub(super) fn labelled(self, label_changes: u32) -> Self {
        Self {
            label_changes,
            ..self
        }
    }

    pub(super) fn hidden(self, hiding: Hiding) -> Self {
        let Hiding {
            until_us,
            with_files,
        } = hiding;
        Self {
            restorable_until: until_us,
            hidden_with_files: with_files,
            ..self
        }
    }
}

impl StoredRow {
    /// Of the rows of one tenant the greatest counts.
    pub(super) const fn version(&self) -> (u32, u32) {
        (self.revision, self.label_changes)
    }
}

impl TryFrom<StoredRow> for Entry {
    type Error = Failure;

    fn try_from(row: StoredRow) -> Result<Self, Failure> {
        let StoredRow {
            client_id,
            revision,
            database_name,
            placement: placed,
            shard,
            client_label,
            client_secret_sha256,
            created_at,
            label_changes,
            restorable_until_us,
            hidden_with_files,
            age_s,
            read_at_us,
        } = row;
        let invalid = |what: String| Failure::InvalidData(format!("{what} in {TABLE}"));
        let database_name = DatabaseName::parse_stored(&database_name)
            .map_err(|_| invalid(format!("database name '{database_name}'")))?;
        let tenant = Tenant {
            client_id: ClientId::from_uuid(client_id),
            database_name,
            client_label,
            client_secret_sha256,
            created_at: Timestamp::from_nanosecond(created_at.into())
                .map_err(|error| invalid(error.to_string()))?,
        };
        Ok(Self {
            tenant,
            assignment: Assignment {
                placement: placement(placed)?,
                shard: ShardName::new(&shard),
            },
            revision: Revision(revision),
            label_changes,
            hiding: Hiding {
                until_us: restorable_until_us,
                with_files: hidden_with_files,
            },
            age: Duration::from_secs(age_s.into()),
            read_at_us,
        })
    }
}

pub(super) fn placement(value: i8) -> Result<Placement, Failure> {
    match value {
        0 => Ok(Placement::Pooled),
        1 => Ok(Placement::Dedicated),
        _ => Err(Failure::InvalidData(format!(
            "placement {value} in {TABLE}"
        ))),
    }
}
