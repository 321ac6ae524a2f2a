//! The arrival order: what follows its cursors sees every acknowledged event exactly once, and none before a cursor.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use event_history::domain::query::Limit;
use event_history::domain::{
    Cursor, CursorProblem, Event, EventId, EventTime, Feed, Query, ReceivedAt, Tenant,
};
use event_history::store::{Appended, Error, Store};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Opener, assert_missing, is_bounded, with_tenant};
use crate::samples::{self, Random, as_sent, data, history};

/// How long a follower waits for an event that was acknowledged.
const NEWS_WITHIN: Duration = Duration::from_secs(20);

fn of(limit: u32) -> Query {
    Query {
        limit: Limit::new(limit).unwrap(),
        ..Query::default()
    }
}

/// Reads from `after` until there is nothing more.
async fn read_on(
    store: &dyn Store,
    tenant: &Tenant,
    after: &mut Option<Cursor>,
    query: &Query,
) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let feed = store.feed(tenant, after.as_ref(), query).await.unwrap();
        assert!(feed.events.len() <= query.limit.get() as usize && is_bounded(&feed.events));
        assert!(feed.events.iter().all(|it| query.matches(it)));
        events.extend(feed.events);
        *after = Some(feed.cursor);
        if !feed.has_more {
            return events;
        }
    }
}

/// Follows from `after` until these events have come, however long the backend holds them back.
async fn follow(
    store: &dyn Store,
    tenant: &Tenant,
    after: &mut Option<Cursor>,
    count: usize,
) -> Vec<Event> {
    let mut news = store.news(tenant).await.unwrap();
    let mut events = Vec::new();
    let coming = async {
        loop {
            events.extend(read_on(store, tenant, after, &of(7)).await);
            if events.len() >= count {
                return;
            }
            news.changed().await;
        }
    };
    let came = timeout(NEWS_WITHIN, coming).await;
    assert!(came.is_ok(), "{} of {count} events came", events.len());
    events
}

fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|it| it.id).collect()
}

fn received(events: &[Event]) -> Vec<ReceivedAt> {
    events
        .iter()
        .map(|it| it.received_at.expect("a time of receipt"))
        .collect()
}

pub(crate) async fn shows_events_in_the_order_of_arrival(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "arrival").await;
    let empty = store.feed(&tenant, None, &of(10)).await.unwrap();
    assert!(empty.events.is_empty() && !empty.has_more);

    // Their times say nothing about the order in which they come.
    let mut sent = history(30, 60);
    for (index, time) in ["9999-12-31T23:59:59.999999Z", "0000-01-01T00:00:00Z"]
        .into_iter()
        .enumerate()
    {
        sent[20 + index].time = EventTime::parse(time).unwrap();
    }
    for event in &sent {
        store.append(&tenant, vec![event.clone()]).await.unwrap();
    }
    let mut cursor = Some(empty.cursor);
    let events = follow(&*store, &tenant, &mut cursor, sent.len()).await;
    assert_eq!(as_sent(events.clone()), sent);
    assert!(received(&events).is_sorted());
    let again = read_on(&*store, &tenant, &mut None, &of(1000)).await;
    assert_eq!(again, events, "from the start, in larger steps");
    let newest = store.newest_cursor(&tenant).await.unwrap();
    assert_eq!(Some(newest), cursor);
    assert_eq!(newest.event_id(), Some(sent[59].id));

    // Every other read returns the same time of receipt.
    let one = store.event(&tenant, sent[3].id).await.unwrap();
    assert_eq!(one.as_ref(), Some(&events[3]));
    let mut scanned = store
        .scan(&tenant, None, Limit::clamped(1000))
        .await
        .unwrap();
    let mut listed = store.events(&tenant, &of(1000)).await.unwrap().events;
    let mut expected = events.clone();
    for list in [&mut scanned, &mut listed, &mut expected] {
        list.sort_by_key(Event::position);
    }
    assert_eq!(scanned, expected);
    assert_eq!(listed, expected);

    // Each event leads back to its place.
    let step = if opener.is_slow() { 7 } else { 1 };
    for (index, event) in events.iter().enumerate().step_by(step) {
        let behind = store.cursor_behind(&tenant, event.id).await.unwrap();
        let rest = read_on(&*store, &tenant, &mut behind.clone(), &of(1000)).await;
        assert_eq!(rest, events[index + 1..]);
    }
    let unknown = Random::seeded(31).event().id;
    assert_eq!(store.cursor_behind(&tenant, unknown).await.unwrap(), None);

    // What was there already does not arrive again.
    let answers = store.append(&tenant, sent.clone()).await.unwrap();
    assert_eq!(answers, vec![Appended::AlreadyThere; sent.len()]);
    let late = Random::seeded(32).event();
    store
        .append(
            &tenant,
            vec![sent[0].clone(), late.clone(), sent[1].clone()],
        )
        .await
        .unwrap();
    let news = follow(&*store, &tenant, &mut cursor, 1).await;
    assert_eq!(ids(&news), [late.id]);
    store.close().await.unwrap();
}

