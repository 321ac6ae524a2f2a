//! The cache of tenant entries: every request needs one.
//!
//! A tenant created by another replica is found at once, since misses are not cached. A deletion by another replica is
//! noticed within the cache's lifetime. While ClickHouse is unreachable, entries outlive that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::clickhouse::table_names::Assignment;

/// The maximum age of entries that are used while ClickHouse is unreachable: nobody can delete a tenant meanwhile, and one that
/// was deleted just before does not stay forever.
const MAX_STALE: Duration = Duration::from_hours(1);

/// The time for which ClickHouse is not asked again after it was unreachable: requests that stale entries could serve would all
/// wait for the same timeout.
const UNREACHABLE_PAUSE: Duration = Duration::from_secs(1);

/// More tenants than one replica serves in an hour; an entry takes about 500 bytes.
const MAX_ENTRIES: usize = 100_000;

#[derive(Debug)]
pub(super) struct EntryCache {
    lifetime: Duration,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_client_id: HashMap<ClientId, CachedEntry>,
    by_name: HashMap<DatabaseName, ClientId>,
    deletions: DeletionCount,
    /// A task is loading again what is due, or is about to.
    is_refreshing: bool,
    /// Until then ClickHouse counts as unreachable.
    unreachable_until: Option<Instant>,
}

/// The number of tenants that this replica had deleted when it began to load an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DeletionCount(u64);

/// A tenant entry, and whether its database existed.
#[derive(Debug, Clone)]
pub(crate) struct LoadedTenant {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) assignment: Assignment,
    pub(crate) has_database: bool,
}

#[derive(Debug, Clone)]
struct CachedEntry {
    loaded: LoadedTenant,
    loaded_at: Instant,
    used_at: Instant,
}

/// The result of a lookup.
#[derive(Debug, Clone)]
pub(super) enum Lookup {
    Hit(LoadedTenant),
    /// A hit of some age: this caller has to load again what is [`due`](EntryCache::due), in the background.
    HitToRefresh(LoadedTenant),
    /// Too old, unless ClickHouse is unreachable.
    Stale(LoadedTenant),
    Miss,
}

