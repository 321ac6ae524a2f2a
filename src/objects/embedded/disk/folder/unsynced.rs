//! Object names that may not be on disk, because syncing their folder failed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The unsynced names of all shards.
#[derive(Debug)]
pub(super) struct Unsynced {
    shards: Vec<Mutex<ShardNames>>,
    /// Counts names and whole shards, so that a reader takes no lock while there are none.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
pub(super) struct ShardNames {
    pub names: BTreeSet<String>,
    /// No name in the shard is known to be on disk.
    pub all: bool,
}

impl Unsynced {
    pub(super) fn new() -> Self {
        let shards = (0..=u8::MAX).map(|_| Mutex::default());
        Self {
            shards: shards.collect(),
            count: AtomicUsize::new(0),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    pub(super) fn lock(&self, shard: u8) -> MutexGuard<'_, ShardNames> {
        let shard = &self.shards[usize::from(shard)];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, shard: &mut ShardNames, name: &str) {
        let is_new = shard.names.insert(name.to_owned());
        self.count.fetch_add(usize::from(is_new), Ordering::Relaxed);
    }

    pub(super) fn add_all(&self, shard: u8) {
        self.lock(shard).all = true;
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes `name`, once it was written and its folder synced.
    pub(super) fn remove(&self, shard: &mut ShardNames, name: &str) {
        let had_all = std::mem::take(&mut shard.all);
        let had_name = shard.names.remove(name);
        let fewer = usize::from(had_all) + usize::from(had_name);
        self.count.fetch_sub(fewer, Ordering::Relaxed);
    }
}
