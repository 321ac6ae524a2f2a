//! Events: stored once, and given back as they were sent, however large they are.

use std::sync::Arc;

use event_history::domain::query::Limit;
use event_history::domain::{Event, EventTime, Ordering, Query, Tenant};
use event_history::store::Appended::{self, AlreadyThere, OtherContent, Stored};
use tokio::task::JoinSet;

use super::{Opener, is_bounded, newest_first, page, whole, with_tenant};
use crate::samples::{self, Random, as_sent, data, history};

pub(crate) async fn stores_an_event_once(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "once").await;
    let mut random = Random::seeded(2);
    let (first, second) = (random.event(), random.event());
    let other = Event {
        record_id: first.record_id.wrapping_add(1),
        ..first.clone()
    };
    // The same instant and the same JSON, written in another way.
    let respelt = Event {
        data: data(r#"[{"b":1e0,"a":"x","c":[0]}]"#),
        ..first.clone()
    };
    let first = Event {
        data: data(r#"[{"a":"\u0078","b":1,"c":[-0.0]}]"#),
        ..first
    };

    let events = vec![first.clone(), first.clone(), other.clone(), second.clone()];
    let answers = store.append(&tenant, events).await.unwrap();
    assert_eq!(answers, [Stored, AlreadyThere, OtherContent, Stored]);
    let events = vec![other, respelt, second.clone()];
    let answers = store.append(&tenant, events).await.unwrap();
    assert_eq!(answers, [OtherContent, AlreadyThere, AlreadyThere]);
    assert_eq!(store.append(&tenant, Vec::new()).await.unwrap(), []);

    let stored = store.event(&tenant, first.id).await.unwrap();
    assert_eq!(
        as_sent(stored),
        [first],
        "the first delivery stays as it was"
    );
    assert_eq!(whole(&*store, &tenant).await.len(), 2);
    assert_eq!(store.event(&tenant, random.event().id).await.unwrap(), None);
    store.close().await.unwrap();
}

pub(crate) async fn stores_an_event_once_for_racing_senders(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "once-racing").await;
    let mut random = Random::seeded(3);
    let events: Vec<Event> = (0..20).map(|_| random.event()).collect();
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let (store, tenant, mut events) = (Arc::clone(&store), tenant.clone(), events.clone());
        events.rotate_left(sender);
        senders.spawn(async move {
            let mut stored = 0;
            for event in events {
                match store.append(&tenant, vec![event]).await.unwrap()[..] {
                    [Appended::Stored] => stored += 1,
                    [Appended::AlreadyThere] => {}
                    ref other => panic!("{other:?}"),
                }
            }
            stored
        });
    }
    let stored: usize = senders.join_all().await.into_iter().sum();
    assert_eq!(stored, events.len());
    assert_eq!(whole(&*store, &tenant).await, newest_first(events));
    store.close().await.unwrap();
}

/// Batches of more events than a backend otherwise stores at once, from two senders at the same time.
pub(crate) async fn takes_large_batches(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "batches").await;
    let events = history(21, 1500);
    let backwards: Vec<Event> = events.iter().rev().cloned().collect();
    let (one, other) = tokio::join!(
        store.append(&tenant, events.clone()),
        store.append(&tenant, backwards),
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    for (index, pair) in one.iter().zip(other.iter().rev()).enumerate() {
        let is_one_of_each = [(&Stored, &AlreadyThere), (&AlreadyThere, &Stored)].contains(&pair);
        assert!(is_one_of_each, "{index}: {pair:?}");
    }

    // New events, stored ones, others with the ids of either, and each of these twice.
    let mut random = Random::seeded(22);
    let new: Vec<Event> = (0..500).map(|_| random.event()).collect();
    let (mut batch, mut expected) = (Vec::new(), Vec::new());
    for (new, stored) in new.iter().zip(&events) {
        let other = |event: &Event| Event {
            record_id: event.record_id.wrapping_add(1),
            ..event.clone()
        };
        batch.extend([new.clone(), stored.clone(), other(new), other(stored)]);
        expected.extend([Stored, AlreadyThere, OtherContent, OtherContent]);
        batch.extend([new.clone(), stored.clone()]);
        expected.extend([AlreadyThere, AlreadyThere]);
    }
    assert_eq!(store.append(&tenant, batch).await.unwrap(), expected);
    let query = Query::default();
    let page = store.events(&tenant, &query).await.unwrap();
    assert_eq!(page.counts.unwrap().total, 2000);
    store.close().await.unwrap();
    let store = opener.open().await;
    let answers = store.append(&tenant, [new, events].concat()).await.unwrap();
    assert!(answers.iter().all(|it| *it == AlreadyThere));
    store.close().await.unwrap();
}

/// Strings that end badly where a text of the caller's gets into SQL, a path or JSON by hand.
const AWKWARD: [&str; 9] = [
    "'; DROP TABLE events; --",
    "' OR '1'='1",
    "\"); DELETE FROM events WHERE (\"1\"=\"1",
    "Robert'); DROP TABLE tenants;--",
    "\\'; SELECT 1; {x:String} ? ?1 :a @b $c %s ${jndi}",
    "../../etc/passwd\n\r\t\u{1}",
    "nul \0 inside",
    "grüße 你好 🦀 \u{202e}abc",
    "",
];

