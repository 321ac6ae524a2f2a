//! Walks through lists and along the feed while others write: each shows what it should exactly once.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_history::domain::query::Limit;
use event_history::domain::{Count, Event, EventId, Ordering, Query, ReceivedAt, Tenant};
use event_history::store::Store;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::pages::stored;
use super::{Opener, with_tenant};
use crate::samples::{Random, history};
use crate::support;

/// How long a follower waits for an event that was acknowledged.
const NEWS_WITHIN: Duration = Duration::from_secs(20);

/// The events that were acknowledged. Those of the writers are received later than any filter asks for.
type Acknowledged = Arc<Mutex<HashMap<EventId, Event>>>;

/// Eight writers, whose events are anywhere in the order of time; walks with random filters in both directions, and followers
/// of the feed.
pub(crate) async fn shows_walkers_and_followers_every_event_once(opener: &dyn Opener) {
    let walks = support::number_from_environment(
        "EVENT_HISTORY_TEST_WALKS",
        if opener.is_slow() { 2 } else { 24 },
    );
    let seed = support::number_from_environment("EVENT_HISTORY_TEST_SEED", 71);
    let (store, tenant) = with_tenant(opener, "walked").await;
    for batch in history(70, 160).chunks(20) {
        store.append(&tenant, batch.to_vec()).await.unwrap();
    }
    let first = stored(&*store, &tenant).await;
    let later = first.iter().filter_map(|it| it.received_at).max();
    let later = ReceivedAt::from_micros(later.unwrap().micros() + 1_000_000).unwrap();
    let known = first.iter().map(|it| (it.id, it.clone())).collect();
    let acknowledged: Acknowledged = Arc::new(Mutex::new(known));
    let (turns, is_over) = (
        Arc::new(Semaphore::new(0)),
        Arc::new(AtomicBool::new(false)),
    );

    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (store, tenant) = (Arc::clone(&store), tenant.clone());
        let (acknowledged, turns) = (Arc::clone(&acknowledged), Arc::clone(&turns));
        writers.spawn(async move {
            let mut random = Random::seeded(seed + 1 + writer);
            while let Ok(turn) = turns.acquire().await {
                turn.forget();
                let events: Vec<Event> = (0..=random.below(3)).map(|_| random.event()).collect();
                // On a slow backend one of these may take too long, and is sent again.
                let mut tries = 0;
                while let Err(error) = store.append(&tenant, events.clone()).await {
                    tries += 1;
                    assert!(tries < 10, "{error:?}");
                }
                let received_at = Some(later);
                let events = events
                    .into_iter()
                    .map(|it| (it.id, Event { received_at, ..it }));
                acknowledged.lock().unwrap().extend(events);
            }
        });
    }
    let mut random = Random::seeded(seed);
    let mut followers = JoinSet::new();
    let follower_count = if opener.is_slow() { 1 } else { 3 };
    for number in 0..follower_count {
        let mut query = random.query(&first);
        query.limit = Limit::clamped(9);
        if number == 0 {
            query = Query::default();
        }
        let follower = Follower {
            store: Arc::clone(&store),
            tenant: tenant.clone(),
            query,
            acknowledged: Arc::clone(&acknowledged),
            is_over: Arc::clone(&is_over),
        };
        followers.spawn(follower.follow());
    }
    let mut shown = 0;
    for number in 0..walks {
        let mut query = random.query(&first);
        (query.offset, query.count) = (0, Count::None);
        query.limit = Limit::clamped(match number % 3 {
            0 if !opener.is_slow() => 9,
            1 => 25,
            _ => 40,
        });
        if number % 3 == 0 {
            query = Query {
                ordering: query.ordering,
                limit: query.limit,
                changes: query.changes,
                ..Query::default()
            };
        }
        shown += walk(&*store, &tenant, query, &acknowledged, &turns).await;
    }
    assert!(
        shown > 20 * walks,
        "the walks should show something: {shown}"
    );
    turns.close();
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    is_over.store(true, SeqCst);
    while let Some(follower) = followers.join_next().await {
        follower.unwrap();
    }
    store.close().await.unwrap();
}

/// The pages of a walk behind which the writers store something. If they did behind each, a walk of small pages that goes
/// towards what is written would never end.
const PAGES_WITH_WRITES: usize = 4;

/// Walks through a list page by page. Behind the first pages each writer stores something. Returns how many events were shown.
async fn walk(
    store: &dyn Store,
    tenant: &Tenant,
    mut query: Query,
    acknowledged: &Acknowledged,
    turns: &Semaphore,
) -> u64 {
    let there: Vec<Event> = acknowledged.lock().unwrap().values().cloned().collect();
    let mut shown: Vec<Event> = Vec::new();
    for pages in 0.. {
        let page = super::page(store, tenant, &query).await;
        shown.extend(page.events);
        let last = shown.last().map(Event::position);
        if !page.has_more {
            break;
        }
        query.after = Some(last.unwrap());
        if pages < PAGES_WITH_WRITES {
            turns.add_permits(8);
        }
    }
    let is_in_order = shown.is_sorted_by(|one, next| match query.ordering {
        Ordering::NewestFirst => one.position() > next.position(),
        Ordering::OldestFirst => one.position() < next.position(),
    });
    assert!(
        is_in_order,
        "an event is out of order, or there twice: {query:?}"
    );
    let ids: HashSet<EventId> = shown.iter().map(|it| it.id).collect();
    assert_eq!(ids.len(), shown.len(), "{query:?}");
    for event in there.iter().filter(|it| query.matches(it)) {
        assert!(
            ids.contains(&event.id),
            "{event:?} was there before {query:?}"
        );
    }
    let acknowledged = acknowledged.lock().unwrap();
    for event in &shown {
        // One that was shown and not acknowledged yet is not known here.
        let is_wanted = acknowledged
            .get(&event.id)
            .is_none_or(|it| query.matches(it));
        assert!(is_wanted, "{event:?} does not match {query:?}");
    }
    shown.len() as u64
}

/// Follows the feed by a query.
struct Follower {
    store: Arc<dyn Store>,
    tenant: Tenant,
    query: Query,
    acknowledged: Acknowledged,
    is_over: Arc<AtomicBool>,
}

impl Follower {
    async fn follow(self) {
        let Self {
            store,
            tenant,
            query,
            acknowledged,
            is_over,
        } = self;
        let (mut shown, mut cursor) = (HashSet::new(), None);
        let mut give_up = None;
        loop {
            let was_over = is_over.load(SeqCst);
            let feed = store.feed(&tenant, cursor.as_ref(), &query).await.unwrap();
            for event in &feed.events {
                assert!(shown.insert(event.id), "{} came twice: {query:?}", event.id);
            }
            cursor = Some(feed.cursor);
            if feed.has_more {
                continue;
            }
            if was_over {
                let acknowledged = acknowledged.lock().unwrap();
                let matching = acknowledged.values().filter(|it| query.matches(it));
                let matching: HashSet<EventId> = matching.map(|it| it.id).collect();
                if shown == matching {
                    return;
                }
                // A backend may hold back what just came, but not for long.
                let give_up = *give_up.get_or_insert_with(|| Instant::now() + NEWS_WITHIN);
                let missing = matching.difference(&shown).count();
                let wrong = shown.difference(&matching).count();
                let problem = format!("{missing} are missing and {wrong} do not match: {query:?}");
                assert!(wrong == 0 && Instant::now() < give_up, "{problem}");
            }
            sleep(Duration::from_millis(20)).await; // leaves the writers some time
        }
    }
}
