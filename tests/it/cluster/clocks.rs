//! Replicas whose clock is wrong, and one server's that is set back.

use std::time::Duration;

use event_history::domain::{Cursor, Event, EventId, Query, Tenant};
use event_history::store::{Error, Store};

use super::{create, open};
use crate::samples::{Random, history};
use crate::support::{self, Cluster};

/// Healthy it takes less than two seconds.
const SHOWN: Duration = Duration::from_secs(20);

/// Reads until an event has come, and returns what came.
async fn read_until(
    store: &dyn Store,
    tenant: &Tenant,
    cursor: &mut Option<Cursor>,
    event: EventId,
) -> Vec<EventId> {
    let mut came = Vec::new();
    support::wait_for("an event to be shown", SHOWN, async || {
        let feed = store.feed(tenant, cursor.as_ref(), &Query::default()).await;
        if let Ok(feed) = feed {
            came.extend(feed.events.iter().map(|it| it.id));
            *cursor = Some(feed.cursor);
        }
        came.contains(&event).then_some(())
    })
    .await;
    came
}

/// Waits until the feed is refused for a reason.
async fn wait_for_stop(store: &dyn Store, tenant: &Tenant, cursor: Option<&Cursor>, reason: &str) {
    support::wait_for(reason, SHOWN, async || {
        match store.feed(tenant, cursor, &Query::default()).await {
            Err(Error::Unavailable(found)) => found.to_string().contains(reason).then_some(()),
            Err(error) => panic!("{error}"),
            Ok(_) => None,
        }
    })
    .await;
}

/// Stores an event at the first attempt that succeeds.
async fn append(store: &dyn Store, tenant: &Tenant, event: &Event) {
    support::wait_for("an event to be stored", SHOWN, async || {
        store.append(tenant, vec![event.clone()]).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_clock_is_wrong_stops_the_feed_and_puts_nothing_before_a_cursor() {
    let mut cluster = Cluster::start(1, 3);
    let url = cluster.url();
    let store = open(&url).await;
    // The node to which services write as long as it answers.
    let nodes = cluster.nodes().iter().enumerate();
    let (wrong, _) = nodes.min_by_key(|(_, node)| node.tcp_port()).unwrap();
    let tenant = create(&*store, "skewed").await;
    let mut random = Random::seeded(1);
    let first = random.event();
    append(&*store, &tenant, &first).await;
    let mut cursor = None;
    assert_eq!(
        read_until(&*store, &tenant, &mut cursor, first.id).await,
        [first.id]
    );

    for seconds in [10, -10] {
        cluster.nodes()[wrong].set_clock(seconds);
        wait_for_stop(&*store, &tenant, cursor.as_ref(), "differ by").await;
        let meanwhile = random.event();
        append(&*store, &tenant, &meanwhile).await;
        cluster.nodes()[wrong].set_clock(0);
        let came = read_until(&*store, &tenant, &mut cursor, meanwhile.id).await;
        assert_eq!(came, [meanwhile.id]);
    }

    // It comes back with a clock that is behind, while the others show news.
    cluster.nodes()[wrong].kill();
    let alone = random.event();
    append(&*store, &tenant, &alone).await;
    let came = read_until(&*store, &tenant, &mut cursor, alone.id).await;
    assert_eq!(came, [alone.id]);
    cluster.nodes()[wrong].set_clock(-10);
    tokio::task::block_in_place(|| cluster.node_mut(wrong).start_again());
    let returned = random.event();
    let writer = open(&url).await;
    append(&*writer, &tenant, &returned).await;
    wait_for_stop(&*store, &tenant, cursor.as_ref(), "differ by").await;
    cluster.nodes()[wrong].set_clock(0);
    let came = read_until(&*store, &tenant, &mut cursor, returned.id).await;
    assert_eq!(came.last(), Some(&returned.id));
    let all = read_until(&*store, &tenant, &mut None, returned.id).await;
    assert_eq!(all.last(), Some(&returned.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_puts_nothing_before_a_cursor_on_one_node_of_no_cluster() {
    let cluster = Cluster::start(1, 1);
    let node = &cluster.nodes()[0];
    let store = open(&node.url()).await;
    let tenant = create(&*store, "set_back").await;
    let events = history(1, 3);
    let last = events.iter().map(|it| it.id).max().unwrap();
    store.append(&tenant, events).await.unwrap();
    let mut cursor = None;
    assert_eq!(
        read_until(&*store, &tenant, &mut cursor, last).await.len(),
        3
    );

    node.set_clock(-8);
    let mut random = Random::seeded(2);
    let [known, after_restart] = [random.event(), random.event()];
    append(&*store, &tenant, &known).await;
    wait_for_stop(&*store, &tenant, cursor.as_ref(), "set back").await;
    store.close().await.unwrap();

    // A service that starts now has seen no other clock.
    let store = open(&node.url()).await;
    append(&*store, &tenant, &after_restart).await;
    let came = read_until(&*store, &tenant, &mut cursor, after_restart.id).await;
    assert_eq!(came.len(), 2, "{came:?}");
    assert!(came.contains(&known.id));
    store.close().await.unwrap();
}