pub(crate) async fn gives_back_what_was_sent(opener: &dyn Opener) {
    let store = opener.open().await;
    for (index, text) in AWKWARD.into_iter().enumerate() {
        let tenant = Tenant {
            client_label: text.to_owned(),
            ..samples::tenant(&format!("verbatim-{index}"))
        };
        store.create_tenant(tenant.clone()).await.unwrap();
        let found = store.tenant_by_client_id(tenant.client_id).await.unwrap();
        assert_eq!(found.as_deref(), Some(&tenant));

        let mut random = Random::seeded(7);
        let json = serde_json::to_string(&[text]).unwrap();
        let mut events: Vec<Event> = Vec::new();
        for time in [
            "2022-11-10T10:26:12Z",
            "2022-11-10T10:26:12.1Z",
            "2022-11-10T10:26:12.100Z",
            "2022-11-10T10:26:12.123456Z",
            "2022-11-10T10:26:12.000000Z",
            "1969-12-31T23:59:59.999999Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            events.push(Event {
                time: EventTime::parse(time).unwrap(),
                source_name: text.to_owned(),
                source_info: text.to_owned(),
                data: data(&json),
                ..random.event()
            });
        }
        events[0].record_id = i64::MIN;
        events[1].record_id = i64::MAX;
        events[2].source_id = i64::MIN;
        events[3].event_type_id = i32::MIN;
        events[4].source_type_id = i32::MAX;
        events[5].data =
            data(r#"[12345678901234567890123,1.0,1e2,{"b":1,"a":[null,true]},"\u0000é"]"#);
        events[6].data = data("[]");
        store.append(&tenant, events.clone()).await.unwrap();
        for event in &events {
            let stored = store.event(&tenant, event.id).await.unwrap();
            assert_eq!(as_sent(stored), std::slice::from_ref(event));
        }
        assert_eq!(whole(&*store, &tenant).await, newest_first(events));
    }
    store.close().await.unwrap();
}

pub(crate) async fn takes_large_events(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "large").await;
    let mut random = Random::seeded(8);
    let mut events = Vec::new();
    for letter in ["x", "é", "\\u0000"] {
        let text = letter.repeat(1024 * 1024 / letter.len());
        let data = data(&format!("[\"{text}\"]"));
        events.push(Event {
            data,
            ..random.event()
        });
    }
    for event in &events {
        let answers = store.append(&tenant, vec![event.clone()]).await.unwrap();
        assert_eq!(answers, [Appended::Stored]);
    }
    assert_eq!(whole(&*store, &tenant).await, newest_first(events));
    store.close().await.unwrap();
}

pub(crate) async fn reads_large_events_a_few_at_a_time(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "large-pages").await;
    let mut random = Random::seeded(16);
    let mut events: Vec<Event> = (0..60)
        .map(|number| Event {
            data: data(&format!("[\"{}\"]", "x".repeat(2000 * (number % 31)))),
            ..random.event()
        })
        .collect();
    let text = "y".repeat(1024 * 1024 - 8);
    for event in events.iter_mut().step_by(13) {
        event.data = data(&format!("[\"{text}\"]"));
    }
    // Nodes of a cluster that share two cores take seconds for all of them at once.
    for batch in events.chunks(10) {
        store.append(&tenant, batch.to_vec()).await.unwrap();
    }
    let mut expected = newest_first(events);
    for ordering in [Ordering::NewestFirst, Ordering::OldestFirst] {
        for (limit, offset) in [(50, 0), (50, 3), (55, 0), (1000, 7), (1, 0), (1000, 59)] {
            let query = Query {
                ordering,
                limit: Limit::new(limit).unwrap(),
                offset,
                ..Query::default()
            };
            let first = store.events(&tenant, &query).await.unwrap();
            assert!(is_bounded(&first.events) && !first.events.is_empty());
            let page = page(&*store, &tenant, &query).await;
            let (skip, limit) = (offset as usize, limit as usize);
            let wanted: Vec<Event> = expected.iter().skip(skip).take(limit).cloned().collect();
            let ids = |events: &[Event]| events.iter().map(|it| it.id).collect::<Vec<_>>();
            assert_eq!(ids(&page.events), ids(&wanted), "{query:?}");
            assert!(page.events == wanted, "{query:?}");
            assert_eq!(
                (page.counts.unwrap().total, page.counts.unwrap().filtered),
                (60, 60)
            );
        }
        expected.reverse();
    }

    let (mut followed, mut after): (Vec<Event>, _) = (Vec::new(), None);
    let oldest_first = Query {
        ordering: Ordering::OldestFirst,
        limit: Limit::new(1000).unwrap(),
        ..Query::default()
    };
    loop {
        let chunk = store.events_behind(&tenant, after, &oldest_first).await;
        let chunk = chunk.unwrap();
        assert!(is_bounded(&chunk.events) && !chunk.events.is_empty());
        after = chunk.events.last().map(Event::position);
        followed.extend(as_sent(chunk.events));
        if !chunk.has_more {
            break;
        }
    }
    followed.reverse();
    assert!(followed == expected);

    // What is not there is where reading ends.
    let gone = random.event().position();
    let there = expected[0].position();
    let found = store.events_at(&tenant, &[there, gone]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(store.events_at(&tenant, &[gone]).await.unwrap(), []);
    assert_eq!(store.events_at(&tenant, &[]).await.unwrap(), []);
    store.close().await.unwrap();
}
