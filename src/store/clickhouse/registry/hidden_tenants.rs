//! Hidden tenants: those that were deleted and can be restored.
//!
//! Until an instant a tenant can be restored, and from some time after that it is deleted for good: so no replica deletes what
//! another one is restoring.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Registry;
use super::entries::{Entry, Hiding};
use super::revision::State;
use crate::domain::{ClientId, DatabaseName, HiddenTenant, Tenant};
use crate::store::Error;
use crate::store::clickhouse::failure::Failure;

/// The time after which a statement that restores a tenant has ended, on whatever server, and clocks agree that it is over.
const GRACE: Duration = Duration::from_mins(1);

impl Registry {
    /// Hides a tenant from lookups.
    pub(in crate::store::clickhouse) async fn hide(
        &self,
        tenant: &Tenant,
        until: Timestamp,
        with_files: bool,
    ) -> Result<(), Error> {
        let id = tenant.client_id;
        let entry = self.entries.by_client_id(id).await?;
        if let Some(entry) = entry.filter(|it| it.state() == State::Ready) {
            let hiding = Hiding {
                until_us: until.as_microsecond(),
                with_files,
            };
            self.entries.write_hidden(&entry, hiding).await?;
        }
        self.cache.remove_deleted(id);
        Ok(())
    }

    /// Returns `None` if the tenant is not hidden, or can no longer be restored.
    pub(in crate::store::clickhouse) async fn restore(
        &self,
        id: ClientId,
    ) -> Result<Option<Arc<Tenant>>, Error> {
        let Some(entry) = self.hidden_entry(id).await? else {
            return Ok(None);
        };
        if entry.hiding.until_us <= entry.read_at_us {
            return Ok(None);
        }
        let restored = self.entries.write_restored(&entry).await?;
        let current = self.entries.by_client_id(id).await?;
        match current {
            Some(current) if current.revision == restored => {
                self.cache.remove(id);
                Ok(Some(Arc::new(current.tenant)))
            }
            // The server that was to write it had not received the entry yet, or it became too late.
            Some(current) if current.state() == State::Hidden => Err(Error::Busy),
            _ => Ok(None),
        }
    }

    pub(in crate::store::clickhouse) async fn hidden(&self) -> Result<Vec<HiddenTenant>, Error> {
        let entries = self.entries.hidden().await?.into_iter();
        Ok(entries.map(HiddenTenant::from).collect())
    }

    pub(in crate::store::clickhouse) async fn hidden_tenant(
        &self,
        id: ClientId,
    ) -> Result<Option<HiddenTenant>, Error> {
        Ok(self.hidden_entry(id).await?.map(HiddenTenant::from))
    }

    /// Deletes a hidden tenant for good, if it is due.
    pub(in crate::store::clickhouse) async fn delete_hidden(
        &self,
        id: ClientId,
    ) -> Result<bool, Error> {
        let entry = self.hidden_entry(id).await?;
        let Some(entry) = entry.filter(is_due) else {
            return Ok(false);
        };
        self.advance(&entry, State::Deleting).await?;
        self.finish_deletion(&entry).await?;
        Ok(true)
    }

    pub(in crate::store::clickhouse) async fn is_name_taken(
        &self,
        name: &DatabaseName,
    ) -> Result<bool, Failure> {
        self.entries.has_name(name).await
    }

    async fn hidden_entry(&self, id: ClientId) -> Result<Option<Entry>, Failure> {
        let entry = self.entries.by_client_id(id).await?;
        Ok(entry.filter(|it| it.state() == State::Hidden))
    }
}

fn is_due(entry: &Entry) -> bool {
    let grace = i64::try_from(GRACE.as_micros()).unwrap_or(i64::MAX);
    entry.hiding.until_us.saturating_add(grace) <= entry.read_at_us
}

impl From<Entry> for HiddenTenant {
    fn from(entry: Entry) -> Self {
        let until = Timestamp::from_microsecond(entry.hiding.until_us);
        Self {
            is_due: is_due(&entry),
            restorable_until: until.unwrap_or(Timestamp::MAX),
            with_files: entry.hiding.with_files,
            tenant: entry.tenant,
        }
    }
}
