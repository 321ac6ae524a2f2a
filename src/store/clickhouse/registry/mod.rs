//! The tenants of one ClickHouse: their entries, their databases, and a cache of the entries.
//!
//! `lifecycle` creates and deletes tenants, in steps that a crash may interrupt anywhere; `clean_up` finishes them in the
//! background, and follows deletions until nothing is left on the disk. Imports the files beside this folder, and nothing of
//! the writer or of what the tables hold.

mod claims;
mod clean_up;
mod credentials;
mod databases;
mod entries;
mod entry_cache;
mod hidden_tenants;
mod lifecycle;
mod loader;
mod repair;
mod revision;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::time::Instant;
use uuid::Uuid;

use self::credentials::{KeysTables, SecretsTable};
use self::databases::Databases;
use self::entries::{EntriesTable, Entry};
use self::entry_cache::{DeletionCount, EntryCache, LoadedTenant, Lookup};
use self::loader::{Key, Loader};
use self::revision::State;
use super::address::{Address, Cluster};
use super::client::Client;
use super::cluster::{check_writable, discover};
use super::ddl::{Dialect, EVENTS, REGISTRY};
use super::failure::Failure;
use super::table_names::{Assignment, ShardName, TableName};
use crate::domain::{ClientId, DatabaseName, Placement, Tenant};
use crate::store::Error;

pub(super) use self::claims::Claims;
pub(super) use self::clean_up::CleanUp;
pub(super) use self::rows::merge_table;

/// So that an entry is refreshed well before its lifetime ends.
const REFRESHES_PER_LIFETIME: u32 = 8;

#[derive(Debug)]
pub(super) struct Registry {
    client: Client,
    cluster: Option<Cluster>,
    discovery: tokio::sync::Mutex<()>,
    dialect: Dialect,
    entries: EntriesTable,
    keys: KeysTables,
    secrets: SecretsTable,
    databases: Databases,
    loader: Loader,
    cache: EntryCache,
    /// Entries are refreshed together, at multiples of this time: each of thousands of tenants is refreshed every few
    /// seconds, and many are loaded as fast as one.
    refresh_interval: Duration,
    opened_at: Instant,
    /// The placement of tenants that are created without one.
    placement: Placement,
}

impl Registry {
    /// Opens the registry, creates the tables that tenants share, and finishes or undoes interrupted creations and
    /// deletions.
    pub(super) async fn open(
        client: &Client,
        dialect: Dialect,
        address: &Address,
    ) -> Result<Self, Error> {
        let cluster = address.cluster.clone();
        if let Some(cluster) = &cluster {
            discover(client, cluster).await?;
        }
        let entries = EntriesTable::new(client);
        entries.create_table(dialect).await?;
        let keys = KeysTables::new(client);
        keys.create_tables(dialect).await?;
        let secrets = SecretsTable::new(client);
        secrets.create_table(dialect).await?;
        let databases = Databases::new(client, dialect);
        let registry = Self {
            client: client.clone(),
            cluster,
            discovery: tokio::sync::Mutex::default(),
            dialect,
            loader: Loader::new(&entries, &databases),
            entries,
            keys,
            secrets,
            databases,
            cache: EntryCache::new(address.tenant_cache),
            refresh_interval: address.tenant_cache / REFRESHES_PER_LIFETIME,
            opened_at: Instant::now(),
            placement: address.placement,
        };
        registry.databases.create_pool().await?;
        let finished = async {
            registry.upgrade_dedicated().await?;
            registry.recover(Duration::ZERO).await
        };
        match finished.await {
            // A shard that is down stops no others: the rest is done in the background.
            Err(error @ (Error::Unavailable(_) | Error::Busy)) if client.is_cluster() => {
                tracing::warn!(%error, "interrupted creations and deletions of tenants were not finished");
            }
            outcome => outcome?,
        }
        Ok(registry)
    }

    /// Looks for nodes that have joined or left the cluster, or were not there before.
    async fn discover(&self) -> Result<(), Error> {
        // An older answer must not replace a newer one.
        let _turn = self.discovery.lock().await;
        match &self.cluster {
            Some(cluster) => Ok(discover(&self.client, cluster).await?),
            None => Ok(()),
        }
    }

    pub(super) async fn by_client_id(
        self: &Arc<Self>,
        id: ClientId,
    ) -> Result<Option<LoadedTenant>, Error> {
        let cached = self.cache.by_client_id(id, Instant::now());
        self.look_up(cached, Key::Id(id)).await
    }

    pub(super) async fn by_name(
        self: &Arc<Self>,
        name: &DatabaseName,
    ) -> Result<Option<LoadedTenant>, Error> {
        let cached = self.cache.by_name(name, Instant::now());
        self.look_up(cached, Key::Name(name.clone())).await
    }

    /// Loads an entry whatever the cache has.
    pub(super) async fn reload(&self, id: ClientId) -> Result<Option<LoadedTenant>, Error> {
        self.load(Key::Id(id), Lookup::Miss).await
    }

