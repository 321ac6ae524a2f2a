//! The database of one tenant: how it is made, whose it is, how it goes.
//!
//! A database is taken by the table `events` in it, which shows the tenant's own table. It can be made
//! once, and is made last; it names the table that it shows, and so the tenant. Of several replicas that
//! make one tenant at the same time just one makes it, however far the others have come, and a crash in
//! between leaves a database that nobody has taken yet. A database that somebody else made is never touched: ours have a comment.

use super::client::Client;
use super::errors::{Failure, code};
use super::migrations::{DATABASE_COMMENT, Dialect, TENANT, TENANT_DISTRIBUTED, TOMBSTONES};
use super::names::{self, SHOWN, Table};
use crate::domain::{ClientId, DatabaseName};
use crate::store::Error;

#[derive(Debug, Clone)]
pub(super) struct Databases {
    client: Client,
    dialect: Dialect,
}

/// What became of making a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    New,
    /// It was there, for a tenant.
    Ours,
    /// It was there, and it is none of ours: a system database, or another program's.
    Foreign,
}

impl Databases {
    pub(super) fn new(client: &Client, dialect: &Dialect) -> Self {
        Self {
            client: client.clone(),
            dialect: dialect.clone(),
        }
    }

    pub(super) async fn make(&self, name: &DatabaseName) -> Result<Made, Failure> {
        let made = self
            .ddl(
                "CREATE DATABASE {database:Identifier} $ON_CLUSTER $COMMENT",
                |it| it.param("database", name.as_str()),
            )
            .await;
        match made {
            Ok(()) => Ok(Made::New),
            Err(failure) if failure.is(code::DATABASE_ALREADY_EXISTS) => {
                let comment = self.comment(name.as_str()).await?;
                Ok(if comment.as_deref() == Some(DATABASE_COMMENT) {
                    Made::Ours
                } else {
                    Made::Foreign
                })
            }
            Err(failure) => Err(failure),
        }
    }

    /// Makes the tables of one tenant, where they are not there yet.
    pub(super) async fn make_table(&self, table: &Table) -> Result<(), Failure> {
        let clustered = self.dialect.cluster.is_some();
        let rows = if clustered {
            table.local()
        } else {
            table.clone()
        };
        for step in TENANT.all() {
            self.ddl(step, |it| rows.of(it)).await?;
        }
        self.make_tombstones(table).await?;
        if clustered {
            self.ddl(TENANT_DISTRIBUTED, |it| {
                table.of(it).param("local", rows.name.as_str())
            })
            .await?;
        }
        Ok(())
    }

    /// Brings a table of an older version up to date; [`Error::DatabaseMissing`] if it is just going away.
    pub(super) async fn upgrade(&self, table: &Table, comment: &str) -> Result<(), Error> {
        let name = format!("{}.{}", table.database, table.name);
        let steps = TENANT.missing(&name, comment)?;
        let upgraded = async {
            for step in steps {
                if self.dialect.cluster.is_some() {
                    self.ddl(step, |it| table.local().of(it)).await?;
                }
                self.ddl(step, |it| table.of(it)).await?;
            }
            self.make_tombstones(table).await
        };
        let outcome = upgraded.await;
        outcome.map_err(|failure| failure.of_tenant(&table.database))
    }

    async fn make_tombstones(&self, table: &Table) -> Result<(), Failure> {
        self.ddl(TOMBSTONES, |it| table.tombstones().of(it)).await
    }

