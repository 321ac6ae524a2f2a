//! Authentication, and access to a tenant.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{Error, Service};
use crate::domain::{ClientId, DatabaseName, Tenant, TenantSchemas};

/// The accepted API keys as SHA-256 digests, which have one length: comparing them reveals nothing about a key.
#[derive(Debug)]
pub struct ApiKeys(Vec<[u8; 32]>);

impl ApiKeys {
    pub fn new(keys: &[SecretString]) -> Self {
        Self(
            keys.iter()
                .map(|key| Sha256::digest(key.expose_secret()).into())
                .collect(),
        )
    }

    fn accept(&self, key: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(key).into();
        // Compares with every key, so that the time does not reveal which one matched.
        let none = Choice::from(0);
        self.0
            .iter()
            .fold(none, |found, accepted| found | accepted.ct_eq(&digest))
            .into()
    }
}

/// A caller with a valid API key.
#[derive(Debug)]
pub struct Caller {
    pub(super) service: Arc<Service>,
}

/// Access of an authenticated caller to one tenant.
#[derive(Debug)]
pub struct Access {
    pub(super) service: Arc<Service>,
    pub(super) tenant: Arc<Tenant>,
}

impl Access {
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
    /// Accepts a caller that sends one of the API keys.
    pub fn authenticate(self: &Arc<Self>, key: Option<&[u8]>) -> Result<Caller, Error> {
        match key {
            Some(key) if self.settings.api_keys.accept(key) => Ok(Caller {
                service: Arc::clone(self),
            }),
            _ => Err(Error::KeyRefused),
        }
    }
}

impl Caller {
    /// Opens the tenant with this client id; an empty one counts as missing.
    pub async fn access(&self, client_id: Option<&str>) -> Result<Access, Error> {
        let client_id = client_id
            .filter(|text| !text.is_empty())
            .ok_or(Error::ClientMissing)?;
        // Every client id is a UUID.
        let client_id = ClientId::parse(client_id).map_err(|_| Error::ClientUnknown)?;
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
        })
    }
}
