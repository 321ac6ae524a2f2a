//! The conformance suite of stores, run on one ClickHouse: once for each placement of tenants.

use super::Place;
use crate::conformance::store as conformance;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_every_store() {
    conformance::overlapping(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_every_store_for_dedicated_tenants() {
    conformance::overlapping(&Place::with_options("?placement=dedicated")).await;
}
