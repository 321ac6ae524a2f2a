//! The stored keys that were used lately.
//!
//! A key is accepted for as long as [`MAX_AGE`] after the store was asked for it, so that is how long a revoked one may
//! still work, on any replica. One that is used all the time is looked up again in the background, well before that. Keys
//! that do not exist are not kept: they are looked up together, by one call of the store at a time, however many are tried.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::domain::{KeyId, StoredKey};
use crate::service::{Error, Service};

/// A key may be used for so long after the store was asked for it.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Then it is looked up again.
const REFRESH_AGE: Duration = Duration::from_secs(2);

/// The keys of one look-up.
const MAX_KEYS: usize = 1000;

/// The requests that wait for a look-up, at most: more are refused for now.
const MAX_WAITING: usize = 10_000;

/// The time between two records of the use of a key.
const USE_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub struct KeyCache {
    known: Mutex<HashMap<KeyId, Known>>,
    waiting: Mutex<Vec<Waiting>>,
    /// Held by the one look-up.
    look_up: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Known {
    key: Arc<StoredKey>,
    /// Before the store was asked.
    asked_at: Instant,
    is_refreshing: bool,
    used_at: Option<Timestamp>,
    recorded_at: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    id: KeyId,
    answer: oneshot::Sender<Found>,
}

/// `Err` where the store could not be asked.
type Found = Result<Option<Arc<StoredKey>>, Arc<crate::store::Error>>;

impl Service {
    /// Returns a key that was not revoked more than [`MAX_AGE`] ago; `None` if there is none.
    pub(super) async fn stored_key(
        self: &Arc<Self>,
        id: KeyId,
    ) -> Result<Option<Arc<StoredKey>>, Error> {
        if let Some((key, is_due)) = self.keys.get(id) {
            if is_due {
                let service = Arc::clone(self);
                tokio::spawn(async move {
                    let refreshed = service.look_up(id).await;
                    if let Err(error) = refreshed {
                        tracing::debug!(%error, "a key was not looked up again");
                        service.keys.retry_refresh(id);
                    }
                });
            }
            return Ok(Some(key));
        }
        self.look_up(id).await
    }

    /// Asks the store for a key, together with whatever other keys are waited for.
    async fn look_up(&self, id: KeyId) -> Result<Option<Arc<StoredKey>>, Error> {
        let mut answer = self.keys.wait_for(id)?;
        let _turn = self.keys.look_up.lock().await;
        loop {
            match answer.try_recv() {
                Ok(found) => return found.map_err(|error| Error::Unavailable(error.into())),
                Err(oneshot::error::TryRecvError::Empty) => {}
                // The request whose turn it was has ended early.
                Err(oneshot::error::TryRecvError::Closed) => answer = self.keys.wait_for(id)?,
            }
            let asked_at = Instant::now();
            let waiting = self.keys.take_waiting();
            let mut ids: Vec<KeyId> = waiting.iter().map(|it| it.id).collect();
            ids.sort_unstable();
            ids.dedup();
            let found = self.store.find_keys(&ids).await;
            let found = found.map(|found| self.keys.insert(&ids, found, asked_at));
            let found = found.map_err(Arc::new);
            for Waiting { id, answer } in waiting {
                let answered = found.clone().map(|found| found.get(&id).cloned());
                let _ = answer.send(answered); // nobody may wait any more
            }
        }
    }

    /// Records in the store when keys were used, for each key once a minute at most. To be called every second or so, and
    /// at the end.
    pub async fn record_key_uses(&self) {
        let uses = self.keys.take_uses(Instant::now());
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.store.record_key_uses(&uses).await {
            tracing::debug!(%error, "the last use of keys was not recorded");
        }
    }
}

impl KeyCache {
    /// Returns a key that may still be used, and whether the caller has to look it up again.
    fn get(&self, id: KeyId) -> Option<(Arc<StoredKey>, bool)> {
        let mut known = self.known();
        let known = known.get_mut(&id)?;
        let age = known.asked_at.elapsed();
        if age >= MAX_AGE {
            return None;
        }
        let is_due = age >= REFRESH_AGE && !known.is_refreshing;
        known.is_refreshing |= is_due;
        Some((Arc::clone(&known.key), is_due))
    }

    /// Notes that a key was accepted.
    pub(super) fn note_use(&self, id: KeyId, now: Timestamp) {
        if let Some(known) = self.known().get_mut(&id) {
            known.used_at = Some(now);
        }
    }

    /// Forgets a key that was revoked here.
    pub(super) fn remove(&self, id: KeyId) {
        self.known().remove(&id);
    }

    fn retry_refresh(&self, id: KeyId) {
        if let Some(known) = self.known().get_mut(&id) {
            known.is_refreshing = false;
        }
    }

    fn wait_for(&self, id: KeyId) -> Result<oneshot::Receiver<Found>, Error> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.len() >= MAX_WAITING {
            waiting.retain(|it| !it.answer.is_closed());
        }
        if waiting.len() >= MAX_WAITING {
            return Err(Error::Unavailable("too many keys are looked up".into()));
        }
        waiting.push(Waiting { id, answer });
        Ok(answered)
    }

    /// Returns those who have waited longest.
    fn take_waiting(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(MAX_KEYS);
        waiting.drain(..count).collect()
    }

    /// Keeps what was found of these keys, and forgets the others.
    fn insert(
        &self,
        asked: &[KeyId],
        found: Vec<StoredKey>,
        asked_at: Instant,
    ) -> HashMap<KeyId, Arc<StoredKey>> {
        let found: HashMap<_, _> = found.into_iter().map(|it| (it.id, Arc::new(it))).collect();
        let mut known = self.known();
        for id in asked {
            let Some(key) = found.get(id) else {
                known.remove(id);
                continue;
            };
            let former = known.remove(id);
            let (used_at, recorded_at) = former
                .map(|it| (it.used_at, it.recorded_at))
                .unwrap_or_default();
            let key = Arc::clone(key);
            known.insert(
                *id,
                Known {
                    key,
                    asked_at,
                    is_refreshing: false,
                    used_at,
                    recorded_at,
                },
            );
        }
        found
    }

    /// Returns the uses that are due to be recorded, and forgets keys that are not in use.
    fn take_uses(&self, now: Instant) -> Vec<(KeyId, Timestamp)> {
        let mut uses = Vec::new();
        self.known().retain(|id, known| {
            let recorded_at = known.recorded_at;
            let is_due = recorded_at.is_none_or(|it| now.duration_since(it) >= USE_INTERVAL);
            if is_due && let Some(used_at) = known.used_at.take() {
                uses.push((*id, used_at));
                known.recorded_at = Some(now);
            }
            // One whose use was just recorded is kept, so that it is not recorded again a second later.
            let is_recent = |it: Instant| now.duration_since(it) < USE_INTERVAL;
            known.used_at.is_some()
                || known.asked_at.elapsed() < MAX_AGE
                || known.recorded_at.is_some_and(is_recent)
        });
        uses
    }

    fn known(&self) -> MutexGuard<'_, HashMap<KeyId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
