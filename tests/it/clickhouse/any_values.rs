//! The law that any value is kept and found, asked of ClickHouse: its parameters and its rows are text
//! and bytes of its own.

use super::Place;
use crate::store::any_values;

#[tokio::test(flavor = "multi_thread")]
async fn any_value_is_kept_and_found() {
    let place = Place::new();
    any_values::keeps_and_finds_any_value(&place.replica().await, 24).await;
}
