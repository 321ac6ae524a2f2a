//! The conformance suite of stores, run on three replicas of one shard and on two shards of two, or on a cluster
//! that the environment names, whatever its shards are.

use std::sync::Arc;

use async_trait::async_trait;
use event_history::store::Store;

use super::open;
use crate::conformance::store::{self as conformance, Opener};
use crate::support::{Cluster, ExistingCluster};

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
    match ExistingCluster::of_this_run() {
        Some(cluster) => conformance::overlapping(&cluster).await,
        None => conformance::overlapping(&Cluster::start(1, 3)).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shards_keep_the_contract_of_every_store() {
    match ExistingCluster::of_this_run() {
        Some(cluster) => conformance::overlapping(&cluster).await,
        None => conformance::without_reading(&Cluster::start(2, 2)).await,
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
