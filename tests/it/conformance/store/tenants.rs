//! Tenants: made, found, kept apart and deleted.

use std::sync::Arc;

use event_history::domain::query::Limit;
use event_history::domain::{Event, Query, Tenant};
use event_history::store::{Appended, Created, Error};
use tokio::task::JoinSet;

use super::{Opener, assert_missing, newest_first, whole, with_tenant};
use crate::samples::{self, Random, history, tenant};

pub(crate) async fn creates_finds_and_deletes_tenants(opener: &dyn Opener) {
    let store = opener.open().await;
    let tenant = tenant("creates-1");
    assert_eq!(
        store.tenant_by_client_id(tenant.client_id).await.unwrap(),
        None
    );
    assert!(!store.has_database(&tenant).await.unwrap());
    store.delete_tenant(&tenant).await.unwrap(); // not there: no error

    assert_eq!(
        store.create_tenant(tenant.clone()).await.unwrap(),
        Created::New
    );
    let found = store.tenant_by_client_id(tenant.client_id).await.unwrap();
    assert_eq!(found.as_deref(), Some(&tenant));
    let found = store.tenant_by_name(&tenant.database_name).await.unwrap();
    assert_eq!(found.as_deref(), Some(&tenant));
    assert!(store.has_database(&tenant).await.unwrap());

    let rival = samples::tenant("creates-1");
    assert_eq!(
        store.create_tenant(rival.clone()).await.unwrap(),
        Created::NameTaken
    );
    assert_eq!(
        store.tenant_by_client_id(rival.client_id).await.unwrap(),
        None
    );

    store.delete_tenant(&tenant).await.unwrap();
    assert_eq!(
        store.tenant_by_client_id(tenant.client_id).await.unwrap(),
        None
    );
    assert_eq!(
        store.tenant_by_name(&tenant.database_name).await.unwrap(),
        None
    );
    assert!(!store.has_database(&tenant).await.unwrap());
    store.delete_tenant(&tenant).await.unwrap();
    store.ping().await.unwrap();
    store.close().await.unwrap();
}

pub(crate) async fn lets_one_of_racing_creations_win(opener: &dyn Opener) {
    let store = opener.open().await;
    let rounds = if opener.is_slow() { 2 } else { 8 };
    for round in 0..rounds {
        let mut racers = JoinSet::new();
        for _ in 0..8 {
            let (store, tenant) = (Arc::clone(&store), tenant(&format!("race-{round}")));
            racers
                .spawn(async move { (store.create_tenant(tenant.clone()).await.unwrap(), tenant) });
        }
        let outcomes = racers.join_all().await;
        let winners: Vec<_> = outcomes
            .iter()
            .filter(|(made, _)| *made == Created::New)
            .collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let winner = &winners[0].1;
        let found = store.tenant_by_name(&winner.database_name).await.unwrap();
        assert_eq!(found.as_deref(), Some(winner));
    }
    store.close().await.unwrap();
}

pub(crate) async fn lists_tenants_by_name(opener: &dyn Opener) {
    let store = opener.open().await;
    let names = ["listed-b", "listed-2", "listed-10", "listed-B", "listed_a"];
    let tenants = names.map(tenant);
    for tenant in &tenants {
        store.create_tenant(tenant.clone()).await.unwrap();
    }
    let gone = tenant("listed-c");
    store.create_tenant(gone.clone()).await.unwrap();
    store.delete_tenant(&gone).await.unwrap();

    let all = store.tenants().await.unwrap();
    assert!(all.is_sorted_by(|one, next| one.database_name < next.database_name));
    let ours = |tenant: &&Tenant| tenant.database_name.as_str().starts_with("listed");
    let listed: Vec<&Tenant> = all.iter().map(AsRef::as_ref).filter(ours).collect();
    let mut expected: Vec<&Tenant> = tenants.iter().collect();
    expected.sort_by_key(|tenant| tenant.database_name.as_str()); // byte by byte
    assert_eq!(listed, expected, "whole entries, without those deleted");
    for tenant in &tenants {
        store.delete_tenant(tenant).await.unwrap();
    }
    let left = store.tenants().await.unwrap();
    assert!(!left.iter().any(|tenant| ours(&tenant.as_ref())));
    store.close().await.unwrap();
    assert!(store.tenants().await.is_err(), "closed");
}

pub(crate) async fn keeps_names_apart_that_differ_by_case(opener: &dyn Opener) {
    let store = opener.open().await;
    let tenants = ["case-demo", "Case-demo", "case-Demo", "CASE-DEMO"].map(tenant);
    for tenant in &tenants {
        assert_eq!(
            store.create_tenant(tenant.clone()).await.unwrap(),
            Created::New
        );
    }
    let mut random = Random::seeded(1);
    for tenant in &tenants {
        store.append(tenant, vec![random.event()]).await.unwrap();
    }
    for tenant in &tenants {
        assert_eq!(
            whole(&*store, tenant).await.len(),
            1,
            "{}",
            tenant.database_name
        );
    }
    store.delete_tenant(&tenants[0]).await.unwrap();
    assert!(!store.has_database(&tenants[0]).await.unwrap());
    assert_eq!(whole(&*store, &tenants[1]).await.len(), 1);
    store.close().await.unwrap();
}

