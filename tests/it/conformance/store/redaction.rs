//! Redaction: what is removed is in no answer any more, and everything else is as it was.

use std::sync::Arc;

use event_history::domain::{
    Clock, Count, Cursor, Event, EventId, MemberPointer, Query, Reason, ReceivedAt, Redaction,
    SystemClock, Tenant, WantedValue, Words,
};
use event_history::store::{Appended, Error, Redacted, Store};
use tokio::task::JoinSet;

use super::data_lifecycle::hold;
use super::{Opener, newest_first, page, whole, with_tenant};
use crate::samples::{Random, as_sent, data, history, tenant};

/// A word of no other event.
const SECRET: &str = "Xylographie";

pub(crate) fn redaction(members: &[&str]) -> Redaction {
    let members = members.iter().map(|it| MemberPointer::parse(it).unwrap());
    Redaction {
        members: members.collect(),
        reason: Reason::parse("Übel & 'quoted'").unwrap(),
        redacted_by: "a configured key".to_owned(),
        redacted_at: SystemClock.now(),
    }
}

/// Redacts an event that is there, and returns it as it is then.
pub(crate) async fn redacted(
    store: &dyn Store,
    tenant: &Tenant,
    id: EventId,
    members: &[&str],
) -> Event {
    match store.redact(tenant, id, &redaction(members)).await.unwrap() {
        Redacted::Event(event) => *event,
        other => panic!("{other:?}"),
    }
}

/// Returns an event with the secret in each text.
fn with_secret(random: &mut Random) -> Event {
    let json = format!(
        "[{{\"field\":\"note\",\"old\":\"plain\",\"new\":\"my {SECRET}!\"}},{{\"{SECRET}\":[1.10,\"{SECRET}\"]}}]"
    );
    Event {
        data: data(&json),
        source_name: format!("the {SECRET}"),
        source_info: "kept".to_owned(),
        ..random.event()
    }
}

const MEMBERS: [&str; 3] = ["/event_data/0/new", "/event_data/1", "/source_name"];

/// The members of [`with_secret`] that are left.
const LEFT: &str = "[{\"field\":\"note\",\"old\":\"plain\",\"new\":null},null]";

fn finding(words: &str) -> Query {
    Query {
        words: Some(Words::parse(words).unwrap()),
        ..Query::default()
    }
}

/// Returns the events that a query finds, in the list and in the feed.
async fn found(store: &dyn Store, tenant: &Tenant, query: &Query) -> Vec<EventId> {
    let listed = page(store, tenant, query).await;
    let mut found: Vec<EventId> = listed.events.iter().map(|it| it.id).collect();
    assert_eq!(listed.counts.unwrap().filtered, found.len() as u64);
    let mut arrived: Vec<EventId> = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let feed = store.feed(tenant, cursor.as_ref(), query).await.unwrap();
        arrived.extend(feed.events.iter().map(|it| it.id));
        cursor = Some(feed.cursor);
        if !feed.has_more {
            break;
        }
    }
    found.sort_unstable();
    arrived.sort_unstable();
    assert_eq!(found, arrived, "{query:?}");
    found
}

pub(crate) async fn removes_members_for_good(opener: &dyn Opener) {
    let (store, one) = with_tenant(opener, "redacted-1").await;
    let other = tenant("redacted-2");
    store.create_tenant(other.clone()).await.unwrap();
    let mut random = Random::seeded(61);
    let mut events = history(62, 400); // more than wait for the index of words
    let (early, late) = (with_secret(&mut random), with_secret(&mut random));
    events.insert(3, early.clone());
    events.push(late.clone());
    store.append(&one, events.clone()).await.unwrap();
    store.append(&other, vec![early.clone()]).await.unwrap();
    let newest = store.newest_cursor(&one).await.unwrap();
    let behind = store.cursor_behind(&one, early.id).await.unwrap();
    let rest = ids_behind(&*store, &one, behind.as_ref()).await;
    assert!(!rest.is_empty());
    let received = store.event(&one, early.id).await.unwrap().unwrap();
    assert_eq!(found(&*store, &one, &finding(SECRET)).await.len(), 2);

    let mut expected = Vec::new();
    for event in [&early, &late] {
        let now = redacted(&*store, &one, event.id, &MEMBERS).await;
        assert_eq!(now.data.as_str(), LEFT);
        assert_eq!(
            (now.source_name.as_str(), now.source_info.as_str()),
            ("", "kept")
        );
        assert_eq!(now.redactions.count(), 1);
        assert_eq!(
            store.event(&one, event.id).await.unwrap().as_ref(),
            Some(&now)
        );
        expected.push(now);
    }
    assert_eq!(expected[0].received_at, received.received_at);
    let again = redacted(&*store, &one, early.id, &MEMBERS).await;
    assert_eq!(again, expected[0], "a second time changes nothing");
    let all = ["/event_data", "/source_info", "/source_name"];
    expected[0] = redacted(&*store, &one, early.id, &all).await;
    assert_eq!(expected[0].data.as_str(), "[]");
    assert_eq!(expected[0].redactions.count(), 2);

    for event in &mut events {
        if let Some(now) = as_sent(expected.clone())
            .into_iter()
            .find(|it| it.id == event.id)
        {
            *event = now;
        }
    }
    check(&*store, &one, &events, &expected).await;
    // Who follows the history continues where it was.
    assert_eq!(store.newest_cursor(&one).await.unwrap(), newest);
    assert_eq!(store.cursor_behind(&one, early.id).await.unwrap(), behind);
    let rest_now = ids_behind(&*store, &one, behind.as_ref()).await;
    assert_eq!(rest_now, rest);
    let kept = store.event(&other, early.id).await.unwrap();
    assert_eq!(as_sent(kept).first(), Some(&early), "of another tenant");

    store.close().await.unwrap();
    let store = opener.open().await;
    check(&*store, &one, &events, &expected).await;
    delete(&*store, &[one, other]).await;
    store.close().await.unwrap();
}

