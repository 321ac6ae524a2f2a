//! The DDL of this program's tables, and the versions of them that it knows.
//!
//! A table's comment holds its version. A table that is missing is created in the current one: on a cluster the others may
//! have it already, and a replica joins only with the same columns. Each upgrade is a file under `migrations/clickhouse`, never
//! edited once released, of idempotent statements: replicas that start together may run it at the same time.

use std::time::Duration;

use super::client::Client;
use super::failure::{Failure, code};
use super::table_names::TableName;
use crate::store::Error;

const VERSION_PREFIX: &str = "event-history schema ";

/// Between the statements of an upgrade.
const SEPARATOR: &str = ";\n";

/// Replicas change a table by turns: the attempts of one, and the pause after each.
const ALTER_ATTEMPTS: u32 = 10;
const ALTER_PAUSE: Duration = Duration::from_millis(200);

/// One kind of table.
#[derive(Debug)]
pub(super) struct Schema {
    /// Creates it in the current version, which is one more than there are upgrades.
    create: &'static str,
    /// From each version to the next one.
    upgrades: &'static [&'static str],
}

pub(super) const REGISTRY: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/registry.sql"),
    upgrades: &[include_str!(
        "../../../migrations/clickhouse/registry_0002.sql"
    )],
};

/// The keys that were made while the service ran.
pub(super) const KEYS: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/keys.sql"),
    upgrades: &[],
};

/// When they were used last.
pub(super) const KEY_USES: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/key_uses.sql"),
    upgrades: &[],
};

/// The secrets of tenants that were rotated.
pub(super) const SECRETS: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/secrets.sql"),
    upgrades: &[],
};

/// Events, of all pooled tenants or of a dedicated one.
pub(super) const EVENTS: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/events.sql"),
    upgrades: &[include_str!(
        "../../../migrations/clickhouse/events_0002.sql"
    )],
};

/// The tombstones next to [`EVENTS`].
pub(super) const TOMBSTONES: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/tombstones.sql"),
    upgrades: &[],
};

/// A table of claims, on a cluster: only one caller may have a key.
pub(super) const CLAIMS: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/claims.sql"),
    upgrades: &[],
};

/// What the services are about to store, on each server for itself.
pub(super) const INTENTS: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/intents.sql"),
    upgrades: &[],
};

/// Legal holds, and the deletions that they wait for.
pub(super) const HOLDS: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/holds.sql"),
    upgrades: &[],
};

/// How long events stay.
pub(super) const RETENTION: Schema = Schema {
    create: include_str!("../../../migrations/clickhouse/retention.sql"),
    upgrades: &[],
};

/// Creates the table that holds `$ID`, when it is first needed.
pub(super) const DATABASE_ID: &str = include_str!("../../../migrations/clickhouse/database.sql");

impl Schema {
    /// Returns the upgrades that bring a table with this comment up to date. [`Error::Damaged`] for another program's
    /// table, [`Error::Unavailable`] for one that a newer version has changed.
    fn missing(&self, table: &TableName, comment: &str) -> Result<&'static [&'static str], Error> {
        let TableName {
            shard: _,
            database,
            name: table,
        } = table;
        let table = format!("{database}.{table}");
        let version = comment.strip_prefix(VERSION_PREFIX);
        let version: usize = version
            .and_then(|it| it.parse().ok())
            .filter(|version| *version > 0)
            .ok_or_else(|| Error::Damaged(format!("table '{table}' belongs to another program")))?;
        self.upgrades.get(version - 1..).ok_or_else(|| {
            let known = self.upgrades.len() + 1;
            let reason = format!(
                "table '{table}' has schema version {version}, and this version of the program supports up to \
                 {known}"
            );
            Error::Unavailable(reason.into())
        })
    }

    /// Creates the table unless it exists, and brings it up to date, on every node of a cluster that answers, and on as
    /// many at least as reading needs. Replicas may do so at the same time.
    pub(super) async fn apply(
        &self,
        client: &Client,
        dialect: Dialect,
        table: &TableName,
    ) -> Result<(), Error> {
        if let Some(problem) = self.problem(client, table).await? {
            return Err(problem);
        }
        let apply = |node: Client| async move {
            match comments(&node, table).await?.pop() {
                None => {
                    let sql = dialect.statement(self.create);
                    node.run("migrate", |it| table.bind(it.query_raw(&sql)))
                        .await
                }
                Some(comment) => {
                    let missing = self.missing(table, &comment);
                    let missing = missing.map_err(|error| Failure::Setup(error.to_string()))?;
                    for statement in missing.iter().flat_map(|it| it.split(SEPARATOR)) {
                        alter(&node, table, statement).await?;
                    }
                    Ok(())
                }
            }
        };
        Ok(client.where_reachable(apply).await?)
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

/// Runs a statement of an upgrade, again if another replica was changing the table.
async fn alter(node: &Client, table: &TableName, statement: &str) -> Result<(), Failure> {
    let mut attempt = 1;
    loop {
        let altered = node.run("migrate", |it| table.bind(it.query_raw(statement)));
        match altered.await {
            Err(failure) if failure.is(code::CANNOT_ASSIGN_ALTER) && attempt < ALTER_ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(ALTER_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Returns a table's comment, which holds its version, on each of the nodes that are asked and have the table.
async fn comments(client: &Client, table: &TableName) -> Result<Vec<String>, Failure> {
    let sql = "SELECT comment FROM system.tables WHERE database = {database:String} AND name = {name:String}";
    let comments = client.fetch_read_quorum::<String>("migrate", |it| {
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
    use super::{
        CLAIMS, Dialect, EVENTS, HOLDS, KEY_USES, KEYS, REGISTRY, RETENTION, SECRETS, Schema,
        TOMBSTONES, TableName,
    };
    use crate::store::Error;

    #[test]
    fn a_table_gets_the_steps_that_it_lacks() {
        let schema = Schema {
            create: "three",
            upgrades: &["two", "three"],
        };
        let table = TableName::global("default", "tenants");
        let missing = |comment| schema.missing(&table, comment);
        assert_eq!(missing("event-history schema 3").unwrap(), [""; 0]);
        assert_eq!(missing("event-history schema 2").unwrap(), ["three"]);
        assert_eq!(missing("event-history schema 1").unwrap(), ["two", "three"]);
        missing("event-history schema 0").unwrap_err();
        let newer = missing("event-history schema 9");
        assert!(matches!(newer, Err(Error::Unavailable(_))));
        let foreign = missing("somebody's tenants");
        assert!(matches!(foreign, Err(Error::Damaged(_))));
    }

    #[test]
    fn a_table_is_created_in_the_current_version() {
        for schema in [
            &REGISTRY,
            &KEYS,
            &KEY_USES,
            &SECRETS,
            &EVENTS,
            &TOMBSTONES,
            &CLAIMS,
            &HOLDS,
            &RETENTION,
        ] {
            let version = schema.upgrades.len() + 1;
            let comment = format!("COMMENT 'event-history schema {version}'");
            assert!(schema.create.trim_end().ends_with(&comment), "{schema:?}");
            if let Some(upgrade) = schema.upgrades.last() {
                assert!(upgrade.trim_end().ends_with(&comment), "{schema:?}");
            }
        }
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
            let sql = without_comments(clustered.statement(schema.create));
            assert!(sql.contains(replicated), "{sql}");
            assert!(!sql.contains('$'), "{sql}");
            let sql = without_comments(alone.statement(schema.create));
            assert!(sql.contains(one), "{sql}");
            assert!(!sql.contains('$'), "{sql}");
        }
    }
}
