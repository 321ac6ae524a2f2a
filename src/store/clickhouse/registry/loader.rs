//! Loads tenant entries: all that are asked for at one moment with the same two statements.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{join_all, try_join_all};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::databases::Databases;
use super::entries::{EntriesTable, Entry, MAX_KEYS};
use super::entry_cache::LoadedTenant;
use super::revision::State;
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::table_names::{Assignment, ShardName};

/// The statements of so many batches run at once.
const MAX_BATCHES: usize = 4;

/// The key of a tenant that is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Id(ClientId),
    Name(DatabaseName),
}

type Loaded = Result<Option<LoadedTenant>, Failure>;

#[derive(Debug)]
struct Request {
    key: Key,
    answer: oneshot::Sender<Loaded>,
}

/// A task that loads entries. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Loader {
    source: Source,
    requests: mpsc::Sender<Request>,
}

#[derive(Debug, Clone)]
struct Source {
    entries: EntriesTable,
    databases: Databases,
}

impl Loader {
    pub(super) fn new(entries: &EntriesTable, databases: &Databases) -> Self {
        let source = Source {
            entries: entries.clone(),
            databases: databases.clone(),
        };
        let (requests, waiting) = mpsc::channel(MAX_KEYS);
        tokio::spawn(source.clone().run(waiting));
        Self { source, requests }
    }

    /// Returns the tenant, unless there is none or it is being created or deleted.
    pub(super) async fn load(&self, key: Key) -> Loaded {
        let (answer, answered) = oneshot::channel();
        // The task ends only with this, and answers every request, unless the runtime is shutting down.
        let stopped = || Failure::Setup("the loader of tenants has stopped".to_owned());
        let sent = self.requests.send(Request { key, answer }).await;
        sent.map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Returns what [`Self::load`] returns for each of these tenants, loaded together, but not for those whose shard does not
    /// answer.
    pub(super) async fn load_all(
        &self,
        ids: &[ClientId],
    ) -> Result<Vec<(ClientId, Option<LoadedTenant>)>, Failure> {
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MAX_KEYS) {
            let found = self.source.load(ids, &[]).await?;
            let by_id = found.into_iter().map(|it| (it.tenant.client_id, it));
            let mut by_id: HashMap<ClientId, Found> = by_id.collect();
            let loaded = ids.iter().filter_map(|id| {
                let loaded = by_id.remove(id).map(Found::loaded).transpose();
                Some((*id, loaded.ok()?))
            });
            all.extend(loaded);
        }
        Ok(all)
    }
}

impl Source {
    async fn run(self, mut waiting: mpsc::Receiver<Request>) {
        let permits = Arc::new(Semaphore::new(MAX_BATCHES));
        loop {
            // First, so that requests gather while all batches are under way.
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            let mut batch = Vec::new();
            if waiting.recv_many(&mut batch, MAX_KEYS).await == 0 {
                return;
            }
            let source = self.clone();
            tokio::spawn(async move {
                source.answer(batch).await;
                drop(permit);
            });
        }
    }

    async fn answer(&self, batch: Vec<Request>) {
        let (mut ids, mut names) = (Vec::new(), Vec::new());
        for request in &batch {
            match &request.key {
                Key::Id(id) => ids.push(*id),
                Key::Name(name) => names.push(name.clone()),
            }
        }
        let loaded = self.load(&ids, &names).await;
        for Request { key, answer } in batch {
            let found = match &loaded {
                Ok(tenants) => find(tenants, &key),
                Err(failure) => Err(failure.clone()),
            };
            let _ = answer.send(found);
        }
    }

    async fn load(&self, ids: &[ClientId], names: &[DatabaseName]) -> Result<Vec<Found>, Failure> {
        let mut by_shard: HashMap<ShardName, Vec<Entry>> = HashMap::new();
        for entry in self.entries.find(ids, names).await? {
            if entry.state() == State::Ready {
                let shard = entry.assignment.shard.clone();
                by_shard.entry(shard).or_default().push(entry);
            }
        }
        let shards = by_shard.into_iter();
        let found = join_all(shards.map(|(shard, entries)| self.look_at(shard, entries)));
        Ok(found.await.concat())
    }

    /// Finds out which of these tenants have their databases. A shard that does not answer fails its own tenants alone.
    async fn look_at(&self, shard: ShardName, entries: Vec<Entry>) -> Vec<Found> {
        let databases: Vec<_> = entries.iter().map(|it| &it.tenant.database_name).collect();
        let views = databases
            .chunks(MAX_KEYS)
            .map(|databases| self.databases.views(&shard, databases));
        let owners: Result<HashMap<String, ClientId>, Failure> = try_join_all(views)
            .await
            .map(|owners| owners.into_iter().flatten().collect());
        let found = |entry: Entry| {
            let name = entry.tenant.database_name.as_str();
            let owner = owners.as_ref().map(|it| it.get(name).copied());
            Found {
                has_database: owner
                    .map(|it| it == Some(entry.tenant.client_id))
                    .map_err(Failure::clone),
                assignment: entry.assignment,
                tenant: Arc::new(entry.tenant),
            }
        };
        entries.into_iter().map(found).collect()
    }
}

/// A tenant's entry, and whether its database exists, if its shard has told.
#[derive(Debug, Clone)]
struct Found {
    tenant: Arc<Tenant>,
    assignment: Assignment,
    has_database: Result<bool, Failure>,
}

impl Found {
    fn loaded(self) -> Result<LoadedTenant, Failure> {
        let Self {
            tenant,
            assignment,
            has_database,
        } = self;
        Ok(LoadedTenant {
            tenant,
            assignment,
            has_database: has_database?,
        })
    }
}

/// Of several entries with one name, the one that owns the database counts.
fn find(tenants: &[Found], key: &Key) -> Loaded {
    let matching = tenants.iter().filter(|it| match key {
        Key::Id(id) => it.tenant.client_id == *id,
        Key::Name(name) => it.tenant.database_name == *name,
    });
    let rank = |it: &&Found| match it.has_database {
        Ok(has_database) => u8::from(has_database) * 2,
        Err(_) => 1,
    };
    let found = matching.max_by_key(rank).cloned();
    found.map(Found::loaded).transpose()
}
