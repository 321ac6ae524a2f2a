//! The credentials that were used lately: stored keys, and secrets of tenants.
//!
//! A credential is accepted for as long as [`MAX_AGE`] after the store was asked for it, so that is how long a revoked one may
//! still work, on any replica. One that is used all the time is looked up again in the background, well before that. What
//! does not exist is not kept: it is looked up together with others, by one call of the store at a time, however much is tried.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{OnceCell, oneshot};
use uuid::Uuid;

use crate::domain::{ClientId, KeyId, StoredKey, TenantSecrets};
use crate::service::{Error, Service};
use crate::store::{self, Store};

/// A credential may be used for so long after the store was asked for it.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Then it is looked up again.
const REFRESH_AGE: Duration = Duration::from_secs(2);

/// The credentials of one look-up.
const MAX_LOOKED_UP: usize = 1000;

/// The requests that wait for a look-up, at most: more are refused for now.
const MAX_WAITING: usize = 10_000;

/// The time between two records of the use of a key.
const USE_INTERVAL: Duration = Duration::from_mins(1);

/// What the store keeps of a credential.
pub(super) trait Stored: Debug + Sized + Send + Sync + 'static {
    type Id: Debug + Copy + Ord + Hash + Send + Sync + 'static;

    fn id(&self) -> Self::Id;

    /// Returns those of these that exist, in no order.
    fn find(
        store: &dyn Store,
        ids: &[Self::Id],
    ) -> impl Future<Output = Result<Vec<Self>, store::Error>> + Send;

    fn cache(service: &Service) -> &CredentialCache<Self>;
}

impl Stored for StoredKey {
    type Id = KeyId;

    fn id(&self) -> KeyId {
        self.id
    }

    async fn find(store: &dyn Store, ids: &[KeyId]) -> Result<Vec<Self>, store::Error> {
        store.find_keys(ids).await
    }

    fn cache(service: &Service) -> &CredentialCache<Self> {
        &service.credentials.keys
    }
}

impl Stored for TenantSecrets {
    type Id = ClientId;

    fn id(&self) -> ClientId {
        self.client_id
    }

    async fn find(store: &dyn Store, ids: &[ClientId]) -> Result<Vec<Self>, store::Error> {
        store.find_secrets(ids).await
    }

    fn cache(service: &Service) -> &CredentialCache<Self> {
        &service.credentials.secrets
    }
}

/// The caches of all kinds of credentials.
#[derive(Debug, Default)]
pub struct Credentials {
    pub(super) keys: CredentialCache<StoredKey>,
    pub(super) secrets: CredentialCache<TenantSecrets>,
    /// Held while the secret of a tenant is rotated.
    pub(super) rotation: tokio::sync::Mutex<()>,
    pub(super) store_id: OnceCell<Uuid>,
}

/// The credentials of one kind that were used lately.
pub(super) struct CredentialCache<T: Stored> {
    known: Mutex<HashMap<T::Id, Known<T>>>,
    waiting: Mutex<Vec<Waiting<T>>>,
    /// Held by the one look-up.
    look_up: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Known<T> {
    stored: Arc<T>,
    /// Before the store was asked.
    asked_at: Instant,
    is_refreshing: bool,
    used_at: Option<Timestamp>,
    recorded_at: Option<Instant>,
}

struct Waiting<T: Stored> {
    id: T::Id,
    answer: oneshot::Sender<Found<T>>,
}

/// `Err` where the store could not be asked.
type Found<T> = Result<Option<Arc<T>>, Arc<store::Error>>;

impl Service {
    /// Returns what is stored of a credential that was not revoked more than [`MAX_AGE`] ago; `None` if there is none.
    pub(super) async fn stored<T: Stored>(
        self: &Arc<Self>,
        id: T::Id,
    ) -> Result<Option<Arc<T>>, Error> {
        let cache = T::cache(self);
        let Some((stored, is_due)) = cache.get(id) else {
            return cache.look_up(&*self.store, id).await;
        };
        if is_due {
            let service = Arc::clone(self);
            tokio::spawn(async move {
                let cache = T::cache(&service);
                if let Err(error) = cache.look_up(&*service.store, id).await {
                    tracing::debug!(%error, "a credential was not looked up again");
                    cache.retry_refresh(id);
                }
            });
        }
        Ok(Some(stored))
    }

