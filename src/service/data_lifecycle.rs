//! How long events live: retention and legal holds.

use super::{Access, Error};
use crate::domain::{Hold, HoldId, Holds, MAX_HOLDS, Reason, RetentionRules};

impl Access {
    pub async fn holds(&self) -> Result<Holds, Error> {
        Ok(self.service.store.holds(&self.tenant).await?)
    }

    /// Places a hold of a record, or of all records: from now on nothing that it covers is deleted.
    pub async fn place_hold(&self, record_id: Option<i64>, reason: Reason) -> Result<Hold, Error> {
        if self.holds().await?.as_slice().len() >= MAX_HOLDS {
            return Err(Error::TooManyHolds(MAX_HOLDS));
        }
        let hold = Hold {
            id: HoldId::random(&*self.service.entropy),
            record_id,
            reason,
            created_at: self.service.clock.now(),
        };
        self.service.store.place_hold(&self.tenant, &hold).await?;
        tracing::info!(tenant = %self.database_name(), hold = %hold.id, record_id, "legal hold placed");
        Ok(hold)
    }

    pub async fn release_hold(&self, hold_id: HoldId) -> Result<(), Error> {
        let store = &self.service.store;
        if !store.release_hold(&self.tenant, hold_id).await? {
            return Err(Error::HoldNotFound { hold_id });
        }
        tracing::info!(tenant = %self.database_name(), hold = %hold_id, "legal hold released");
        Ok(())
    }

    pub async fn retention(&self) -> Result<RetentionRules, Error> {
        Ok(self.service.store.retention(&self.tenant).await?)
    }

    /// Replaces the retention rules, which are followed from now on.
    pub async fn set_retention(&self, rules: &RetentionRules) -> Result<(), Error> {
        let store = &self.service.store;
        store.set_retention(&self.tenant, rules).await?;
        let rules = rules.as_slice().len();
        tracing::info!(tenant = %self.database_name(), rules, "retention rules set");
        Ok(())
    }

    /// Fails if the tenant has a hold.
    pub(super) async fn require_no_hold(&self) -> Result<(), Error> {
        if self.holds().await?.is_empty() {
            return Ok(());
        }
        Err(Error::UnderHold {
            tenant: self.database_name().to_string(),
        })
    }
}
