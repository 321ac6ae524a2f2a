//! Who is asking, and access to a tenant.
//!
//! [`Caller`] is whoever sent a request, with whatever credential: this is the one place that knows the kinds of them.

mod configured_keys;
mod credential_cache;
mod keys;
mod secrets;
mod view_token;
mod view_tokens;

use core::net::IpAddr;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Error, Service};
use crate::domain::access::audit::catalogue as audit_catalogue;
use crate::domain::{
    Catalogue, ClientId, DatabaseName, KeyId, KeyText, Requirement, Scope, StoredKey, Tenant,
    TenantSchemas, TenantSecrets,
};
use crate::store::audit;

use self::view_token::ViewToken;
use super::limits::{Amount, Charged};
pub use configured_keys::ApiKeys;
pub use credential_cache::Credentials;
pub use keys::{MAX_STORED_KEYS, NewKey};
pub use secrets::{MAX_OVERLAP, RotatedSecret};
pub use view_token::MAX_LIFE as MAX_VIEW_TOKEN_LIFE;

/// Who is asking: a caller whose credential was accepted, and allows the operation.
#[derive(Debug)]
pub struct Caller {
    pub(super) service: Arc<Service>,
    pub(super) identity: Identity,
    /// What the operation needs, which the credential has.
    requirement: Requirement,
    pub(super) origin: Origin,
}

/// Where a request came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pub client: Option<IpAddr>,
    pub request_id: Option<String>,
}

/// Access of an authenticated caller to one tenant.
#[derive(Debug)]
pub struct Access {
    pub(super) service: Arc<Service>,
    pub(super) tenant: Arc<Tenant>,
    pub(super) identity: Identity,
    pub(super) origin: Origin,
}

/// The credential of a caller.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    /// A key of the settings, which allows everything, by its index there.
    ConfiguredKey(usize),
    StoredKey(Arc<StoredKey>),
    /// A tenant's own secret, as its digest.
    TenantSecret {
        client_id: ClientId,
        sha256: [u8; 32],
    },
    ViewToken(Arc<ViewToken>),
}

/// What a caller sends to say who it is.
pub enum Credential<'a> {
    /// A key of the settings, or one that was made through the API.
    Key(&'a [u8]),
    /// A tenant's client id and secret.
    TenantSecret {
        client_id: String,
        secret: SecretSlice<u8>,
    },
    ViewToken(&'a [u8]),
}

/// Says what it is, and nothing of it.
impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::TenantSecret { .. } => "TenantSecret",
            Self::ViewToken(_) => "ViewToken",
        })
    }
}

impl Identity {
    fn meets(&self, requirement: Requirement) -> Result<(), Error> {
        match requirement {
            Requirement::Scope(scope) if !self.allows(scope) => Err(Error::ScopeMissing(scope)),
            Requirement::Scope(_) | Requirement::AnyScope => Ok(()),
        }
    }

    fn allows(&self, scope: Scope) -> bool {
        match self {
            Self::ConfiguredKey(_) => true,
            Self::StoredKey(key) => key.scopes.contains(scope),
            // A tenant sends and reads, and does not manage itself.
            Self::TenantSecret { .. } => matches!(scope, Scope::Write | Scope::Read),
            Self::ViewToken(_) => scope == Scope::Read,
        }
    }

    /// Returns the one tenant that the credential is for; `None` if it is for all.
    pub(super) fn tenant(&self) -> Option<ClientId> {
        match self {
            Self::ConfiguredKey(_) => None,
            Self::StoredKey(key) => key.client_id,
            Self::TenantSecret { client_id, .. } => Some(*client_id),
            Self::ViewToken(token) => Some(token.client_id),
        }
    }

    /// Returns the stored key whose limits apply. A view token uses up those of the key that made it: otherwise a key could
    /// make itself as many limits as it likes.
    fn limited_key(&self) -> Option<KeyId> {
        match self {
            Self::StoredKey(key) => Some(key.id),
            Self::ViewToken(token) => token.made_with_key(),
            Self::ConfiguredKey(_) | Self::TenantSecret { .. } => None,
        }
    }
}

