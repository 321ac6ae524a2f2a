//! The DDL of this program's tables, and the versions of them that it knows.
//!
//! A table's comment holds its version. Each step is a file under `migrations/clickhouse`, never edited once released,
//! of one idempotent statement: replicas that start together may run it at the same time.

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

/// A table of claims, on a cluster: only one caller may have a key.
pub(super) const CLAIMS: Schema = Schema {
    steps: &[include_str!(
        "../../../migrations/clickhouse/claims_0001.sql"
    )],
};

/// Creates the table that holds `$ID`, when it is first needed.
pub(super) const DATABASE_ID: &str =
    include_str!("../../../migrations/clickhouse/database_0001.sql");

impl Schema {
    /// Returns the statements that bring a table with this comment up to date. [`Error::Damaged`] for another program's
    /// table, [`Error::Unavailable`] for one that a newer version has changed.
    fn missing(&self, table: &TableName, comment: &str) -> Result<&'static [&'static str], Error> {
        let TableName {
            database,
            name: table,
        } = table;
        let table = format!("{database}.{table}");
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

    /// Creates the table unless it exists, and brings it up to date, on every host of a cluster that answers. Replicas
    /// may do so at the same time.
    pub(super) async fn apply(
        &self,
        client: &Client,
        dialect: Dialect,
        table: &TableName,
    ) -> Result<(), Error> {
        if let Some(problem) = self.problem(client, table).await? {
            return Err(problem);
        }
        let applied = client.everywhere(|host| async move {
            let mut steps: &[&str] = self.steps;
            if let Some(comment) = comments(&host, table).await?.pop() {
                let missing = self.missing(table, &comment);
                steps = missing.map_err(|error| Failure::Setup(error.to_string()))?;
            }
            for step in steps {
                let sql = dialect.statement(step);
                let run = host.run("migrate", |it| table.bind(it.query_raw(&sql)));
                run.await?;
            }
            Ok(())
        });
        Ok(applied.await?)
    }

    /// Returns what is wrong with the table's schema, if the table exists. Changes nothing.
    pub(super) async fn problem(
        &self,
        client: &Client,
        table: &TableName,
    ) -> Result<Option<Error>, Failure> {
        let comments = comments(client, table).await?;
        let mut problems = comments
            .iter()
            .filter_map(|it| self.missing(table, it).err());
        Ok(problems.next())
    }
}

/// Returns a table's comment, which holds its version, on each of a majority of the hosts that have the table.
async fn comments(client: &Client, table: &TableName) -> Result<Vec<String>, Failure> {
    let sql = "SELECT comment FROM system.tables WHERE database = {database:String} AND name = {name:String}";
    let comments = client.fetch_majority::<String>("migrate", |it| {
        it.query_raw(sql)
            .param("database", table.database.as_str())
            .param("name", table.name.as_str())
    });
    Ok(comments.await?.concat())
}

/// Fills in the parts of a statement that differ on a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Tables are replicated.
    pub(super) is_cluster: bool,
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
    pub(super) fn statement(self, template: &str) -> String {
        let sql = self.with_engine(template, "$GLOBAL_ENGINE(", GLOBAL);
        self.with_engine(&sql, "$ENGINE(", PER_SHARD)
    }

    /// Replaces `$ENGINE(Name, argument)` by what the engine is called here: a replicated one on a cluster.
    fn with_engine(self, sql: &str, placeholder: &str, [path, replica]: [&str; 2]) -> String {
        let Some((before, rest)) = sql.split_once(placeholder) else {
            return sql.to_owned();
        };
        let (engine, after) = rest.split_once(')').unwrap_or((rest, ""));
        let (name, argument) = engine.split_once(", ").unwrap_or((engine, ""));
        let engine = match (self.is_cluster, argument) {
            (false, _) => format!("{name}({argument})"),
            (true, "") => format!("Replicated{name}('{path}', '{replica}')"),
            (true, _) => format!("Replicated{name}('{path}', '{replica}', {argument})"),
        };
        format!("{before}{engine}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, EVENTS, REGISTRY, Schema, TOMBSTONES, TableName};
    use crate::store::Error;

    #[test]
    fn a_table_gets_the_steps_that_it_lacks() {
        let schema = Schema {
            steps: &["one", "two"],
        };
        let missing = |comment| schema.missing(&TableName::pooled(), comment);
        assert_eq!(missing("event-history schema 2").unwrap(), [""; 0]);
        assert_eq!(missing("event-history schema 1").unwrap(), ["two"]);
        let newer = missing("event-history schema 9");
        assert!(matches!(newer, Err(Error::Unavailable(_))));
        let foreign = missing("somebody's tenants");
        assert!(matches!(foreign, Err(Error::Damaged(_))));
    }

    #[test]
    fn a_cluster_changes_the_engines_of_tables() {
        let clustered = Dialect { is_cluster: true };
        let alone = Dialect { is_cluster: false };
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
            assert!(sql.contains(replicated), "{sql}");
            assert!(!sql.contains('$'), "{sql}");
            let sql = without_comments(alone.statement(schema.steps[0]));
            assert!(sql.contains(one), "{sql}");
            assert!(!sql.contains('$'), "{sql}");
        }
    }
}
