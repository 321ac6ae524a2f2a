//! A real ClickHouse cluster: three replicas and ZooKeeper.

#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

mod contract;
mod failures;
mod harness;

use std::sync::Arc;

use async_trait::async_trait;
use event_history::store::{self, Store};

use crate::conformance::store::Opener;
use crate::support::Cluster;

#[async_trait]
impl Opener for Cluster {
    async fn open(&self) -> Arc<dyn Store> {
        store::open(&self.url().parse().unwrap()).await.unwrap()
    }
}
