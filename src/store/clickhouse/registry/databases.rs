//! The databases of tenants: how they are created, owned and dropped.
//!
//! A tenant claims its database with the table `events` in it, which shows the tenant's own table. It can be created
//! only once, and is created last; it names the table that it shows, and so the tenant. Of several replicas that create
//! tenants of one name at the same time exactly one creates it, and a crash before that leaves a database that nobody
//! owns. Databases of other programs are never touched: those of this program have a comment.

use crate::domain::{ClientId, DatabaseName};
use crate::store::Error;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::ddl::{
    DATABASE_COMMENT, Dialect, TENANT, TENANT_DISTRIBUTED, TOMBSTONES,
};
use crate::store::clickhouse::failure::{Failure, code};
use crate::store::clickhouse::table_names::{self, OWNER_MARK, TableName};

#[derive(Debug, Clone)]
pub(super) struct Databases {
    client: Client,
    dialect: Dialect,
}

/// The outcome of creating a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatabaseCreated {
    New,
    /// It existed, for a tenant.
    Existed,
    /// It existed, and belongs to the system or to another program.
    Foreign,
}

impl Databases {
    pub(super) fn new(client: &Client, dialect: &Dialect) -> Self {
        Self {
            client: client.clone(),
            dialect: dialect.clone(),
        }
    }

    pub(super) async fn create(&self, name: &DatabaseName) -> Result<DatabaseCreated, Failure> {
        let created = self
            .ddl(
                "CREATE DATABASE {database:Identifier} $ON_CLUSTER $COMMENT",
                |it| it.param("database", name.as_str()),
            )
            .await;
        match created {
            Ok(()) => Ok(DatabaseCreated::New),
            Err(failure) if failure.is(code::DATABASE_ALREADY_EXISTS) => {
                let comment = self.comment(name.as_str()).await?;
                Ok(if comment.as_deref() == Some(DATABASE_COMMENT) {
                    DatabaseCreated::Existed
                } else {
                    DatabaseCreated::Foreign
                })
            }
            Err(failure) => Err(failure),
        }
    }

    /// Creates the tables of one tenant that do not exist yet.
    pub(super) async fn create_tables(&self, table: &TableName) -> Result<(), Failure> {
        let clustered = self.dialect.cluster.is_some();
        let rows = if clustered {
            table.local()
        } else {
            table.clone()
        };
        for step in TENANT.all() {
            self.ddl(step, |it| rows.bind(it)).await?;
        }
        self.create_tombstones(table).await?;
        if clustered {
            self.ddl(TENANT_DISTRIBUTED, |it| {
                table.bind(it).param("local", rows.name.as_str())
            })
            .await?;
        }
        Ok(())
    }

    /// Brings a table of an older version up to date; [`Error::DatabaseMissing`] if it is being dropped.
    pub(super) async fn upgrade(&self, table: &TableName, comment: &str) -> Result<(), Error> {
        let name = format!("{}.{}", table.database, table.name);
        let steps = TENANT.missing(&name, comment)?;
        let upgraded = async {
            for step in steps {
                if self.dialect.cluster.is_some() {
                    self.ddl(step, |it| table.local().bind(it)).await?;
                }
                self.ddl(step, |it| table.bind(it)).await?;
            }
            self.create_tombstones(table).await
        };
        let outcome = upgraded.await;
        outcome.map_err(|failure| failure.for_tenant(&table.database))
    }

    async fn create_tombstones(&self, table: &TableName) -> Result<(), Failure> {
        self.ddl(TOMBSTONES, |it| table.tombstones().bind(it)).await
    }

