//! A tenant that can be opened, and the slot of its open database.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock};

use crate::domain::Tenant;
use crate::store::sqlite::wal::recovery::ReopenLimiter;
use crate::store::sqlite::{disk::file_system::RecentSighting, tenant::open_database::Database};

/// A tenant whose database is ready, and the slot of its open database.
#[derive(Debug)]
pub(crate) struct TenantHandle {
    pub(crate) tenant: Arc<Tenant>,
    pub(super) slot: Slot,
    pub(crate) seen: RecentSighting,
}

/// The slot of one tenant's open database. Whoever uses the database holds it for reading; opening,
/// closing and deleting hold it for writing, so that none of them happens during use.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
    pub(super) state: Arc<RwLock<SlotState>>,
    pub(super) reopen: Arc<ReopenLimiter>,
}

#[derive(Debug, Default)]
pub(super) enum SlotState {
    #[default]
    Closed,
    Open {
        database: Database,
        permit: OwnedSemaphorePermit,
    },
    /// For good: the tenant's name may be another's by now.
    Deleted,
}

impl TenantHandle {
    pub(crate) fn new(tenant: Tenant) -> Self {
        Self {
            tenant: Arc::new(tenant),
            slot: Slot::default(),
            seen: RecentSighting::default(),
        }
    }
}

impl Slot {
    pub(super) async fn write(&self) -> OwnedRwLockWriteGuard<SlotState> {
        Arc::clone(&self.state).write_owned().await
    }
}

impl SlotState {
    pub(super) fn close(self) {
        if let Self::Open { database, permit } = self {
            database.close();
            drop(permit); // last: it stands for the file descriptors
        }
    }
}
