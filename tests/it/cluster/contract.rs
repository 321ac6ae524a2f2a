//! The conformance suite of stores, run on three replicas of one shard and on two shards of two.

use std::sync::Arc;

use async_trait::async_trait;
use event_history::store::Store;

use super::open;
use crate::conformance::store::{self as conformance, Opener};
use crate::support::{self, Cluster, ExistingCluster};

#[async_trait]
impl Opener for ExistingCluster {
    async fn open(&self) -> Arc<dyn Store> {
        open(&self.url()).await
    }

    fn is_slow(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shard_keeps_the_contract_of_every_store() {
    keeps_the_contract(1, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shards_keep_the_contract_of_every_store() {
    keeps_the_contract(2, 2).await;
}

/// On nodes of its own, or on a cluster that the environment names, whatever its shards are. All of it takes minutes: `just
/// cluster` runs it.
async fn keeps_the_contract(shards: usize, replicas: usize) {
    let cluster: Box<dyn Opener> = match ExistingCluster::of_this_run() {
        Some(cluster) => Box::new(cluster),
        None => Box::new(Cluster::start(shards, replicas)),
    };
    if support::number_from_environment("EVENT_HISTORY_TEST_WHOLE_CONTRACT", 0) > 0 {
        conformance::overlapping(&*cluster).await;
    } else {
        conformance::of_tenants(&*cluster).await;
    }
}

/// What another run left is gone.
#[tokio::test(flavor = "multi_thread")]
async fn an_existing_cluster_is_emptied() {
    let cluster = Cluster::start(1, 2);
    let existing = ExistingCluster::at(&cluster.url());
    for _ in 0..2 {
        let store = existing.open().await;
        super::create(&*store, "again").await;
        assert_eq!(store.tenants().await.unwrap().len(), 1);
        store.close().await.unwrap();
        existing.empty().await;
    }
}
