//! Two shards: whose events are where, and what a lost node costs.

use std::time::Instant;

use event_history::domain::{Event, Placement, Query, Tenant};
use event_history::store::{Appended, Error, Store};

use super::{
    LIMIT, REPAIRED, append, assert_stored, create, create_placed, findings, open, saying,
};
use crate::samples::{Random, tenant};
use crate::support::cluster::Node;
use crate::support::{self, Cluster};

const COUNT_OWN: &str = "SELECT count() FROM _event_history.events WHERE client_id =";

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_node_stops_the_writes_of_its_shard_alone() {
    let mut cluster = Cluster::start(2, 2);
    let store = open(&cluster.url()).await;
    let mut random = Random::seeded(4);
    let mut tenants = [Vec::new(), Vec::new()];
    for number in 0..6 {
        let tenant = create(&*store, &format!("sharded-{number}")).await;
        tenants[usize::from(shard_of(&cluster, &tenant).await == "2")].push(tenant);
    }
    assert_eq!(tenants.each_ref().map(Vec::len), [3, 3], "evenly");
    let own = create_placed(&*store, "own-tables", Placement::Dedicated).await;
    let own_shard = usize::from(shard_of(&cluster, &own).await == "2");
    let all: Vec<Tenant> = tenants.iter().flatten().chain([&own]).cloned().collect();
    let mut stored = Vec::new();
    for tenant in &all {
        stored.push((tenant.clone(), random.event()));
        append(&*store, tenant, &stored[stored.len() - 1].1).await;
    }
    events_are_in_their_shard_alone(&cluster, &tenants).await;
    let engine = format!(
        "SELECT engine FROM system.tables WHERE database = '{}' AND name LIKE 'events_%'",
        own.database_name
    );
    let engine = cluster.shard(own_shard)[1].query(&engine).await;
    assert_eq!(engine, "ReplicatedReplacingMergeTree\n");

    let healthy = findings(&cluster.url()).await;
    for shard in ["1", "2"] {
        let nodes = saying(&healthy, &format!(" of shard '{shard}' is 0 s behind"));
        assert_eq!(nodes.len(), 2, "{healthy:?}");
        let few = format!("shard {shard} has 2 replicas: it stores nothing while one is lost");
        assert_eq!(saying(&healthy, &few).len(), 1, "{healthy:?}");
    }

    // A node of the second shard.
    cluster.nodes()[3].kill();
    let hurt = findings(&cluster.url()).await;
    assert_eq!(saying(&hurt, " does not answer").len(), 1, "{hurt:?}");
    let stopped = saying(
        &hurt,
        "shard 2 stores nothing: 1 of its 2 replicas can, and 2 have to",
    );
    assert_eq!(stopped.len(), 1, "{hurt:?}");
    store.ping().await.unwrap(); // the other shard stores events
    let [healthy, hurt] = &tenants;
    for tenant in healthy {
        stored.push((tenant.clone(), random.event()));
        append(&*store, tenant, &stored[stored.len() - 1].1).await;
    }
    refuses(&*store, &hurt[0], &random.event()).await;
    let other = open(&cluster.url()).await;
    for store in [&store, &other] {
        assert_stored(&**store, &stored).await;
        for tenant in &all {
            let page = store.events(tenant, &Query::default()).await.unwrap();
            assert!(page.counts.unwrap().total > 0, "{}", tenant.database_name);
        }
    }
    // New tenants go where they can be stored.
    for number in 0..2 {
        let tenant = create(&*other, &format!("meanwhile-{number}")).await;
        assert_eq!(shard_of(&cluster, &tenant).await, "1");
        stored.push((tenant.clone(), random.event()));
        append(&*store, &tenant, &stored[stored.len() - 1].1).await;
    }

    cluster.node_mut(3).start_again();
    support::wait_for("the shard to store events", REPAIRED, async || {
        store.append(&hurt[0], vec![random.event()]).await.ok()
    })
    .await;
    assert_stored(&*other, &stored).await;
    let next = create(&*store, "afterwards").await;
    assert_eq!(shard_of(&cluster, &next).await, "2", "which has fewer");
    for tenant in [&own, &hurt[0]] {
        store.delete_tenant(tenant).await.unwrap();
        let gone = other.tenant_by_client_id(tenant.client_id).await;
        assert!(
            other.events(tenant, &Query::default()).await.is_err(),
            "{gone:?}"
        );
    }
    let left = format!("{COUNT_OWN} '{}'", hurt[0].client_id);
    for node in cluster.shard(1) {
        eventually(node, &left, "0\n").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_gone_stops_no_other() {
    let mut cluster = Cluster::start(2, 2);
    let store = open(&cluster.url()).await;
    let mut random = Random::seeded(5);
    let [one, other] = ["one", "other"].map(|name| create(&*store, name));
    let (one, other) = (one.await, other.await);
    let (kept, lost) = if shard_of(&cluster, &one).await == "1" {
        (one, other)
    } else {
        (other, one)
    };
    let mut stored = vec![
        (kept.clone(), random.event()),
        (lost.clone(), random.event()),
    ];
    for (tenant, event) in &stored {
        append(&*store, tenant, event).await;
    }
    for node in [2, 3] {
        cluster.nodes()[node].kill();
    }
    store.ping().await.unwrap();
    stored.push((kept.clone(), random.event()));
    append(&*store, &kept, &stored[2].1).await;
    assert_stored(&*store, &[stored[0].clone(), stored[2].clone()]).await;
    let started = Instant::now();
    let read = store.event(&lost, stored[1].1.id).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert!(started.elapsed() < LIMIT);
    // Half of the entries' replicas are enough to read them.
    let later = open(&cluster.url()).await;
    assert_stored(&*later, &stored[..1]).await;
    let read = later.event(&lost, stored[1].1.id).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");

    for node in [2, 3] {
        cluster.node_mut(node).start_again();
    }
    support::wait_for("the shard to answer", REPAIRED, async || {
        later.event(&lost, stored[1].1.id).await.ok()
    })
    .await;
    assert_stored(&*later, &stored).await;
    // It answers before it takes events: a replica does not until its session with Keeper is there again.
    let outcomes = support::wait_for("the shard to take events", REPAIRED, async || {
        later.append(&lost, vec![stored[1].1.clone()]).await.ok()
    })
    .await;
    assert_eq!(outcomes, [Appended::AlreadyThere]);
}

async fn refuses(store: &dyn Store, tenant: &Tenant, event: &Event) {
    let started = Instant::now();
    let refused = store.append(tenant, vec![event.clone()]).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}

/// Returns the shard that the entry of a tenant names.
async fn shard_of(cluster: &Cluster, tenant: &Tenant) -> String {
    let sql = format!(
        "SELECT shard FROM default.tenants FINAL WHERE client_id = '{}'",
        tenant.client_id
    );
    let mut shard = String::new();
    for node in &cluster.nodes()[..2] {
        shard = node.query(&sql).await;
        if !shard.is_empty() {
            break;
        }
    }
    shard.trim_end().to_owned()
}

async fn events_are_in_their_shard_alone(cluster: &Cluster, tenants: &[Vec<Tenant>; 2]) {
    for (number, tenants) in tenants.iter().enumerate() {
        for tenant in tenants {
            let sql = format!("{COUNT_OWN} '{}'", tenant.client_id);
            for node in cluster.shard(number) {
                eventually(node, &sql, "1\n").await;
            }
            for node in cluster.shard(1 - number) {
                assert_eq!(node.query(&sql).await, "0\n");
                let exists = format!("EXISTS DATABASE `{}`", tenant.database_name);
                assert_eq!(node.query(&exists).await, "0\n");
            }
        }
    }
}

async fn eventually(node: &Node, sql: &str, answer: &str) {
    support::wait_for(sql, REPAIRED, async || {
        (node.try_query(sql).await.as_deref() == Ok(answer)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_named() {
    let cluster = Cluster::start(1, 1);
    let url = cluster.url().replace("cluster=main", "cluster=other");
    let refused = event_history::store::open(&url.parse().unwrap()).await;
    let text = format!("{:?}", refused.err());
    assert!(text.contains("no cluster 'other'"), "{text}");
    let store = open(&cluster.url()).await;
    assert!(!store.has_database(&tenant("nobody")).await.unwrap());
}
