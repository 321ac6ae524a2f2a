//! The conformance suite of stores, run on one ClickHouse: once for each placement of tenants.

use super::Place;
use crate::conformance::store as conformance;
use crate::support;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_every_store() {
    conformance::overlapping(&Place::new()).await;
}

/// The statements are those of pooled tenants, with other tables. All of it takes minutes: `just walks` runs it.
#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_every_store_for_dedicated_tenants() {
    let place = Place::with_options("?placement=dedicated");
    if support::number_from_environment("EVENT_HISTORY_TEST_WHOLE_CONTRACT", 0) > 0 {
        conformance::overlapping(&place).await;
    } else {
        conformance::of_tenants(&place).await;
    }
}