    /// Returns which of these tenants exist at this moment, and where their events are.
    pub(super) async fn assignments(
        &self,
        ids: &[ClientId],
    ) -> Result<HashMap<ClientId, Assignment>, Failure> {
        self.entries.assignments(ids).await
    }

    /// Returns the tenants that are ready, without the system tenant.
    pub(super) async fn all(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let mut entries = self.entries.all().await?;
        entries.retain(|entry| entry.state() == State::Ready && !entry.tenant.is_system());
        let tenants = entries.into_iter().map(|entry| Arc::new(entry.tenant));
        Ok(tenants.collect())
    }

    /// Returns all tables of events: the shared one of each shard, and those of dedicated tenants.
    pub(super) async fn event_tables(&self) -> Result<Vec<TableName>, Error> {
        let shards = self.client.topology().shards();
        let mut tables: Vec<TableName> = shards.iter().map(TableName::pooled).collect();
        let entries = self.entries.all().await?.into_iter();
        let complete = entries.filter(Entry::has_events);
        let dedicated = complete.filter(|it| it.assignment.placement == Placement::Dedicated);
        tables.extend(dedicated.map(|entry| entry.table()));
        Ok(tables)
    }

    /// Removes a tenant whose table is missing from the cache.
    pub(super) fn invalidate(&self, id: ClientId) {
        self.cache.remove(id);
    }

    pub(super) async fn database_id(&self) -> Result<Uuid, Error> {
        self.entries.database_id().await
    }

    /// Fails if nothing can be read, and on a cluster if no shard can store anything.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.entries.ping().await?;
        if self.client.is_cluster() {
            check_writable(&self.client).await?;
        }
        Ok(())
    }

    /// Returns what the cache has, or else loads it.
    async fn look_up(
        self: &Arc<Self>,
        cached: Lookup,
        key: Key,
    ) -> Result<Option<LoadedTenant>, Error> {
        match self.hit(cached.clone()) {
            Some(hit) => Ok(Some(hit)),
            None => self.load(key, cached).await,
        }
    }

    /// Returns the next moment at which entries are refreshed.
    fn next_refresh(&self) -> Instant {
        let now = Instant::now();
        let since_nanos =
            (now - self.opened_at).as_nanos() % self.refresh_interval.as_nanos().max(1);
        let since = Duration::from_nanos(u64::try_from(since_nanos).unwrap_or_default());
        now + self.refresh_interval.saturating_sub(since)
    }

    async fn load(&self, key: Key, cached: Lookup) -> Result<Option<LoadedTenant>, Error> {
        let before = self.cache.deletions();
        let outcome = self.loader.load(key.clone()).await;
        if let (Ok(None), Key::Id(id)) = (&outcome, key) {
            self.cache.remove(id);
        }
        self.cache_outcome(outcome.map_err(Error::from), before, cached)
    }

    /// Loads all entries again that are due.
    async fn refresh(&self) -> Result<(), Failure> {
        let (before, due) = (self.cache.deletions(), self.cache.due(Instant::now()));
        for (id, loaded) in self.loader.load_all(&due).await? {
            match loaded {
                Some(loaded) => {
                    count_lookup("miss");
                    self.cache_loaded(&loaded, before);
                }
                None => self.cache.remove(id),
            }
        }
        Ok(())
    }

    /// Returns a hit, and refreshes it in the background if that is due, which is when half of its lifetime is left.
    fn hit(self: &Arc<Self>, lookup: Lookup) -> Option<LoadedTenant> {
        let hit = match lookup {
            Lookup::Hit(hit) => hit,
            Lookup::HitToRefresh(hit) => {
                let registry = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep_until(registry.next_refresh()).await;
                    if let Err(failure) = registry.refresh().await {
                        tracing::debug!(%failure, "tenant entries were not refreshed");
                    }
                    registry.cache.end_refresh();
                });
                hit
            }
            Lookup::Stale(_) | Lookup::Miss => return None,
        };
        count_lookup("hit");
        Some(hit)
    }

    fn cache_loaded(&self, loaded: &LoadedTenant, before: DeletionCount) {
        if loaded.has_database {
            self.cache.insert(loaded, before, Instant::now());
        } else {
            // A deletion under way, after which the name may be another tenant's at once.
            self.cache.remove(loaded.tenant.client_id);
        }
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
                self.cache_loaded(&loaded, before);
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
}

/// Returns what is wrong with the schemas of the shared tables that exist. Changes nothing.
pub(super) async fn check_schema(client: &Client) -> Result<Option<Error>, Failure> {
    match REGISTRY.problem(client, &entries::table()).await? {
        None => {
            let events = TableName::pooled(&ShardName::default());
            EVENTS.problem(client, &events).await
        }
        problem => Ok(problem),
    }
}

fn count_lookup(result: &'static str) {
    counter!("event_history_tenant_cache_lookups_total", "result" => result).increment(1);
}

pub(super) fn describe_metrics() {
    clean_up::describe_metrics();
    metrics::describe_counter!(
        "event_history_tenant_cache_lookups_total",
        "Lookups of tenant entries: hit, miss, or stale because ClickHouse was unreachable."
    );
}
