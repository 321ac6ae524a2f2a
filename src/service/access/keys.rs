//! Making, listing and revoking keys.

use jiff::Timestamp;

use super::Caller;
use crate::domain::{Act, ActKind, ClientId, KeyId, KeyText, ListedKey, Scope, Scopes, StoredKey};
use crate::service::Error;

/// The stored keys, at most. Several replicas that make keys at the same moment may exceed it by a few.
pub const MAX_STORED_KEYS: usize = 10_000;

/// A key to make.
#[derive(Debug)]
pub struct NewKey {
    pub name: String,
    pub scopes: Scopes,
    /// The tenant that it is for, as a client id; `None`: all tenants.
    pub client_id: Option<String>,
    pub expires_at: Option<Timestamp>,
}

impl Caller {
    /// Makes a key, and returns it with its text, which is returned only once. A caller that is for one tenant makes keys
    /// for this tenant alone.
    pub async fn create_key(&self, new: NewKey) -> Result<(StoredKey, KeyText), Error> {
        let NewKey {
            name,
            scopes,
            client_id,
            expires_at,
        } = new;
        let client_id = self.key_tenant(client_id.as_deref()).await?;
        let service = &self.service;
        if service.store.keys().await?.len() >= MAX_STORED_KEYS {
            return Err(Error::TooManyKeys(MAX_STORED_KEYS));
        }
        let id = KeyId::random(&*service.entropy);
        let text = KeyText::random(id, &*service.entropy);
        let key = StoredKey {
            id,
            sha256: text.sha256(),
            name,
            scopes,
            client_id,
            created_at: service.clock.now(),
            expires_at,
        };
        let act = Act::of(ActKind::KeyCreated)
            .set("key_id", id)
            .set("name", &key.name)
            .set("scopes", scope_names(scopes))
            .set("key_client_id", or_none(key.client_id))
            .set("expires_at", or_none(key.expires_at));
        let created = self.audited(act, async { Ok(service.store.create_key(&key).await?) });
        created.await?;
        tracing::info!(key = %id, "key created");
        Ok((key, text))
    }

    /// Returns the keys that were not revoked, oldest first: to a caller that is for one tenant, those of this tenant.
    pub async fn keys(&self) -> Result<Vec<ListedKey>, Error> {
        let mut keys = self.service.store.keys().await?;
        keys.retain(|it| self.may_manage(&it.key));
        Ok(keys)
    }

    /// Revokes a key: within seconds, no replica accepts it any more.
    pub async fn revoke_key(&self, id: KeyId) -> Result<(), Error> {
        let not_found = || Error::KeyNotFound { id };
        let service = &self.service;
        let mut found = service.store.find_keys(&[id]).await?;
        found.retain(|key| self.may_manage(key));
        let key = found.pop().ok_or_else(not_found)?;
        let act = Act::of(ActKind::KeyRevoked)
            .unset("key_id", id)
            .unset("name", &key.name);
        let revoked = self.audited(act, async {
            let revoked = service.store.revoke_key(id).await?;
            revoked.then_some(()).ok_or_else(not_found)
        });
        revoked.await?;
        service.credentials.keys.remove(id);
        tracing::info!(key = %id, "key revoked");
        Ok(())
    }

    fn may_manage(&self, key: &StoredKey) -> bool {
        self.tenant().is_none_or(|own| key.client_id == Some(own))
    }

    /// Returns the tenant that a new key is for; fails if there is no such tenant.
    async fn key_tenant(&self, client_id: Option<&str>) -> Result<Option<ClientId>, Error> {
        if client_id.is_none() && self.tenant().is_none() {
            return Ok(None);
        }
        let access = self.access(client_id).await?;
        Ok(Some(access.client_id()))
    }
}

fn scope_names(scopes: Scopes) -> String {
    let names: Vec<&str> = scopes.iter().map(Scope::name).collect();
    names.join(" ")
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |it| it.to_string())
}
