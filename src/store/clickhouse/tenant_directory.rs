//! Lists of tenants, their labels, and what they have.

use async_trait::async_trait;

use super::ClickHouse;
use super::tables::TenantTables;
use crate::domain::{ClientId, FileTotals, Tenant, TenantPage, TenantQuery};
use crate::store::{Error, TenantDirectory};

#[async_trait]
impl TenantDirectory for ClickHouse {
    async fn tenant_page(&self, query: &TenantQuery) -> Result<TenantPage, Error> {
        self.check_open()?;
        Ok(self.registry.tenant_page(query).await?)
    }

    async fn tenant_entry(&self, id: ClientId) -> Result<Option<Tenant>, Error> {
        self.check_open()?;
        Ok(self.registry.ready_tenant(id).await?)
    }

    async fn set_label(&self, id: ClientId, label: &str) -> Result<bool, Error> {
        self.check_open()?;
        Ok(self.registry.set_label(id, label).await?)
    }

    async fn file_totals(&self, tenant: &Tenant) -> Result<FileTotals, Error> {
        let is_empty = |totals: &FileTotals| *totals == FileTotals::default();
        self.read(
            tenant,
            async |it: &TenantTables| it.file_totals().await,
            is_empty,
        )
        .await
    }
}
