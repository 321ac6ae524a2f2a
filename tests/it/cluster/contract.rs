//! The conformance suite of stores, run on three replicas.

use crate::conformance::store as conformance;
use crate::support::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_every_store() {
    conformance::all(&Cluster::start(1, 3)).await;
}
