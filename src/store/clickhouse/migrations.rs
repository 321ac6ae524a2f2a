//! The tables that this program makes, and the versions of them that it knows.
//!
//! A table's comment says which steps it has taken. A step is a file under `migrations/clickhouse`,
//! never edited once released, of one statement that does no harm when it runs twice or in two replicas
//! at once: replicas that start together need not agree who goes first.

use super::address::Cluster;
use crate::store::Error;

const VERSION_PREFIX: &str = "event-history schema ";

/// What the comment of a tenant's database says: it was made by this program, for a tenant.
pub(super) const DATABASE_COMMENT: &str = "event-history tenant";

/// The history of one kind of table.
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

/// Beside [`REGISTRY`], with an id for `$ID`: made by whoever needs it first.
pub(super) const DATABASE_ID: &str =
    include_str!("../../../migrations/clickhouse/database_0001.sql");

/// Beside [`TENANT`]: made where it is missing.
pub(super) const TOMBSTONES: &str =
    include_str!("../../../migrations/clickhouse/tombstones_0001.sql");

/// On a cluster, beside [`TENANT`].
pub(super) const TENANT_DISTRIBUTED: &str =
    include_str!("../../../migrations/clickhouse/tenant_0001_distributed.sql");

impl Schema {
    /// Returns the statements that make a table of the newest version.
    pub(super) fn all(&self) -> &'static [&'static str] {
        self.steps
    }

    /// Returns the statements that a table with this comment has not seen yet. [`Error::Damaged`] for a
    /// table that is not ours, [`Error::Unavailable`] for one that a newer program has changed.
    pub(super) fn missing(
        &self,
        table: &str,
        comment: &str,
    ) -> Result<&'static [&'static str], Error> {
        let version = comment.strip_prefix(VERSION_PREFIX);
        let version: usize = version
            .and_then(|it| it.parse().ok())
            .ok_or_else(|| Error::Damaged(format!("table '{table}' is not of this program")))?;
        self.steps.get(version..).ok_or_else(|| {
            let known = self.steps.len();
            let reason = format!(
                "table '{table}' has schema version {version}, and this program knows versions up to \
                 {known}"
            );
            Error::Unavailable(reason.into())
        })
    }
}

/// Writes the parts of a statement that depend on whether there is a cluster.
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
    fn a_table_says_which_steps_it_has_taken() {
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
    fn a_cluster_changes_where_tables_are_made_and_how_they_are_kept() {
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
