//! Retention: exactly what is due is deleted, and nothing that is held.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_history::domain::query::Limit;
use event_history::domain::{
    AgeFrom, Clock, Cursor, Event, EventFile, EventId, EventTime, Query, ReceivedAt,
    RetentionPosition, RetentionRule, RetentionRules, RetentionStep, SystemClock, Tenant, Words,
};
use event_history::store::{Appended, Store};
use jiff::{SignedDuration, Timestamp};

use super::data_lifecycle::hold;
use super::{Opener, newest_first, whole, with_tenant};
use crate::samples::{Random, as_sent, file, tenant};

/// The record that has a hold.
const HELD: i64 = 4;

/// More than one step deletes.
const EVENTS: usize = 700;

pub(crate) async fn deletes_exactly_what_is_due(opener: &dyn Opener) {
    let (mut store, one) = with_tenant(opener, "due-1").await;
    let other = tenant("due-2");
    store.create_tenant(other.clone()).await.unwrap();
    let now = SystemClock.now();
    let mut model = Model::new(now, 41);
    store.append(&one, model.events.clone()).await.unwrap();
    store.append(&other, model.events.clone()).await.unwrap();
    let cursors = cursors(&*store, &one).await;
    assert_eq!(
        run(&mut store, opener, &one, now, 0).await,
        0,
        "there are no rules"
    );
    assert_eq!(
        store.retention(&one).await.unwrap(),
        RetentionRules::default()
    );
    store.set_retention(&one, &model.rules).await.unwrap();
    assert_eq!(store.retention(&one).await.unwrap(), model.rules);

    let of_all = hold(None, 1);
    store.place_hold(&one, &of_all).await.unwrap();
    assert_eq!(run(&mut store, opener, &one, now, 0).await, 0);
    assert_eq!(whole(&*store, &one).await.len(), EVENTS);
    store.place_hold(&one, &hold(Some(HELD), 2)).await.unwrap();
    store.release_hold(&one, of_all.id).await.unwrap();

    let due = model.due();
    assert!(
        due.len() > EVENTS / 3 && due.len() < EVENTS * 2 / 3,
        "{}",
        due.len()
    );
    let counted = count(&*store, &one, now).await;
    assert_eq!(counted, (due.len() as u64, model.held()));
    // A process ends between steps, whatever has become of the last one.
    let deleted = run(&mut store, opener, &one, now, 2).await;
    assert_eq!(deleted, due.len() as u64);
    model.delete(&due);
    model.check(&*store, &one).await;
    assert_eq!(
        run(&mut store, opener, &one, now, 0).await,
        0,
        "a second time"
    );
    assert_eq!(count(&*store, &one, now).await, (0, model.held()));
    assert_eq!(
        whole(&*store, &other).await.len(),
        EVENTS,
        "it has no rules"
    );

    // Each reader continues where it was: what is left, once.
    for (read, cursor) in cursors {
        let left = model.events.iter().filter(|it| !read.contains(&it.id));
        let left: Vec<EventId> = left.map(|it| it.id).collect();
        let mut shown = follow(&*store, &one, cursor).await;
        shown.retain(|id| model.events.iter().any(|it| it.id == *id));
        assert_eq!(sorted(shown), sorted(left));
    }
    // Whoever sends a deleted event again has it stored again, as one that has just arrived.
    let mut random = Random::seeded(44);
    let again = [Event {
        event_type_id: 3,
        record_id: HELD + 1,
        time: due[0].time,
        ..random.event()
    }];
    let answers = store.append(&one, again.to_vec()).await.unwrap();
    assert_eq!(answers, [Appended::Stored]);
    assert_eq!(run(&mut store, opener, &one, now, 0).await, 1);
    let before = store.newest_cursor(&one).await.unwrap();
    let answers = store.append(&one, again.to_vec()).await.unwrap();
    assert_eq!(answers, [Appended::Stored]);
    assert_eq!(follow(&*store, &one, Some(before)).await, [again[0].id]);
    let answers = store.append(&one, again.to_vec()).await.unwrap();
    assert_eq!(answers, [Appended::AlreadyThere]);
    store.close().await.unwrap();
    let store = opener.open().await;
    model.events.extend(again);
    model.check(&*store, &one).await;
    store.close().await.unwrap();
}

