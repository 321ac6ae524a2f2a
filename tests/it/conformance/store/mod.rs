//! What every backend has to do, as plain functions that take an opener.
//!
//! Each panics where the contract of [`Store`] is broken. Each works on tenants of its own, so that all
//! of them may run in one place, one after the other or at the same time.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store under test ends the test"
)]
#![expect(clippy::print_stdout, reason = "where the time goes")]

pub(crate) mod data_lifecycle;
pub(crate) mod delayed_deletion;
pub(crate) mod directory;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod files;
pub(crate) mod keys;
pub(crate) mod pages;
pub(crate) mod redaction;
pub(crate) mod retention;
pub(crate) mod secrets;
pub(crate) mod stats;
pub(crate) mod tenants;
pub(crate) mod walks;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use event_history::domain::query::Limit;
use event_history::domain::{Event, Page, Query, Tenant};
use event_history::store::{Created, Error, READ_BYTES, Store};
use futures_util::future::{BoxFuture, FutureExt as _, join_all};

use crate::samples::{as_sent, tenant};

/// Opens the store of one place that is empty at first; after the store was closed, opens it again.
#[async_trait]
pub(crate) trait Opener: Send + Sync {
    async fn open(&self) -> Arc<dyn Store>;

    /// Tells whether calls take so long that a few of many similar ones have to do.
    fn is_slow(&self) -> bool {
        false
    }
}

macro_rules! part {
    ($($part:ident)::+) => {
        (stringify!($($part)::+), |opener| $($part)::+(opener).boxed())
    };
}

/// A part of the suite. Each works on tenants of its own.
type Part = (
    &'static str,
    for<'a> fn(&'a dyn Opener) -> BoxFuture<'a, ()>,
);

/// These wait for most of their time.
const WAITING: [Part; 2] = [
    part!(files::tombstones_unreferenced_files),
    part!(files::never_both_references_and_tombstones_a_file),
];

/// These are about single statements that read.
const READING: [Part; 12] = [
    part!(pages::joins_pages_to_the_whole),
    part!(pages::walks_the_whole_by_scanning),
    part!(pages::filters_as_the_query_says),
    part!(pages::follows_positions_through_what_matches),
    part!(events::reads_large_events_a_few_at_a_time),
    part!(feed::advances_the_cursor_past_what_filters_hide),
    part!(feed::bounds_what_one_read_of_the_feed_returns),
    part!(feed::keeps_the_times_of_copied_events),
    part!(feed::refuses_the_cursors_of_others),
    part!(walks::shows_walkers_and_followers_every_event_once),
    part!(stats::counts_as_the_query_says),
    part!(stats::bounds_the_number_of_counts),
];

const OTHERS: [Part; 34] = [
    part!(keys::keeps_keys),
    part!(secrets::replaces_secrets),
    part!(directory::lists_tenants_page_by_page),
    part!(directory::changes_labels),
    part!(directory::counts_each_file_once),
    part!(delayed_deletion::hides_and_restores_tenants),
    part!(delayed_deletion::deletes_hidden_tenants_that_are_due),
    part!(tenants::creates_finds_and_deletes_tenants),
    part!(tenants::lets_one_of_racing_creations_win),
    part!(tenants::lists_tenants_by_name),
    part!(tenants::keeps_names_apart_that_differ_by_case),
    part!(events::stores_an_event_once),
    part!(events::stores_an_event_once_for_racing_senders),
    part!(events::takes_large_batches),
    part!(events::gives_back_what_was_sent),
    part!(events::takes_large_events),
    part!(feed::shows_events_in_the_order_of_arrival),
    part!(feed::wakes_who_waits_for_news),
    part!(feed::shows_followers_every_event_once),
    part!(data_lifecycle::keeps_holds_until_they_are_released),
    part!(data_lifecycle::never_both_holds_and_deletes_a_tenant),
    part!(redaction::removes_members_for_good),
    part!(redaction::is_not_undone_by_redeliveries),
    part!(redaction::refuses_what_cannot_be_redacted),
    part!(redaction::keeps_concurrent_redactions_apart),
    part!(retention::deletes_exactly_what_is_due),
    part!(retention::releases_the_files_of_deleted_events),
    part!(retention::deletes_what_is_due_under_load),
    part!(tenants::isolates_tenants),
    part!(tenants::forgets_deleted_tenants),
    part!(tenants::takes_a_deleted_tenant_back),
    part!(tenants::deletes_under_load),
    part!(tenants::keeps_everything_when_reopened),
    part!(tenants::refuses_work_once_closed),
];

