//! The DDL of this program's tables, and the versions of them that it knows.
//!
//! A table's comment holds its version. Each step is a file under `migrations/clickhouse`, never edited once released,
//! of one idempotent statement: replicas that start together may run it at the same time.

use super::address::Cluster;
use super::client::Client;
use super::failure::Failure;
use super::table_names::TableName;
use crate::store::Error;

const VERSION_PREFIX: &str = "event-history schema ";

/// The migrations of one kind of table.
#[derive(Debug)]
pub(super) struct Schema {
    steps: &'static [&'static str],
}

pub(super) const REGISTRY: Schema = Schema {
    steps: &[include_str!(
        "../../../migrations/clickhouse/registry_0001.sql"
    )],
};

/// Events, of all pooled tenants or of a dedicated one.
pub(super) const EVENTS: Schema = Schema {
    steps: &[include_str!(
        "../../../migrations/clickhouse/events_0001.sql"
    )],
};

/// The tombstones next to [`EVENTS`].
pub(super) const TOMBSTONES: Schema = Schema {
    steps: &[include_str!(
        "../../../migrations/clickhouse/tombstones_0001.sql"
    )],
};

/// Creates the table that holds `$ID`, when it is first needed.
pub(super) const DATABASE_ID: &str =
    include_str!("../../../migrations/clickhouse/database_0001.sql");

impl Schema {
    /// Returns the statements that bring a table with this comment up to date. [`Error::Damaged`] for another program's
    /// table, [`Error::Unavailable`] for one that a newer version has changed.
    fn missing(&self, table: &str, comment: &str) -> Result<&'static [&'static str], Error> {
        let version = comment.strip_prefix(VERSION_PREFIX);
        let version: usize = version
            .and_then(|it| it.parse().ok())
            .ok_or_else(|| Error::Damaged(format!("table '{table}' belongs to another program")))?;
        self.steps.get(version..).ok_or_else(|| {
            let known = self.steps.len();
            let reason = format!(
                "table '{table}' has schema version {version}, and this version of the program supports up to \
                 {known}"
            );
            Error::Unavailable(reason.into())
        })
    }

    /// Creates the table unless it exists, and brings it up to date. Replicas may do so at the same time.
    pub(super) async fn apply(
        &self,
        client: &Client,
        dialect: &Dialect,
        table: &TableName,
    ) -> Result<(), Error> {
        let mut steps: &[&str] = self.steps;
        let comment = comment(client, table).await?;
        if let Some(comment) = comment {
            steps = self.missing(&format!("{}.{}", table.database, table.name), &comment)?;
        }
        for step in steps {
            let sql = dialect.statement(step);
            let run = client.run("migrate", |it| table.bind(it.query_raw(&sql)));
            run.await?;
        }
        Ok(())
    }

    /// Returns what is wrong with the table's schema, if the table exists. Changes nothing.
    pub(super) async fn problem(
        &self,
        client: &Client,
        table: &TableName,
    ) -> Result<Option<Error>, Failure> {
        let comment = comment(client, table).await?;
        let name = format!("{}.{}", table.database, table.name);
        Ok(comment.and_then(|comment| self.missing(&name, &comment).err()))
    }
}

/// Returns a table's comment, which holds its version; `None` if there is no table.
async fn comment(client: &Client, table: &TableName) -> Result<Option<String>, Failure> {
    let sql = "SELECT comment FROM system.tables WHERE database = {database:String} AND name = {name:String}";
    let comments = client.fetch::<String>("migrate", |it| {
        it.query_raw(sql)
            .param("database", table.database.as_str())
            .param("name", table.name.as_str())
    });
    Ok(comments.await?.pop())
}

/// Fills in the parts of a statement that differ on a cluster.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    pub(super) cluster: Option<Cluster>,
}

/// The path in Keeper below which replicated tables meet, and what tells their replicas apart: each shard has a table of
/// its own.
const PER_SHARD: [&str; 2] = [
    "/clickhouse/event-history/{shard}/{database}/{table}",
    "{replica}",
];