pub(crate) async fn releases_the_files_of_deleted_events(opener: &dyn Opener) {
    let (mut store, tenant) = with_tenant(opener, "due-files").await;
    let now = SystemClock.now();
    let mut random = Random::seeded(42);
    let files: Vec<EventFile> = (0..3).map(|_| file(&mut random)).collect();
    let mut event = |event_type_id, files: &[&EventFile]| Event {
        event_type_id,
        files: files.iter().copied().cloned().collect(),
        ..random.event()
    };
    let (due, kept) = (3, 5); // types
    let events = vec![
        event(due, &[&files[0], &files[1]]),
        event(due, &[&files[1]]),
        event(kept, &[&files[1]]),
        event(due, &[&files[2]]),
        event(due, &[&files[2], &files[0]]),
    ];
    store.append(&tenant, events).await.unwrap();
    let ids: Vec<_> = files.iter().map(|file| file.id).collect();
    assert_eq!(store.unreferenced_files(&tenant, &ids).await.unwrap(), []);
    store.set_retention(&tenant, &rules()).await.unwrap();
    assert_eq!(run(&mut store, opener, &tenant, now, 0).await, 4);
    let released = store.unreferenced_files(&tenant, &ids).await.unwrap();
    assert_eq!(released, [ids[0], ids[2]]);
    store.close().await.unwrap();
}

/// Senders, and holds that are placed meanwhile: once one is placed, nothing of its record is deleted.
pub(crate) async fn deletes_what_is_due_under_load(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "due-busy").await;
    let now = SystemClock.now();
    let model = Model::new(now, 43);
    store.append(&tenant, model.events.clone()).await.unwrap();
    store.set_retention(&tenant, &rules()).await.unwrap();
    let sending = {
        let (store, tenant) = (Arc::clone(&store), tenant.clone());
        tokio::spawn(async move {
            let mut random = Random::seeded(44);
            let mut sent = Vec::new();
            for _ in 0..40 {
                let event = Event {
                    event_type_id: 5,
                    ..random.event()
                };
                let answers = store.append(&tenant, vec![event.clone()]).await.unwrap();
                assert_eq!(answers, [Appended::Stored]);
                sent.push(event);
            }
            sent
        })
    };
    let mut held: BTreeMap<i64, Vec<EventId>> = BTreeMap::new();
    let mut after = None;
    for record_id in 0.. {
        let step = store.delete_due(&tenant, now, after).await.unwrap();
        let query = Query {
            record_ids: vec![record_id],
            limit: Limit::new(Limit::MAX).unwrap(),
            ..Query::default()
        };
        store
            .place_hold(&tenant, &hold(Some(record_id), 1))
            .await
            .unwrap();
        let there = store.events(&tenant, &query).await.unwrap().events;
        held.insert(record_id, there.iter().map(|it| it.id).collect());
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    let mut left: Vec<Event> = model.events.clone();
    left.retain(|it| {
        !model.is_due(it)
            || held
                .get(&it.record_id)
                .is_some_and(|ids| ids.contains(&it.id))
    });
    left.extend(sending.await.unwrap());
    assert_eq!(whole(&*store, &tenant).await, newest_first(as_sent(left)));
    store.close().await.unwrap();
}

/// What should be there.
struct Model {
    now: Timestamp,
    rules: RetentionRules,
    events: Vec<Event>,
}

/// Types 3, 5 and 8 have rules of their own: by the time of the event alone, never, and not yet.
fn rules() -> RetentionRules {
    let rule = |event_type_id, days, age_from| RetentionRule {
        event_type_id,
        days,
        age_from,
    };
    let rules = vec![
        rule(None, Some(30), AgeFrom::Latest),
        rule(Some(3), Some(30), AgeFrom::Event),
        rule(Some(5), None, AgeFrom::Event),
        rule(Some(8), Some(36_525), AgeFrom::Event),
    ];
    RetentionRules::new(rules).unwrap()
}

impl Model {
    /// Half of the events arrived long ago, and half lately, in the order in which they are sent. Some are of the future.
    fn new(now: Timestamp, seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let lately = now - SignedDuration::from_hours(24);
        let events = (0..EVENTS).map(|number| {
            let is_late = number >= EVENTS / 2;
            let from = if is_late {
                lately
            } else {
                now - SignedDuration::from_hours(24 * 90)
            };
            let micros = from.as_microsecond() + i64::try_from(number).unwrap();
            let event = random.event();
            let time = if number % 10 == 0 {
                EventTime::from_parts(now.as_microsecond() + micros % 1000, 6).unwrap()
            } else {
                event.time
            };
            Event {
                time,
                received_at: ReceivedAt::from_micros(micros),
                ..event
            }
        });
        Self {
            now,
            rules: rules(),
            events: events.collect(),
        }
    }

