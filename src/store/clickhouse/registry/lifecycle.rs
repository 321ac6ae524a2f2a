//! Creating and deleting tenants, in steps that a crash may interrupt anywhere: the next attempt, the next start or any
//! replica's clean-up finishes or undoes them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::Registry;
use super::databases::Owner;
use super::entries::{Entry, Hiding};
use super::revision::{Revision, State};
use super::rows;
use crate::domain::{ClientId, DatabaseName, Placement, Tenant};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::table_names::{Assignment, ShardName};
use crate::store::{Created, Error};

/// A creation that began longer ago was interrupted: each of its steps is bounded.
pub(super) const MAX_CREATION: Duration = Duration::from_mins(5);

/// The attempts at a creation that races with a deletion of the same name, and at the deletion of rows.
const MAX_ATTEMPTS: usize = 5;

/// A deletion by one node reaches others within this, unless they lag.
const REPLICATION_PAUSE: Duration = Duration::from_millis(50);

/// A shard whose nodes take longer than this to answer gets no new tenants.
const SHARD_PATIENCE: Duration = Duration::from_secs(1);

/// Tables cost memory and files: one for each of thousands of tenants would not work.
const MAX_DEDICATED: u64 = 50;

impl Registry {
    /// Creates a tenant: its entry, its database, and in it the view of its events.
    pub(crate) async fn create(
        &self,
        tenant: &Tenant,
        placement: Option<Placement>,
    ) -> Result<Created, Error> {
        let placement = placement.unwrap_or(self.placement);
        if placement == Placement::Dedicated && self.entries.dedicated().await? >= MAX_DEDICATED {
            return Ok(Created::TooManyDedicated(MAX_DEDICATED));
        }
        for _ in 0..MAX_ATTEMPTS {
            match self.try_create(tenant, placement).await {
                Ok(Some(created)) => {
                    self.cache.remove_name(&tenant.database_name);
                    return Ok(created);
                }
                // The database was dropped while the tables were created: a deletion was under way.
                Ok(None) | Err(Error::DatabaseMissing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy)
    }

    /// Returns `None` if a deletion of the same name interfered.
    async fn try_create(
        &self,
        tenant: &Tenant,
        placement: Placement,
    ) -> Result<Option<Created>, Error> {
        let (name, id) = (&tenant.database_name, tenant.client_id);
        let (ids, names) = ([id], [name.clone()]);
        let (entries, owner) =
            tokio::try_join!(self.entries.find(&ids, &names), self.databases.owner(name))?;
        // An entry keeps its name even if its database was removed by hand.
        let is_taken = |entry: &Entry| entry.has_events() && entry.tenant.database_name == *name;
        if entries.iter().any(is_taken) {
            return Ok(Some(Created::NameTaken));
        }
        if owner != Owner::Nobody && owner != Owner::Tenant(id) {
            return self.check_owner(name, owner).await;
        }
        let own = entries.iter().find(|entry| entry.tenant.client_id == id);
        let revision = match own {
            None => Revision::default(),
            Some(entry) if entry.state() == State::Deleting => {
                self.finish_deletion(entry).await?;
                return Ok(None);
            }
            Some(entry) if entry.state() > State::Deleting => entry.revision.next_life(),
            Some(entry) => entry.revision,
        };
        let assignment = Assignment {
            placement,
            // What is left of an earlier life is in its shard.
            shard: match own {
                Some(entry) => entry.assignment.shard.clone(),
                None => self.choose_shard(id).await?,
            },
        };
        let write = |state| {
            self.entries
                .write(tenant, &assignment, revision.with_state(state))
        };
        write(State::Creating).await?;
        let owner = self.databases.claim(name, id).await?;
        if owner != Owner::Tenant(id) {
            // Another creation was faster, and nothing was made for this one.
            write(State::Erased).await?;
            return self.check_owner(name, owner).await;
        }
        let entry = Entry {
            tenant: tenant.clone(),
            assignment: assignment.clone(),
            revision,
            label_changes: 0,
            hiding: Hiding::default(),
            age: Duration::ZERO,
            read_at_us: 0,
        };
        self.finish_creation(&entry).await?;
        Ok(Some(Created::New))
    }

    /// Creates what belongs into a database that the tenant owns.
    async fn finish_creation(&self, entry: &Entry) -> Result<(), Error> {
        let tenant = &entry.tenant;
        let (name, table) = (&tenant.database_name, entry.table());
        let Assignment { placement, shard } = &entry.assignment;
        self.databases.create(shard, name, tenant.client_id).await?;
        if *placement == Placement::Dedicated {
            self.databases.create_tables(&table).await?;
        }
        let view = self.databases.create_view(name, tenant.client_id, &table);
        view.await.map_err(|failure| match failure {
            failure if failure.is_missing() => Error::DatabaseMissing(name.clone()),
            failure => failure.into(),
        })?;
        let ready = entry.revision.with_state(State::Ready);
        Ok(self.entries.write(tenant, &entry.assignment, ready).await?)
    }

    /// Returns the shard of a new tenant: the one with the fewest tenants, of those that can store something.
    async fn choose_shard(&self, id: ClientId) -> Result<ShardName, Error> {
        let shards = self.client.topology().shards();
        if let [only] = &shards[..] {
            return Ok(only.clone());
        }
        let counts = shards.iter().map(async |shard| {
            let count = timeout(SHARD_PATIENCE, self.entries.count_in(shard)).await;
            count.unwrap_or(Err(Failure::TimedOut))
        });
        let counts = join_all(counts).await;
        // Of shards with as many tenants, new tenants get different ones, whichever replicas they are created by.
        let start = usize::try_from(id.uuid().as_u64_pair().1 % 1024).unwrap_or_default();
        let turn = |index: usize| (index + start) % shards.len();
        let shards = shards.iter().zip(&counts).enumerate();
        let able = shards.filter_map(|(index, (shard, count))| {
            let count = count.as_ref().ok()?;
            Some(((*count, turn(index)), shard))
        });
        if let Some((_, shard)) = able.min_by_key(|(rank, _)| *rank) {
            return Ok(shard.clone());
        }
        let mut failures = counts.into_iter().filter_map(Result::err);
        Err(failures.next().unwrap_or(Failure::TimedOut).into())
    }

    /// Decides whether the owner of a database keeps the name, or is being deleted.
    async fn check_owner(
        &self,
        name: &DatabaseName,
        owner: Owner,
    ) -> Result<Option<Created>, Error> {
        let owner = match owner {
            Owner::Nobody => return Ok(None), // it was dropped just now
            Owner::Foreign => {
                tracing::warn!(tenant = %name, "another program has a database of that name");
                return Ok(Some(Created::NameTaken));
            }
            Owner::Tenant(owner) => owner,
        };
        match self.entries.by_client_id(owner).await? {
            Some(entry) if entry.state() < State::Deleting => {
                if entry.state() == State::Creating && entry.age >= MAX_CREATION {
                    self.finish_creation(&entry).await?;
                }
                Ok(Some(Created::NameTaken))
            }
            Some(entry) => {
                self.finish_deletion(&entry).await?;
                Ok(None)
            }
            None => Err(Error::Damaged(format!(
                "database '{name}' belongs to client {owner}, which has no entry in default.tenants"
            ))),
        }
    }

    /// Deletes a tenant for good. Lookups stop finding it first. Returns false if it is hidden: then it is left alone.
    pub(crate) async fn delete(&self, tenant: &Tenant) -> Result<bool, Error> {
        let entry = self.entries.by_client_id(tenant.client_id).await?;
        self.cache.remove_deleted(tenant.client_id);
        let Some(entry) = entry.filter(|entry| entry.state() < State::Deleted) else {
            return Ok(true);
        };
        if entry.state() == State::Hidden {
            return Ok(false);
        }
        let deleting = entry.revision.with_state(State::Deleting);
        self.entries
            .write(&entry.tenant, &entry.assignment, deleting)
            .await?;
        // It may have been loaded in between: that is removed from the cache again.
        self.finish_deletion(&entry).await?;
        Ok(true)
    }

    /// Finishes the deletion of this tenant if it has begun and not ended, and returns the tenant.
    pub(crate) async fn resume_deletion(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        let entry = self.entries.by_client_id(id).await?;
        match entry.filter(|entry| entry.state() == State::Deleting) {
            Some(entry) => {
                self.finish_deletion(&entry).await?;
                Ok(Some(Arc::new(entry.tenant)))
            }
            None => Ok(None),
        }
    }

    /// Frees the name of a tenant whose deletion has begun, and deletes its rows.
    pub(super) async fn finish_deletion(&self, entry: &Entry) -> Result<(), Error> {
        let id = entry.tenant.client_id;
        self.cache.remove_deleted(id);
        let (shard, name) = (&entry.assignment.shard, &entry.tenant.database_name);
        self.databases.drop_owned(shard, name, id).await?;
        match entry.assignment.placement {
            // Its rows were in the database.
            Placement::Dedicated => self.advance(entry, State::Erased).await,
            Placement::Pooled => {
                if self.delete_rows(entry).await? {
                    self.advance(entry, State::Deleted).await?;
                }
                Ok(())
            }
        }
    }

    /// Deletes the rows of this life of a pooled tenant. Returns false if another replica was faster and the tenant may
    /// have begun another life.
    async fn delete_rows(&self, entry: &Entry) -> Result<bool, Error> {
        let (id, shard) = (entry.tenant.client_id, &entry.assignment.shard);
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                sleep(REPLICATION_PAUSE).await;
            }
            // Read again for its time: what another life receives comes later.
            let current = self.entries.by_client_id(id).await?;
            let Some(current) =
                current.filter(|it| it.revision <= entry.revision.with_state(State::Emptied))
            else {
                return Ok(false);
            };
            if rows::delete(&self.client, shard, id, current.read_at_us).await? {
                return Ok(true);
            }
        }
        Err(Error::Busy)
    }