pub(crate) async fn advances_the_cursor_past_what_filters_hide(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "arrival-filtered").await;
    let sent = history(33, 400);
    store.append(&tenant, sent.clone()).await.unwrap();
    let all = follow(&*store, &tenant, &mut None, sent.len()).await;
    let mut random = Random::seeded(34);
    let mut matched = 0;
    let queries = if opener.is_slow() { 8 } else { 24 };
    for _ in 0..queries {
        let mut query = random.query(&all);
        if opener.is_slow() {
            query.limit = Limit::clamped(query.limit.get().max(20));
        }
        let expected: Vec<EventId> = all
            .iter()
            .filter(|it| query.matches(it))
            .map(|it| it.id)
            .collect();
        let mut cursor = None;
        let found = read_on(&*store, &tenant, &mut cursor, &query).await;
        matched += found.len();
        assert_eq!(ids(&found), expected, "{query:?}");
        let rest = read_on(&*store, &tenant, &mut cursor, &of(1000)).await;
        assert_eq!(ids(&rest), [], "the cursor is behind what {query:?} hides");
    }
    assert!(
        matched > 16 * queries,
        "the queries should find something: {matched}"
    );
    store.close().await.unwrap();
}

pub(crate) async fn bounds_what_one_read_of_the_feed_returns(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "arrival-large").await;
    let mut random = Random::seeded(35);
    let sent: Vec<Event> = (0..40)
        .map(|number| Event {
            data: data(&format!("[\"{}\"]", "x".repeat(5000 * (number % 13)))),
            ..random.event()
        })
        .collect();
    store.append(&tenant, sent.clone()).await.unwrap();
    let mut came = as_sent(follow(&*store, &tenant, &mut None, 40).await);
    let in_large_steps = read_on(&*store, &tenant, &mut None, &of(1000)).await;
    assert_eq!(as_sent(in_large_steps), came);
    let mut expected = sent;
    for list in [&mut came, &mut expected] {
        list.sort_by_key(Event::position); // the events of one call arrive in any order
    }
    assert!(came == expected, "{:?}", ids(&came));
    store.close().await.unwrap();
}

pub(crate) async fn keeps_the_times_of_copied_events(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "arrival-copied").await;
    let micros = |seconds: i64| ReceivedAt::from_micros(1_600_000_000_000_000 + seconds);
    let mut copied = history(36, 30);
    for (event, seconds) in copied.iter_mut().zip(0..) {
        event.received_at = micros(seconds / 3); // several came at once
    }
    copied.sort_by_key(|it| (it.received_at, it.position()));
    store.append(&tenant, copied.clone()).await.unwrap();
    let mut cursor = None;
    assert_eq!(follow(&*store, &tenant, &mut cursor, 30).await, copied);
    // A copied event that comes again as its sender first sent it is the same.
    let again = store
        .append(&tenant, as_sent(copied.clone()))
        .await
        .unwrap();
    assert_eq!(again, vec![Appended::AlreadyThere; 30]);
    let own = Random::seeded(37).event();
    store.append(&tenant, vec![own.clone()]).await.unwrap();
    let news = follow(&*store, &tenant, &mut cursor, 1).await;
    assert_eq!(ids(&news), [own.id]);
    assert!(news[0].received_at > copied[29].received_at);
    store.close().await.unwrap();
}

pub(crate) async fn refuses_the_cursors_of_others(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "arrival-ours").await;
    let other = samples::tenant("arrival-theirs");
    store.create_tenant(other.clone()).await.unwrap();
    for tenant in [&tenant, &other] {
        store.append(tenant, history(38, 5)).await.unwrap();
    }
    let mut cursor = None;
    follow(&*store, &other, &mut cursor, 5).await;
    let refused = store.feed(&tenant, cursor.as_ref(), &of(5)).await;
    assert!(
        matches!(
            refused,
            Err(Error::CursorRefused(CursorProblem::OtherTenant))
        ),
        "{refused:?}"
    );
    // A tenant of the same name is another one.
    store.delete_tenant(&other).await.unwrap();
    assert_missing(&store.feed(&other, None, &of(5)).await);
    let successor = samples::tenant("arrival-theirs");
    store.create_tenant(successor.clone()).await.unwrap();
    let refused = store.feed(&successor, cursor.as_ref(), &of(5)).await;
    assert!(
        matches!(refused, Err(Error::CursorRefused(_))),
        "{refused:?}"
    );
    // The cursors of this one stay good when the store is opened again.
    let mut cursor = None;
    follow(&*store, &tenant, &mut cursor, 5).await;
    store.close().await.unwrap();
    let store = opener.open().await;
    let late = Random::seeded(39).event();
    store.append(&tenant, vec![late.clone()]).await.unwrap();
    let news = follow(&*store, &tenant, &mut cursor, 1).await;
    assert_eq!(as_sent(news), [late]);
    store.close().await.unwrap();
}

