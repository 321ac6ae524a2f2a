//! The order of arrival on ClickHouse: duplicates, a server that is killed, and a table that was restored.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_history::domain::{Clock, Cursor, CursorProblem, EventId, Query, SystemClock, Tenant};
use event_history::store::{Appended, Error, Store};
use futures_util::future::join_all;

use super::{POOL, Place, created};
use crate::samples::{Random, history};

/// Reads on until there is nothing more; a server that is gone ends it too.
async fn read_on(store: &dyn Store, tenant: &Tenant, cursor: &mut Option<Cursor>) -> Vec<EventId> {
    let mut ids = Vec::new();
    loop {
        let feed = match store.feed(tenant, cursor.as_ref(), &Query::default()).await {
            Ok(feed) => feed,
            Err(Error::Unavailable(_) | Error::Busy) => return ids,
            Err(error) => panic!("{error}"),
        };
        ids.extend(feed.events.iter().map(|it| it.id));
        *cursor = Some(feed.cursor);
        if !feed.has_more {
            return ids;
        }
    }
}

/// Reads on until so many events have come, or it takes too long.
async fn await_events(
    store: &dyn Store,
    tenant: &Tenant,
    cursor: &mut Option<Cursor>,
    count: usize,
) -> Vec<EventId> {
    let (mut ids, started) = (Vec::new(), Instant::now());
    while ids.len() < count && started.elapsed() < Duration::from_secs(20) {
        ids.extend(read_on(store, tenant, cursor).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_duplicates_are_one_event() {
    let place = Place::new();
    let store = place.replica().await;
    let tenant = created(&*store, "duplicated").await;
    let events = history(1, 20);
    let expected: HashSet<EventId> = events.iter().map(|it| it.id).collect();
    store.append(&tenant, events).await.unwrap();
    let mut early = None;
    assert_eq!(
        await_events(&*store, &tenant, &mut early, 20).await.len(),
        20
    );
    let columns = "client_id, event_id, time_us, time_digits, event_type_id, record_id, source_id, \
         source_type_id, source_name, source_info, file_id, event_data, files";
    place.sql(&format!("SYSTEM STOP MERGES {POOL}")).await;
    // Later rows of all events, and of some at another event time, as another service may store them.
    for time in ["time_us", "time_us", "time_us - 1000000"] {
        let selected = columns.replace("time_us", &format!("{time} AS time_us"));
        let sql = format!("INSERT INTO {POOL} ({columns}) SELECT {selected} FROM {POOL}");
        place
            .sql(&sql.replace("time_us AS time_us", "time_us"))
            .await;
    }
    let news = Random::seeded(2).event();
    store.append(&tenant, vec![news.clone()]).await.unwrap();
    // Who has seen them does not see them again, and who comes late sees each once.
    assert_eq!(
        await_events(&*store, &tenant, &mut early, 1).await,
        [news.id]
    );
    let late = read_on(&*store, &tenant, &mut None).await;
    assert_eq!(late.len(), 21, "{late:?}");
    let seen: HashSet<EventId> = late[..20].iter().copied().collect();
    assert_eq!(seen, expected);
    place.sql(&format!("SYSTEM START MERGES {POOL}")).await;
    place.sql(&format!("OPTIMIZE TABLE {POOL} FINAL")).await;
    assert_eq!(read_on(&*store, &tenant, &mut None).await, late);
    assert_eq!(read_on(&*store, &tenant, &mut early).await, []);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_that_an_insert_under_way_could_precede() {
    let place = Place::new();
    let store = place.replica().await;
    let tenant = created(&*store, "overtaken").await;
    let first = history(3, 1);
    store.append(&tenant, first).await.unwrap();
    let mut cursor = None;
    await_events(&*store, &tenant, &mut cursor, 1).await;
    // Its row is received at its beginning, and is there seconds later.
    let slow = format!(
        "INSERT INTO {POOL} (client_id, event_id, time_us, event_data, received_at) \
         SELECT '{}', generateUUIDv4(), 5, '[]', received_at FROM (SELECT now64(6) AS received_at) \
         WHERE sleepEachRow(2.5) = 0",
        tenant.client_id
    );
    let id = format!("event-history-insert:{POOL}:slow");
    let inserting = place.engine.query_with_id(&id, &slow);
    let overtaking = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let quick = Random::seeded(4).event();
        store.append(&tenant, vec![quick.clone()]).await.unwrap();
        quick.id
    };
    let following = async { await_events(&*store, &tenant, &mut cursor, 2).await };
    let (_, quick, came) = tokio::join!(inserting, overtaking, following);
    assert_eq!(came.len(), 2, "{came:?}");
    assert_eq!(came[1], quick, "the slow one was received before");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_table_refuses_cursors() {
    let place = Place::with_options("?placement=dedicated");
    let store = place.replica().await;
    let tenant = created(&*store, "restored").await;
    store.append(&tenant, history(5, 3)).await.unwrap();
    let mut cursor = None;
    await_events(&*store, &tenant, &mut cursor, 3).await;
    let table = format!("restored.{}", super::table(&tenant));
    place
        .sql(&format!("CREATE TABLE restored.copy AS {table}"))
        .await;
    place
        .sql(&format!("INSERT INTO restored.copy SELECT * FROM {table}"))
        .await;
    place
        .sql(&format!("EXCHANGE TABLES {table} AND restored.copy"))
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await; // longer than a watermark counts
    let refused = store
        .feed(&tenant, cursor.as_ref(), &Query::default())
        .await;
    assert!(
        matches!(refused, Err(Error::CursorRefused(CursorProblem::Restored))),
        "{refused:?}"
    );
    store.close().await.unwrap();
}

/// Writers and a reader, while the server is killed: every acknowledged event is seen, and each once.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_every_acknowledged_event_once_whenever_the_server_is_killed() {
    let rounds = crate::support::number_from_environment("EVENT_HISTORY_TEST_ROUNDS", 2);
    let mut place = Place::new();
    let store = place.replica().await;
    let tenant = created(&*store, "followed").await;
    let (mut acknowledged, mut seen): (HashSet<EventId>, HashSet<EventId>) = Default::default();
    let (mut cursor, mut lags) = (None, Vec::new());
    for round in 1..=rounds {
        let killed = Arc::new(AtomicBool::new(false));
        let writers = join_all((0..4).map(|writer| {
            let (store, tenant, killed) = (Arc::clone(&store), tenant.clone(), Arc::clone(&killed));
            tokio::spawn(async move {
                let mut random = Random::seeded(100 * round + writer);
                let mut stored = Vec::new();
                while !killed.load(Ordering::SeqCst) {
                    let event = random.event();
                    if let Ok(answers) = store.append(&tenant, vec![event.clone()]).await {
                        assert_eq!(answers, [Appended::Stored]);
                        stored.push(event.id);
                    }
                }
                stored
            })
        }));
        let following = async {
            while !killed.load(Ordering::SeqCst) {
                let feed = store
                    .feed(&tenant, cursor.as_ref(), &Query::default())
                    .await;
                if let Ok(feed) = feed {
                    let now = SystemClock.now().as_microsecond();
                    for event in feed.events {
                        assert!(seen.insert(event.id), "{} came twice", event.id);
                        lags.push(now - event.received_at.unwrap().micros());
                    }
                    cursor = Some(feed.cursor);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let power_cut = async {
            tokio::time::sleep(Duration::from_millis(1500 + 400 * round)).await;
            place.engine.kill();
            killed.store(true, Ordering::SeqCst);
        };
        let (written, (), ()) = tokio::join!(writers, following, power_cut);
        acknowledged.extend(written.into_iter().flat_map(Result::unwrap));
        place.engine.start_again();
    }
    assert!(
        acknowledged.len() > 20,
        "{} events came through",
        acknowledged.len()
    );
    let started = Instant::now();
    while !acknowledged.is_subset(&seen) && started.elapsed() < Duration::from_secs(30) {
        for id in await_events(&*store, &tenant, &mut cursor, 1).await {
            assert!(seen.insert(id), "{id} came twice");
        }
    }
    let missed: Vec<_> = acknowledged.difference(&seen).collect();
    assert!(missed.is_empty(), "acknowledged and not seen: {missed:?}");
    let all = await_events(&*store, &tenant, &mut None, seen.len()).await;
    assert_eq!(all.iter().copied().collect::<HashSet<_>>().len(), all.len());
    assert!(seen.iter().all(|id| all.contains(id)));
    lags.sort_unstable();
    let (median, p95) = (
        lags[lags.len() / 2] / 1000,
        lags[lags.len() * 95 / 100] / 1000,
    );
    println!(
        "{rounds} rounds: {} events, lag p50 {median} ms, p95 {p95} ms",
        all.len()
    );
    assert!(p95 < 2000, "the feed is {p95} ms behind");
    store.close().await.unwrap();
}
