//! Tenants that were deleted and can be restored for a while, and their end.

use std::sync::Arc;

use metrics::{counter, gauge};

use crate::domain::cause::chain;
use crate::domain::{
    Act, ActKind, Actor, ClientId, DatabaseName, HiddenTenant, Tenant, TenantQuery,
};
use crate::service::{Caller, Error, Service};

const RESTORABLE: &str = "event_history_restorable_tenants";
const FAILURES: &str = "event_history_tenant_erasure_failures_total";

/// Describes the metrics of delayed deletions.
pub(in crate::service) fn describe_metrics() {
    metrics::describe_gauge!(
        RESTORABLE,
        "Deleted tenants that can be restored, or are about to be deleted for good."
    );
    metrics::describe_counter!(
        FAILURES,
        "Attempts to delete tenants for good whose delay had passed, that failed and are repeated."
    );
}

/// A page of a list of deleted tenants.
#[derive(Debug)]
pub struct DeletedPage {
    pub tenants: Vec<HiddenTenant>,
    /// The name behind which the next page begins; `None` at the end.
    pub next: Option<DatabaseName>,
}

impl Caller {
    /// Returns a page of the deleted tenants that can be restored and that `query` selects: to a caller that is for one
    /// tenant, no other.
    pub async fn deleted_tenants(&self, query: &TenantQuery) -> Result<DeletedPage, Error> {
        let (store, now) = (&self.service.store, self.service.clock.now());
        let mut hidden: Vec<HiddenTenant> = match self.tenant() {
            Some(own) => store.hidden_tenant(own).await?.into_iter().collect(),
            None => store.hidden_tenants().await?,
        };
        hidden.retain(|it| !it.is_due && it.restorable_until > now && query.matches(&it.tenant));
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let has_more = hidden.len() > limit;
        hidden.truncate(limit);
        let last = hidden.last().filter(|_| has_more);
        Ok(DeletedPage {
            next: last.map(|it| it.tenant.database_name.clone()),
            tenants: hidden,
        })
    }

    /// Makes a deleted tenant what it was. [`Error::ClientUnknown`] if there is none with this client id that can be restored.
    pub async fn restore_tenant(&self, client_id: &str) -> Result<Arc<Tenant>, Error> {
        let id = self.client_id(Some(client_id))?;
        let store = &self.service.store;
        let hidden = store.hidden_tenant(id).await?;
        let hidden = hidden.ok_or(Error::ClientUnknown)?;
        let act = Act::of(ActKind::TenantRestored).of_tenant(&hidden.tenant);
        let restoring = async {
            let restored = store.restore_tenant(id).await?;
            restored.ok_or(Error::ClientUnknown)
        };
        let restored = self.audited(act, restoring).await?;
        tracing::info!(tenant = %restored.database_name, "tenant restored");
        Ok(restored)
    }
}

impl Service {
    /// Deletes the tenants for good whose delay has passed. What fails is reported, and left for the next call. Several
    /// replicas may do so at once.
    pub async fn erase_deleted_tenants(&self) {
        let hidden = match self.store.hidden_tenants().await {
            Ok(hidden) => hidden,
            Err(error) => {
                tracing::debug!("the deleted tenants cannot be listed: {}", chain(&error));
                return;
            }
        };
        gauge!(RESTORABLE).set(f64::from(u32::try_from(hidden.len()).unwrap_or(u32::MAX)));
        for hidden in hidden.iter().filter(|it| it.is_due) {
            let name = &hidden.tenant.database_name;
            match self.erase(hidden).await {
                Ok(()) => tracing::info!(tenant = %name, "tenant deleted for good"),
                Err(Error::ClientUnknown) => {} // by another replica
                Err(error) => {
                    counter!(FAILURES).increment(1);
                    let error = chain(&error);
                    tracing::warn!(tenant = %name, "a tenant was not deleted for good: {error}");
                }
            }
        }
    }

    /// Deletes a tenant for good, its files first: after a crash in between it is still hidden.
    async fn erase(&self, hidden: &HiddenTenant) -> Result<(), Error> {
        let (tenant, id) = (&hidden.tenant, hidden.tenant.client_id);
        if hidden.with_files {
            self.require_no_object_lock()?;
            let check = || self.require_due(id);
            self.delete_files_of(&tenant.database_name, check).await?;
        }
        self.require_due(id).await?;
        let files = if hidden.with_files { "delete" } else { "keep" };
        let act = Act::of(ActKind::TenantErased)
            .of_tenant(tenant)
            .set("files", files);
        let erasing = async {
            let is_erased = self.store.delete_hidden(id).await?;
            is_erased.then_some(()).ok_or(Error::ClientUnknown)
        };
        self.audited(&Actor::service(), act, erasing).await
    }

    /// Fails with [`Error::ClientUnknown`] unless the tenant is hidden, and can no longer be restored.
    async fn require_due(&self, id: ClientId) -> Result<(), Error> {
        let hidden = self.store.hidden_tenant(id).await?;
        let is_due = hidden.is_some_and(|it| it.is_due);
        is_due.then_some(()).ok_or(Error::ClientUnknown)
    }
}