    /// By the rules, spelled out.
    fn is_due(&self, event: &Event) -> bool {
        let month_us = 30 * 86_400_000_000;
        let limit_us = self.now.as_microsecond() - month_us;
        let is_old = event.time.micros() < limit_us;
        let came_long_ago = event.received_at.unwrap().micros() < limit_us;
        match event.event_type_id {
            3 => is_old,
            5 | 8 => false,
            _ => is_old && came_long_ago,
        }
    }

    fn due(&self) -> Vec<Event> {
        let due = self
            .events
            .iter()
            .filter(|it| self.is_due(it) && it.record_id != HELD);
        due.cloned().collect()
    }

    fn held(&self) -> u64 {
        let held = self
            .events
            .iter()
            .filter(|it| self.is_due(it) && it.record_id == HELD);
        held.count() as u64
    }

    fn delete(&mut self, due: &[Event]) {
        self.events
            .retain(|it| !due.iter().any(|other| other.id == it.id));
    }

    /// Compares lists, counts and searches.
    async fn check(&self, store: &dyn Store, tenant: &Tenant) {
        let expected = newest_first(as_sent(self.events.clone()));
        assert_eq!(whole(store, tenant).await, expected);
        let mut queries = vec![Query {
            words: Some(Words::parse("source").unwrap()),
            ..Query::default()
        }];
        for record_id in 0..10 {
            queries.push(Query {
                record_ids: vec![record_id],
                event_type_ids: vec![3, 5, 6],
                ..Query::default()
            });
            queries.push(Query {
                record_ids: vec![record_id],
                ..Query::default()
            });
        }
        for query in queries {
            let counts = store.events(tenant, &query).await.unwrap().counts.unwrap();
            let matching = expected.iter().filter(|it| query.matches(it)).count();
            assert_eq!(
                (counts.filtered, counts.total),
                (matching as u64, expected.len() as u64),
                "{query:?}"
            );
        }
    }
}

/// Returns cursors of readers that have read some of the events, with these.
async fn cursors(store: &dyn Store, tenant: &Tenant) -> Vec<(Vec<EventId>, Option<Cursor>)> {
    let (mut read, mut cursors) = (Vec::new(), vec![(Vec::new(), None)]);
    let query = Query {
        limit: Limit::new(200).unwrap(),
        ..Query::default()
    };
    let mut after: Option<Cursor> = None;
    while read.len() < EVENTS {
        let feed = store.feed(tenant, after.as_ref(), &query).await.unwrap();
        read.extend(feed.events.iter().map(|it| it.id));
        after = Some(feed.cursor);
        cursors.push((read.clone(), after));
        tokio::task::yield_now().await;
    }
    cursors
}

/// Reads the feed to the newest event there is.
async fn follow(store: &dyn Store, tenant: &Tenant, mut after: Option<Cursor>) -> Vec<EventId> {
    let end = store.newest_cursor(tenant).await.unwrap().event_id();
    let mut shown = Vec::new();
    loop {
        let feed = store
            .feed(tenant, after.as_ref(), &Query::default())
            .await
            .unwrap();
        shown.extend(feed.events.iter().map(|it| it.id));
        let is_at_end = feed.cursor.event_id() == end || (feed.events.is_empty() && !feed.has_more);
        after = Some(feed.cursor);
        if is_at_end {
            return shown;
        }
    }
}

fn sorted(mut ids: Vec<EventId>) -> Vec<EventId> {
    ids.sort_unstable();
    ids
}

/// Deletes what is due, and returns how much that was. Opens the store again after each of the first `crashes` steps, and
/// begins again.
async fn run(
    store: &mut Arc<dyn Store>,
    opener: &dyn Opener,
    tenant: &Tenant,
    now: Timestamp,
    crashes: usize,
) -> u64 {
    let mut deleted = 0;
    let mut after: Option<RetentionPosition> = None;
    for steps in 1.. {
        let RetentionStep {
            events,
            next,
            unreadable,
            is_elsewhere,
            ..
        } = store.delete_due(tenant, now, after).await.unwrap();
        assert_eq!((unreadable, is_elsewhere), (0, false));
        deleted += events;
        after = next;
        if steps <= crashes {
            store.close().await.unwrap();
            *store = opener.open().await;
            after = None;
        } else if after.is_none() {
            break;
        }
    }
    deleted
}

/// Returns how many events are due, and how many of others are due and held.
async fn count(store: &dyn Store, tenant: &Tenant, now: Timestamp) -> (u64, u64) {
    let (mut events, mut held, mut after) = (0, 0, None);
    loop {
        let step = store.count_due(tenant, now, after).await.unwrap();
        events += step.events;
        held += step.held;
        after = step.next;
        if after.is_none() {
            return (events, held);
        }
    }
}
