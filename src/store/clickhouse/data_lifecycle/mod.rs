//! How long events live, and the deletion of tenants.

mod due_events;
mod erasure;
mod holds_table;
mod patch_delete;
mod redaction;
mod retention_table;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use self::due_events::DueEvents;
pub(super) use self::erasure::Erasure;
use self::holds_table::{Deletion, HoldsTable};
use self::retention_table::RetentionTable;
use super::ClickHouse;
use super::client::Client;
use super::failure::Failure;
use crate::domain::{
    ClientId, Entropy, EventId, Hold, HoldId, Holds, Redaction, RetentionPosition, RetentionRules,
    RetentionStep, SystemEntropy, Tenant,
};
use crate::store::{DataLifecycle, Error, Redacted, finished};

/// The time for which a hold waits for a deletion of events under way.
const MAX_DELETION_WAIT: Duration = Duration::from_secs(3);
const DELETION_PAUSE: Duration = Duration::from_millis(100);

/// The attempts at a redaction while others delete or redact events of the tenant, and the pause between: of several that meet
/// each other one has to come first.
const REDACTION_ATTEMPTS: usize = 8;
const REDACTION_PAUSE: Duration = Duration::from_millis(300);

/// The tables about how long events live.
#[derive(Debug, Clone)]
pub(super) struct LifecycleTables {
    holds: HoldsTable,
    retention: RetentionTable,
}

impl LifecycleTables {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            holds: HoldsTable::new(client),
            retention: RetentionTable::new(client),
        }
    }

    /// Removes the rules of a deleted tenant: they are not those of another life.
    async fn forget_rules(&self, id: ClientId) -> Result<(), Failure> {
        let none = RetentionRules::default();
        if self.retention.rules(id).await? != none {
            self.retention.set_rules(id, &none).await?;
        }
        Ok(())
    }

    /// Waits until no deletion of the tenant's events is under way. Returns false if the tenant is being deleted, or the
    /// deletion takes too long.
    async fn wait_for_deletions(&self, id: ClientId) -> Result<bool, Failure> {
        let give_up = Instant::now() + MAX_DELETION_WAIT;
        loop {
            let in_force = self.holds.read(id).await?;
            if in_force.has(Deletion::Tenant, None) {
                return Ok(false);
            }
            if !in_force.has(Deletion::Events, None) {
                return Ok(true);
            }
            if Instant::now() >= give_up {
                return Ok(false);
            }
            sleep(DELETION_PAUSE).await;
        }
    }
}

impl ClickHouse {
    /// Returns the due events of a tenant, unless all of them are under a hold.
    async fn due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        holds: &Holds,
    ) -> Result<Option<DueEvents>, Error> {
        let (table, id) = (self.table(tenant).await?, tenant.client_id);
        let rules = self.lifecycle.retention.rules(id).await?;
        if rules.keep_everything() {
            return Ok(None);
        }
        let due = rules.due_at(now);
        Ok(Some(DueEvents::new(&self.client, table, id, &due, holds)))
    }

    /// Redacts an event, unless others are deleting or redacting events of the tenant: then returns `None`.
    async fn try_redact(
        &self,
        tenant: &Tenant,
        id: EventId,
        redaction: &Redaction,
    ) -> Result<Option<Redacted>, Error> {
        let (table, client_id) = (self.table(tenant).await?, tenant.client_id);
        let holds = &self.lifecycle.holds;
        let announced = holds.announce(client_id, Deletion::Events).await?;
        let in_force = holds.read(client_id).await?;
        let is_elsewhere = in_force.has(Deletion::Events, Some(&announced))
            || in_force.has(Deletion::Tenant, None);
        if is_elsewhere {
            holds.end(announced).await?;
            return Ok(None);
        }
        self.erasure.expect_late_rows();
        let event = (id, redaction);
        let redacted =
            redaction::redact(&self.client, &table, client_id, event, &in_force.holds).await?;
        // After a failure it may still be under way, so holds wait until what was announced has expired.
        holds.end(announced).await?;
        Ok(Some(redacted))
    }

    /// Fails if there is no such tenant.
    async fn require_tenant(&self, tenant: &Tenant) -> Result<(), Error> {
        self.table(tenant).await.map(drop)
    }

    /// See [`crate::store::Store::delete_tenant`]; with `hide`, [`crate::store::DelayedDeletion::hide_tenant`].
    pub(super) async fn delete(
        &self,
        tenant: &Tenant,
        hide: Option<(Timestamp, bool)>,
    ) -> Result<(), Error> {
        self.check_open()?;
        let (registry, tables) = (Arc::clone(&self.registry), self.lifecycle.clone());
        let (tenant, id) = (tenant.clone(), tenant.client_id);
        // A task of its own: a deletion that has begun ends, even if the caller stops waiting.
        let deletion = async move {
            let announced = tables.holds.announce(id, Deletion::Tenant).await?;
            let in_force = tables.holds.read(id).await?;
            let deleted = match hide {
                _ if !in_force.holds.is_empty() => Err(Error::UnderHold(tenant.database_name)),
                Some((until, with_files)) => registry.hide(&tenant, until, with_files).await,
                None => match registry.delete(&tenant).await {
                    Ok(true) => tables.forget_rules(id).await.map_err(Error::from),
                    Ok(false) => Ok(()),
                    Err(error) => Err(error),
                },
            };
            // Of a deletion that was interrupted nobody knows yet whether the entry keeps holds away.
            if matches!(deleted, Ok(()) | Err(Error::UnderHold(_))) {
                tables.holds.end(announced).await?;
            }
            deleted
        };
        finished(tokio::spawn(deletion).await)?;
        self.arrivals.publish(id); // who waits for events learns that the tenant is gone
        Ok(())
    }
}

