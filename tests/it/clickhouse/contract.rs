//! The conformance suite of stores, run on one ClickHouse.

use super::Place;
use crate::conformance::store as conformance;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_every_store() {
    conformance::all(&Place::new()).await;
}
