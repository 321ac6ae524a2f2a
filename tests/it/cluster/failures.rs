//! What a replica that is dead or behind, and a Keeper that is down, do to the service.

use std::time::Instant;

use event_history::domain::Event;
use event_history::store::{Appended, Error};

use super::{LIMIT, REPAIRED, append, assert_stored, create, open};
use crate::samples::Random;
use crate::support::{self, Cluster};

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_or_paused_replica_stops_nothing() {
    let mut cluster = Cluster::start(1, 3);
    let store = open(&cluster.url()).await;
    let mut random = Random::seeded(1);
    let first = create(&*store, "before").await;
    let mut stored = vec![(first.clone(), random.event())];
    append(&*store, &first, &stored[0].1).await;

    // The one that the service has asked so far.
    cluster.nodes()[0].kill();
    let second = create(&*store, "meanwhile").await;
    for tenant in [&first, &second] {
        stored.push((tenant.clone(), random.event()));
        append(&*store, tenant, &stored[stored.len() - 1].1).await;
    }
    let other = open(&cluster.url()).await;
    assert_stored(&*other, &stored).await;

    cluster.node_mut(0).start_again();
    let node = &cluster.nodes()[0];
    support::wait_for("the replica to be repaired", REPAIRED, async || {
        let view = node.try_query("SELECT count() FROM meanwhile.events").await;
        (view.as_deref() == Ok("1\n")).then_some(())
    })
    .await;

    cluster.nodes()[1].pause();
    for store in [&store, &other] {
        stored.push((second.clone(), random.event()));
        append(&**store, &second, &stored[stored.len() - 1].1).await;
        assert_stored(&**store, &stored).await;
    }
    store.delete_tenant(&first).await.unwrap();
    cluster.nodes()[1].resume();
    stored.retain(|(tenant, _)| *tenant != first);
    assert_stored(&*store, &stored).await;
    let node = &cluster.nodes()[1];
    support::wait_for("the deleted database to go", REPAIRED, async || {
        let exists = node.try_query("EXISTS DATABASE before").await;
        (exists.as_deref() == Ok("0\n")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_lags_forgets_nothing() {
    let cluster = Cluster::start(1, 3);
    let addresses = cluster
        .nodes()
        .iter()
        .map(|node| node.address().to_string());
    let mut addresses: Vec<_> = addresses.collect();
    let one = open(&cluster.url()).await;
    addresses.reverse();
    let other = open(&format!(
        "clickhouse://{}?cluster=main",
        addresses.join(",")
    ))
    .await;
    let mut random = Random::seeded(2);
    let tables = ["default.tenants", "_event_history.events"];
    let mut lacking = None;
    // The replica that takes what is stored cannot lag. The service may choose any of them.
    for (number, lagging) in cluster.nodes().iter().enumerate() {
        for table in tables {
            lagging.query(&format!("SYSTEM STOP FETCHES {table}")).await;
        }
        let tenant = create(&*one, &format!("lagging_{number}")).await;
        let event = random.event();
        append(&*one, &tenant, &event).await;
        let id = event.id.uuid();
        let sql = format!("SELECT count() FROM _event_history.events WHERE event_id = '{id}'");
        if lagging.query(&sql).await == "0\n" {
            lacking = Some((tenant, event));
            break;
        }
        for table in tables {
            lagging
                .query(&format!("SYSTEM START FETCHES {table}"))
                .await;
        }
    }
    let (tenant, event) = lacking.expect("a replica that takes nothing lags");

    let found = other.tenant_by_client_id(tenant.client_id).await.unwrap();
    assert_eq!(found.as_deref(), Some(&tenant));
    let changed = Event {
        record_id: event.record_id + 1,
        ..event.clone()
    };
    for (sent, outcome) in [
        (&event, Appended::AlreadyThere),
        (&changed, Appended::OtherContent),
    ] {
        let outcomes = other.append(&tenant, vec![sent.clone()]).await.unwrap();
        assert_eq!(outcomes, [outcome]);
    }
    assert_stored(&*other, &[(tenant, event)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keeper_reads_continue_and_writes_are_refused() {
    let mut cluster = Cluster::start(1, 3);
    let store = open(&cluster.url()).await;
    let mut random = Random::seeded(3);
    let tenant = create(&*store, "keeperless").await;
    let stored = [(tenant.clone(), random.event())];
    append(&*store, &tenant, &stored[0].1).await;

    cluster.zookeeper().kill();
    let started = Instant::now();
    let refused = store.append(&tenant, vec![random.event()]).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
    assert!(!store.takes_writes());
    assert_stored(&*store, &stored).await;
    support::wait_for("the store not to be ready", REPAIRED, async || {
        store.ping().await.is_err().then_some(())
    })
    .await;

    cluster.zookeeper_mut().start_again();
    support::wait_for("an event to be stored", REPAIRED, async || {
        store.append(&tenant, vec![random.event()]).await.ok()
    })
    .await;
    assert!(store.takes_writes());
    store.ping().await.unwrap();
}
