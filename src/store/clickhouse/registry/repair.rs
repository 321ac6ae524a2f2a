//! Repairs what a replica of a cluster lacks because it was down: tables, and the databases and views of tenants.

use std::collections::{HashMap, HashSet};

use super::Registry;
use super::databases::Databases;
use super::entries::Entry;
use super::revision::State;
use crate::domain::{ClientId, DatabaseName, Placement};
use crate::store::Error;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::table_names::ShardName;

impl Registry {
    /// Creates what nodes lack, brings their tables up to date, and drops the databases of tenants that were deleted while a
    /// node was down. What fails on one node does not keep others from being repaired.
    pub(super) async fn repair(&self) -> Result<(), Error> {
        self.discover().await?;
        self.entries.create_table(self.dialect).await?;
        self.keys.create_tables(self.dialect).await?;
        self.secrets.create_table(self.dialect).await?;
        self.databases.create_pool().await?;
        let mut by_shard: HashMap<ShardName, Vec<Entry>> = HashMap::new();
        for entry in self.entries.all().await? {
            if entry.has_events() {
                let shard = entry.assignment.shard.clone();
                by_shard.entry(shard).or_default().push(entry);
            }
        }
        for shard in self.client.topology().shards() {
            let ready = by_shard.remove(&shard).unwrap_or_default();
            for node in self.client.of_shard(&shard).each()? {
                if let Err(failure) = self.repair_node(&self.databases.on(&node), &ready).await {
                    tracing::debug!(%failure, "a replica of the cluster was not repaired");
                }
            }
        }
        Ok(())
    }

    async fn repair_node(&self, node: &Databases, ready: &[Entry]) -> Result<(), Failure> {
        let there = node.all_here().await?;
        for entry in ready {
            let (name, id) = (&entry.tenant.database_name, entry.tenant.client_id);
            let is_complete = there.get(name.as_str()) == Some(&(id, true));
            if !is_complete {
                tracing::info!(tenant = %name, "creating the database of a tenant on a replica that lacks it");
                node.replace_here(name, id).await?;
            }
            if entry.assignment.placement == Placement::Dedicated {
                let created = node.create_tables_here(&entry.table()).await;
                created.map_err(|error| Failure::Setup(error.to_string()))?;
            }
            if !is_complete {
                node.create_view_here(name, id, &entry.table()).await?;
            }
        }
        self.drop_leftovers(node, there, ready).await
    }

    async fn drop_leftovers(
        &self,
        node: &Databases,
        there: HashMap<String, (ClientId, bool)>,
        ready: &[Entry],
    ) -> Result<(), Failure> {
        let ready: HashSet<ClientId> = ready.iter().map(|it| it.tenant.client_id).collect();
        let others = there.into_iter().filter(|(_, (id, _))| !ready.contains(id));
        for (name, (id, _)) in others {
            let (Ok(name), Some(entry)) = (
                DatabaseName::parse_stored(&name),
                self.entries.by_client_id(id).await?,
            ) else {
                continue; // being dropped, or without an entry: not to be touched
            };
            if entry.state() > State::Deleting {
                tracing::info!(tenant = %name, "dropping the database of a deleted tenant on a replica that was down");
                node.drop_owned_here(&name, id).await?;
            }
        }
        Ok(())
    }
}