/// The same for one table on the whole cluster.
const GLOBAL: [&str; 2] = [
    "/clickhouse/event-history/{database}/{table}",
    "{shard}-{replica}",
];

impl Dialect {
    pub(super) fn statement(&self, template: &str) -> String {
        let on_cluster = match &self.cluster {
            None => String::new(),
            Some(cluster) => format!("ON CLUSTER '{}'", cluster.as_str()),
        };
        let sql = template.replace("$ON_CLUSTER", &on_cluster);
        let sql = self.with_engine(&sql, "$GLOBAL_ENGINE(", GLOBAL);
        self.with_engine(&sql, "$ENGINE(", PER_SHARD)
    }

    /// Replaces `$ENGINE(Name, argument)` by what the engine is called here: a replicated one on a cluster.
    fn with_engine(&self, sql: &str, placeholder: &str, [path, replica]: [&str; 2]) -> String {
        let Some((before, rest)) = sql.split_once(placeholder) else {
            return sql.to_owned();
        };
        let (engine, after) = rest.split_once(')').unwrap_or((rest, ""));
        let (name, argument) = engine.split_once(", ").unwrap_or((engine, ""));
        let engine = match (&self.cluster, argument) {
            (None, _) => format!("{name}({argument})"),
            (Some(_), "") => format!("Replicated{name}('{path}', '{replica}')"),
            (Some(_), _) => format!("Replicated{name}('{path}', '{replica}', {argument})"),
        };
        format!("{before}{engine}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, EVENTS, REGISTRY, Schema, TOMBSTONES};
    use crate::store::Error;
    use crate::store::clickhouse::Address;

    #[test]
    fn a_table_gets_the_steps_that_it_lacks() {
        let schema = Schema {
            steps: &["one", "two"],
        };
        let missing = |comment| schema.missing("t", comment);
        assert_eq!(missing("event-history schema 2").unwrap(), [""; 0]);
        assert_eq!(missing("event-history schema 1").unwrap(), ["two"]);
        let newer = missing("event-history schema 9");
        assert!(matches!(newer, Err(Error::Unavailable(_))));
        let foreign = missing("somebody's tenants");
        assert!(matches!(foreign, Err(Error::Damaged(_))));
    }

    #[test]
    fn a_cluster_changes_where_tables_are_created_and_their_engines() {
        let address: Address = "clickhouse://a?cluster=main".parse().unwrap();
        let clustered = Dialect {
            cluster: address.cluster,
        };
        let alone = Dialect { cluster: None };
        for (schema, one, replicated) in [
            (
                &EVENTS,
                "ENGINE = ReplacingMergeTree(version)",
                "ENGINE = ReplicatedReplacingMergeTree(\
                 '/clickhouse/event-history/{shard}/{database}/{table}', '{replica}', version)",
            ),
            (
                &REGISTRY,
                "ENGINE = ReplacingMergeTree(revision)",
                "ENGINE = ReplicatedReplacingMergeTree(\
                 '/clickhouse/event-history/{database}/{table}', '{shard}-{replica}', revision)",
            ),
            (
                &TOMBSTONES,
                "ENGINE = MergeTree()",
                "ENGINE = ReplicatedMergeTree(\
                 '/clickhouse/event-history/{shard}/{database}/{table}', '{replica}')",
            ),
        ] {
            let without_comments = |sql: String| {
                let lines = sql
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("--"));
                lines.collect::<Vec<_>>().join("\n")
            };
            let sql = without_comments(clustered.statement(schema.steps[0]));
            assert!(
                sql.contains("ON CLUSTER 'main'") && sql.contains(replicated),
                "{sql}"
            );
            assert!(!sql.contains('$'), "{sql}");
            let sql = without_comments(alone.statement(schema.steps[0]));
            assert!(sql.contains(one) && !sql.contains("CLUSTER"), "{sql}");
            assert!(!sql.contains('$'), "{sql}");
        }
    }
}