/// Deletes tenants: there may be only so many dedicated ones.
async fn delete(store: &dyn Store, tenants: &[Tenant]) {
    for tenant in tenants {
        store.delete_tenant(tenant).await.unwrap();
    }
}

/// Returns what the feed shows behind a cursor.
async fn ids_behind(store: &dyn Store, tenant: &Tenant, after: Option<&Cursor>) -> Vec<EventId> {
    let feed = store.feed(tenant, after, &Query::default()).await.unwrap();
    feed.events.iter().map(|it| it.id).collect()
}

/// Compares all that reads show with a list of events, of which `redacted` have lost the secret.
async fn check(store: &dyn Store, tenant: &Tenant, events: &[Event], redacted: &[Event]) {
    assert_eq!(whole(store, tenant).await, newest_first(events.to_vec()));
    let nobody: [EventId; 0] = [];
    assert_eq!(found(store, tenant, &finding(SECRET)).await, nobody);
    let mut by_value = Query::default();
    by_value.changes.values = vec![WantedValue::new(format!("my {SECRET}!"))];
    assert_eq!(found(store, tenant, &by_value).await, nobody);
    let by_name = Query {
        source_names: vec![format!("the {SECRET}")],
        ..Query::default()
    };
    assert_eq!(found(store, tenant, &by_name).await, nobody);
    for event in redacted {
        let text = format!("{event:?}");
        assert!(!text.contains(SECRET), "{text}");
    }
    // What was not removed is found.
    let last = redacted.last().unwrap();
    assert_eq!(
        found(store, tenant, &finding("note plain kept")).await,
        [last.id]
    );
}

pub(crate) async fn is_not_undone_by_redeliveries(opener: &dyn Opener) {
    let (store, one) = with_tenant(opener, "redacted-3").await;
    let mut random = Random::seeded(63);
    let (sent, plain) = (with_secret(&mut random), random.event());
    store
        .append(&one, vec![sent.clone(), plain.clone()])
        .await
        .unwrap();
    let now = redacted(&*store, &one, sent.id, &MEMBERS).await;
    let other = Event {
        record_id: sent.record_id + 1,
        data: data("[\"other\"]"),
        ..sent.clone()
    };
    let later = random.event();
    for (batch, expected) in [
        (vec![sent.clone()], vec![Appended::AlreadyThere]),
        (vec![other.clone()], vec![Appended::AlreadyThere]),
        (
            vec![later.clone(), sent.clone(), plain.clone(), sent.clone()],
            vec![
                Appended::Stored,
                Appended::AlreadyThere,
                Appended::AlreadyThere,
                Appended::AlreadyThere,
            ],
        ),
    ] {
        assert_eq!(store.append(&one, batch).await.unwrap(), expected);
    }
    assert_eq!(
        store.event(&one, sent.id).await.unwrap().as_ref(),
        Some(&now)
    );
    let events = vec![
        Event {
            received_at: None,
            ..now.clone()
        },
        plain.clone(),
        later,
    ];
    assert_eq!(whole(&*store, &one).await, newest_first(events));

    // A copy keeps its redactions, and is no redelivery of an event that was not redacted.
    let copy = tenant("redacted-4");
    store.create_tenant(copy.clone()).await.unwrap();
    let answers = store.append(&copy, vec![now.clone()]).await.unwrap();
    assert_eq!(answers, [Appended::Stored]);
    assert_eq!(
        store.event(&copy, now.id).await.unwrap().as_ref(),
        Some(&now)
    );
    assert_eq!(
        store
            .append(&copy, vec![sent.clone(), now.clone()])
            .await
            .unwrap(),
        [Appended::AlreadyThere; 2]
    );
    let unredacted = tenant("redacted-5");
    store.create_tenant(unredacted.clone()).await.unwrap();
    let received_at = Some(ReceivedAt::from(SystemClock.now()));
    let first = Event {
        received_at,
        ..sent.clone()
    };
    store.append(&unredacted, vec![first]).await.unwrap();
    let answers = store.append(&unredacted, vec![now]).await.unwrap();
    assert_eq!(answers, [Appended::OtherContent]);
    delete(&*store, &[one, copy, unredacted]).await;
    store.close().await.unwrap();
}