    /// Takes the database for the tenant of `table`. Returns false if somebody else has it.
    pub(super) async fn take(&self, table: &Table) -> Result<bool, Failure> {
        let taken = self
            .ddl(
                "CREATE TABLE {database:Identifier}.{shown:Identifier} $ON_CLUSTER \
                 ENGINE = Merge({database:String}, {pattern:String})",
                |it| {
                    it.param("database", table.database.as_str())
                        .param("shown", SHOWN)
                        .param("pattern", format!("^{}$", table.name))
                },
            )
            .await;
        match taken {
            Ok(()) => Ok(true),
            Err(failure) if failure.is(code::TABLE_ALREADY_EXISTS) => {
                // An answer may have been lost, and the statement sent again.
                let owner = self.owner(table.database.as_str()).await?;
                Ok(owner.is_some_and(|id| *table == Table::new(&table.database, id)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Returns whose database this is: `None` if there is no such database, or nobody has taken it.
    pub(super) async fn owner(&self, database: &str) -> Result<Option<ClientId>, Failure> {
        if self.comment(database).await?.as_deref() != Some(DATABASE_COMMENT) {
            return Ok(None);
        }
        let sql = "SELECT engine_full FROM system.tables \
                   WHERE database = {database:String} AND name = {shown:String}";
        let definitions = self.client.fetch::<String>("owner", |it| {
            it.query_raw(sql)
                .param("database", database)
                .param("shown", SHOWN)
        });
        let definitions = or_none(definitions.await)?;
        Ok(definitions.first().and_then(|it| names::owner(it)))
    }

    /// Returns the comment of a tenant's table, which tells its version; `None` if it is not there, or
    /// not what its database shows.
    pub(super) async fn version(&self, table: &Table) -> Result<Option<String>, Failure> {
        #[derive(clickhouse::Row, serde::Deserialize)]
        struct Found {
            name: String,
            comment: String,
            engine_full: String,
        }
        let sql = "SELECT name, comment, engine_full FROM system.tables \
                   WHERE database = {database:String} AND name IN ({table:String}, {shown:String})";
        let found = self.client.fetch::<Found>("owner", |it| {
            table.of(it.query_raw(sql)).param("shown", SHOWN)
        });
        let found = or_none(found.await)?;
        let is_owner = |it: &Found| {
            it.name == SHOWN
                && names::owner(&it.engine_full)
                    .is_some_and(|id| *table == Table::new(&table.database, id))
        };
        let is_taken = found.iter().any(is_owner);
        let comment = found.into_iter().find(|it| it.name == table.name);
        Ok(comment.filter(|_| is_taken).map(|it| it.comment))
    }

    /// Removes the table of a tenant that lost its database to another, or never got it.
    pub(super) async fn drop_table(&self, table: &Table) -> Result<(), Failure> {
        let sql = "DROP TABLE IF EXISTS {database:Identifier}.{table:Identifier} $ON_CLUSTER SYNC";
        for table in [table.clone(), table.local(), table.tombstones()] {
            match self.ddl(sql, |it| table.of(it)).await {
                Err(failure) if !failure.is_missing() => return Err(failure),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes the database, if it is this tenant's. It is moved away first: from then on the name is
    /// free, and what is dropped is certainly the database that was looked at.
    pub(super) async fn remove(&self, name: &DatabaseName, id: ClientId) -> Result<(), Failure> {
        let deleted = names::deleted_database(id);
        if self.owner(name.as_str()).await? == Some(id) {
            self.drop_database(&deleted).await?; // of an earlier attempt
            match self.rename(name.as_str(), &deleted).await {
                // Another replica was faster.
                Err(failure) if failure.is_missing() => {}
                Err(failure) if failure.is(code::DATABASE_ALREADY_EXISTS) => {}
                Err(failure) => return Err(failure),
                Ok(()) => self.give_back_what_is_not(id, &deleted, name).await?,
            }
        }
        self.drop_database(&deleted).await
    }

    /// Between looking and moving, another replica may have removed the tenant and made one of the same
    /// name: that one gets its database back.
    async fn give_back_what_is_not(
        &self,
        id: ClientId,
        deleted: &str,
        name: &DatabaseName,
    ) -> Result<(), Failure> {
        // `None`: another replica that removes the same tenant has dropped it already.
        if self.owner(deleted).await?.is_none_or(|owner| owner == id) {
            return Ok(());
        }
        tracing::warn!(tenant = %name, "moving back the database of a tenant that was just made");
        self.rename(deleted, name.as_str()).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.ddl(
            "RENAME DATABASE {from:Identifier} TO {to:Identifier} $ON_CLUSTER",
            |it| it.param("from", from).param("to", to),
        )
        .await
    }

    async fn drop_database(&self, name: &str) -> Result<(), Failure> {
        let sql = "DROP DATABASE IF EXISTS {database:Identifier} $ON_CLUSTER SYNC";
        match self.ddl(sql, |it| it.param("database", name)).await {
            // Another replica does the same at this moment.
            Err(failure) if failure.is_missing() => Ok(()),
            outcome => outcome,
        }
    }

    async fn comment(&self, database: &str) -> Result<Option<String>, Failure> {
        let sql = "SELECT comment FROM system.databases WHERE name = {database:String}";
        let comments = self
            .client
            .fetch::<String>("owner", |it| it.query_raw(sql).param("database", database));
        Ok(comments.await?.pop())
    }

    async fn ddl(
        &self,
        template: &str,
        bind: impl Fn(clickhouse::query::Query) -> clickhouse::query::Query,
    ) -> Result<(), Failure> {
        let sql = self.dialect.statement(template);
        self.client.run("ddl", |it| bind(it.query_raw(&sql))).await
    }
}

/// Returns what `system.tables` told. Of a database that is being moved away at this moment ClickHouse may
/// answer that it does not exist: then there is nothing of it.
fn or_none<T>(told: Result<Vec<T>, Failure>) -> Result<Vec<T>, Failure> {
    match told {
        Err(failure) if failure.is_missing() => Ok(Vec::new()),
        told => told,
    }
}
