//! Tenant entries that were looked up a moment ago: every request needs one, and asks for it here.
//!
//! What another replica made is there at once, since only what was found is kept. What another replica
//! deleted is noticed within the cache's life. While ClickHouse is out of reach, entries outlive that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{ClientId, DatabaseName, Tenant};

/// How long entries serve while ClickHouse is out of reach: nobody can delete a tenant meanwhile, and
/// what was deleted just before does not stay for ever.
const MAX_STALE: Duration = Duration::from_hours(1);

/// How long nobody asks again after ClickHouse was out of reach: requests that could be served would
/// all wait for the same time-out.
const PAUSE: Duration = Duration::from_secs(1);

/// More tenants than one replica serves in an hour; an entry takes about 500 bytes.
const MAX_ENTRIES: usize = 100_000;

#[derive(Debug)]
pub(super) struct Cache {
    life: Duration,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_client_id: HashMap<ClientId, Kept>,
    by_name: HashMap<DatabaseName, ClientId>,
    deletions: Deletions,
    /// Until then ClickHouse counts as out of reach.
    paused_until: Option<Instant>,
}

/// How many tenants this replica had deleted when somebody began to ask ClickHouse for an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Deletions(u64);

/// A tenant entry, and whether its database was there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) tenant: Arc<Tenant>,
    pub(super) has_database: bool,
}

#[derive(Debug, Clone)]
struct Kept {
    found: Found,
    loaded_at: Instant,
    /// Somebody is asking for it anew already.
    is_refreshing: bool,
}

/// How good what is kept is.
#[derive(Debug, Clone)]
pub(super) enum Lookup {
    Fresh(Found),
    /// Fresh enough, and it is the caller's turn to ask for it anew, while others go on with it.
    Aging(Found),
    /// Too old, unless ClickHouse cannot be asked.
    Stale(Found),
    Absent,
}

impl Cache {
    pub(super) fn new(life: Duration) -> Self {
        Self {
            life,
            entries: Mutex::default(),
        }
    }

    pub(super) fn by_client_id(&self, id: ClientId, now: Instant) -> Lookup {
        let mut entries = self.lock();
        let paused = entries.paused_until.is_some_and(|until| now < until);
        let Some(kept) = entries.by_client_id.get_mut(&id) else {
            return Lookup::Absent;
        };
        let age = now.saturating_duration_since(kept.loaded_at);
        let found = kept.found.clone();
        if paused && age < MAX_STALE {
            return Lookup::Fresh(found);
        }
        if age >= MAX_STALE {
            return Lookup::Absent;
        }
        if age >= self.life {
            return Lookup::Stale(found);
        }
        if age >= self.life / 2 && !kept.is_refreshing {
            kept.is_refreshing = true;
            return Lookup::Aging(found);
        }
        Lookup::Fresh(found)
    }

    pub(super) fn by_name(&self, name: &DatabaseName, now: Instant) -> Lookup {
        let id = self.lock().by_name.get(name).copied();
        id.map_or(Lookup::Absent, |id| self.by_client_id(id, now))
    }

    /// To be asked for before ClickHouse is asked for what [`Cache::keep`] is to keep.
    pub(super) fn deletions(&self) -> Deletions {
        self.lock().deletions
    }

    /// Keeps what was found, unless a tenant was deleted since `before`: it may be this one, whose entry was
    /// read just before it went.
    pub(super) fn keep(&self, found: &Found, before: Deletions, now: Instant) {
        let mut entries = self.lock();
        entries.paused_until = None;
        if entries.deletions != before {
            return;
        }
        if entries.by_client_id.len() >= MAX_ENTRIES {
            entries.by_client_id.clear();
            entries.by_name.clear();
        }
        let Tenant {
            client_id,
            database_name,
            ..
        } = &*found.tenant;
        entries.by_name.insert(database_name.clone(), *client_id);
        let kept = Kept {
            found: found.clone(),
            loaded_at: now,
            is_refreshing: false,
        };
        entries.by_client_id.insert(*client_id, kept);
    }

    /// Forgets a tenant that is being deleted.
    pub(super) fn forget_for_good(&self, id: ClientId) {
        let mut entries = self.lock();
        entries.deletions.0 += 1;
        entries.forget(id);
    }

    pub(super) fn forget(&self, id: ClientId) {
        self.lock().forget(id);
    }

    /// Notes that ClickHouse could not be asked.
    pub(super) fn pause(&self, now: Instant) {
        self.lock().paused_until = Some(now + PAUSE);
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn forget(&mut self, id: ClientId) {
        let Some(kept) = self.by_client_id.remove(&id) else {
            return;
        };
        let name = &kept.found.tenant.database_name;
        if self.by_name.get(name) == Some(&id) {
            self.by_name.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Cache, Found, Lookup, MAX_STALE};
    use crate::store::samples::tenant;

    const LIFE: Duration = Duration::from_secs(5);

    fn found() -> Found {
        Found {
            tenant: Arc::new(tenant("demo")),
            has_database: true,
        }
    }

    #[test]
    fn what_was_read_before_a_deletion_is_not_kept() {
        let (cache, found, now) = (Cache::new(LIFE), found(), Instant::now());
        let id = found.tenant.client_id;
        let before = cache.deletions();
        cache.forget_for_good(id);
        cache.keep(&found, before, now);
        assert!(matches!(cache.by_client_id(id, now), Lookup::Absent));
        cache.keep(&found, cache.deletions(), now);
        assert!(matches!(cache.by_client_id(id, now), Lookup::Fresh(_)));
        cache.forget_for_good(id);
        assert!(matches!(cache.by_client_id(id, now), Lookup::Absent));
    }

    #[test]
    fn an_entry_ages() {
        let (cache, found, start) = (Cache::new(LIFE), found(), Instant::now());
        let (id, name) = (found.tenant.client_id, found.tenant.database_name.clone());
        let (after, before) = (
            |seconds| start + Duration::from_secs(seconds),
            cache.deletions(),
        );
        assert!(matches!(cache.by_client_id(id, start), Lookup::Absent));
        cache.keep(&found, before, start);
        assert!(matches!(cache.by_name(&name, after(2)), Lookup::Fresh(_)));
        // One caller alone is sent to ask anew.
        assert!(matches!(cache.by_client_id(id, after(3)), Lookup::Aging(_)));
        assert!(matches!(cache.by_client_id(id, after(3)), Lookup::Fresh(_)));
        assert!(matches!(cache.by_client_id(id, after(5)), Lookup::Stale(_)));
        // While ClickHouse is out of reach it serves on, but not for ever.
        cache.pause(after(5));
        assert!(matches!(cache.by_client_id(id, after(5)), Lookup::Fresh(_)));
        assert!(matches!(cache.by_client_id(id, after(7)), Lookup::Stale(_)));
        let at_last = start + MAX_STALE;
        cache.pause(at_last);
        assert!(matches!(cache.by_client_id(id, at_last), Lookup::Absent));

        cache.keep(&found, before, after(9));
        assert!(matches!(cache.by_client_id(id, after(9)), Lookup::Fresh(_)));
        cache.forget(id);
        assert!(matches!(cache.by_name(&name, after(9)), Lookup::Absent));
    }
}
