//! Creating and deleting tenants, in steps that a crash may interrupt anywhere: the next attempt or start finishes or
//! undoes them.

use std::time::Duration;

use super::Registry;
use super::databases::DatabaseCreated;
use super::entries::{Entry, Revision, State};
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::table_names::TableName;
use crate::store::{Created, Error};

/// A creation that began longer ago was interrupted: each of its steps is bounded.
const MAX_CREATION: Duration = Duration::from_mins(5);

/// The attempts at a creation that races with a deletion of the same name.
const MAX_ATTEMPTS: usize = 5;

impl Registry {
    /// Creates a tenant: its entry, its tables, and at last the mark that claims the database for it.
    pub(crate) async fn create(&self, tenant: &Tenant) -> Result<Created, Error> {
        let table = TableName::new(&tenant.database_name, tenant.client_id);
        for _ in 0..MAX_ATTEMPTS {
            match self.try_create(tenant, &table).await {
                Ok(Some(created)) => return Ok(created),
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
        table: &TableName,
    ) -> Result<Option<Created>, Error> {
        let name = &tenant.database_name;
        let for_tenant = |failure: Failure| failure.for_tenant(name);
        // An entry keeps its name even if its database was removed by hand.
        let entries = self.entries.by_name(name).await?;
        if entries.iter().any(|entry| entry.state() == State::Ready) {
            return Ok(Some(Created::NameTaken));
        }
        match self.databases.create(name).await? {
            DatabaseCreated::New => {}
            DatabaseCreated::Foreign => {
                tracing::warn!(tenant = %name, "another program has a database of that name");
                return Ok(Some(Created::NameTaken));
            }
            DatabaseCreated::Existed => {
                if let Some(owner) = self.databases.owner(name.as_str()).await? {
                    return self.check_owner(name, owner).await;
                }
                // Not claimed: another creation is under way, or was interrupted.
            }
        }
        let revision = match self.entries.by_client_id(tenant.client_id).await? {
            None => Revision::default(),
            Some(entry) if entry.state() >= State::Deleting => entry.revision.next_life(),
            Some(entry) => entry.revision,
        };
        let write = |state| self.entries.write(tenant, revision.with_state(state));
        write(State::Creating).await?;
        let tables = self.databases.create_tables(table).await;
        tables.map_err(for_tenant)?;
        if !self.databases.claim(table).await.map_err(for_tenant)? {
            write(State::Deleted).await?;
            self.databases.drop_tables(table).await?;
            return Ok(Some(Created::NameTaken));
        }
        write(State::Ready).await?;
        Ok(Some(Created::New))
    }

    /// Decides whether the owner of a database keeps the name, or is being deleted.
    async fn check_owner(
        &self,
        name: &DatabaseName,
        owner: ClientId,
    ) -> Result<Option<Created>, Error> {
        match self.entries.by_client_id(owner).await? {
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

    /// Deletes a tenant for good. Lookups stop finding it first.
    pub(crate) async fn delete(&self, tenant: &Tenant) -> Result<(), Error> {
        let entry = self.entries.by_client_id(tenant.client_id).await?;
        self.cache.remove_deleted(tenant.client_id);
        let Some(entry) = entry.filter(|entry| entry.state() != State::Deleted) else {
            return Ok(());
        };
        let deleting = entry.revision.with_state(State::Deleting);
        self.entries.write(&entry.tenant, deleting).await?;
        self.cache.remove_deleted(tenant.client_id); // it may have been loaded in between
        self.finish_deletion(&entry).await
    }

    async fn finish_deletion(&self, entry: &Entry) -> Result<(), Error> {
        let tenant = &entry.tenant;
        self.databases
            .drop_owned(&tenant.database_name, tenant.client_id)
            .await?;
        let deleted = entry.revision.with_state(State::Deleted);
        Ok(self.entries.write(tenant, deleted).await?)
    }

    /// Finishes deletions, and creations that got as far as claiming the database; undoes others.
    pub(super) async fn recover(&self) -> Result<(), Error> {
        for entry in self.entries.all().await? {
            let Entry {
                tenant, revision, ..
            } = &entry;
            let (name, id) = (&tenant.database_name, tenant.client_id);
            let write = |state| self.entries.write(tenant, revision.with_state(state));
            match entry.state() {
                State::Ready | State::Deleted => {}
                State::Deleting => {
                    tracing::warn!(tenant = %name, "finishing an interrupted deletion of a tenant");
                    self.finish_deletion(&entry).await?;
                }
                State::Creating if entry.age < MAX_CREATION => {} // another replica may be at it
                State::Creating if self.databases.owner(name.as_str()).await? == Some(id) => {
                    write(State::Ready).await?;
                }
                State::Creating => {
                    tracing::warn!(tenant = %name, "undoing an interrupted creation of a tenant");
                    write(State::Deleted).await?;
                    let table = TableName::new(name, id);
                    self.databases.drop_tables(&table).await?;
                }
            }
        }
        Ok(())
    }
}