    /// Records in the store when keys were used, for each key once a minute at most. To be called every second or so.
    pub async fn record_key_uses(&self) {
        let Credentials {
            keys,
            secrets,
            rotation: _,
            store_id: _,
        } = &self.credentials;
        secrets.take_uses(Instant::now()); // only forgets
        let uses = keys.take_uses(Instant::now());
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.store.record_key_uses(&uses).await {
            tracing::debug!(%error, "the last use of keys was not recorded");
        }
    }
}

impl<T: Stored> CredentialCache<T> {
    /// Asks the store for a credential, together with whatever others are waited for.
    async fn look_up(&self, store: &dyn Store, id: T::Id) -> Result<Option<Arc<T>>, Error> {
        let mut answer = self.wait_for(id)?;
        let _turn = self.look_up.lock().await;
        loop {
            match answer.try_recv() {
                Ok(found) => return found.map_err(|error| Error::Unavailable(error.into())),
                Err(oneshot::error::TryRecvError::Empty) => {}
                // The request whose turn it was has ended early.
                Err(oneshot::error::TryRecvError::Closed) => answer = self.wait_for(id)?,
            }
            let asked_at = Instant::now();
            let waiting = self.take_waiting();
            let mut ids: Vec<T::Id> = waiting.iter().map(|it| it.id).collect();
            ids.sort_unstable();
            ids.dedup();
            let found = T::find(store, &ids).await;
            let found = found.map(|found| self.insert(&ids, found, asked_at));
            let found = found.map_err(Arc::new);
            for Waiting { id, answer } in waiting {
                let answered = match &found {
                    Ok(found) => Ok(found.get(&id).cloned()),
                    Err(error) => Err(Arc::clone(error)),
                };
                let _ = answer.send(answered); // nobody may wait any more
            }
        }
    }

    /// Returns a credential that may still be used, and whether the caller has to look it up again.
    fn get(&self, id: T::Id) -> Option<(Arc<T>, bool)> {
        let mut known = self.known();
        let known = known.get_mut(&id)?;
        let age = known.asked_at.elapsed();
        if age >= MAX_AGE {
            return None;
        }
        let is_due = age >= REFRESH_AGE && !known.is_refreshing;
        known.is_refreshing |= is_due;
        Some((Arc::clone(&known.stored), is_due))
    }

    /// Notes that a credential was accepted.
    pub(super) fn note_use(&self, id: T::Id, now: Timestamp) {
        if let Some(known) = self.known().get_mut(&id) {
            known.used_at = Some(now);
        }
    }

    /// Forgets a credential that was changed here.
    pub(super) fn remove(&self, id: T::Id) {
        self.known().remove(&id);
    }

    fn retry_refresh(&self, id: T::Id) {
        if let Some(known) = self.known().get_mut(&id) {
            known.is_refreshing = false;
        }
    }

    fn wait_for(&self, id: T::Id) -> Result<oneshot::Receiver<Found<T>>, Error> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.len() >= MAX_WAITING {
            waiting.retain(|it| !it.answer.is_closed());
        }
        if waiting.len() >= MAX_WAITING {
            return Err(Error::Unavailable(
                "too many credentials are looked up".into(),
            ));
        }
        waiting.push(Waiting { id, answer });
        Ok(answered)
    }

    /// Returns those who have waited longest.
    fn take_waiting(&self) -> Vec<Waiting<T>> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(MAX_LOOKED_UP);
        waiting.drain(..count).collect()
    }

    /// Keeps what was found of these, and forgets the others.
    fn insert(&self, asked: &[T::Id], found: Vec<T>, asked_at: Instant) -> HashMap<T::Id, Arc<T>> {
        let found: HashMap<_, _> = found
            .into_iter()
            .map(|it| (it.id(), Arc::new(it)))
            .collect();
        let mut known = self.known();
        for id in asked {
            let former = known.remove(id);
            let Some(stored) = found.get(id) else {
                continue;
            };
            let (used_at, recorded_at) = former
                .map(|it| (it.used_at, it.recorded_at))
                .unwrap_or_default();
            let current = Known {
                stored: Arc::clone(stored),
                asked_at,
                is_refreshing: false,
                used_at,
                recorded_at,
            };
            known.insert(*id, current);
        }
        found
    }

    /// Returns the uses that are due to be recorded, and forgets what is not in use.
    fn take_uses(&self, now: Instant) -> Vec<(T::Id, Timestamp)> {
        let mut uses = Vec::new();
        self.known().retain(|id, known| {
            let is_recent = |it: Instant| now.duration_since(it) < USE_INTERVAL;
            let was_recorded = known.recorded_at.is_some_and(is_recent);
            if !was_recorded && let Some(used_at) = known.used_at.take() {
                uses.push((*id, used_at));
                known.recorded_at = Some(now);
            }
            // One whose use was just recorded is kept, so that it is not recorded again a second later.
            known.recorded_at.is_some_and(is_recent) || known.asked_at.elapsed() < MAX_AGE
        });
        uses
    }

    fn known(&self) -> MutexGuard<'_, HashMap<T::Id, Known<T>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting<T>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Stored> Default for CredentialCache<T> {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            waiting: Mutex::default(),
            look_up: tokio::sync::Mutex::default(),
        }
    }
}

impl<T: Stored> Debug for CredentialCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache").finish_non_exhaustive()
    }
}
