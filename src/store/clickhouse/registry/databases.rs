//! The databases of tenants: how they are created, owned and dropped.
//!
//! A tenant's database has a view `events`, which shows its events to people. Who created a database stands in its
//! comment, so one statement decides whose it is and says so. On a cluster the nodes of the tenant's shard have the
//! database, each its own, so there [`Claims`] decide whose a name is. Databases of other programs have no such comment, and are never touched.

use std::collections::HashMap;

use super::claims::Claims;
use crate::domain::{ClientId, DatabaseName};
use crate::store::Error;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::ddl::{Dialect, EVENTS, HOLDS, INTENTS, RETENTION, TOMBSTONES};
use crate::store::clickhouse::failure::{Failure, code};
use crate::store::clickhouse::table_names::{
    POOL_DATABASE, ShardName, TableName, VIEW, deleted_database,
};

/// The comment of a tenant's database and view begins with this; the client id follows.
const COMMENT_PREFIX: &str = "event-history tenant ";

const UUID_LENGTH: usize = 36;

#[derive(Debug, Clone)]
pub(super) struct Databases {
    client: Client,
    dialect: Dialect,
}

/// Whose a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// There is no such database.
    Nobody,
    Tenant(ClientId),
    /// The system, or another program.
    Foreign,
}

impl Databases {
    pub(super) fn new(client: &Client, dialect: Dialect) -> Self {
        Self {
            client: client.clone(),
            dialect,
        }
    }

    /// Returns the databases on one host.
    pub(super) fn on(&self, host: &Client) -> Self {
        Self::new(host, self.dialect)
    }

    fn claims(&self) -> Claims {
        Claims::new(&self.client)
    }

    /// Creates the tables that pooled tenants share, and brings them up to date.
    pub(super) async fn create_pool(&self) -> Result<(), Error> {
        let sql = "CREATE DATABASE IF NOT EXISTS {database:Identifier}";
        let create = |host: Client| async move {
            let create =
                |it: &clickhouse::Client| it.query_raw(sql).param("database", POOL_DATABASE);
            host.run("ddl", create).await
        };
        self.client.where_reachable(create).await?;
        if self.client.is_cluster() {
            self.claims().create_table(self.dialect).await?;
        }
        // On the nodes of all shards.
        for (schema, name) in [
            (&INTENTS, "tenants_intents"),
            (&HOLDS, "tenants_holds"),
            (&RETENTION, "tenants_retention"),
        ] {
            let table = TableName::global("default", name);
            schema.apply(&self.client, self.dialect, &table).await?;
        }
        let events = TableName::pooled(&ShardName::default());
        self.apply(&self.client, &events).await
    }

    /// Creates a tenant's own tables on the nodes of its shard, or brings them up to date.
    pub(super) async fn create_tables(&self, events: &TableName) -> Result<(), Error> {
        self.apply(&self.client.of(events), events).await
    }

    /// Creates a table of events and that of tombstones on this node, or brings them up to date.
    pub(super) async fn create_tables_here(&self, events: &TableName) -> Result<(), Error> {
        self.apply(&self.client, events).await
    }

    async fn apply(&self, client: &Client, events: &TableName) -> Result<(), Error> {
        EVENTS.apply(client, self.dialect, events).await?;
        let tombstones = events.tombstones();
        TOMBSTONES.apply(client, self.dialect, &tombstones).await
    }

    /// Decides whose a name is: of several calls at once, by any replicas, one gets it. Without a cluster that is the one
    /// that creates the database.
    pub(super) async fn claim(&self, name: &DatabaseName, id: ClientId) -> Result<Owner, Failure> {
        if self.client.is_cluster() {
            return Ok(Owner::Tenant(self.claims().claim(name, id).await?));
        }
        self.create_here(name, id).await
    }

    /// Creates the database of a tenant that has the name, on every node of its shard that lacks it.
    pub(super) async fn create(
        &self,
        shard: &ShardName,
        name: &DatabaseName,
        id: ClientId,
    ) -> Result<(), Failure> {
        if !self.client.is_cluster() {
            return Ok(()); // it was created to get the name
        }
        let create = |host: Client| async move { self.on(&host).replace_here(name, id).await };
        self.client.of_shard(shard).everywhere(create).await
    }

    /// Creates the database of a tenant that has the name, in place of that of a tenant that was deleted while this host
    /// was down.
    pub(super) async fn replace_here(
        &self,
        name: &DatabaseName,
        id: ClientId,
    ) -> Result<(), Failure> {
        for _ in 0..2 {
            match self.create_here(name, id).await? {
                Owner::Tenant(owner) if owner == id => return Ok(()),
                Owner::Tenant(other) => self.drop_owned_here(name, other).await?,
                Owner::Nobody => {}
                Owner::Foreign => {
                    return Err(Failure::Setup(format!(
                        "another program has a database '{name}'"
                    )));
                }
            }
        }
        Err(Failure::TimedOut)
    }