impl Access {
    /// Fails once the credential was revoked or has expired: for answers that take longer than a request does.
    pub(super) async fn require_valid(&self) -> Result<(), Error> {
        match &self.identity {
            Identity::ConfiguredKey(_) => Ok(()),
            Identity::StoredKey(key) => self.service.valid_key(key.id).await.map(drop),
            Identity::TenantSecret { client_id, sha256 } => {
                self.service.require_secret(*client_id, sha256).await
            }
            Identity::ViewToken(token) => self.service.require_current(token).await,
        }
    }

    /// Tells whether the credential was revoked or has expired. While the store cannot say, it has not.
    pub async fn has_ended(&self) -> bool {
        let outcome = self.require_valid().await;
        matches!(outcome, Err(Error::KeyRefused | Error::ViewTokenExpired))
    }

    /// Returns the client id of the tenant.
    pub fn client_id(&self) -> ClientId {
        self.tenant.client_id
    }

    /// Describes the credential for people, without what is secret.
    pub(super) fn credential_name(&self) -> String {
        match &self.identity {
            Identity::ConfiguredKey(_) => "configured key".to_owned(),
            Identity::StoredKey(key) => format!("{} ({})", key.name, key.id),
            Identity::TenantSecret { .. } => "the tenant's secret".to_owned(),
            Identity::ViewToken(_) => "a view token".to_owned(),
        }
    }

    /// Returns the name of the tenant's database.
    pub fn database_name(&self) -> &DatabaseName {
        &self.tenant.database_name
    }

    /// Returns the stored key whose limits apply, if there is one.
    pub fn limited_key(&self) -> Option<KeyId> {
        self.identity.limited_key()
    }

    /// Fails if the tenant, or the key, may send no event now: to be asked before a large body is read.
    pub fn require_events_left(&self) -> Result<(), Error> {
        let (limits, now) = (&self.service.limits, self.service.clock.now());
        limits.require(self.charged(), Amount::Events(1), now)
    }

    /// Counts events that are sent, unless that are more than the tenant or the key may send.
    pub(super) fn take_events(&self, count: usize) -> Result<(), Error> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let (limits, now) = (&self.service.limits, self.service.clock.now());
        limits.take(self.charged(), Amount::Events(count), now)
    }

    /// Counts the size of a file that is to be uploaded, unless that is more than the tenant or the key may upload.
    pub(super) fn take_upload(&self, bytes: u64) -> Result<(), Error> {
        let (limits, now) = (&self.service.limits, self.service.clock.now());
        limits.take(self.charged(), Amount::UploadBytes(bytes), now)
    }

    fn charged(&self) -> Charged {
        Charged {
            tenant: Some(self.client_id()),
            key: self.limited_key(),
        }
    }

    /// Returns the names of the types of the tenant's events.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        let own = &self.service.settings.catalogue;
        Arc::clone(if self.tenant.is_system() {
            audit_catalogue()
        } else {
            own
        })
    }

    /// Returns what the tenant's events have to look like; `None` if nothing restricts them.
    pub fn event_schemas(&self) -> Option<Arc<TenantSchemas>> {
        let schemas = &self.service.settings.event_schemas;
        schemas.of(self.database_name()).cloned()
    }
}

impl Service {
    /// Accepts a caller whose credential meets the requirement.
    pub async fn authenticate(
        self: &Arc<Self>,
        credential: Option<Credential<'_>>,
        requirement: Requirement,
    ) -> Result<Caller, Error> {
        let identity = match credential.ok_or(Error::KeyRefused)? {
            Credential::Key(key) => self.identify_key(key).await?,
            Credential::ViewToken(text) => {
                Identity::ViewToken(Arc::new(self.valid_token(text).await?))
            }
            Credential::TenantSecret { client_id, secret } => {
                let id = ClientId::parse(&client_id).map_err(|_| Error::KeyRefused)?;
                let sha256 = Sha256::digest(secret.expose_secret()).into();
                self.require_secret(id, &sha256).await?;
                Identity::TenantSecret {
                    client_id: id,
                    sha256,
                }
            }
        };
        // Its tenant counts the request once it is known.
        let charged = Charged {
            tenant: None,
            key: identity.limited_key(),
        };
        charged.remember();
        let now = self.clock.now();
        self.limits.take(charged, Amount::Request, now)?;
        identity.meets(requirement)?;
        Ok(Caller {
            service: Arc::clone(self),
            identity,
            requirement,
            origin: Origin::default(),
        })
    }

