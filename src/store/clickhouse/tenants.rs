//! Looking tenants up, making and removing them, in steps that may be cut short anywhere.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::Mutex;
use tokio::time::Instant;

use uuid::Uuid;

use super::cache::{Cache, Deletions, Found, Lookup};
use super::client::Client;
use super::database::{Databases, Made};
use super::errors::Failure;
use super::migrations::Dialect;
use super::names::Table;
use super::registry::{Entry, Registry, Revision, State};
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::{Created, Error};

/// A creation that began longer ago than this was cut short: each of its steps is bounded.
const MAX_CREATION: Duration = Duration::from_mins(5);

/// How often a creation begins anew that met a deletion of the same name.
const MAX_ATTEMPTS: usize = 5;

/// How many look-ups of tenants that the cache does not have run at once, at most: many requests for
/// one tenant share one.
const LOAD_LOCKS: usize = 64;

/// The tenants of one ClickHouse.
#[derive(Debug)]
pub(super) struct Tenants {
    registry: Registry,
    databases: Databases,
    cache: Cache,
    loads: [Mutex<()>; LOAD_LOCKS],
}

impl Tenants {
    /// Opens the registry, and finishes or undoes what the end of a process cut short.
    pub(super) async fn open(
        client: &Client,
        dialect: &Dialect,
        cache_life: Duration,
    ) -> Result<Self, Error> {
        let tenants = Self {
            registry: Registry::open(client, dialect).await?,
            databases: Databases::new(client, dialect),
            cache: Cache::new(cache_life),
            loads: std::array::from_fn(|_| Mutex::default()),
        };
        tenants.heal().await?;
        Ok(tenants)
    }

    pub(super) async fn by_client_id(
        self: &Arc<Self>,
        id: ClientId,
    ) -> Result<Option<Found>, Error> {
        let cached = |now| self.cache.by_client_id(id, now);
        if let Some(found) = self.cached(cached(Instant::now())) {
            return Ok(Some(found));
        }
        let place = usize::from(id.uuid().as_bytes()[0]) % LOAD_LOCKS;
        let _turn = self.loads[place].lock().await;
        let lookup = cached(Instant::now()); // whoever had the turn before may have found it
        if let Some(found) = self.cached(lookup.clone()) {
            return Ok(Some(found));
        }
        let before = self.cache.deletions();
        self.loaded(self.load(id).await, before, lookup)
    }

    pub(super) async fn by_name(
        self: &Arc<Self>,
        name: &DatabaseName,
    ) -> Result<Option<Found>, Error> {
        let cached = |now| self.cache.by_name(name, now);
        if let Some(found) = self.cached(cached(Instant::now())) {
            return Ok(Some(found));
        }
        let place = usize::from(name.as_str().bytes().fold(0, u8::wrapping_add)) % LOAD_LOCKS;
        let _turn = self.loads[place].lock().await;
        let lookup = cached(Instant::now());
        if let Some(found) = self.cached(lookup.clone()) {
            return Ok(Some(found));
        }
        let before = self.cache.deletions();
        self.loaded(self.load_by_name(name).await, before, lookup)
    }

    pub(super) async fn all(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let mut tenants = Vec::new();
        for entry in self.registry.all().await? {
            if self.is_visible(&entry).await? {
                tenants.push(Arc::new(entry.tenant));
            }
        }
        Ok(tenants)
    }