pub(crate) async fn refuses_what_cannot_be_redacted(opener: &dyn Opener) {
    let (store, one) = with_tenant(opener, "redacted-6").await;
    let mut random = Random::seeded(64);
    let (held, free) = (with_secret(&mut random), with_secret(&mut random));
    let held = Event {
        record_id: 4,
        ..held
    };
    let free = Event {
        record_id: 5,
        ..free
    };
    store
        .append(&one, vec![held.clone(), free.clone()])
        .await
        .unwrap();
    let redact =
        async |id, members: &[&str]| store.redact(&one, id, &redaction(members)).await.unwrap();
    let unknown = random.event().id;
    assert_eq!(redact(unknown, &MEMBERS).await, Redacted::NoSuchEvent);
    let of_record = hold(Some(4), 1);
    store.place_hold(&one, &of_record).await.unwrap();
    assert_eq!(redact(held.id, &MEMBERS).await, Redacted::UnderHold);
    let refused = redact(free.id, &["/source_info", "/event_data/7", "/event_id"]).await;
    let Redacted::Refused(problems) = refused else {
        panic!("{refused:?}");
    };
    let indexes: Vec<_> = problems.iter().map(|it| it.index).collect();
    assert_eq!(indexes, [Some(1), Some(2)]);
    assert_eq!(
        whole(&*store, &one).await,
        newest_first(vec![held.clone(), free.clone()])
    );

    redacted(&*store, &one, free.id, &MEMBERS).await;
    let of_all = hold(None, 2);
    store.place_hold(&one, &of_all).await.unwrap();
    store.release_hold(&one, of_record.id).await.unwrap();
    assert_eq!(redact(held.id, &MEMBERS).await, Redacted::UnderHold);
    store.release_hold(&one, of_all.id).await.unwrap();
    redacted(&*store, &one, held.id, &MEMBERS).await;
    store.delete_tenant(&one).await.unwrap();
    super::assert_missing(&store.redact(&one, held.id, &redaction(&MEMBERS)).await);
    store.close().await.unwrap();
}

/// Of redactions at the same moment none is lost, and events that come meanwhile are stored.
pub(crate) async fn keeps_concurrent_redactions_apart(opener: &dyn Opener) {
    let (store, one) = with_tenant(opener, "redacted-7").await;
    let mut random = Random::seeded(65);
    let sent = with_secret(&mut random);
    store.append(&one, vec![sent.clone()]).await.unwrap();
    let mut tasks = JoinSet::new();
    for member in MEMBERS {
        let (store, one, id) = (Arc::clone(&store), one.clone(), sent.id);
        tasks.spawn(async move {
            loop {
                match store.redact(&one, id, &redaction(&[member])).await {
                    Ok(Redacted::Event(_)) => return,
                    Err(Error::Busy) => {}
                    other => panic!("{other:?}"),
                }
            }
        });
    }
    for _ in 0..5 {
        let (store, one) = (Arc::clone(&store), one.clone());
        let (again, new) = (sent.clone(), random.event());
        tasks.spawn(async move {
            let answers = store.append(&one, vec![again, new]).await.unwrap();
            assert_eq!(answers, [Appended::AlreadyThere, Appended::Stored]);
        });
    }
    tasks.join_all().await;
    let now = store.event(&one, sent.id).await.unwrap().unwrap();
    assert_eq!(now.data.as_str(), LEFT);
    assert_eq!((now.source_name.as_str(), now.redactions.count()), ("", 3));
    let query = Query {
        count: Count::Exact,
        ..finding(SECRET)
    };
    assert!(page(&*store, &one, &query).await.events.is_empty());
    assert_eq!(whole(&*store, &one).await.len(), 6);
    delete(&*store, &[one]).await;
    store.close().await.unwrap();
}
