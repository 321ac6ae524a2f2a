//! Loads tenant entries: all that are asked for at one moment with the same two statements.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::databases::Databases;
use super::entries::{EntriesTable, Entry, MAX_KEYS};
use super::entry_cache::LoadedTenant;
use super::revision::State;
use crate::domain::{ClientId, DatabaseName};
use crate::store::clickhouse::failure::Failure;

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
        tokio::spawn(source.run(waiting));
        Self { requests }
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
        let loaded = self.load(&batch).await;
        for Request { key, answer } in batch {
            let found = match &loaded {
                Ok(tenants) => Ok(find(tenants, &key).cloned()),
                Err(failure) => Err(failure.clone()),
            };
            let _ = answer.send(found);
        }
    }

    async fn load(&self, batch: &[Request]) -> Result<Vec<LoadedTenant>, Failure> {
        let (mut ids, mut names) = (Vec::new(), Vec::new());
        for request in batch {
            match &request.key {
                Key::Id(id) => ids.push(*id),
                Key::Name(name) => names.push(name.clone()),
            }
        }
        let mut entries = self.entries.find(&ids, &names).await?;
        entries.retain(|entry| entry.state() == State::Ready);
        let databases: Vec<_> = entries.iter().map(|it| &it.tenant.database_name).collect();
        let mut owners = HashMap::new();
        for databases in databases.chunks(MAX_KEYS) {
            owners.extend(self.databases.views(databases).await?);
        }
        let loaded = |entry: Entry| {
            let owner = owners.get(entry.tenant.database_name.as_str());
            LoadedTenant {
                has_database: owner == Some(&entry.tenant.client_id),
                placement: entry.placement,
                tenant: Arc::new(entry.tenant),
            }
        };
        Ok(entries.into_iter().map(loaded).collect())
    }
}

/// Of several entries with one name, the one that owns the database counts.
fn find<'a>(tenants: &'a [LoadedTenant], key: &Key) -> Option<&'a LoadedTenant> {
    let matching = tenants.iter().filter(|it| match key {
        Key::Id(id) => it.tenant.client_id == *id,
        Key::Name(name) => it.tenant.database_name == *name,
    });
    matching.max_by_key(|it| it.has_database)
}
