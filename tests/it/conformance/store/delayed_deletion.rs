//! Deletions of tenants that can be undone for a while.

use std::slice;

use event_history::domain::{
    AgeFrom, Clock, HiddenTenant, Query, RetentionRule, RetentionRules, SystemClock, Tenant,
};
use event_history::store::{Created, Error, Store};
use jiff::{SignedDuration, Timestamp};

use super::data_lifecycle::hold;
use super::{Opener, assert_missing, whole, with_tenant};
use crate::samples::{self, Random, as_sent, history};

fn from_now(seconds: i64) -> Timestamp {
    let from_now = SystemClock.now() + SignedDuration::from_secs(seconds);
    Timestamp::from_microsecond(from_now.as_microsecond()).unwrap()
}

/// The hidden tenants that are due long after others that are restored.
async fn hidden(store: &dyn Store, tenant: &Tenant) -> Option<HiddenTenant> {
    let listed = store.hidden_tenants().await.unwrap();
    let listed = listed.into_iter().find(|it| it.tenant == *tenant);
    let found = store.hidden_tenant(tenant.client_id).await.unwrap();
    assert_eq!(found, listed);
    found
}

async fn assert_hidden(store: &dyn Store, tenant: &Tenant) {
    let (id, name) = (tenant.client_id, &tenant.database_name);
    assert_eq!(store.tenant_by_client_id(id).await.unwrap(), None);
    assert_eq!(store.tenant_by_name(name).await.unwrap(), None);
    assert_eq!(store.tenant_entry(id).await.unwrap(), None);
    assert!(!store.has_database(tenant).await.unwrap());
    let listed = store.tenants().await.unwrap();
    assert!(listed.iter().all(|it| it.client_id != id));
    assert_eq!(store.find_secrets(&[id]).await.unwrap(), []);
    assert!(!store.set_label(id, "x").await.unwrap());
    assert_missing(&store.events(tenant, &Query::default()).await);
    let event = Random::seeded(8).event();
    assert_missing(&store.append(tenant, vec![event]).await);
    store.delete_tenant(tenant).await.unwrap(); // not there: no error, and nothing is deleted
    assert_eq!(store.resume_deletion(id).await.unwrap(), None);
    // The name is kept for it.
    assert!(store.is_name_taken(name).await.unwrap());
    let rival = samples::tenant(name.as_str());
    assert_eq!(
        store.create_tenant(rival).await.unwrap(),
        Created::NameTaken
    );
}

pub(crate) async fn hides_and_restores_tenants(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "hidden-1").await;
    let id = tenant.client_id;
    let events = history(31, 20);
    store.append(&tenant, events).await.unwrap();
    let before = whole(&*store, &tenant).await;
    let cursor = store.newest_cursor(&tenant).await.unwrap();
    assert_eq!(store.restore_tenant(id).await.unwrap(), None);
    assert!(!store.delete_hidden(id).await.unwrap());

    let rule = RetentionRule {
        event_type_id: None,
        days: Some(30_000),
        age_from: AgeFrom::Event,
    };
    let rules = RetentionRules::new(vec![rule]).unwrap();
    store.set_retention(&tenant, &rules).await.unwrap();
    let hold = hold(Some(1), 1);
    let until = from_now(3600);
    store.place_hold(&tenant, &hold).await.unwrap();
    let refused = store.hide_tenant(&tenant, until, true).await;
    assert!(matches!(refused, Err(Error::UnderHold(_))), "{refused:?}");
    assert!(store.release_hold(&tenant, hold.id).await.unwrap());
    assert_eq!(hidden(&*store, &tenant).await, None);

    store.hide_tenant(&tenant, until, true).await.unwrap();
    assert_hidden(&*store, &tenant).await;
    let expected = HiddenTenant {
        tenant: tenant.clone(),
        restorable_until: until,
        with_files: true,
        is_due: false,
    };
    assert_eq!(hidden(&*store, &tenant).await, Some(expected.clone()));
    // Nothing of these changes it.
    store
        .hide_tenant(&tenant, from_now(1), false)
        .await
        .unwrap();
    assert!(!store.delete_hidden(id).await.unwrap());
    assert_hidden(&*store, &tenant).await;
    store.close().await.unwrap();
    let store = opener.open().await;
    assert_hidden(&*store, &tenant).await;
    assert_eq!(hidden(&*store, &tenant).await, Some(expected));

    let restored = store.restore_tenant(id).await.unwrap();
    assert_eq!(restored.as_deref(), Some(&tenant));
    assert_eq!(store.restore_tenant(id).await.unwrap(), None);
    assert_eq!(hidden(&*store, &tenant).await, None);
    assert_eq!(store.tenant_entry(id).await.unwrap(), Some(tenant.clone()));
    let found = store.tenant_by_name(&tenant.database_name).await.unwrap();
    assert_eq!(found.as_deref(), Some(&tenant));
    assert_eq!(store.find_secrets(&[id]).await.unwrap().len(), 1);
    assert_eq!(store.retention(&tenant).await.unwrap(), rules);
    assert_eq!(whole(&*store, &tenant).await, before);
    let event = Random::seeded(32).event();
    store.append(&tenant, vec![event.clone()]).await.unwrap();
    // It may be held back for a moment.
    let mut news = Vec::new();
    let mut after = cursor;
    while news.is_empty() {
        let feed = store
            .feed(&tenant, Some(&after), &Query::default())
            .await
            .unwrap();
        news.extend(feed.events);
        after = feed.cursor;
    }
    assert_eq!(as_sent(news), slice::from_ref(&event));
    // A second time, and for good.
    store.hide_tenant(&tenant, until, false).await.unwrap();
    assert_hidden(&*store, &tenant).await;
    assert!(store.restore_tenant(id).await.unwrap().is_some());
    store.delete_tenant(&tenant).await.unwrap();
    assert!(!store.is_name_taken(&tenant.database_name).await.unwrap());
    store.close().await.unwrap();
}

pub(crate) async fn deletes_hidden_tenants_that_are_due(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "hidden-2").await;
    let (id, name) = (tenant.client_id, &tenant.database_name);
    store.append(&tenant, history(33, 5)).await.unwrap();
    // Long enough ago for any clock.
    store
        .hide_tenant(&tenant, from_now(-3600), true)
        .await
        .unwrap();
    assert_hidden(&*store, &tenant).await;
    assert!(hidden(&*store, &tenant).await.unwrap().is_due);
    assert_eq!(store.restore_tenant(id).await.unwrap(), None);
    assert!(store.delete_hidden(id).await.unwrap());
    assert!(!store.delete_hidden(id).await.unwrap());
    assert_eq!(hidden(&*store, &tenant).await, None);
    assert!(!store.is_name_taken(name).await.unwrap());

    let successor = samples::tenant(name.as_str());
    assert_eq!(
        store.create_tenant(successor.clone()).await.unwrap(),
        Created::New
    );
    assert_eq!(whole(&*store, &successor).await, []);
    assert_eq!(store.restore_tenant(id).await.unwrap(), None);
    store.close().await.unwrap();
}
