//! Deletions of tenants that can be undone for a while.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::ClickHouse;
use crate::domain::{ClientId, DatabaseName, HiddenTenant, Tenant};
use crate::store::{DelayedDeletion, Error, finished};

#[async_trait]
impl DelayedDeletion for ClickHouse {
    async fn hide_tenant(
        &self,
        tenant: &Tenant,
        until: Timestamp,
        with_files: bool,
    ) -> Result<(), Error> {
        self.delete(tenant, Some((until, with_files))).await
    }

    async fn restore_tenant(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        self.check_open()?;
        let registry = Arc::clone(&self.registry);
        finished(tokio::spawn(async move { registry.restore(id).await }).await)
    }

    async fn hidden_tenants(&self) -> Result<Vec<HiddenTenant>, Error> {
        self.check_open()?;
        self.registry.hidden().await
    }

    async fn hidden_tenant(&self, id: ClientId) -> Result<Option<HiddenTenant>, Error> {
        self.check_open()?;
        self.registry.hidden_tenant(id).await
    }

    async fn delete_hidden(&self, id: ClientId) -> Result<bool, Error> {
        self.delete_due_tenant(id).await
    }

    async fn is_name_taken(&self, name: &DatabaseName) -> Result<bool, Error> {
        self.check_open()?;
        Ok(self.registry.is_name_taken(name).await?)
    }
}
