//! How long events live, and the deletion of tenants.

use std::sync::Arc;

use async_trait::async_trait;

use super::external::ExternalStore;
use super::tables::data_lifecycle::holds;
use super::{Inner, Sqlite, provisioning};
use crate::domain::{Hold, HoldId, Holds, Tenant};
use crate::store::{DataLifecycle, Error, finished};

#[async_trait]
impl DataLifecycle for Sqlite {
    async fn holds(&self, tenant: &Tenant) -> Result<Holds, Error> {
        self.read(tenant, |connection| holds::read(connection))
            .await
    }

    async fn place_hold(&self, tenant: &Tenant, hold: &Hold) -> Result<(), Error> {
        // A deletion of the tenant looks for holds while it has the name.
        let _name = self.0.lock_name(&tenant.database_name).await;
        let lease = self.0.lease(tenant).await?;
        let hold = hold.clone();
        let placed = lease.write(move |connection| holds::insert(connection, &hold));
        self.0.confirm_missing(placed.await)
    }

    async fn release_hold(&self, tenant: &Tenant, id: HoldId) -> Result<bool, Error> {
        let lease = self.0.lease(tenant).await?;
        let released = lease.write(move |connection| holds::remove(connection, id));
        self.0.confirm_missing(released.await)
    }
}

impl Sqlite {
    /// See [`crate::store::Store::delete_tenant`].
    pub(super) async fn delete(&self, tenant: &Tenant) -> Result<(), Error> {
        let (inner, tenant) = (Arc::clone(&self.0), tenant.clone());
        // A task of its own: a deletion that has begun ends, even if the caller stops waiting.
        let deletion = async move {
            let _name = inner.lock_name(&tenant.database_name).await;
            inner.require_no_hold(&tenant).await?;
            provisioning::delete(&inner.folder, &inner.registry, &inner.pool, &tenant).await?;
            inner.pool.news().publish(tenant.client_id); // who waits for events learns that the tenant is gone
            Ok(())
        };
        finished(tokio::spawn(deletion).await)
    }
}

impl Inner {
    /// Fails if the tenant has a hold, and if it cannot be told because its database cannot be read.
    async fn require_no_hold(&self, tenant: &Tenant) -> Result<(), Error> {
        let held = async {
            let lease = self.lease(tenant).await?;
            lease.read(|connection| holds::read(connection)).await
        };
        match held.await {
            Ok(holds) if holds.is_empty() => Ok(()),
            Ok(_) => Err(Error::UnderHold(tenant.database_name.clone())),
            // A deletion that began before is finished, and a database that is gone has no holds.
            Err(Error::DatabaseMissing(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// For another process than the service: it reads, and leaves decisions to the service.
#[async_trait]
impl DataLifecycle for ExternalStore {
    async fn holds(&self, tenant: &Tenant) -> Result<Holds, Error> {
        self.with(tenant, |connection| holds::read(connection))
            .await
    }

    async fn place_hold(&self, _tenant: &Tenant, _hold: &Hold) -> Result<(), Error> {
        super::external::not_allowed()
    }

    async fn release_hold(&self, _tenant: &Tenant, _id: HoldId) -> Result<bool, Error> {
        super::external::not_allowed()
    }
}