pub(crate) async fn isolates_tenants(opener: &dyn Opener) {
    let (store, one) = with_tenant(opener, "isolated-1").await;
    let other = tenant("isolated-2");
    store.create_tenant(other.clone()).await.unwrap();
    let events = history(9, 20);
    store.append(&one, events.clone()).await.unwrap();
    assert_eq!(whole(&*store, &other).await, []);
    assert_eq!(store.event(&other, events[0].id).await.unwrap(), None);
    // An event id belongs to its tenant: the same id with other content is no conflict elsewhere.
    let same_id = Event {
        record_id: events[0].record_id.wrapping_add(1),
        ..events[0].clone()
    };
    let answers = store.append(&other, vec![same_id.clone()]).await.unwrap();
    assert_eq!(answers, [Appended::Stored]);
    assert_eq!(whole(&*store, &one).await, newest_first(events));
    assert_eq!(whole(&*store, &other).await, [same_id]);
    store.close().await.unwrap();
}

pub(crate) async fn forgets_deleted_tenants(opener: &dyn Opener) {
    let (store, old) = with_tenant(opener, "deleted").await;
    let events = history(10, 10);
    store.append(&old, events.clone()).await.unwrap();
    assert_eq!(whole(&*store, &old).await.len(), 10);
    store.delete_tenant(&old).await.unwrap();
    assert_missing(&store.append(&old, events.clone()).await);
    assert_missing(&store.event(&old, events[0].id).await);
    assert_missing(&store.events(&old, &Query::default()).await);
    assert_missing(&store.scan(&old, None, Limit::default()).await);

    let new = tenant("deleted");
    assert_eq!(
        store.create_tenant(new.clone()).await.unwrap(),
        Created::New
    );
    assert_eq!(whole(&*store, &new).await, []);
    let answers = store.append(&new, vec![events[0].clone()]).await.unwrap();
    assert_eq!(answers, [Appended::Stored]);
    store.close().await.unwrap();
}

/// A tenant that is copied back after its deletion has the client id that it had.
pub(crate) async fn takes_a_deleted_tenant_back(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "back").await;
    for life in 1..=3 {
        let events = history(20 + life, 5);
        store.append(&tenant, events.clone()).await.unwrap();
        assert_eq!(whole(&*store, &tenant).await, newest_first(events));
        store.delete_tenant(&tenant).await.unwrap();
        let found = store.tenant_by_client_id(tenant.client_id).await.unwrap();
        assert_eq!(found, None);
        let made = store.create_tenant(tenant.clone()).await.unwrap();
        assert_eq!(made, Created::New);
        let found = store.tenant_by_name(&tenant.database_name).await.unwrap();
        assert_eq!(found.as_deref(), Some(&tenant));
        assert_eq!(whole(&*store, &tenant).await, []);
    }
    store.close().await.unwrap();
}

/// Whoever appends while the tenant is deleted and made again is told the truth.
pub(crate) async fn deletes_under_load(opener: &dyn Opener) {
    let (store, mut tenant) = with_tenant(opener, "deleted-busy").await;
    let rounds = if opener.is_slow() { 3 } else { 10 };
    for round in 0..rounds {
        let mut senders = JoinSet::new();
        for sender in 0..8 {
            let (store, tenant) = (Arc::clone(&store), tenant.clone());
            senders.spawn(async move {
                let mut random = Random::seeded(1000 * round + sender);
                for _ in 0..10_000 {
                    match store.append(&tenant, vec![random.event()]).await {
                        Ok(answers) => assert_eq!(answers, [Appended::Stored]),
                        Err(Error::DatabaseMissing(_)) => return,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                panic!("the tenant was deleted long ago");
            });
        }
        let next = samples::tenant("deleted-busy");
        let making = {
            let (store, next) = (Arc::clone(&store), next.clone());
            tokio::spawn(async move {
                for _ in 0..100_000 {
                    if store.create_tenant(next.clone()).await.unwrap() == Created::New {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
                panic!("the name was freed long ago");
            })
        };
        // Not before somebody has written something.
        for _ in 0..100_000 {
            if store
                .events(&tenant, &Query::default())
                .await
                .unwrap()
                .counts
                .unwrap()
                .total
                > 0
            {
                break;
            }
        }
        store.delete_tenant(&tenant).await.unwrap();
        making.await.unwrap();
        assert_eq!(
            whole(&*store, &next).await,
            [],
            "events of the deleted tenant"
        );
        senders.join_all().await;
        assert_eq!(whole(&*store, &next).await, [], "events that came too late");
        tenant = next;
    }
    store.close().await.unwrap();
}

pub(crate) async fn keeps_everything_when_reopened(opener: &dyn Opener) {
    let (store, kept) = with_tenant(opener, "reopened").await;
    let deleted = tenant("reopened-deleted");
    store.create_tenant(deleted.clone()).await.unwrap();
    let events = history(11, 100);
    store.append(&kept, events.clone()).await.unwrap();
    store.delete_tenant(&deleted).await.unwrap();
    store.close().await.unwrap();
    drop(store);

    let store = opener.open().await;
    let found = store.tenant_by_name(&kept.database_name).await.unwrap();
    assert_eq!(found.as_deref(), Some(&kept));
    assert!(store.has_database(&kept).await.unwrap());
    assert_eq!(whole(&*store, &kept).await, newest_first(events));
    assert_eq!(
        store.tenant_by_name(&deleted.database_name).await.unwrap(),
        None
    );
    store.close().await.unwrap();
}

pub(crate) async fn refuses_work_once_closed(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "closed").await;
    store.append(&tenant, history(12, 1)).await.unwrap();
    store.close().await.unwrap();
    assert!(store.append(&tenant, history(13, 1)).await.is_err());
    assert!(store.events(&tenant, &Query::default()).await.is_err());
    assert!(store.tenant_by_client_id(tenant.client_id).await.is_err());
    assert!(
        store
            .create_tenant(samples::tenant("closed-2"))
            .await
            .is_err()
    );
    assert!(store.ping().await.is_err());
}