    /// Claims the database for the tenant of `table`. Returns false if another tenant owns it.
    pub(super) async fn claim(&self, table: &TableName) -> Result<bool, Failure> {
        let claimed = self
            .ddl(
                "CREATE TABLE {database:Identifier}.{mark:Identifier} $ON_CLUSTER \
                 ENGINE = Merge({database:String}, {pattern:String})",
                |it| {
                    it.param("database", table.database.as_str())
                        .param("mark", OWNER_MARK)
                        .param("pattern", format!("^{}$", table.name))
                },
            )
            .await;
        match claimed {
            Ok(()) => Ok(true),
            Err(failure) if failure.is(code::TABLE_ALREADY_EXISTS) => {
                // An answer may have been lost, and the statement sent again.
                let owner = self.owner(table.database.as_str()).await?;
                Ok(owner.is_some_and(|id| *table == TableName::new(&table.database, id)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Returns the tenant that owns a database: `None` if there is no such database, or nobody has claimed it.
    pub(super) async fn owner(&self, database: &str) -> Result<Option<ClientId>, Failure> {
        if self.comment(database).await?.as_deref() != Some(DATABASE_COMMENT) {
            return Ok(None);
        }
        let sql = "SELECT engine_full FROM system.tables \
                   WHERE database = {database:String} AND name = {mark:String}";
        let definitions = self.client.fetch::<String>("owner", |it| {
            it.query_raw(sql)
                .param("database", database)
                .param("mark", OWNER_MARK)
        });
        let definitions = empty_if_missing(definitions.await)?;
        Ok(definitions.first().and_then(|it| table_names::owner(it)))
    }

    /// Returns the comment of a tenant's table, which holds its version; `None` if there is no such table, or another
    /// tenant owns the database.
    pub(super) async fn version(&self, table: &TableName) -> Result<Option<String>, Failure> {
        #[derive(clickhouse::Row, serde::Deserialize)]
        struct Found {
            name: String,
            comment: String,
            engine_full: String,
        }
        let sql = "SELECT name, comment, engine_full FROM system.tables \
                   WHERE database = {database:String} AND name IN ({table:String}, {mark:String})";
        let found = self.client.fetch::<Found>("owner", |it| {
            table.bind(it.query_raw(sql)).param("mark", OWNER_MARK)
        });
        let found = empty_if_missing(found.await)?;
        let is_owner = |it: &Found| {
            it.name == OWNER_MARK
                && table_names::owner(&it.engine_full)
                    .is_some_and(|id| *table == TableName::new(&table.database, id))
        };
        let has_owner = found.iter().any(is_owner);
        let comment = found.into_iter().find(|it| it.name == table.name);
        Ok(comment.filter(|_| has_owner).map(|it| it.comment))
    }

    /// Drops the tables of a tenant that lost the race for its database.
    pub(super) async fn drop_tables(&self, table: &TableName) -> Result<(), Failure> {
        let sql = "DROP TABLE IF EXISTS {database:Identifier}.{table:Identifier} $ON_CLUSTER SYNC";
        for table in [table.clone(), table.local(), table.tombstones()] {
            match self.ddl(sql, |it| table.bind(it)).await {
                Err(failure) if !failure.is_missing() => return Err(failure),
                _ => {}
            }
        }
        Ok(())
    }

    /// Drops the database if this tenant owns it. It is renamed first: from then on its name is free, and what is
    /// dropped is certainly the database that was looked at.
    pub(super) async fn drop_owned(
        &self,
        name: &DatabaseName,
        id: ClientId,
    ) -> Result<(), Failure> {
        let deleted = table_names::deleted_database(id);
        if self.owner(name.as_str()).await? == Some(id) {
            self.drop_database(&deleted).await?; // of an earlier attempt
            match self.rename(name.as_str(), &deleted).await {
                // Another replica renamed it first.
                Err(failure) if failure.is_missing() => {}
                Err(failure) if failure.is(code::DATABASE_ALREADY_EXISTS) => {}
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
        // `None`: another replica that deletes the same tenant has dropped it already.
        if self.owner(deleted).await?.is_none_or(|owner| owner == id) {
            return Ok(());
        }
        tracing::warn!(tenant = %name, "renaming back the database of a tenant that was just created");
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
            // Another replica is doing the same.
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

/// Returns the rows of `system.tables`. ClickHouse may answer that a database which is being renamed does not exist:
/// then there are none.
fn empty_if_missing<T>(rows: Result<Vec<T>, Failure>) -> Result<Vec<T>, Failure> {
    match rows {
        Err(failure) if failure.is_missing() => Ok(Vec::new()),
        rows => rows,
    }
}
