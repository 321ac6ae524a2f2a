//! The tenants of one ClickHouse: their entries, their databases, and a cache of the entries.
//!
//! `lifecycle` creates and deletes tenants, in steps that a crash may interrupt anywhere. Imports the client, the DDL and
//! the names of tables, and nothing of what the tables hold.

mod databases;
mod entries;
mod entry_cache;
mod lifecycle;

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use self::databases::Databases;
use self::entries::{EntriesTable, Entry, State};
use self::entry_cache::{DeletionCount, EntryCache, LoadedTenant, Lookup};
use super::client::Client;
use super::ddl::Dialect;
use super::table_names::TableName;
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::Error;

pub(super) use self::entries::check_schema;

/// The maximum number of cache misses that are loaded at once: requests for one tenant share one.
const LOAD_LOCKS: usize = 64;

#[derive(Debug)]
pub(super) struct Registry {
    entries: EntriesTable,
    databases: Databases,
    cache: EntryCache,
    loads: [Mutex<()>; LOAD_LOCKS],
}

impl Registry {
    /// Opens the registry, and finishes or undoes interrupted creations and deletions.
    pub(super) async fn open(
        client: &Client,
        dialect: &Dialect,
        cache_lifetime: Duration,
    ) -> Result<Self, Error> {
        let registry = Self {
            entries: EntriesTable::open(client, dialect).await?,
            databases: Databases::new(client, dialect),
            cache: EntryCache::new(cache_lifetime),
            loads: std::array::from_fn(|_| Mutex::default()),
        };
        registry.recover().await?;
        Ok(registry)
    }

    pub(super) async fn by_client_id(
        self: &Arc<Self>,
        id: ClientId,
    ) -> Result<Option<LoadedTenant>, Error> {
        let lock = usize::from(id.uuid().as_bytes()[0]);
        let cached = || self.cache.by_client_id(id, Instant::now());
        self.look_up(lock, cached, self.load(id)).await
    }

    pub(super) async fn by_name(
        self: &Arc<Self>,
        name: &DatabaseName,
    ) -> Result<Option<LoadedTenant>, Error> {
        let lock = usize::from(name.as_str().bytes().fold(0, u8::wrapping_add));
        let cached = || self.cache.by_name(name, Instant::now());
        self.look_up(lock, cached, self.load_by_name(name)).await
    }

    pub(super) async fn all(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let mut tenants = Vec::new();
        for entry in self.entries.all().await? {
            if self.is_visible(&entry).await? {
                tenants.push(Arc::new(entry.tenant));
            }
        }
        Ok(tenants)
    }

    /// Removes a tenant whose table is missing from the cache.
    pub(super) fn invalidate(&self, id: ClientId) {
        self.cache.remove(id);
    }

    pub(super) async fn database_id(&self) -> Result<Uuid, Error> {
        self.entries.database_id().await
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        Ok(self.entries.ping().await?)
    }

    /// Returns what the cache has, or else what `load` brings.
    async fn look_up(
        self: &Arc<Self>,
        lock: usize,
        cached: impl Fn() -> Lookup,
        load: impl Future<Output = Result<Option<LoadedTenant>, Error>>,
    ) -> Result<Option<LoadedTenant>, Error> {
        if let Some(hit) = self.hit(cached()) {
            return Ok(Some(hit));
        }
        let _lock = self.loads[lock % LOAD_LOCKS].lock().await;
        let lookup = cached(); // the previous holder of the lock may have loaded it
        if let Some(hit) = self.hit(lookup.clone()) {
            return Ok(Some(hit));
        }
        let before = self.cache.deletions();
        self.cache_outcome(load.await, before, lookup)
    }

