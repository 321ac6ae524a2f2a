//! Deletions of tenants that can be undone for a while.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::disk::error_mapping::blocking;
use super::external::ExternalStore;
use super::{Sqlite, provisioning};
use crate::domain::{ClientId, DatabaseName, HiddenTenant, Tenant};
use crate::store::{DelayedDeletion, Error, finished};

#[async_trait]
impl DelayedDeletion for Sqlite {
    async fn hide_tenant(
        &self,
        tenant: &Tenant,
        until: Timestamp,
        with_files: bool,
    ) -> Result<(), Error> {
        let (inner, tenant) = (Arc::clone(&self.0), tenant.clone());
        // A task of its own: what has begun ends, even if the caller stops waiting.
        let hiding = async move {
            let _name = inner.lock_name(&tenant.database_name).await;
            inner.require_no_hold(&tenant).await?;
            let id = tenant.client_id;
            let registry = Arc::clone(&inner.registry);
            let hidden = blocking(move || registry.hide(&tenant, until, with_files)).await?;
            if let Some(handle) = hidden {
                inner.pool.delete(&handle).await?; // the handle, which a restored tenant has another of
            }
            inner.pool.news().publish(id);
            Ok(())
        };
        finished(tokio::spawn(hiding).await)
    }

    async fn restore_tenant(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        let inner = Arc::clone(&self.0);
        let restoring = async move {
            let Some(tenant) = inner.find_hidden(id).await? else {
                return Ok(None);
            };
            let _name = inner.lock_name(&tenant.database_name).await;
            blocking(move || {
                let is_restored = inner.registry.restore(&tenant)?;
                Ok(is_restored.then(|| Arc::new(tenant)))
            })
            .await
        };
        finished(tokio::spawn(restoring).await)
    }

    async fn hidden_tenants(&self) -> Result<Vec<HiddenTenant>, Error> {
        let registry = Arc::clone(&self.0.registry);
        blocking(move || registry.hidden()).await
    }

    async fn hidden_tenant(&self, id: ClientId) -> Result<Option<HiddenTenant>, Error> {
        let registry = Arc::clone(&self.0.registry);
        blocking(move || registry.hidden_tenant(id)).await
    }

    async fn delete_hidden(&self, id: ClientId) -> Result<bool, Error> {
        let inner = Arc::clone(&self.0);
        let deletion = async move {
            let Some(tenant) = inner.find_hidden(id).await? else {
                return Ok(false);
            };
            let _name = inner.lock_name(&tenant.database_name).await;
            provisioning::delete_hidden(&inner.folder, &inner.registry, &tenant).await
        };
        finished(tokio::spawn(deletion).await)
    }

    async fn is_name_taken(&self, name: &DatabaseName) -> Result<bool, Error> {
        let (registry, name) = (Arc::clone(&self.0.registry), name.clone());
        blocking(move || registry.is_taken(&name)).await
    }
}

/// For another process than the service, which only has to know whose files are whose.
#[async_trait]
impl DelayedDeletion for ExternalStore {
    async fn hide_tenant(
        &self,
        _tenant: &Tenant,
        _until: Timestamp,
        _with_files: bool,
    ) -> Result<(), Error> {
        super::external::not_allowed()
    }

    async fn restore_tenant(&self, _id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        super::external::not_allowed()
    }

    async fn hidden_tenants(&self) -> Result<Vec<HiddenTenant>, Error> {
        super::external::not_allowed()
    }

    async fn hidden_tenant(&self, _id: ClientId) -> Result<Option<HiddenTenant>, Error> {
        super::external::not_allowed()
    }

    async fn delete_hidden(&self, _id: ClientId) -> Result<bool, Error> {
        super::external::not_allowed()
    }

    async fn is_name_taken(&self, name: &DatabaseName) -> Result<bool, Error> {
        self.knows_name(name).await
    }
}
