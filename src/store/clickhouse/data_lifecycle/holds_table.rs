//! The table of legal holds, and of the deletions that a hold has to wait for.
//!
//! No transaction decides between a hold and a deletion. So who deletes first says so in this table, and then reads the
//! holds; who places a hold first writes it, and then reads who is deleting. Of two at the same moment at least one learns
//! of the other, since what is written is on a majority of the replicas and what is read comes from as many as share one
//! with it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{ClientId, Entropy, Hold, HoldId, Holds, Reason, SystemEntropy};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::replicas::latest_rows;

const TABLE: &str = "default.tenants_holds";

/// A deletion that was announced longer ago has ended, or its replica has crashed: its statements take a minute at most.
const DELETION_LIFE_S: u32 = 120;

/// The kind of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    Tenant,
    Events,
}

const HOLD: i8 = 0;

impl Deletion {
    const fn kind(self) -> i8 {
        match self {
            Self::Tenant => 1,
            Self::Events => 2,
        }
    }
}

/// What the table has of one tenant that is in force.
#[derive(Debug, Default)]
pub(super) struct InForce {
    pub(super) holds: Holds,
    deletions: Vec<(Uuid, i8)>,
}

impl InForce {
    /// Tells whether somebody other than `own` has announced a deletion of this kind.
    pub(super) fn has(&self, deletion: Deletion, own: Option<&Announced>) -> bool {
        let own = own.map(|it| it.id);
        let mut others = self.deletions.iter().filter(|(id, _)| Some(*id) != own);
        others.any(|(_, kind)| *kind == deletion.kind())
    }
}

/// A deletion that was announced.
#[derive(Debug)]
pub(super) struct Announced {
    client_id: ClientId,
    id: Uuid,
    kind: i8,
}

#[derive(Debug, Clone)]
pub(super) struct HoldsTable {
    client: Client,
}

impl HoldsTable {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
        }
    }

    pub(super) async fn read(&self, client_id: ClientId) -> Result<InForce, Failure> {
        let sql = format!(
            "SELECT id, toInt8(kind) AS kind, revision, record_id, reason, created_at, \
             toUInt8(written_at > now64(6) - INTERVAL {DELETION_LIFE_S} SECOND) AS is_recent \
             FROM {TABLE} FINAL WHERE client_id = {{client:UUID}}"
        );
        let query = |it: &clickhouse::Client| it.query_raw(&sql).param("client", client_id.uuid());
        let rows = self.client.fetch_read_quorum::<Row>("holds", query).await?;
        let latest = latest_rows(rows, |row| row.id, |row| row.revision);
        let (mut holds, mut deletions) = (Vec::new(), Vec::new());
        for row in latest.into_values().filter(|row| row.revision == 0) {
            if row.kind == HOLD {
                holds.push(Hold::try_from(row)?);
            } else if row.is_recent == 1 {
                deletions.push((row.id, row.kind));
            }
        }
        Ok(InForce {
            holds: Holds::new(holds),
            deletions,
        })
    }

    pub(super) async fn place(&self, client_id: ClientId, hold: &Hold) -> Result<(), Failure> {
        self.write(NewRow::of_hold(client_id, hold, 0)).await
    }

    pub(super) async fn release(&self, client_id: ClientId, hold: &Hold) -> Result<(), Failure> {
        self.write(NewRow::of_hold(client_id, hold, 1)).await
    }

    /// Announces a deletion: from now on no hold is placed without regard to it.
    pub(super) async fn announce(
        &self,
        client_id: ClientId,
        deletion: Deletion,
    ) -> Result<Announced, Failure> {
        let announced = Announced {
            client_id,
            id: SystemEntropy.uuid_v4(),
            kind: deletion.kind(),
        };
        self.write(NewRow::of_deletion(&announced, 0)).await?;
        Ok(announced)
    }

    /// Notes that a deletion has ended.
    pub(super) async fn end(&self, announced: Announced) -> Result<(), Failure> {
        self.write(NewRow::of_deletion(&announced, 1)).await
    }

    async fn write(&self, row: NewRow) -> Result<(), Failure> {
        let rows = || std::iter::once(row.clone());
        self.client.insert("hold_write", |it| it, TABLE, rows).await
    }
}

#[derive(Debug, Clone, clickhouse::Row, Serialize)]
struct NewRow {
    #[serde(with = "clickhouse::serde::uuid")]
    client_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    kind: i8,
    revision: u8,
    record_id: Option<i64>,
    reason: String,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    created_at: i64,
}

impl NewRow {
    fn of_hold(client_id: ClientId, hold: &Hold, revision: u8) -> Self {
        let Hold {
            id,
            record_id,
            reason,
            created_at,
        } = hold;
        Self {
            client_id: client_id.uuid(),
            id: id.uuid(),
            kind: HOLD,
            revision,
            record_id: *record_id,
            reason: reason.as_str().to_owned(),
            // Out of range only for years that no clock shows.
            created_at: i64::try_from(created_at.as_nanosecond()).unwrap_or_default(),
        }
    }

    fn of_deletion(announced: &Announced, revision: u8) -> Self {
        Self {
            client_id: announced.client_id.uuid(),
            id: announced.id,
            kind: announced.kind,
            revision,
            record_id: None,
            reason: String::new(),
            created_at: 0,
        }
    }
}

#[derive(Debug, clickhouse::Row, Deserialize)]
struct Row {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    kind: i8,
    revision: u8,
    record_id: Option<i64>,
    reason: String,
    created_at: i64,
    is_recent: u8,
}

impl TryFrom<Row> for Hold {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let created_at = Timestamp::from_nanosecond(row.created_at.into());
        let created_at = created_at
            .map_err(|error| Failure::InvalidData(format!("hold {}: {error}", row.id)))?;
        Ok(Self {
            id: HoldId::from_uuid(row.id),
            record_id: row.record_id,
            reason: Reason::from_stored(row.reason),
            created_at,
        })
    }
}
