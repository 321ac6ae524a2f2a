//! What every backend has to do, asked of SQLite.

use std::collections::BTreeSet;
use std::fs;

use event_history::domain::{Event, Query};
use event_history::store::{Appended, Store};
use proptest::prelude::*;

use super::Place;
use crate::conformance::store as conformance;
use crate::samples::history;

#[tokio::test(flavor = "multi_thread")]
async fn creates_finds_and_deletes_tenants() {
    conformance::tenants::creates_finds_and_deletes_tenants(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lets_one_of_racing_creations_win() {
    conformance::tenants::lets_one_of_racing_creations_win(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_tenants_by_name() {
    conformance::tenants::lists_tenants_by_name(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_names_apart_that_differ_by_case() {
    let place = Place::new();
    conformance::tenants::keeps_names_apart_that_differ_by_case(&place).await;
    let mut files: Vec<_> = fs::read_dir(place.folder().join("tenants"))
        .unwrap()
        .map(|file| {
            file.unwrap()
                .file_name()
                .into_string()
                .unwrap()
                .to_lowercase()
        })
        .collect();
    let count = files.len();
    files.sort();
    files.dedup();
    assert_eq!(
        files.len(),
        count,
        "one file system in two ignores case: {files:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_keys() {
    conformance::keys::keeps_keys(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replaces_secrets() {
    conformance::secrets::replaces_secrets(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_tenants_page_by_page() {
    conformance::directory::lists_tenants_page_by_page(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_labels() {
    conformance::directory::changes_labels(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_each_file_once() {
    conformance::directory::counts_each_file_once(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hides_and_restores_tenants() {
    conformance::delayed_deletion::hides_and_restores_tenants(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_hidden_tenants_that_are_due() {
    conformance::delayed_deletion::deletes_hidden_tenants_that_are_due(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_an_event_once() {
    conformance::events::stores_an_event_once(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_large_batches() {
    conformance::events::takes_large_batches(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_an_event_once_for_racing_senders() {
    conformance::events::stores_an_event_once_for_racing_senders(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_pages_to_the_whole() {
    conformance::pages::joins_pages_to_the_whole(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_the_whole_by_scanning() {
    conformance::pages::walks_the_whole_by_scanning(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_as_the_query_says() {
    conformance::pages::filters_as_the_query_says(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_positions_through_what_matches() {
    conformance::pages::follows_positions_through_what_matches(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_back_what_was_sent() {
    conformance::events::gives_back_what_was_sent(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_large_events() {
    conformance::events::takes_large_events(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_large_events_a_few_at_a_time() {
    conformance::events::reads_large_events_a_few_at_a_time(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tombstones_unreferenced_files() {
    conformance::files::tombstones_unreferenced_files(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_both_references_and_tombstones_a_file() {
    conformance::files::never_both_references_and_tombstones_a_file(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_holds_until_they_are_released() {
    conformance::data_lifecycle::keeps_holds_until_they_are_released(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_both_holds_and_deletes_a_tenant() {
    conformance::data_lifecycle::never_both_holds_and_deletes_a_tenant(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_members_for_good() {
    conformance::redaction::removes_members_for_good(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_not_undone_by_redeliveries() {
    conformance::redaction::is_not_undone_by_redeliveries(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_cannot_be_redacted() {
    conformance::redaction::refuses_what_cannot_be_redacted(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_concurrent_redactions_apart() {
    conformance::redaction::keeps_concurrent_redactions_apart(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_exactly_what_is_due() {
    conformance::retention::deletes_exactly_what_is_due(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_the_files_of_deleted_events() {
    conformance::retention::releases_the_files_of_deleted_events(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_what_is_due_under_load() {
    conformance::retention::deletes_what_is_due_under_load(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn isolates_tenants() {
    conformance::tenants::isolates_tenants(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forgets_deleted_tenants() {
    conformance::tenants::forgets_deleted_tenants(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_a_deleted_tenant_back() {
    conformance::tenants::takes_a_deleted_tenant_back(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_under_load() {
    conformance::tenants::deletes_under_load(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_everything_when_reopened() {
    conformance::tenants::keeps_everything_when_reopened(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_work_once_closed() {
    conformance::tenants::refuses_work_once_closed(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_events_in_the_order_of_arrival() {
    conformance::feed::shows_events_in_the_order_of_arrival(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn advances_the_cursor_past_what_filters_hide() {
    conformance::feed::advances_the_cursor_past_what_filters_hide(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_what_one_read_of_the_feed_returns() {
    conformance::feed::bounds_what_one_read_of_the_feed_returns(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_times_of_copied_events() {
    conformance::feed::keeps_the_times_of_copied_events(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_the_cursors_of_others() {
    conformance::feed::refuses_the_cursors_of_others(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wakes_who_waits_for_news() {
    conformance::feed::wakes_who_waits_for_news(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_followers_every_event_once() {
    conformance::feed::shows_followers_every_event_once(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_walkers_and_followers_every_event_once() {
    conformance::walks::shows_walkers_and_followers_every_event_once(&Place::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn does_all_of_it_in_one_place() {
    conformance::all(&Place::new()).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// However a sender splits and repeats its deliveries, the history is the same.
    #[test]
    fn appending_twice_equals_once(seed in 0_u64..1000, deliveries in prop::collection::vec(0_usize..12, 1..40)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let (store, [once, again]) = place.open_with(["once", "again"]).await;
            let events = history(seed, 12);
            let sent: BTreeSet<usize> = deliveries.iter().copied().collect();
            let distinct: Vec<Event> = sent.iter().map(|&it| events[it].clone()).collect();
            store.append(&once, distinct).await.unwrap();
            for delivery in deliveries.chunks(3) {
                let delivery: Vec<Event> = delivery.iter().map(|&it| events[it].clone()).collect();
                for _ in 0..2 {
                    let answers = store.append(&again, delivery.clone()).await.unwrap();
                    assert!(!answers.contains(&Appended::OtherContent));
                }
            }
            let once = conformance::page(&store, &once, &Query::default()).await;
            let again = conformance::page(&store, &again, &Query::default()).await;
            assert_eq!(again, once);
            store.close().await.unwrap();
        });
    }
}
