//! How much memory the answers and the bodies of all requests take up together, in bytes and not in requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::ClientId;

/// What one tenant has of the room, so that it never takes all of it from the others.
const SHARES: usize = 2;

/// Tenants that are remembered before those that use no room are forgotten.
const MAX_REMEMBERED: usize = 1024;

/// Memory that is shared out. Whoever waits for some holds none, so that everybody's turn comes.
#[derive(Debug)]
pub(super) struct Memory {
    all: Arc<Semaphore>,
    share_bytes: usize,
    tenants: Mutex<HashMap<ClientId, Arc<Semaphore>>>,
}

/// Memory in use; dropped, others may have it.
#[derive(Debug)]
pub(super) struct Room {
    all: Option<OwnedSemaphorePermit>,
    of_tenant: Option<OwnedSemaphorePermit>,
}

impl Memory {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(bytes)),
            share_bytes: bytes / SHARES,
            tenants: Mutex::default(),
        }
    }

    /// Waits for room, in turn.
    pub(super) async fn room(&self, bytes: u32) -> Room {
        Room {
            all: acquire(&self.all, bytes).await,
            of_tenant: None,
        }
    }

    /// The same, within the tenant's share.
    pub(super) async fn room_of(&self, tenant: ClientId, bytes: u32) -> Room {
        let share = self.share(tenant);
        let of_tenant = acquire(&share, bytes).await;
        Room {
            all: acquire(&self.all, bytes).await,
            of_tenant,
        }
    }

    fn share(&self, tenant: ClientId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MAX_REMEMBERED {
            // Who waits for room or has some holds the semaphore too.
            tenants.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let share = tenants.entry(tenant);
        Arc::clone(share.or_insert_with(|| Arc::new(Semaphore::new(self.share_bytes))))
    }
}

/// An error would mean that the semaphore is closed, which nobody does.
async fn acquire(semaphore: &Arc<Semaphore>, bytes: u32) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_many_owned(bytes).await.ok()
}

impl Room {
    /// Gives back what is more than so many bytes.
    pub(super) fn shrink(&mut self, bytes: usize) {
        for permit in [&mut self.all, &mut self.of_tenant].into_iter().flatten() {
            drop(permit.split(permit.num_permits().saturating_sub(bytes)));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::Memory;
    use crate::domain::{ClientId, SystemEntropy};

    #[tokio::test]
    async fn one_tenant_leaves_room_for_others_and_what_is_given_back_is_there_again() {
        let memory = Memory::new(100);
        let (one, other) = (
            ClientId::random(&SystemEntropy),
            ClientId::random(&SystemEntropy),
        );
        let mut first = memory.room_of(one, 50).await;
        assert!(memory.room_of(one, 1).now_or_never().is_none());
        let second = memory.room_of(other, 30).await;
        assert!(memory.room(21).now_or_never().is_none());
        first.shrink(10);
        let third = memory.room_of(one, 40).now_or_never();
        assert!(third.is_some());
        drop((first, second, third));
        assert!(memory.room(100).now_or_never().is_some());
    }

    #[tokio::test]
    async fn tenants_without_room_are_forgotten() {
        let memory = Memory::new(100);
        let kept = ClientId::random(&SystemEntropy);
        let room = memory.room_of(kept, 50).await;
        for _ in 0..3 * super::MAX_REMEMBERED {
            memory.room_of(ClientId::random(&SystemEntropy), 1).await;
        }
        assert!(memory.tenants.lock().unwrap().len() <= super::MAX_REMEMBERED);
        assert!(memory.room_of(kept, 1).now_or_never().is_none());
        drop(room);
    }
}
