//! Who is asking, and access to a tenant.
//!
//! [`Caller`] is whoever sent a request, with whatever credential: this is the one place that knows the kinds of them.

mod configured_keys;
mod key_cache;
mod keys;

use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Error, Service};
use crate::domain::{
    ClientId, DatabaseName, KeyId, KeyText, Requirement, StoredKey, Tenant, TenantSchemas,
};

pub use configured_keys::ApiKeys;
pub use key_cache::KeyCache;
pub use keys::{MAX_STORED_KEYS, NewKey};

/// Who is asking: a caller whose credential was accepted, and allows the operation.
#[derive(Debug)]
pub struct Caller {
    pub(super) service: Arc<Service>,
    identity: Identity,
}

/// Access of an authenticated caller to one tenant.
#[derive(Debug)]
pub struct Access {
    pub(super) service: Arc<Service>,
    pub(super) tenant: Arc<Tenant>,
    identity: Identity,
}

/// The credential of a caller.
#[derive(Debug, Clone)]
enum Identity {
    /// A key of the settings, which allows everything.
    ConfiguredKey,
    StoredKey(Arc<StoredKey>),
}

impl Identity {
    fn meets(&self, requirement: Requirement) -> Result<(), Error> {
        match (self, requirement) {
            (Self::ConfiguredKey, _) | (Self::StoredKey(_), Requirement::AnyScope) => Ok(()),
            (Self::StoredKey(key), Requirement::Scope(scope)) => {
                let is_met = key.scopes.contains(scope);
                is_met.then_some(()).ok_or(Error::ScopeMissing(scope))
            }
        }
    }

    /// Returns the one tenant that the credential is for; `None` if it is for all.
    fn tenant(&self) -> Option<ClientId> {
        match self {
            Self::ConfiguredKey => None,
            Self::StoredKey(key) => key.client_id,
        }
    }
}

impl Access {
    /// Fails once the credential was revoked or has expired: for answers that take longer than a request does.
    pub(super) async fn require_valid(&self) -> Result<(), Error> {
        match &self.identity {
            Identity::ConfiguredKey => Ok(()),
            Identity::StoredKey(key) => self.service.valid_key(key.id).await.map(drop),
        }
    }

    /// Returns the client id of the tenant.
    pub fn client_id(&self) -> ClientId {
        self.tenant.client_id
    }

    /// Returns the name of the tenant's database.
    pub fn database_name(&self) -> &DatabaseName {
        &self.tenant.database_name
    }

    /// Returns what the tenant's events have to look like; `None` if nothing restricts them.
    pub fn event_schemas(&self) -> Option<Arc<TenantSchemas>> {
        let schemas = &self.service.settings.event_schemas;
        schemas.of(self.database_name()).cloned()
    }
}

impl Service {
    /// Accepts a caller that sends a key which meets the requirement.
    pub async fn authenticate(
        self: &Arc<Self>,
        key: Option<&[u8]>,
        requirement: Requirement,
    ) -> Result<Caller, Error> {
        let key = key.ok_or(Error::KeyRefused)?;
        let digest: [u8; 32] = Sha256::digest(key).into();
        let identity = if self.settings.api_keys.accept(&digest) {
            Identity::ConfiguredKey
        } else {
            let id = KeyText::id_in(key).ok_or(Error::KeyRefused)?;
            let stored = self.valid_key(id).await?;
            let is_same: bool = stored.sha256.ct_eq(&digest).into();
            if !is_same {
                return Err(Error::KeyRefused);
            }
            self.keys.note_use(id, self.clock.now());
            Identity::StoredKey(stored)
        };
        identity.meets(requirement)?;
        Ok(Caller {
            service: Arc::clone(self),
            identity,
        })
    }

    /// Returns a stored key that is neither revoked nor expired.
    async fn valid_key(self: &Arc<Self>, id: KeyId) -> Result<Arc<StoredKey>, Error> {
        let stored = self.stored_key(id).await?;
        let now = self.clock.now();
        let valid = stored.filter(|key| !key.is_expired(now));
        valid.ok_or(Error::KeyRefused)
    }
}

impl Caller {
    /// Returns the one tenant that the credential is for; `None` if it is for all.
    pub fn tenant(&self) -> Option<ClientId> {
        self.identity.tenant()
    }

    /// Returns the client id of the tenant that is meant: the one that was sent, or else that of the credential. An empty
    /// one counts as missing. One of a tenant that the credential is not for is as unknown as any.
    pub(super) fn client_id(&self, sent: Option<&str>) -> Result<ClientId, Error> {
        let own = self.tenant();
        match (sent.filter(|text| !text.is_empty()), own) {
            (Some(text), own) => {
                // Every client id is a UUID.
                let id = ClientId::parse(text).map_err(|_| Error::ClientUnknown)?;
                let is_allowed = own.is_none_or(|own| own == id);
                is_allowed.then_some(id).ok_or(Error::ClientUnknown)
            }
            (None, Some(own)) => Ok(own),
            (None, None) => Err(Error::ClientMissing),
        }
    }

    /// Opens the tenant that [`Self::client_id`] says.
    pub async fn access(&self, client_id: Option<&str>) -> Result<Access, Error> {
        let client_id = self.client_id(client_id)?;
        let tenant = self.service.store.tenant_by_client_id(client_id).await?;
        self.open(tenant.ok_or(Error::ClientUnknown)?).await
    }

    /// Opens the tenant that an envelope names, by its database name or its client id.
    pub async fn access_named(&self, name: &str) -> Result<Access, Error> {
        let store = &self.service.store;
        let mut tenant = None;
        if let Ok(name) = DatabaseName::parse(name) {
            tenant = store.tenant_by_name(&name).await?;
        }
        if tenant.is_none()
            && let Ok(client_id) = ClientId::parse(name)
        {
            tenant = store.tenant_by_client_id(client_id).await?;
        }
        let tenant = tenant.filter(|it| self.tenant().is_none_or(|own| own == it.client_id));
        let tenant = tenant.ok_or_else(|| Error::TenantNotFound {
            tenant: name.to_owned(),
        })?;
        self.open(tenant).await
    }

    async fn open(&self, tenant: Arc<Tenant>) -> Result<Access, Error> {
        if !self.service.store.has_database(&tenant).await? {
            return Err(Error::TenantNotFound {
                tenant: tenant.database_name.to_string(),
            });
        }
        Ok(Access {
            service: Arc::clone(&self.service),
            tenant,
            identity: self.identity.clone(),
        })
    }
}