    async fn identify_key(self: &Arc<Self>, key: &[u8]) -> Result<Identity, Error> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        if let Some(index) = self.settings.api_keys.find(&digest) {
            return Ok(Identity::ConfiguredKey(index));
        }
        let id = KeyText::id_in(key).ok_or(Error::KeyRefused)?;
        let stored = self.valid_key(id).await?;
        let is_same: bool = stored.sha256.ct_eq(&digest).into();
        if !is_same {
            return Err(Error::KeyRefused);
        }
        self.credentials.keys.note_use(id, self.clock.now());
        Ok(Identity::StoredKey(stored))
    }

    /// Returns a stored key that is neither revoked nor expired.
    async fn valid_key(self: &Arc<Self>, id: KeyId) -> Result<Arc<StoredKey>, Error> {
        let stored = self.stored::<StoredKey>(id).await?;
        let now = self.clock.now();
        let valid = stored.filter(|key| !key.is_expired(now));
        valid.ok_or(Error::KeyRefused)
    }

    /// Fails unless this is the digest of a tenant's secret.
    async fn require_secret(
        self: &Arc<Self>,
        id: ClientId,
        sha256: &[u8; 32],
    ) -> Result<(), Error> {
        let secrets = self.stored::<TenantSecrets>(id).await?;
        let is_accepted = secrets.is_some_and(|it| it.accept(sha256, self.clock.now()));
        is_accepted.then_some(()).ok_or(Error::KeyRefused)
    }
}

impl Caller {
    /// Says where the request came from.
    #[must_use]
    pub fn sent_from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

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

    /// Opens the tenant that was sent, or else that of the credential.
    pub async fn access(&self, client_id: Option<&str>) -> Result<Access, Error> {
        if client_id == Some(DatabaseName::SYSTEM) {
            return self.access_system().await;
        }
        let client_id = self.client_id(client_id)?;
        let tenant = self.service.store.tenant_by_client_id(client_id).await?;
        self.open(tenant.ok_or(Error::ClientUnknown)?).await
    }

    /// Opens the system tenant, which has a name in place of a client id that anybody would have to know.
    async fn access_system(&self) -> Result<Access, Error> {
        let service = &*self.service;
        if let Some(own) = self.tenant() {
            let found = service
                .store
                .tenant_by_name(&DatabaseName::system())
                .await?;
            let found = found.filter(|it| it.client_id == own);
            return self.open(found.ok_or(Error::ClientUnknown)?).await;
        }
        self.require_system_access()?;
        let (clock, entropy) = (&*service.clock, &*service.entropy);
        let tenant = audit::system_tenant(&*service.store, clock, entropy).await?;
        self.open(tenant).await
    }

    /// Fails unless the caller may look at the system tenant: with the scope `admin` in addition to what the operation
    /// needs. Nobody sends it anything.
    fn require_system_access(&self) -> Result<(), Error> {
        if self.requirement == Requirement::Scope(Scope::Write) {
            return Err(Error::SystemTenant);
        }
        let is_admin = self.identity.allows(Scope::Admin);
        is_admin
            .then_some(())
            .ok_or(Error::ScopeMissing(Scope::Admin))
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
        if tenant.is_system() {
            self.require_system_access()?;
        }
        if !self.service.store.has_database(&tenant).await? {
            return Err(Error::TenantNotFound {
                tenant: tenant.database_name.to_string(),
            });
        }
        let access = Access {
            service: Arc::clone(&self.service),
            tenant,
            identity: self.identity.clone(),
            origin: self.origin.clone(),
        };
        access.charged().remember();
        let charged = Charged {
            key: None, // counted when the caller was authenticated
            ..access.charged()
        };
        let (limits, now) = (&self.service.limits, self.service.clock.now());
        limits.take(charged, Amount::Request, now)?;
        Ok(access)
    }
}
