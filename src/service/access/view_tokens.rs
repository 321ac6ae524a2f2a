//! Making and accepting view tokens, and what one of a single record shows.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::view_token::{self, MadeWith, ViewToken, fingerprint};
use super::{Access, Identity};
use crate::domain::{Query, TenantSecrets};
use crate::service::{Error, Service};

impl Service {
    /// Returns what a token allows, if it is accepted now.
    pub(super) async fn valid_token(self: &Arc<Self>, text: &[u8]) -> Result<ViewToken, Error> {
        let store = self.store_id().await?;
        let keys = self.settings.api_keys.digests();
        let token = view_token::verify(text, keys, store, self.clock.now())?;
        self.require_current(&token).await?;
        Ok(token)
    }

    /// Fails once a token has expired, or the credential with which it was made is no longer accepted.
    pub(super) async fn require_current(self: &Arc<Self>, token: &ViewToken) -> Result<(), Error> {
        let now = self.clock.now();
        if token.expires_at <= now {
            return Err(Error::ViewTokenExpired);
        }
        let is_accepted = match &token.made_with {
            MadeWith::ConfiguredKey => true, // or its signature would not have been accepted
            MadeWith::StoredKey(id) => return self.valid_key(*id).await.map(drop),
            MadeWith::TenantSecret(secret) => {
                let secrets = self.stored::<TenantSecrets>(token.client_id).await?;
                secrets.is_some_and(|it| it.accepted(now).any(|it| fingerprint(it) == *secret))
            }
        };
        is_accepted.then_some(()).ok_or(Error::KeyRefused)
    }

    /// The id never changes, so it is asked for once.
    async fn store_id(&self) -> Result<Uuid, Error> {
        let id = &self.credentials.store_id;
        let id = id.get_or_try_init(|| self.store.id()).await?;
        Ok(*id)
    }
}

impl Access {
    /// Makes a token that reads this tenant's history, or one record of it, for `life`. Returns it with its end, which is that
    /// of the key with which it is made if that comes first.
    pub async fn create_view_token(
        &self,
        record_id: Option<i64>,
        life: SignedDuration,
    ) -> Result<(String, Timestamp), Error> {
        let service = &self.service;
        let now = service.clock.now();
        let mut expires_at = end_of_second(now + life.min(view_token::MAX_LIFE));
        let mut signing_key = 0;
        let made_with = match &self.identity {
            // Otherwise a page could prolong its own token.
            Identity::ViewToken(_) => return Err(Error::NotWithViewToken),
            Identity::ConfiguredKey(index) => {
                signing_key = *index;
                MadeWith::ConfiguredKey
            }
            Identity::StoredKey(key) => {
                let end = key.expires_at.map(start_of_second);
                expires_at = end.map_or(expires_at, |end| expires_at.min(end));
                MadeWith::StoredKey(key.id)
            }
            Identity::TenantSecret { sha256, .. } => MadeWith::TenantSecret(fingerprint(sha256)),
        };
        let token = ViewToken {
            client_id: self.tenant.client_id,
            record_id,
            expires_at,
            made_with,
        };
        let store = service.store_id().await?;
        let digest = service.settings.api_keys.digests().get(signing_key);
        let text = digest.and_then(|it| view_token::sign(&token, it, store, now));
        let text = text.ok_or_else(|| Error::Broken("no token was signed".into()))?;
        Ok((text, expires_at))
    }

    /// Returns the one record that the credential is for; `None` if it is for all.
    pub(in crate::service) fn record_id(&self) -> Option<i64> {
        match &self.identity {
            Identity::ViewToken(token) => token.record_id,
            Identity::ConfiguredKey(_) | Identity::StoredKey(_) | Identity::TenantSecret { .. } => {
                None
            }
        }
    }

    /// Tells whether the credential shows events of this record.
    pub(in crate::service) fn shows(&self, record_id: i64) -> bool {
        self.record_id().is_none_or(|own| own == record_id)
    }

    /// Restricts a query to what the credential shows.
    pub(in crate::service) fn restrict<'a>(&self, query: &'a Query) -> Cow<'a, Query> {
        let Some(own) = self.record_id() else {
            return Cow::Borrowed(query);
        };
        let mut query = query.clone();
        if !query.record_ids.is_empty() && !query.record_ids.contains(&own) {
            // Nothing of its record matches: no instant is at once from 0 and before 0.
            (query.from_us, query.to_us) = (Some(0), Some(0));
        }
        query.record_ids = vec![own];
        Cow::Owned(query)
    }
}

/// Times in a token are whole seconds.
fn start_of_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn end_of_second(time: Timestamp) -> Timestamp {
    let start = start_of_second(time);
    if start == time {
        return time;
    }
    start + SignedDuration::from_secs(1)
}
