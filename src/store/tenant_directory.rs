//! The part of the store's contract that is about entries of tenants: lists, labels, and what a tenant has.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Error;
use crate::domain::{ClientId, FileTotals, Tenant, TenantPage, TenantQuery};

/// Looks at tenants for people who administer them.
#[async_trait]
pub trait TenantDirectory: Debug + Send + Sync {
    /// Returns a page of the tenants that `query` selects, without the system tenant. Walking from page to page shows each
    /// tenant that was there all the while exactly once. Looks at each entry once at most, and holds no more than a page.
    async fn tenant_page(&self, query: &TenantQuery) -> Result<TenantPage, Error>;

    /// Returns the entry with this client id as it is at this moment, with its label.
    async fn tenant_entry(&self, id: ClientId) -> Result<Option<Tenant>, Error>;

    /// Gives a tenant another label. Returns false if there is no tenant with this client id. Of several labels that are
    /// given at the same moment any may stay.
    async fn set_label(&self, id: ClientId, label: &str) -> Result<bool, Error>;

    /// Counts the files that the tenant's events reference. Takes time in proportion to their number.
    async fn file_totals(&self, tenant: &Tenant) -> Result<FileTotals, Error>;
}
