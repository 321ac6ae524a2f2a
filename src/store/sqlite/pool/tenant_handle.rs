//! A tenant that can be opened, and the slot of its open database.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock};

use crate::domain::Tenant;
use crate::store::sqlite::tenant::committer::Closing;
use crate::store::sqlite::wal::left_log::LeftLog;
use crate::store::sqlite::wal::recovery::ReopenLimiter;
use crate::store::sqlite::wal::usage::{LogBytes, LogUsage};
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
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) state: Arc<RwLock<SlotState>>,
    pub(super) reopen: ReopenLimiter,
    /// By this process.
    pub(super) was_open: AtomicBool,
    /// Of the log, whether the database is open or not.
    log: OnceLock<Arc<LogBytes>>,
}

#[derive(Debug)]
pub(super) enum SlotState {
    /// The log that was kept, if the next opening may trust it.
    Closed(Option<LeftLog>),
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
            slot: Slot {
                state: Arc::new(RwLock::new(SlotState::Closed(None))),
                reopen: ReopenLimiter::default(),
                was_open: AtomicBool::new(false),
                log: OnceLock::new(),
            },
            seen: RecentSighting::default(),
        }
    }
}

impl Slot {
    pub(super) async fn write(&self) -> OwnedRwLockWriteGuard<SlotState> {
        Arc::clone(&self.state).write_owned().await
    }

    /// Returns `None` while somebody uses the database.
    pub(super) fn try_write(&self) -> Option<OwnedRwLockWriteGuard<SlotState>> {
        Arc::clone(&self.state).try_write_owned().ok()
    }

    /// Returns the bytes of the log, which count for `usage`.
    pub(super) fn log(&self, usage: &LogUsage) -> &Arc<LogBytes> {
        self.log
            .get_or_init(|| Arc::new(LogBytes::of(usage.clone())))
    }

    pub(super) fn has_log(&self) -> bool {
        self.log.get().is_some_and(|it| it.is_there())
    }
}

impl SlotState {
    /// Closes the database if it is open. Does disk I/O.
    pub(super) fn close(&mut self, how: Closing) {
        let last = std::mem::replace(self, Self::Closed(None));
        match last {
            Self::Open { database, permit } => {
                *self = Self::Closed(database.close(how));
                drop(permit); // last: it stands for the file descriptors
            }
            Self::Closed(_) | Self::Deleted => *self = last,
        }
    }

    /// Takes what is known of the log of a closed database.
    pub(super) fn take_left(&mut self) -> Option<LeftLog> {
        match self {
            Self::Closed(left) => left.take(),
            Self::Open { .. } | Self::Deleted => None,
        }
    }
}
