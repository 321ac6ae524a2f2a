//! Bounds the memory of all requests together, in bytes instead of requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::ClientId;

/// One tenant uses this fraction of a budget at most.
const TENANT_DIVISOR: usize = 2;

/// Beyond so many tenants, those that use no memory are removed.
const MAX_TENANTS: usize = 1024;

/// Bytes to acquire, first come, first served. A request that waits for some holds none, so that no two wait for each other.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    all: Arc<Semaphore>,
    tenant_bytes: usize,
    tenants: Mutex<HashMap<ClientId, Arc<Semaphore>>>,
}

/// Memory in use; dropping it returns it to the budget.
#[derive(Debug)]
pub(crate) struct MemoryPermit {
    all: Option<OwnedSemaphorePermit>,
    of_tenant: Option<OwnedSemaphorePermit>,
}

impl MemoryBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(bytes)),
            tenant_bytes: bytes / TENANT_DIVISOR,
            tenants: Mutex::default(),
        }
    }

    /// Waits for `bytes`.
    pub(crate) async fn acquire(&self, bytes: u32) -> MemoryPermit {
        MemoryPermit {
            all: acquire(&self.all, bytes).await,
            of_tenant: None,
        }
    }

    /// Waits for `bytes` of the tenant's share.
    pub(crate) async fn acquire_for(&self, tenant: ClientId, bytes: u32) -> MemoryPermit {
        let share = self.share(tenant);
        let of_tenant = acquire(&share, bytes).await;
        MemoryPermit {
            all: acquire(&self.all, bytes).await,
            of_tenant,
        }
    }

    /// Returns `None` if the tenant's share or the budget has less left than `bytes`.
    pub(crate) fn try_acquire_for(&self, tenant: ClientId, bytes: u32) -> Option<MemoryPermit> {
        let of_tenant = self.share(tenant).try_acquire_many_owned(bytes).ok()?;
        let all = Arc::clone(&self.all).try_acquire_many_owned(bytes).ok()?;
        Some(MemoryPermit {
            all: Some(all),
            of_tenant: Some(of_tenant),
        })
    }

    fn share(&self, tenant: ClientId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MAX_TENANTS {
            // Requests that wait or have a permit hold the semaphore too.
            tenants.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let share = tenants.entry(tenant);
        Arc::clone(share.or_insert_with(|| Arc::new(Semaphore::new(self.tenant_bytes))))
    }
}

/// Never `None`: the semaphore is not closed.
async fn acquire(semaphore: &Arc<Semaphore>, bytes: u32) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_many_owned(bytes).await.ok()
}

impl MemoryPermit {
    /// Adds a permit of the same budget and the same tenant.
    pub(crate) fn merge(&mut self, other: Self) {
        let Self { all, of_tenant } = other;
        for (permit, more) in [(&mut self.all, all), (&mut self.of_tenant, of_tenant)] {
            match (permit, more) {
                (Some(permit), Some(more)) => permit.merge(more),
                (permit, more) => *permit = permit.take().or(more),
            }
        }
    }

    /// Returns all but `bytes` to the budget.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        for permit in [&mut self.all, &mut self.of_tenant].into_iter().flatten() {
            drop(permit.split(permit.num_permits().saturating_sub(bytes)));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::MemoryBudget;
    use crate::domain::{ClientId, SystemEntropy};

    #[tokio::test]
    async fn a_tenant_leaves_room_for_others_and_permits_are_returned() {
        let budget = MemoryBudget::new(100);
        let (one, other) = (
            ClientId::random(&SystemEntropy),
            ClientId::random(&SystemEntropy),
        );
        let mut first = budget.acquire_for(one, 50).await;
        assert!(budget.acquire_for(one, 1).now_or_never().is_none());
        let second = budget.acquire_for(other, 30).await;
        assert!(budget.acquire(21).now_or_never().is_none());
        first.shrink(10);
        let third = budget.acquire_for(one, 40).now_or_never();
        assert!(third.is_some());
        drop((first, second, third));
        assert!(budget.acquire(100).now_or_never().is_some());
    }

    #[tokio::test]
    async fn tenants_without_permits_are_removed() {
        let budget = MemoryBudget::new(100);
        let kept = ClientId::random(&SystemEntropy);
        let permit = budget.acquire_for(kept, 50).await;
        for _ in 0..3 * super::MAX_TENANTS {
            budget
                .acquire_for(ClientId::random(&SystemEntropy), 1)
                .await;
        }
        assert!(budget.tenants.lock().unwrap().len() <= super::MAX_TENANTS);
        assert!(budget.acquire_for(kept, 1).now_or_never().is_none());
        drop(permit);
    }
}