    /// Makes a tenant: its entry, its table, and at last what takes the database for it.
    pub(super) async fn create(&self, tenant: &Tenant) -> Result<Created, Error> {
        let table = Table::new(&tenant.database_name, tenant.client_id);
        for _ in 0..MAX_ATTEMPTS {
            match self.try_create(tenant, &table).await {
                Ok(Some(created)) => return Ok(created),
                // The database went while the table was made: a deletion was under way.
                Ok(None) | Err(Error::DatabaseMissing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy)
    }

    /// Returns `None` where a deletion of the same name came in between.
    async fn try_create(&self, tenant: &Tenant, table: &Table) -> Result<Option<Created>, Error> {
        let name = &tenant.database_name;
        let of_tenant = |failure: Failure| failure.of_tenant(name);
        // An entry keeps its name even where somebody has removed its database by hand.
        let entries = self.registry.by_name(name).await?;
        if entries.iter().any(|entry| entry.state() == State::Ready) {
            return Ok(Some(Created::NameTaken));
        }
        match self.databases.make(name).await? {
            Made::New => {}
            Made::Foreign => {
                tracing::warn!(tenant = %name, "another program has a database of that name");
                return Ok(Some(Created::NameTaken));
            }
            Made::Ours => {
                if let Some(owner) = self.databases.owner(name.as_str()).await? {
                    return self.taken_by(name, owner).await;
                }
                // Nobody has taken it: somebody else may be about to, or was cut short.
            }
        }
        let revision = match self.registry.by_client_id(tenant.client_id).await? {
            None => Revision::default(),
            Some(entry) if entry.state() >= State::Deleting => entry.revision.next_life(),
            Some(entry) => entry.revision,
        };
        let write = |state| self.registry.write(tenant, revision.to(state));
        write(State::Creating).await?;
        self.databases.make_table(table).await.map_err(of_tenant)?;
        if !self.databases.take(table).await.map_err(of_tenant)? {
            write(State::Deleted).await?;
            self.databases.drop_table(table).await?;
            return Ok(Some(Created::NameTaken));
        }
        write(State::Ready).await?;
        Ok(Some(Created::New))
    }

    /// Tells whether the owner of a database really has it, or is on the way out.
    async fn taken_by(
        &self,
        name: &DatabaseName,
        owner: ClientId,
    ) -> Result<Option<Created>, Error> {
        match self.registry.by_client_id(owner).await? {
            Some(entry) if entry.state() < State::Deleting => Ok(Some(Created::NameTaken)),
            Some(entry) => {
                self.finish_deletion(&entry).await?;
                Ok(None)
            }
            None => Err(Error::Damaged(format!(
                "database '{name}' belongs to client {owner}, which has no entry in default.tenants"
            ))),
        }
    }

    /// Removes a tenant for good. Lookups stop finding it first.
    pub(super) async fn delete(&self, tenant: &Tenant) -> Result<(), Error> {
        let entry = self.registry.by_client_id(tenant.client_id).await?;
        self.cache.forget_for_good(tenant.client_id);
        let Some(entry) = entry.filter(|entry| entry.state() != State::Deleted) else {
            return Ok(());
        };
        let deleting = entry.revision.to(State::Deleting);
        self.registry.write(&entry.tenant, deleting).await?;
        self.cache.forget_for_good(tenant.client_id); // somebody may have looked in between
        self.finish_deletion(&entry).await
    }

    /// Notes that the table of a tenant was not there.
    pub(super) fn forget(&self, id: ClientId) {
        self.cache.forget(id);
    }

    pub(super) async fn database_id(&self) -> Result<Uuid, Error> {
        self.registry.database_id().await
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        Ok(self.registry.ping().await?)
    }

    async fn finish_deletion(&self, entry: &Entry) -> Result<(), Error> {
        let tenant = &entry.tenant;
        self.databases
            .remove(&tenant.database_name, tenant.client_id)
            .await?;
        let deleted = entry.revision.to(State::Deleted);
        Ok(self.registry.write(tenant, deleted).await?)
    }

    /// Finishes deletions, and creations that have come as far as taking the database; undoes others.
    async fn heal(&self) -> Result<(), Error> {
        for entry in self.registry.all().await? {
            let Entry {
                tenant, revision, ..
            } = &entry;
            let (name, id) = (&tenant.database_name, tenant.client_id);
            match entry.state() {
                State::Ready | State::Deleted => {}
                State::Deleting => {
                    tracing::warn!(tenant = %name, "removing a tenant whose deletion was cut short");
                    self.finish_deletion(&entry).await?;
                }
                State::Creating if entry.age < MAX_CREATION => {} // another replica may be at it
                State::Creating if self.databases.owner(name.as_str()).await? == Some(id) => {
                    self.registry
                        .write(tenant, revision.to(State::Ready))
                        .await?;
                }
                State::Creating => {
                    tracing::warn!(tenant = %name, "removing a tenant whose creation was cut short");
                    self.registry
                        .write(tenant, revision.to(State::Deleted))
                        .await?;
                    self.databases.drop_table(&Table::new(name, id)).await?;
                }
            }
        }
        Ok(())
    }

    /// Returns what the cache has, if that will do.
    fn cached(self: &Arc<Self>, lookup: Lookup) -> Option<Found> {
        match lookup {
            Lookup::Fresh(found) => {
                count_lookup("fresh");
                Some(found)
            }
            Lookup::Aging(found) => {
                count_lookup("fresh");
                let (tenants, id) = (Arc::clone(self), found.tenant.client_id);
                tokio::spawn(async move {
                    if let Err(error) = tenants.refresh(id).await {
                        tracing::debug!(%error, "a tenant entry was not asked for anew");
                    }
                });
                Some(found)
            }
            Lookup::Stale(_) | Lookup::Absent => None,
        }
    }

    async fn refresh(&self, id: ClientId) -> Result<(), Error> {
        let before = self.cache.deletions();
        let loaded = self.load(id).await;
        self.loaded(loaded, before, Lookup::Absent).map(drop)
    }

    /// Decides about what was found, or could not be asked for, where the cache had `kept`; `before` are the
    /// deletions before ClickHouse was asked.
    fn loaded(
        &self,
        loaded: Result<Option<Found>, Error>,
        before: Deletions,
        kept: Lookup,
    ) -> Result<Option<Found>, Error> {
        match (loaded, kept) {
            (Ok(Some(found)), _) => {
                count_lookup("loaded");
                if found.has_database {
                    self.cache.keep(&found, before, Instant::now());
                } else {
                    // A deletion under way, after which the name may be another tenant's at once.
                    self.cache.forget(found.tenant.client_id);
                }
                Ok(Some(found))
            }
            (Ok(None), Lookup::Stale(kept)) => {
                self.cache.forget(kept.tenant.client_id);
                Ok(None)
            }
            (Ok(None), _) => Ok(None),
            (Err(Error::Unavailable(_) | Error::Busy), Lookup::Stale(kept)) => {
                count_lookup("stale");
                self.cache.pause(Instant::now());
                Ok(Some(kept))
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn load(&self, id: ClientId) -> Result<Option<Found>, Error> {
        let Some(entry) = self.registry.by_client_id(id).await? else {
            return Ok(None);
        };
        let found = self.found(entry).await?;
        if found.is_none() {
            self.cache.forget(id);
        }
        Ok(found)
    }

    /// Of several entries the one counts that owns the database.
    async fn load_by_name(&self, name: &DatabaseName) -> Result<Option<Found>, Error> {
        let mut best: Option<Found> = None;
        for entry in self.registry.by_name(name).await? {
            if let Some(found) = self.found(entry).await? {
                if found.has_database {
                    return Ok(Some(found));
                }
                best = Some(found);
            }
        }
        Ok(best)
    }

    /// Looks whether the database is there, and brings its table up to date.
    async fn found(&self, entry: Entry) -> Result<Option<Found>, Error> {
        let state = entry.state();
        let tenant = entry.tenant;
        if state >= State::Deleting {
            return Ok(None);
        }
        let table = Table::new(&tenant.database_name, tenant.client_id);
        let version = self.databases.version(&table).await?;
        let has_database = match version {
            None => false,
            Some(comment) => match self.databases.upgrade(&table, &comment).await {
                Err(Error::DatabaseMissing(_)) => false, // it went meanwhile
                outcome => outcome.map(|()| true)?,
            },
        };
        // Not taken yet: nobody was told of this tenant.
        if state == State::Creating && !has_database {
            return Ok(None);
        }
        Ok(Some(Found {
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