    async fn create_here(&self, name: &DatabaseName, id: ClientId) -> Result<Owner, Failure> {
        let sql = format!("CREATE DATABASE {{database:Identifier}} COMMENT '{COMMENT_PREFIX}{id}'");
        let created = self
            .ddl(&sql, |it| it.param("database", name.as_str()))
            .await;
        match created {
            Ok(()) => Ok(Owner::Tenant(id)),
            // It may be this tenant's: an answer was lost, or a creation was interrupted.
            Err(failure) if failure.is(code::DATABASE_ALREADY_EXISTS) => {
                self.owner_here(name.as_str()).await
            }
            Err(failure) => Err(failure),
        }
    }

    /// Creates the view of a tenant's events on every node of its shard that lacks it.
    pub(super) async fn create_view(
        &self,
        name: &DatabaseName,
        id: ClientId,
        table: &TableName,
    ) -> Result<(), Failure> {
        let create =
            |host: Client| async move { self.on(&host).create_view_here(name, id, table).await };
        self.client.of(table).everywhere(create).await
    }

    pub(super) async fn create_view_here(
        &self,
        name: &DatabaseName,
        id: ClientId,
        table: &TableName,
    ) -> Result<(), Failure> {
        // A view's definition takes no parameters. All these names and the id are of letters, digits, `_` and `-`.
        let TableName {
            shard: _,
            database,
            name: table,
        } = table;
        let sql = format!(
            "CREATE VIEW IF NOT EXISTS {{database:Identifier}}.{{view:Identifier}} \
             AS SELECT * FROM `{database}`.`{table}` FINAL WHERE client_id = toUUID('{id}') \
             COMMENT '{COMMENT_PREFIX}{id}'"
        );
        self.ddl(&sql, |it| {
            it.param("database", name.as_str()).param("view", VIEW)
        })
        .await
    }

    /// Tells whose this name is. On a cluster a host may still have the database of a tenant that was deleted while it was
    /// down: that has no claim.
    pub(super) async fn owner(&self, name: &DatabaseName) -> Result<Owner, Failure> {
        if !self.client.is_cluster() {
            return self.owner_here(name.as_str()).await;
        }
        if let Some(owner) = self.claims().owner(name).await? {
            return Ok(Owner::Tenant(owner));
        }
        let ask = |host: Client| async move { self.on(&host).owner_here(name.as_str()).await };
        let owners = self.client.ask_read_quorum(ask).await?;
        let is_foreign = owners.contains(&Owner::Foreign);
        Ok(if is_foreign {
            Owner::Foreign
        } else {
            Owner::Nobody
        })
    }

    async fn owner_here(&self, database: &str) -> Result<Owner, Failure> {
        // Unlike a query of system.databases, this takes the same time however many there are.
        let sql = "SHOW CREATE DATABASE {database:Identifier}";
        let definitions = self
            .client
            .fetch::<String>("owner", |it| it.query_raw(sql).param("database", database));
        match definitions.await {
            Err(failure) if failure.is_missing() => Ok(Owner::Nobody),
            Err(failure) => Err(failure),
            Ok(definitions) => {
                let owner = definitions.first().and_then(|it| owner(it));
                Ok(owner.map_or(Owner::Foreign, Owner::Tenant))
            }
        }
    }

    /// Returns which of these databases of a shard have the view of a tenant's events, and whose it is. A node may lack a view
    /// that others have.
    pub(super) async fn views(
        &self,
        shard: &ShardName,
        databases: &[&DatabaseName],
    ) -> Result<HashMap<String, ClientId>, Failure> {
        let ask = |host: Client| async move { self.on(&host).views_here(databases).await };
        let views = self.client.of_shard(shard).ask_read_quorum(ask).await?;
        Ok(views.into_iter().flatten().collect())
    }

    async fn views_here(
        &self,
        databases: &[&DatabaseName],
    ) -> Result<HashMap<String, ClientId>, Failure> {
        #[derive(clickhouse::Row, serde::Deserialize)]
        struct View {
            database: String,
            comment: String,
        }
        let names: Vec<&str> = databases.iter().map(|name| name.as_str()).collect();
        let sql = "SELECT database, comment FROM system.tables \
                   WHERE database IN {databases:Array(String)} AND name = {view:String}";
        let found = self.client.fetch::<View>("owner", |it| {
            it.query_raw(sql)
                .param("databases", &names)
                .param("view", VIEW)
        });
        let found = match found.await {
            // A database that is being renamed or dropped. The others are there.
            Err(failure) if failure.is_missing() => {
                let mut owners = HashMap::new();
                if let [_, _, ..] = names[..] {
                    for name in databases {
                        owners.extend(Box::pin(self.views_here(&[name])).await?);
                    }
                }
                return Ok(owners);
            }
            found => found?,
        };
        let owned = found
            .into_iter()
            .filter_map(|view| Some((view.database, owner(&view.comment)?)));
        Ok(owned.collect())
    }