impl ClickHouse {
    /// See [`crate::store::DelayedDeletion::delete_hidden`]. No hold can have been placed.
    pub(super) async fn delete_due_tenant(&self, id: ClientId) -> Result<bool, Error> {
        self.check_open()?;
        let (registry, tables) = (Arc::clone(&self.registry), self.lifecycle.clone());
        let deletion = async move {
            let is_deleted = registry.delete_hidden(id).await?;
            if is_deleted {
                tables.forget_rules(id).await?;
            }
            Ok(is_deleted)
        };
        finished(tokio::spawn(deletion).await)
    }
}

#[async_trait]
impl DataLifecycle for ClickHouse {
    async fn holds(&self, tenant: &Tenant) -> Result<Holds, Error> {
        self.require_tenant(tenant).await?;
        Ok(self.lifecycle.holds.read(tenant.client_id).await?.holds)
    }

    async fn place_hold(&self, tenant: &Tenant, hold: &Hold) -> Result<(), Error> {
        self.require_tenant(tenant).await?;
        let (id, holds) = (tenant.client_id, &self.lifecycle.holds);
        holds.place(id, hold).await?;
        if !self.lifecycle.wait_for_deletions(id).await? {
            holds.release(id, hold).await?;
            return Err(Error::Busy);
        }
        // If the tenant began to be deleted before that, its registry entry says so.
        if self.registry.reload(id).await?.is_none() {
            holds.release(id, hold).await?;
            return Err(Error::DatabaseMissing(tenant.database_name.clone()));
        }
        Ok(())
    }

    async fn release_hold(&self, tenant: &Tenant, id: HoldId) -> Result<bool, Error> {
        let holds = self.holds(tenant).await?;
        let Some(hold) = holds.as_slice().iter().find(|hold| hold.id == id) else {
            return Ok(false);
        };
        self.lifecycle.holds.release(tenant.client_id, hold).await?;
        Ok(true)
    }

    async fn retention(&self, tenant: &Tenant) -> Result<RetentionRules, Error> {
        self.require_tenant(tenant).await?;
        Ok(self.lifecycle.retention.rules(tenant.client_id).await?)
    }

    async fn set_retention(&self, tenant: &Tenant, rules: &RetentionRules) -> Result<(), Error> {
        self.require_tenant(tenant).await?;
        let id = tenant.client_id;
        self.lifecycle.retention.set_rules(id, rules).await?;
        if !self.lifecycle.wait_for_deletions(id).await? {
            return Err(Error::Busy);
        }
        Ok(())
    }

    async fn count_due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        _after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Error> {
        let holds = self.holds(tenant).await?;
        match self.due(tenant, now, &holds).await? {
            Some(due) => Ok(due.count(holds.cover_everything()).await?),
            None => Ok(RetentionStep::default()),
        }
    }

    async fn delete_due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Error> {
        self.require_tenant(tenant).await?;
        let (id, holds) = (tenant.client_id, &self.lifecycle.holds);
        let announced = holds.announce(id, Deletion::Events).await?;
        let step = async {
            let in_force = holds.read(id).await?;
            if in_force.has(Deletion::Events, Some(&announced)) {
                return Ok::<_, Error>(RetentionStep {
                    is_elsewhere: true,
                    ..RetentionStep::default()
                });
            }
            let holds = &in_force.holds;
            match self.due(tenant, now, holds).await? {
                Some(due) if !holds.cover_everything() => Ok(due.delete(after).await?),
                _ => Ok(RetentionStep::default()),
            }
        };
        let step = step.await;
        // After a failure a deletion may still be under way, so holds wait until what was announced has expired.
        if step.is_ok() {
            holds.end(announced).await?;
        }
        step
    }

    async fn redact(
        &self,
        tenant: &Tenant,
        id: EventId,
        redaction: &Redaction,
    ) -> Result<Redacted, Error> {
        for attempt in 0..REDACTION_ATTEMPTS {
            if attempt > 0 {
                sleep(SystemEntropy.jittered(REDACTION_PAUSE)).await;
            }
            if let Some(redacted) = self.try_redact(tenant, id, redaction).await? {
                return Ok(redacted);
            }
        }
        Err(Error::Busy)
    }
}
