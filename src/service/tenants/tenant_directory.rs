//! Looking at tenants, and naming them.

use crate::domain::query::Limit;
use crate::domain::{Act, ActKind, EventTime, FileTotals, Query, Tenant, TenantPage, TenantQuery};
use crate::service::{Access, Caller, Error};

/// A tenant with the totals of its events and files.
#[derive(Debug)]
pub struct TenantSummary {
    pub tenant: Tenant,
    pub events: u64,
    pub files: FileTotals,
    /// The time of the newest event; `None` if there is none.
    pub last_event_time: Option<EventTime>,
}

impl Caller {
    /// Returns a page of the tenants that `query` selects: to a caller that is for one tenant, no other.
    pub async fn tenants(&self, query: TenantQuery) -> Result<TenantPage, Error> {
        let Some(own) = self.tenant() else {
            return Ok(self.service.store.tenant_page(&query).await?);
        };
        let entry = self.service.store.tenant_entry(own).await?;
        let tenants = entry.into_iter().filter(|it| query.matches(it)).collect();
        Ok(TenantPage {
            tenants,
            next: None,
        })
    }
}

impl Access {
    /// Returns what the tenant has.
    pub async fn summary(&self) -> Result<TenantSummary, Error> {
        let newest = Query {
            limit: Limit::clamped(1),
            ..Query::default()
        };
        let store = &self.service.store;
        let (tenant, page, files) = tokio::try_join!(
            store.tenant_entry(self.client_id()),
            store.events(&self.tenant, &newest),
            store.file_totals(&self.tenant),
        )?;
        Ok(TenantSummary {
            tenant: tenant.ok_or(Error::ClientUnknown)?, // deleted just now
            events: page.counts.map(|it| it.total).unwrap_or_default(),
            files,
            last_event_time: page.events.first().map(|it| it.time),
        })
    }

    /// Gives the tenant another label.
    pub async fn set_label(&self, label: &str) -> Result<(), Error> {
        let (store, id) = (&self.service.store, self.client_id());
        let former = store.tenant_entry(id).await?.ok_or(Error::ClientUnknown)?;
        let act =
            Act::of(ActKind::TenantChanged).change("client_label", former.client_label, label);
        let changing = async {
            let changed = store.set_label(id, label).await?;
            changed.then_some(()).ok_or(Error::ClientUnknown)
        };
        self.audited(act, changing).await?;
        tracing::info!(tenant = %self.database_name(), "label of a tenant changed");
        Ok(())
    }
}