    /// Notes that a tenant has reached a state.
    pub(super) async fn advance(&self, entry: &Entry, state: State) -> Result<(), Error> {
        let revision = entry.revision.with_state(state);
        let written = self
            .entries
            .write(&entry.tenant, &entry.assignment, revision);
        Ok(written.await?)
    }

    /// Finishes what was interrupted: creations that got as far as a database, and deletions. Undoes other creations.
    /// Leaves alone what another replica may be at, unless it began longer than `patience` ago. What fails for one tenant,
    /// whose shard is down, does not keep others from being finished.
    pub(super) async fn recover(&self, patience: Duration) -> Result<(), Error> {
        let mut outcome = Ok(());
        for entry in self.entries.unfinished().await? {
            let finished = self.recover_one(&entry, patience).await;
            outcome = outcome.and(finished);
        }
        outcome
    }

    async fn recover_one(&self, entry: &Entry, patience: Duration) -> Result<(), Error> {
        let name = &entry.tenant.database_name;
        match entry.state() {
            State::Deleting if entry.age >= patience => {
                tracing::warn!(tenant = %name, "finishing an interrupted deletion of a tenant");
                self.finish_deletion(entry).await
            }
            State::Creating if entry.age >= MAX_CREATION => {
                let owner = self.databases.owner(name).await?;
                if owner == Owner::Tenant(entry.tenant.client_id) {
                    tracing::warn!(tenant = %name, "finishing an interrupted creation of a tenant");
                    self.finish_creation(entry).await
                } else {
                    tracing::warn!(tenant = %name, "undoing an interrupted creation of a tenant");
                    self.advance(entry, State::Erased).await
                }
            }
            _ => Ok(()),
        }
    }

    /// Deletes the rows that came after the deletion of their tenants, once no more can come.
    pub(super) async fn delete_late_rows(&self, late_inserts: Duration) -> Result<(), Error> {
        let mut outcome = Ok(());
        for entry in self.entries.unfinished().await? {
            let is_over = entry.state() == State::Deleted && entry.age > late_inserts;
            if is_over {
                let emptied = async {
                    if self.delete_rows(&entry).await? {
                        self.advance(&entry, State::Emptied).await?;
                    }
                    Ok(())
                };
                outcome = outcome.and(emptied.await);
            }
        }
        outcome
    }

    /// Brings the tables of dedicated tenants up to date.
    pub(super) async fn upgrade_dedicated(&self) -> Result<(), Error> {
        for entry in self.entries.all().await? {
            if !entry.has_events() || entry.assignment.placement != Placement::Dedicated {
                continue;
            }
            let name = &entry.tenant.database_name;
            let owner = self.databases.owner(name).await?;
            if owner == Owner::Tenant(entry.tenant.client_id) {
                self.databases.create_tables(&entry.table()).await?;
            }
        }
        Ok(())
    }
}
