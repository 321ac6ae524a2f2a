//! What is done while a node is dead, and what the node lacks when it is back.

use event_history::domain::Query;

use super::{REPAIRED, append, assert_stored, create, findings, open, saying};
use crate::samples::{Random, history};
use crate::support::{self, Cluster};

/// The table of entries as version 1 of its schema has it.
const OLD_ENTRIES: &str = "CREATE TABLE default.tenants (client_id UUID, revision UInt32, database_name String, \
     placement Enum8('pooled' = 0, 'dedicated' = 1), client_label String, client_secret_sha256 FixedString(32), \
     created_at DateTime64(9, 'UTC'), written_at DateTime('UTC') DEFAULT now()) \
     ENGINE = ReplicatedReplacingMergeTree('/clickhouse/event-history/{database}/{table}', '{shard}-{replica}', revision) \
     ORDER BY client_id SETTINGS fsync_after_insert = 1, fsync_part_directory = 1 \
     COMMENT 'event-history schema 1'";

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_upgraded_and_a_deletion_lasts_without_a_node() {
    let mut cluster = Cluster::start(1, 3);
    for node in cluster.nodes() {
        node.query(OLD_ENTRIES).await;
    }
    // An entry of that time names no shard.
    let old = "INSERT INTO default.tenants SELECT toUUID('0e7f3f9c-2f0f-4e0a-9f0e-3c1f6a1f5b11'), 1, 'before', 'pooled', \
               'label', repeat('x', 32), now64(9), now()";
    cluster.nodes()[0].query(old).await;
    support::wait_for("the entry", REPAIRED, async || {
        let count = cluster.nodes()[1]
            .query("SELECT count() FROM default.tenants")
            .await;
        (count == "1\n").then_some(())
    })
    .await;

    cluster.nodes()[2].kill();
    let store = open(&cluster.url()).await;
    let names = store.tenants().await.unwrap();
    assert_eq!(names.len(), 1);
    let mut random = Random::seeded(6);
    let kept = create(&*store, "kept").await;
    let stored = [(kept.clone(), random.event())];
    append(&*store, &kept, &stored[0].1).await;

    cluster.node_mut(2).start_again();
    let node = &cluster.nodes()[2];
    let version =
        "SELECT comment FROM system.tables WHERE database = 'default' AND name = 'tenants'";
    let everything = format!("{version} UNION ALL SELECT toString(count()) FROM kept.events");
    support::wait_for("the node to be upgraded", REPAIRED, async || {
        let found = node.try_query(&everything).await.unwrap_or_default();
        (found.contains("schema 2") && found.contains("1\n")).then_some(())
    })
    .await;
    let before = cluster.nodes()[2]
        .query("SELECT count() FROM before.events")
        .await;
    assert_eq!(before, "0\n", "the old tenant has its view too");

    // The node that executes a deletion is lost right after it was acknowledged.
    let deleted = create(&*store, "deleted").await;
    store.append(&deleted, history(7, 100)).await.unwrap();
    store.delete_tenant(&deleted).await.unwrap();
    let count = format!(
        "SELECT count() FROM _event_history.events WHERE client_id = '{}'",
        deleted.client_id
    );
    let mut counts = Vec::new();
    for node in cluster.nodes() {
        counts.push(node.query(&count).await);
    }
    assert!(
        counts.iter().filter(|it| *it == "0\n").count() >= 2,
        "{counts:?}"
    );
    for lost in 0..3 {
        cluster.nodes()[lost].kill();
        let others = (0..3).filter(|it| *it != lost);
        for other in others {
            let node = &cluster.nodes()[other];
            support::wait_for("the rows to be gone", REPAIRED, async || {
                (node.try_query(&count).await.as_deref() == Ok("0\n")).then_some(())
            })
            .await;
        }
        store.events(&deleted, &Query::default()).await.unwrap_err();
        assert_stored(&*store, &stored).await;
        cluster.node_mut(lost).start_again();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_setting_is_named() {
    let cluster = Cluster::start_without("keeper_map_path_prefix");
    let found = findings(&cluster.url()).await;
    let lacking = saying(&found, " lacks the setting keeper_map_path_prefix");
    assert_eq!(lacking.len(), 2, "{found:?}");
    for node in cluster.nodes() {
        let tables = "SELECT count() FROM system.tables WHERE database = 'default'";
        assert_eq!(node.query(tables).await, "0\n", "the check creates nothing");
    }
}
