//! Creations and deletions of tenants that outlast the request that asked for them.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::domain::{ClientId, DatabaseName, Tenant};

/// Names share these locks, which costs a little waiting and bounds their number.
const LOCKS: usize = 64;

/// The deletions that are remembered for a retry; the oldest is forgotten first.
const MAX_UNANSWERED: usize = 1024;

/// See the module.
#[derive(Debug)]
pub struct TenantChanges {
    names: [Arc<tokio::sync::Mutex<()>>; LOCKS],
    unanswered: Mutex<VecDeque<Arc<Tenant>>>,
}

impl TenantChanges {
    /// Serializes the creations of one name.
    pub(super) async fn lock(&self, name: &DatabaseName) -> OwnedMutexGuard<()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or(0);
        Arc::clone(&self.names[index]).lock_owned().await
    }

    /// Remembers a tenant that was deleted after its caller had stopped waiting.
    pub(super) fn add_unanswered(&self, tenant: Arc<Tenant>) {
        let mut unanswered = self.unanswered();
        unanswered.truncate(MAX_UNANSWERED - 1);
        unanswered.push_front(tenant);
    }

    /// Returns such a tenant, once.
    pub(super) fn take_unanswered(&self, id: ClientId) -> Option<Arc<Tenant>> {
        let mut unanswered = self.unanswered();
        let index = unanswered.iter().position(|it| it.client_id == id)?;
        unanswered.remove(index)
    }

    fn unanswered(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Tenant>>> {
        let unanswered = self.unanswered.lock();
        unanswered.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TenantChanges {
    fn default() -> Self {
        Self {
            names: std::array::from_fn(|_| Arc::default()),
            unanswered: Mutex::default(),
        }
    }
}