/// Runs everything, one after the other.
pub(crate) async fn all(opener: &dyn Opener) {
    for parts in [&READING[..], &OTHERS, &WAITING] {
        one_by_one(parts, opener).await;
    }
}

/// Runs everything, and other parts while some of them wait.
pub(crate) async fn overlapping(opener: &dyn Opener) {
    beside_waiting(&[&OTHERS, &READING], opener).await;
}

/// Runs what is about whole tenants.
pub(crate) async fn of_tenants(opener: &dyn Opener) {
    let of_tenants = |(name, _): &&Part| name.starts_with("tenants");
    let parts: Vec<Part> = OTHERS.iter().filter(of_tenants).copied().collect();
    assert!(!parts.is_empty());
    one_by_one(&parts, opener).await;
}

async fn beside_waiting(groups: &[&[Part]], opener: &dyn Opener) {
    let waiting = WAITING.chunks(1).map(|part| one_by_one(part, opener));
    let others = async {
        for parts in groups {
            one_by_one(parts, opener).await;
        }
    };
    tokio::join!(others, join_all(waiting));
}

async fn one_by_one(parts: &[Part], opener: &dyn Opener) {
    for (name, part) in parts {
        let started = Instant::now();
        part(opener).await;
        println!("{:6.1?} {name}", started.elapsed());
    }
}

/// Opens the store and makes a tenant in it.
async fn with_tenant(opener: &dyn Opener, name: &str) -> (Arc<dyn Store>, Tenant) {
    let store = opener.open().await;
    let tenant = tenant(name);
    assert_eq!(
        store.create_tenant(tenant.clone()).await.unwrap(),
        Created::New
    );
    (store, tenant)
}

/// Returns all events of a tenant that has at most one page of them, as they were sent.
async fn whole(store: &dyn Store, tenant: &Tenant) -> Vec<Event> {
    let query = Query {
        limit: Limit::new(Limit::MAX).unwrap(),
        ..Query::default()
    };
    let page = page(store, tenant, &query).await;
    assert_eq!(page.counts.unwrap().total, page.events.len() as u64);
    page.events
}

/// Returns a page with all of its events as they were sent, however large they are.
pub(crate) async fn page(store: &dyn Store, tenant: &Tenant, query: &Query) -> Page {
    let mut page = store.events(tenant, query).await.unwrap();
    let mut rest = std::mem::take(&mut page.rest);
    while !rest.is_empty() {
        let next = store.events_at(tenant, &rest).await.unwrap();
        assert!(!next.is_empty() && is_bounded(&next), "{}", next.len());
        rest.drain(..next.len());
        page.events.extend(next);
    }
    page.events = as_sent(page.events);
    page
}

/// Tells whether events are no more than one read brings: without the last they come to less.
fn is_bounded(events: &[Event]) -> bool {
    let but_last = events.split_last().map_or(events, |(_, others)| others);
    but_last.iter().map(Event::weight_bytes).sum::<usize>() < READ_BYTES
}

fn newest_first(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| Reverse((event.time.micros(), event.id)));
    events
}

#[track_caller]
fn assert_missing<T: std::fmt::Debug>(outcome: &Result<T, Error>) {
    assert!(
        matches!(outcome, Err(Error::DatabaseMissing(_))),
        "{outcome:?}"
    );
}
