//! How long events live, and the deletion of tenants.
//!
//! What is deleted is decided and deleted in one transaction, which reads the rules and the holds.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::external::ExternalStore;
use super::tables::data_lifecycle::holds;
use super::tables::data_lifecycle::redaction::{self, Done};
use super::tables::data_lifecycle::retention::{self, Mode};
use super::{Inner, Sqlite, provisioning};
use crate::domain::{
    EventId, Hold, HoldId, Holds, Redaction, RetentionPosition, RetentionRules, RetentionStep,
    Tenant,
};
use crate::store::{DataLifecycle, Error, Redacted, finished};

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
        let placed = lease.maintain(move |connection| holds::insert(connection, &hold));
        self.0.confirm_missing(placed.await)
    }

    async fn release_hold(&self, tenant: &Tenant, id: HoldId) -> Result<bool, Error> {
        let lease = self.0.lease(tenant).await?;
        let released = lease.maintain(move |connection| holds::remove(connection, id));
        self.0.confirm_missing(released.await)
    }

    async fn retention(&self, tenant: &Tenant) -> Result<RetentionRules, Error> {
        self.read(tenant, |connection| retention::rules(connection))
            .await
    }

    async fn set_retention(&self, tenant: &Tenant, rules: &RetentionRules) -> Result<(), Error> {
        let lease = self.0.lease(tenant).await?;
        let rules = rules.clone();
        let set = lease.maintain(move |connection| retention::set_rules(connection, &rules));
        self.0.confirm_missing(set.await)
    }

    async fn count_due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Error> {
        self.read(tenant, move |connection| count(connection, now, after))
            .await
    }

    async fn delete_due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Error> {
        let lease = self.0.lease(tenant).await?;
        let deleted =
            lease.maintain(move |connection| retention::step(connection, now, after, Mode::Delete));
        self.0.confirm_missing(deleted.await)
    }

    async fn redact(
        &self,
        tenant: &Tenant,
        id: EventId,
        redaction: &Redaction,
    ) -> Result<Redacted, Error> {
        let lease = self.0.lease(tenant).await?;
        let redaction = redaction.clone();
        let done = lease.erase(move |connection| redaction::redact(connection, id, &redaction));
        let Done {
            redacted,
            has_to_merge,
        } = self.0.confirm_missing(done.await)?;
        if has_to_merge {
            self.0.lease(tenant).await?.complete_index();
        }
        Ok(redacted)
    }
}

fn count(
    connection: &mut Connection,
    now: Timestamp,
    after: Option<RetentionPosition>,
) -> rusqlite::Result<RetentionStep> {
    let snapshot = connection.transaction()?;
    retention::step(&snapshot, now, after, Mode::Count)
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
    pub(super) async fn require_no_hold(&self, tenant: &Tenant) -> Result<(), Error> {
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

/// For another process than the service: it reads, deletes what is due, and leaves decisions to the service.
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

    async fn retention(&self, tenant: &Tenant) -> Result<RetentionRules, Error> {
        self.with(tenant, |connection| retention::rules(connection))
            .await
    }

    async fn set_retention(&self, _tenant: &Tenant, _rules: &RetentionRules) -> Result<(), Error> {
        super::external::not_allowed()
    }

    async fn count_due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Error> {
        self.with(tenant, move |connection| count(connection, now, after))
            .await
    }

    /// In a transaction of its own: SQLite lets it and the service take turns.
    async fn delete_due(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Error> {
        let delete = move |connection: &mut Connection| {
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let step = retention::step(&transaction, now, after, Mode::Delete)?;
            transaction.commit()?;
            Ok(step)
        };
        self.with(tenant, delete).await
    }

    async fn redact(
        &self,
        _tenant: &Tenant,
        _id: EventId,
        _redaction: &Redaction,
    ) -> Result<Redacted, Error> {
        super::external::not_allowed()
    }
}