impl EntryCache {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            entries: Mutex::default(),
        }
    }

    pub(super) fn by_client_id(&self, id: ClientId, now: Instant) -> Lookup {
        let mut guard = self.lock();
        let entries = &mut *guard;
        let is_unreachable = entries.unreachable_until.is_some_and(|until| now < until);
        let Some(cached) = entries.by_client_id.get_mut(&id) else {
            return Lookup::Miss;
        };
        cached.used_at = now;
        let age = now.saturating_duration_since(cached.loaded_at);
        let loaded = cached.loaded.clone();
        if is_unreachable && age < MAX_STALE {
            return Lookup::Hit(loaded);
        }
        if age >= MAX_STALE {
            return Lookup::Miss;
        }
        if age >= self.lifetime {
            return Lookup::Stale(loaded);
        }
        if age >= self.lifetime / 2 && !entries.is_refreshing {
            entries.is_refreshing = true;
            return Lookup::HitToRefresh(loaded);
        }
        Lookup::Hit(loaded)
    }

    pub(super) fn by_name(&self, name: &DatabaseName, now: Instant) -> Lookup {
        let id = self.lock().by_name.get(name).copied();
        id.map_or(Lookup::Miss, |id| self.by_client_id(id, now))
    }

    /// Returns the tenants whose entries have to be loaded again: those that have lived for half of their lifetime and were
    /// used in the last two. So a tenant that is used now and then is no miss each time, and all are loaded together.
    pub(super) fn due(&self, now: Instant) -> Vec<ClientId> {
        let entries = self.lock();
        let age = |since: Instant| now.saturating_duration_since(since);
        let due = entries.by_client_id.iter().filter(|(_, it)| {
            age(it.loaded_at) >= self.lifetime / 2 && age(it.used_at) < self.lifetime * 2
        });
        due.map(|(id, _)| *id).collect()
    }

    /// Ends a refresh, whether or not the entries that were due could be loaded.
    pub(super) fn end_refresh(&self) {
        self.lock().is_refreshing = false;
    }

    /// Returns the argument of [`Self::insert`], to be taken before the entry is loaded.
    pub(super) fn deletions(&self) -> DeletionCount {
        self.lock().deletions
    }

    /// Caches an entry, unless a tenant was deleted since `before`: it may be this one, loaded just before its deletion.
    pub(super) fn insert(&self, loaded: &LoadedTenant, before: DeletionCount, now: Instant) {
        let mut entries = self.lock();
        entries.unreachable_until = None;
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
        } = &*loaded.tenant;
        entries.by_name.insert(database_name.clone(), *client_id);
        let known = entries.by_client_id.get(client_id);
        let used_at = known.map_or(now, |it| it.used_at);
        let cached = CachedEntry {
            loaded: loaded.clone(),
            loaded_at: now,
            used_at,
        };
        entries.by_client_id.insert(*client_id, cached);
    }

    /// Removes a tenant that is being deleted.
    pub(super) fn remove_deleted(&self, id: ClientId) {
        let mut entries = self.lock();
        entries.deletions.0 += 1;
        entries.remove(id);
    }

    pub(super) fn remove(&self, id: ClientId) {
        self.lock().remove(id);
    }

    /// Removes the tenant that had this name: another one has it now.
    pub(super) fn remove_name(&self, name: &DatabaseName) {
        let mut entries = self.lock();
        if let Some(id) = entries.by_name.get(name).copied() {
            entries.remove(id);
        }
    }

    pub(super) fn set_unreachable(&self, now: Instant) {
        self.lock().unreachable_until = Some(now + UNREACHABLE_PAUSE);
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn remove(&mut self, id: ClientId) {
        let Some(cached) = self.by_client_id.remove(&id) else {
            return;
        };
        let name = &cached.loaded.tenant.database_name;
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

    use super::{EntryCache, LoadedTenant, Lookup, MAX_STALE};
    use crate::domain::Placement;
    use crate::store::clickhouse::table_names::{Assignment, ShardName};
    use crate::store::samples::tenant;

    const LIFETIME: Duration = Duration::from_secs(5);

    fn loaded() -> LoadedTenant {
        LoadedTenant {
            tenant: Arc::new(tenant("demo")),
            assignment: Assignment {
                placement: Placement::Pooled,
                shard: ShardName::default(),
            },
            has_database: true,
        }
    }

    #[test]
    fn an_entry_loaded_before_a_deletion_is_not_cached() {
        let (cache, loaded, now) = (EntryCache::new(LIFETIME), loaded(), Instant::now());
        let id = loaded.tenant.client_id;
        let before = cache.deletions();
        cache.remove_deleted(id);
        cache.insert(&loaded, before, now);
        assert!(matches!(cache.by_client_id(id, now), Lookup::Miss));
        cache.insert(&loaded, cache.deletions(), now);
        assert!(matches!(cache.by_client_id(id, now), Lookup::Hit(_)));
        cache.remove_deleted(id);
        assert!(matches!(cache.by_client_id(id, now), Lookup::Miss));
    }

    #[test]
    fn an_entry_becomes_stale() {
        let (cache, loaded, start) = (EntryCache::new(LIFETIME), loaded(), Instant::now());
        let (id, name) = (loaded.tenant.client_id, loaded.tenant.database_name.clone());
        let (after, before) = (
            |seconds| start + Duration::from_secs(seconds),
            cache.deletions(),
        );
        assert!(matches!(cache.by_client_id(id, start), Lookup::Miss));
        cache.insert(&loaded, before, start);
        assert!(matches!(cache.by_name(&name, after(2)), Lookup::Hit(_)));
        // Only one caller is told to refresh, whatever is due.
        assert!(matches!(
            cache.by_client_id(id, after(3)),
            Lookup::HitToRefresh(_)
        ));
        assert!(matches!(cache.by_client_id(id, after(3)), Lookup::Hit(_)));
        assert_eq!(cache.due(after(3)), [id]);
        cache.insert(&loaded, before, after(3));
        cache.end_refresh();
        assert!(cache.due(after(4)).is_empty());
        assert_eq!(cache.due(after(12)), [id]); // it may well be used again
        assert!(cache.due(after(13)).is_empty());
        cache.insert(&loaded, before, start);
        assert!(matches!(
            cache.by_client_id(id, after(4)),
            Lookup::HitToRefresh(_)
        ));
        assert!(matches!(cache.by_client_id(id, after(5)), Lookup::Stale(_)));
        // While ClickHouse is unreachable it remains a hit, but not forever.
        cache.set_unreachable(after(5));
        assert!(matches!(cache.by_client_id(id, after(5)), Lookup::Hit(_)));
        assert!(matches!(cache.by_client_id(id, after(7)), Lookup::Stale(_)));
        let at_last = start + MAX_STALE;
        cache.set_unreachable(at_last);
        assert!(matches!(cache.by_client_id(id, at_last), Lookup::Miss));

        cache.insert(&loaded, before, after(9));
        assert!(matches!(cache.by_client_id(id, after(9)), Lookup::Hit(_)));
        cache.remove(id);
        assert!(matches!(cache.by_name(&name, after(9)), Lookup::Miss));
    }
}
