//! What every backend has to do, asked of ClickHouse: everything in one place, one after the other.

use super::Place;
use crate::conformance::store as conformance;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_every_store() {
    conformance::all(&Place::new()).await;
}