    /// Drops the database on the nodes of its shard if this tenant owns it, and frees its name.
    pub(super) async fn drop_owned(
        &self,
        shard: &ShardName,
        name: &DatabaseName,
        id: ClientId,
    ) -> Result<(), Failure> {
        let drop = |host: Client| async move { self.on(&host).drop_owned_here(name, id).await };
        self.client.of_shard(shard).everywhere(drop).await?;
        if self.client.is_cluster() {
            self.claims().release(name, id).await?;
        }
        Ok(())
    }

    /// Drops the database if this tenant owns it. It is renamed first: from then on its name is free, and what is
    /// dropped is certainly the database that was looked at.
    pub(super) async fn drop_owned_here(
        &self,
        name: &DatabaseName,
        id: ClientId,
    ) -> Result<(), Failure> {
        let deleted = deleted_database(id);
        if self.owner_here(name.as_str()).await? == Owner::Tenant(id) {
            match self.rename(name.as_str(), &deleted).await {
                // Another replica renamed it first.
                Err(failure) if failure.is_missing() => {}
                // One of an earlier attempt: the next one drops this.
                Err(failure) if failure.is(code::DATABASE_ALREADY_EXISTS) => {
                    self.drop_database(&deleted).await?;
                    return Err(failure);
                }
                Err(failure) => return Err(failure),
                Ok(()) => self.restore_if_foreign(id, &deleted, name).await?,
            }
        }
        self.drop_database(&deleted).await
    }

    /// Before the rename, another replica may have deleted the tenant and created one of the same name: that one gets its
    /// database back.
    async fn restore_if_foreign(
        &self,
        id: ClientId,
        deleted: &str,
        name: &DatabaseName,
    ) -> Result<(), Failure> {
        match self.owner_here(deleted).await? {
            // Nobody: another replica that deletes the same tenant has dropped it already.
            Owner::Nobody => Ok(()),
            Owner::Tenant(owner) if owner == id => Ok(()),
            Owner::Tenant(_) | Owner::Foreign => {
                tracing::warn!(tenant = %name, "renaming back the database of a tenant that was just created");
                self.rename(deleted, name.as_str()).await
            }
        }
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.ddl(
            "RENAME DATABASE {from:Identifier} TO {to:Identifier}",
            |it| it.param("from", from).param("to", to),
        )
        .await
    }

    async fn drop_database(&self, name: &str) -> Result<(), Failure> {
        let sql = "DROP DATABASE IF EXISTS {database:Identifier} SYNC";
        match self.ddl(sql, |it| it.param("database", name)).await {
            // Another replica is doing the same.
            Err(failure) if failure.is_missing() => Ok(()),
            outcome => outcome,
        }
    }

    async fn ddl(
        &self,
        template: &str,
        bind: impl Fn(clickhouse::query::Query) -> clickhouse::query::Query,
    ) -> Result<(), Failure> {
        self.client
            .run("ddl", |it| bind(it.query_raw(template)))
            .await
    }
}

impl Databases {
    /// Returns the databases of tenants by name, and whether they have the view.
    pub(super) async fn all_here(&self) -> Result<HashMap<String, (ClientId, bool)>, Failure> {
        #[derive(clickhouse::Row, serde::Deserialize)]
        struct Row {
            name: String,
            comment: String,
            has_view: u8,
        }
        let sql = "SELECT name, comment, toUInt8(name IN (\
                       SELECT database FROM system.tables WHERE name = {view:String} AND comment LIKE {own:String})) \
                       AS has_view \
                   FROM system.databases WHERE comment LIKE {own:String}";
        let rows = self.client.fetch::<Row>("databases", |it| {
            let own = format!("{COMMENT_PREFIX}%");
            it.query_raw(sql).param("own", own).param("view", VIEW)
        });
        let owned = rows.await?.into_iter().filter_map(|row| {
            let Row {
                name,
                comment,
                has_view,
            } = row;
            Some((name, (owner(&comment)?, has_view == 1)))
        });
        Ok(owned.collect())
    }
}

/// Reads the client id out of a comment, or out of a definition that contains one.
fn owner(text: &str) -> Option<ClientId> {
    let at = text.find(COMMENT_PREFIX)? + COMMENT_PREFIX.len();
    ClientId::parse(text.get(at..at + UUID_LENGTH)?).ok()
}

#[cfg(test)]
mod tests {
    use super::owner;
    use crate::domain::ClientId;

    #[test]
    fn a_comment_names_the_owner() {
        let id = ClientId::parse("0e7f3f9c-2f0f-4e0a-9f0e-3c1f6a1f5b11").unwrap();
        let comment = format!("event-history tenant {id}");
        assert_eq!(owner(&comment), Some(id));
        let definition = format!("CREATE DATABASE `a-b`\nENGINE = Atomic\nCOMMENT '{comment}'");
        assert_eq!(owner(&definition), Some(id));
        for other in [
            "",
            "CREATE DATABASE default",
            "event-history tenant",
            "event-history tenant 0e7f3f9c",
            "event-history tenant äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüä",
        ] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