    /// Returns a hit, and refreshes it in the background if that is due.
    fn hit(self: &Arc<Self>, lookup: Lookup) -> Option<LoadedTenant> {
        let hit = match lookup {
            Lookup::Hit(hit) => hit,
            Lookup::HitToRefresh(hit) => {
                let (registry, id) = (Arc::clone(self), hit.tenant.client_id);
                tokio::spawn(async move {
                    if let Err(error) = registry.refresh(id).await {
                        tracing::debug!(%error, "a tenant entry was not refreshed");
                    }
                });
                hit
            }
            Lookup::Stale(_) | Lookup::Miss => return None,
        };
        count_lookup("hit");
        Some(hit)
    }

    async fn refresh(&self, id: ClientId) -> Result<(), Error> {
        let before = self.cache.deletions();
        let outcome = self.load(id).await;
        self.cache_outcome(outcome, before, Lookup::Miss).map(drop)
    }

    /// Caches what was loaded, or falls back to a stale entry; `before` are the deletions before ClickHouse was asked.
    fn cache_outcome(
        &self,
        outcome: Result<Option<LoadedTenant>, Error>,
        before: DeletionCount,
        cached: Lookup,
    ) -> Result<Option<LoadedTenant>, Error> {
        match (outcome, cached) {
            (Ok(Some(loaded)), _) => {
                count_lookup("miss");
                if loaded.has_database {
                    self.cache.insert(&loaded, before, Instant::now());
                } else {
                    // A deletion under way, after which the name may be another tenant's at once.
                    self.cache.remove(loaded.tenant.client_id);
                }
                Ok(Some(loaded))
            }
            (Ok(None), Lookup::Stale(stale)) => {
                self.cache.remove(stale.tenant.client_id);
                Ok(None)
            }
            (Ok(None), _) => Ok(None),
            (Err(Error::Unavailable(_) | Error::Busy), Lookup::Stale(stale)) => {
                count_lookup("stale");
                self.cache.set_unreachable(Instant::now());
                Ok(Some(stale))
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn load(&self, id: ClientId) -> Result<Option<LoadedTenant>, Error> {
        let Some(entry) = self.entries.by_client_id(id).await? else {
            return Ok(None);
        };
        let loaded = self.load_database(entry).await?;
        if loaded.is_none() {
            self.cache.remove(id);
        }
        Ok(loaded)
    }

    /// Of several entries, the one that owns the database counts.
    async fn load_by_name(&self, name: &DatabaseName) -> Result<Option<LoadedTenant>, Error> {
        let mut best: Option<LoadedTenant> = None;
        for entry in self.entries.by_name(name).await? {
            if let Some(loaded) = self.load_database(entry).await? {
                if loaded.has_database {
                    return Ok(Some(loaded));
                }
                best = Some(loaded);
            }
        }
        Ok(best)
    }

    /// Looks up the database of an entry, and brings its tables up to date.
    async fn load_database(&self, entry: Entry) -> Result<Option<LoadedTenant>, Error> {
        let state = entry.state();
        let tenant = entry.tenant;
        if state >= State::Deleting {
            return Ok(None);
        }
        let table = TableName::new(&tenant.database_name, tenant.client_id);
        let has_database = match self.databases.version(&table).await? {
            None => false,
            Some(comment) => match self.databases.upgrade(&table, &comment).await {
                Err(Error::DatabaseMissing(_)) => false, // dropped meanwhile
                outcome => outcome.map(|()| true)?,
            },
        };
        // Not claimed yet: its creation has not been acknowledged.
        if state == State::Creating && !has_database {
            return Ok(None);
        }
        Ok(Some(LoadedTenant {
            tenant: Arc::new(tenant),
            has_database,
        }))
    }

    async fn is_visible(&self, entry: &Entry) -> Result<bool, Error> {
        let tenant = &entry.tenant;
        match entry.state() {
            State::Ready => Ok(true),
            State::Deleting | State::Deleted => Ok(false),
            State::Creating => {
                let owner = self.databases.owner(tenant.database_name.as_str()).await?;
                Ok(owner == Some(tenant.client_id))
            }
        }
    }
}

fn count_lookup(result: &'static str) {
    counter!("event_history_tenant_cache_lookups_total", "result" => result).increment(1);
}
