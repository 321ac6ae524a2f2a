//! Repairs what a replica of a cluster lacks because it was down: tables, and the databases and views of tenants.

use std::collections::{HashMap, HashSet};

use super::Registry;
use super::databases::Databases;
use super::entries::Entry;
use super::revision::State;
use crate::domain::{ClientId, DatabaseName, Placement};
use crate::store::Error;
use crate::store::clickhouse::failure::Failure;

impl Registry {
    /// Creates what replicas lack, and drops the databases of tenants that were deleted while a replica was down. What
    /// fails on one replica does not keep others from being repaired.
    pub(super) async fn repair(&self) -> Result<(), Error> {
        self.entries.create_table(self.dialect).await?;
        self.databases.create_pool().await?;
        let mut ready = self.entries.all().await?;
        ready.retain(|entry| entry.state() == State::Ready);
        for host in self.client.each() {
            if let Err(failure) = self.repair_host(&self.databases.on(&host), &ready).await {
                tracing::debug!(%failure, "a replica of the cluster was not repaired");
            }
        }
        Ok(())
    }

    async fn repair_host(&self, host: &Databases, ready: &[Entry]) -> Result<(), Failure> {
        let there = host.all_here().await?;
        let lacking = ready.iter().filter(|entry| {
            let found = there.get(entry.tenant.database_name.as_str());
            found != Some(&(entry.tenant.client_id, true))
        });
        for entry in lacking {
            let (name, id) = (&entry.tenant.database_name, entry.tenant.client_id);
            tracing::info!(tenant = %name, "creating the database of a tenant on a replica that lacks it");
            host.replace_here(name, id).await?;
            if entry.placement == Placement::Dedicated {
                let created = host.create_tables(&entry.table()).await;
                created.map_err(|error| Failure::Setup(error.to_string()))?;
            }
            host.create_view_here(name, id, &entry.table()).await?;
        }
        self.drop_leftovers(host, there, ready).await
    }

    async fn drop_leftovers(
        &self,
        host: &Databases,
        there: HashMap<String, (ClientId, bool)>,
        ready: &[Entry],
    ) -> Result<(), Failure> {
        let ready: HashSet<ClientId> = ready.iter().map(|it| it.tenant.client_id).collect();
        let others = there.into_iter().filter(|(_, (id, _))| !ready.contains(id));
        for (name, (id, _)) in others {
            let (Ok(name), Some(entry)) = (
                DatabaseName::parse(&name),
                self.entries.by_client_id(id).await?,
            ) else {
                continue; // being dropped, or without an entry: not to be touched
            };
            if entry.state() > State::Deleting {
                tracing::info!(tenant = %name, "dropping the database of a deleted tenant on a replica that was down");
                host.drop_owned_here(&name, id).await?;
            }
        }
        Ok(())
    }
}
