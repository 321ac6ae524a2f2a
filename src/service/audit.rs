//! The audit of administrators: every act is recorded before it is done.
//!
//! [`Access::audited`] and [`Caller::audited`] are how an operation with the scope `admin` changes anything. One that cannot
//! be recorded is not done; one that fails after it was recorded is recorded once more, as failed.

use super::access::{Identity, Origin};
use super::{Access, Caller, Error, Service};
use crate::domain::cause::chain;
use crate::domain::{Act, ActKind, Actor, ActorKind, EventId, Requirement, Scope};
use crate::store::{self, audit};

/// A read of a tenant's history, as far as it is recorded.
#[derive(Debug)]
pub struct Reading<'a> {
    pub path: &'a str,
    pub query: &'a str,
    /// The one record that is read, as far as the request says so.
    pub record_id: Option<i64>,
}

impl Service {
    /// Tells whether requests with this requirement are recorded, so that somebody has to say where they come from.
    pub fn records(&self, requirement: Requirement) -> bool {
        match requirement {
            Requirement::Scope(Scope::Admin) => true,
            Requirement::Scope(Scope::Read) => self.settings.audit_reads,
            Requirement::Scope(Scope::Write) | Requirement::AnyScope => false,
        }
    }

    /// Records an act, and then does it.
    pub(super) async fn audited<T>(
        &self,
        actor: &Actor,
        act: Act,
        acting: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let recorded = self.record(actor, act.clone()).await;
        // Whatever is wrong with the audit, the act was not done.
        let recorded = recorded.map_err(Error::Unrecorded)?;
        let outcome = acting.await;
        if let Err(error) = &outcome
            && let Err(failure) = self.record(actor, act.failed(recorded, error)).await
        {
            let (error, failure) = (chain(error), chain(&failure));
            tracing::error!(act = %recorded, "an act failed, and that was not recorded ({failure}): {error}");
        }
        outcome
    }

    /// Records an act. Returns the id of its event.
    pub(super) async fn record(&self, actor: &Actor, act: Act) -> Result<EventId, store::Error> {
        audit::record(&*self.store, &*self.clock, &*self.entropy, actor, act).await
    }
}

impl Caller {
    /// Records an act about no tenant, and then does it.
    pub(super) async fn audited<T>(
        &self,
        act: Act,
        acting: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.service.audited(&self.actor(), act, acting).await
    }

    pub(super) fn actor(&self) -> Actor {
        actor(&self.identity, &self.origin)
    }
}

impl Access {
    /// Records an act about the tenant, and then does it. The system tenant is not acted on.
    pub(super) async fn audited<T>(
        &self,
        act: Act,
        acting: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if self.tenant.is_system() {
            return Err(Error::SystemTenant);
        }
        let actor = actor(&self.identity, &self.origin);
        let act = act.of_tenant(&self.tenant);
        self.service.audited(&actor, act, acting).await
    }

    /// Records that the tenant's history is about to be read, if the operator wants that. Reading that of the system tenant
    /// is not recorded: whoever follows it would never come to its end.
    pub async fn record_reading(&self, reading: Reading<'_>) -> Result<(), Error> {
        if !self.service.settings.audit_reads || self.tenant.is_system() {
            return Ok(());
        }
        let Reading {
            path,
            query,
            record_id,
        } = reading;
        let act = Act::of(ActKind::HistoryRead)
            .about_record(record_id.unwrap_or_default())
            .set("path", path)
            .set("query", query);
        let nothing = std::future::ready(Ok(()));
        self.audited(act, nothing).await
    }
}

fn actor(identity: &Identity, origin: &Origin) -> Actor {
    let (kind, name, key_id) = match identity {
        Identity::ConfiguredKey(_) => (ActorKind::ConfiguredKey, "configured key".to_owned(), None),
        Identity::StoredKey(key) => (ActorKind::StoredKey, key.name.clone(), Some(key.id)),
        Identity::TenantSecret { client_id, .. } => {
            (ActorKind::TenantSecret, client_id.to_string(), None)
        }
        Identity::ViewToken(token) => {
            let made_with = token.made_with_key();
            (ActorKind::ViewToken, "view token".to_owned(), made_with)
        }
    };
    let Origin { client, request_id } = origin.clone();
    Actor {
        kind,
        name,
        key_id,
        of_tenant: identity.tenant(),
        client_address: client,
        request_id,
    }
}
