//! The epoch of a table's order of arrival, which its replicas share.
//!
//! On one server it is the identity of the table: a restored table has another one. On a cluster each replica's table has an
//! identity of its own. Keys in Keeper say which of them are one order: the first majority of replicas decides its epoch, and
//! a replica that is added or replaced joins it. If no replica's identity is known, the table was restored.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::domain::{Entropy, SystemEntropy};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::registry::Claims;
use crate::store::clickhouse::table_names::TableName;

/// Somebody else's decision is found at the second attempt.
const ATTEMPTS: usize = 3;

/// The epochs that are known, by the identity of a replica's table.
#[derive(Debug)]
pub(super) struct Epochs {
    claims: Claims,
    is_cluster: bool,
    known: Mutex<HashMap<Uuid, Uuid>>,
}

impl Epochs {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            claims: Claims::new(client),
            is_cluster: client.is_cluster(),
            known: Mutex::default(),
        }
    }

    /// Returns the epoch of a table that has these identities on the replicas that answer: for the first decision these have
    /// to be a majority.
    pub(super) async fn of(
        &self,
        table: &TableName,
        replicas: &[Uuid],
        majority: usize,
    ) -> Result<Uuid, Failure> {
        let Some(first) = replicas.first() else {
            return Err(Failure::TimedOut);
        };
        if !self.is_cluster {
            return Ok(*first);
        }
        let known = {
            let known = self.known();
            let all: Option<Vec<Uuid>> = replicas.iter().map(|it| known.get(it).copied()).collect();
            all.and_then(|all| all.first().copied())
        };
        match known {
            Some(epoch) => Ok(epoch),
            None => self.decide(table, replicas, majority).await,
        }
    }

    async fn decide(
        &self,
        table: &TableName,
        replicas: &[Uuid],
        majority: usize,
    ) -> Result<Uuid, Failure> {
        let keys = replicas.iter().map(|it| (key(table, *it), *it));
        let keys: Vec<(String, Uuid)> = keys.collect();
        let mut outcome = Err(Failure::TimedOut);
        for _ in 0..ATTEMPTS {
            let all = keys.iter().map(|(key, _)| key.clone()).collect();
            let found = self.claims.find_all(all).await?;
            let decided = keys.iter().find_map(|(key, _)| found.get(key).copied());
            if decided.is_none() && replicas.len() < majority {
                return Err(Failure::SilentReplica(table.name.clone()));
            }
            let epoch = decided.unwrap_or_else(|| SystemEntropy.uuid_v4());
            let new = keys.iter().filter(|(key, _)| !found.contains_key(key));
            let new: Vec<String> = new.map(|(key, _)| key.clone()).collect();
            // All or none: if another service was faster, its decision is found next.
            match self.claims.take_all(new, epoch).await {
                Ok(()) => {
                    let mut known = self.known();
                    for (key, replica) in &keys {
                        known.insert(*replica, found.get(key).copied().unwrap_or(epoch));
                    }
                    return Ok(epoch);
                }
                Err(failure) => outcome = Err(failure),
            }
        }
        outcome
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Uuid, Uuid>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(table: &TableName, replica: Uuid) -> String {
    format!("epoch/{}.{}/{replica}", table.database, table.name)
}
