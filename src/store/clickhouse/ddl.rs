//! The DDL of this program's tables, and the versions of them that it knows.
//!
//! A table's comment holds its version. Each step is a file under `migrations/clickhouse`, never edited once released,
//! of one idempotent statement: replicas that start together may run it at the same time.

use super::address::Cluster;
use crate::store::Error;

const VERSION_PREFIX: &str = "event-history schema ";

/// The comment of a tenant's database: it was created by this program, for a tenant.
pub(super) const DATABASE_COMMENT: &str = "event-history tenant";

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

pub(super) const TENANT: Schema = Schema {
    steps: &[
        include_str!("../../../migrations/clickhouse/tenant_0001.sql"),
        include_str!("../../../migrations/clickhouse/tenant_0002.sql"),
    ],
};

/// Creates the table that holds `$ID`, when it is first needed.
pub(super) const DATABASE_ID: &str =
    include_str!("../../../migrations/clickhouse/database_0001.sql");

/// Created next to [`TENANT`] wherever it is missing.
pub(super) const TOMBSTONES: &str =
    include_str!("../../../migrations/clickhouse/tombstones_0001.sql");

/// Created next to [`TENANT`] on a cluster.
pub(super) const TENANT_DISTRIBUTED: &str =
    include_str!("../../../migrations/clickhouse/tenant_0001_distributed.sql");

impl Schema {
    /// Returns the statements that create a table of the newest version.
    pub(super) fn all(&self) -> &'static [&'static str] {
        self.steps
    }

    /// Returns the statements that bring a table with this comment up to date. [`Error::Damaged`] for another program's
    /// table, [`Error::Unavailable`] for one that a newer version has changed.
    pub(super) fn missing(
        &self,
        table: &str,
        comment: &str,
    ) -> Result<&'static [&'static str], Error> {
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
}

/// Fills in the parts of a statement that differ on a cluster.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    pub(super) cluster: Option<Cluster>,
}

impl Dialect {
    pub(super) fn statement(&self, template: &str) -> String {
        let template = template.replace("$COMMENT", &format!("COMMENT '{DATABASE_COMMENT}'"));
        let Some(cluster) = &self.cluster else {
            return template
                .replace("$ON_CLUSTER", "")
                .replace("$REGISTRY_ENGINE", "ReplacingMergeTree(revision)")
                .replace("$TOMBSTONES_ENGINE", "MergeTree")
                .replace("$REPLICATED", "");
        };
        let on_cluster = format!("ON CLUSTER '{}'", cluster.as_str());
        template
            .replace("$ON_CLUSTER", &on_cluster)
            .replace("$CLUSTER", &format!("'{}'", cluster.as_str()))
            // One table for the whole cluster: the path has no shard in it, the replica's name has.
            .replace(
                "$REGISTRY_ENGINE",
                "ReplicatedReplacingMergeTree('/clickhouse/event-history/tenants', \
                 '{shard}-{replica}', revision)",
            )
            .replace(
                "$TOMBSTONES_ENGINE",
                "ReplicatedMergeTree('/clickhouse/event-history/{database}/{table}', \
                 '{shard}-{replica}')",
            )
            .replace("$REPLICATED", "Replicated")
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, REGISTRY, TENANT, TOMBSTONES};
    use crate::store::Error;
    use crate::store::clickhouse::Address;

    #[test]
    fn a_table_gets_the_steps_that_it_lacks() {
        assert!(
            TENANT
                .missing("t", "event-history schema 2")
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            TENANT.missing("t", "event-history schema 1").unwrap().len(),
            1
        );
        let newer = TENANT.missing("t", "event-history schema 9");
        assert!(matches!(newer, Err(Error::Unavailable(_))));
        let foreign = TENANT.missing("t", "somebody's tenants");
        assert!(matches!(foreign, Err(Error::Damaged(_))));
    }

    #[test]
    fn a_cluster_changes_where_tables_are_created_and_their_engines() {
        let address: Address = "clickhouse://a?cluster=main".parse().unwrap();
        let clustered = Dialect {
            cluster: address.cluster,
        };
        let alone = Dialect { cluster: None };
        let made = [TENANT.all()[0], REGISTRY.all()[0], TOMBSTONES];
        for step in made {
            let sql = clustered.statement(step);
            let body = sql.lines().filter(|line| !line.starts_with("--"));
            let body: String = body.collect::<Vec<_>>().join("\n");
            assert!(body.contains("ON CLUSTER 'main'"), "{body}");
            assert!(
                body.contains("ENGINE = ReplicatedReplacingMergeTree")
                    || body.contains("ENGINE = ReplicatedMergeTree"),
                "{body}"
            );
            assert!(!body.contains('$'), "{body}");
            let sql = alone.statement(step);
            assert!(
                sql.contains("ENGINE = ReplacingMergeTree") || sql.contains("ENGINE = MergeTree"),
                "{sql}"
            );
            assert!(!sql.contains("ON CLUSTER '"), "{sql}");
        }
    }
}