pub(crate) async fn wakes_who_waits_for_news(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "arrival-news").await;
    let mut cursor = None;
    assert!(
        read_on(&*store, &tenant, &mut cursor, &of(10))
            .await
            .is_empty()
    );
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let (store, tenant) = (Arc::clone(&store), tenant.clone());
            tokio::spawn(async move { follow(&*store, &tenant, &mut cursor, 1).await })
        })
        .collect();
    let event = Random::seeded(40).event();
    store.append(&tenant, vec![event.clone()]).await.unwrap();
    for follower in waiting {
        assert_eq!(ids(&follower.await.unwrap()), [event.id]);
    }
    // A closed store wakes them too.
    let mut news = store.news(&tenant).await.unwrap();
    let closed = tokio::spawn(async move { news.changed().await });
    store.close().await.unwrap();
    timeout(NEWS_WITHIN, closed).await.unwrap().unwrap();
}

/// What several writers have been told.
#[derive(Debug, Default)]
struct Acknowledged(std::sync::Mutex<HashSet<EventId>>);

/// Writers of one tenant, with late events and second deliveries, beside followers that begin at any time; other
/// tenants come and go.
pub(crate) async fn shows_followers_every_event_once(opener: &dyn Opener) {
    const WRITERS: u64 = 6;
    const ROUNDS: usize = 25;
    let (store, tenant) = with_tenant(opener, "arrival-followed").await;
    let acknowledged = Arc::new(Acknowledged::default());
    let (at_work, total) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        at_work.fetch_add(1, SeqCst);
        let (store, tenant) = (Arc::clone(&store), tenant.clone());
        let (acknowledged, at_work, total) = (
            Arc::clone(&acknowledged),
            Arc::clone(&at_work),
            Arc::clone(&total),
        );
        writers.spawn(async move {
            let mut random = Random::seeded(41 + writer);
            let shared = history(50, ROUNDS); // each of these is sent by every writer
            let mut last: Vec<Event> = Vec::new();
            for shared in shared {
                let mut batch = vec![shared];
                batch.extend((0..random.below(4)).map(|_| random.event()));
                batch.extend(last.pop()); // a second delivery
                let answers = store.append(&tenant, batch.clone()).await.unwrap();
                assert!(!answers.contains(&Appended::OtherContent));
                for (event, answer) in batch.iter().zip(answers) {
                    if answer == Appended::Stored {
                        total.fetch_add(1, SeqCst);
                    }
                    acknowledged.0.lock().unwrap().insert(event.id);
                }
                last = batch;
            }
            at_work.fetch_sub(1, SeqCst);
        });
    }
    let churn = {
        let (store, at_work) = (Arc::clone(&store), Arc::clone(&at_work));
        tokio::spawn(async move {
            while at_work.load(SeqCst) > 0 {
                let other = samples::tenant("arrival-passing");
                store.create_tenant(other.clone()).await.unwrap();
                store.append(&other, history(60, 3)).await.unwrap();
                store.delete_tenant(&other).await.unwrap();
            }
        })
    };
    let done = Arc::new(AtomicBool::new(false));
    let mut followers = JoinSet::new();
    for follower in 0..4_u32 {
        let (store, tenant, done) = (Arc::clone(&store), tenant.clone(), Arc::clone(&done));
        followers.spawn(async move {
            let mut seen: HashMap<EventId, ReceivedAt> = HashMap::new();
            let (mut order, mut cursor) = (Vec::new(), None);
            loop {
                let is_last = done.load(SeqCst);
                let query = of(5 + 13 * follower);
                let feed: Feed = store.feed(&tenant, cursor.as_ref(), &query).await.unwrap();
                for event in &feed.events {
                    let before = seen.insert(event.id, event.received_at.unwrap());
                    assert_eq!(before, None, "{} came twice", event.id);
                    order.push(event.id);
                }
                cursor = Some(feed.cursor);
                if feed.events.is_empty() && !feed.has_more {
                    if is_last {
                        return (order, cursor);
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await; // leaves the writers some time
                }
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    churn.await.unwrap();
    // A backend may hold back what just came, but not for long: then the end is the end.
    let total = total.load(SeqCst);
    let all = follow(&*store, &tenant, &mut None, total).await;
    done.store(true, SeqCst);
    let acknowledged = std::mem::take(&mut *acknowledged.0.lock().unwrap());
    assert_eq!(all.len(), acknowledged.len());
    assert_eq!(ids(&all).into_iter().collect::<HashSet<_>>(), acknowledged);
    while let Some(follower) = followers.join_next().await {
        let (order, cursor) = follower.unwrap();
        assert_eq!(order, ids(&all));
        assert_eq!(cursor, Some(store.newest_cursor(&tenant).await.unwrap()));
    }
    store.close().await.unwrap();
}
