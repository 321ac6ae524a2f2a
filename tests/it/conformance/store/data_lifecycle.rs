//! How long events live: holds.

use std::sync::Arc;

use event_history::domain::{Hold, HoldId, Reason, SystemEntropy, Tenant};
use event_history::store::{Error, Store};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{Opener, assert_missing, with_tenant};
use crate::samples;

pub(crate) async fn keeps_holds_until_they_are_released(opener: &dyn Opener) {
    let (store, one) = with_tenant(opener, "held-1").await;
    let other = samples::tenant("held-2");
    store.create_tenant(other.clone()).await.unwrap();
    assert!(store.holds(&one).await.unwrap().is_empty());
    let (of_record, of_all) = (hold(Some(i64::MIN), 2), hold(None, 1));
    for hold in [&of_record, &of_all, &of_record] {
        store.place_hold(&one, hold).await.unwrap(); // a second time is no error
    }
    let holds = store.holds(&one).await.unwrap();
    assert_eq!(holds.as_slice(), [of_all.clone(), of_record.clone()]);
    assert!(store.holds(&other).await.unwrap().is_empty());

    store.close().await.unwrap();
    let store = opener.open().await;
    assert_eq!(store.holds(&one).await.unwrap(), holds);
    assert_under_hold(&store.delete_tenant(&one).await);
    assert!(store.has_database(&one).await.unwrap());
    assert!(store.release_hold(&one, of_all.id).await.unwrap());
    assert!(!store.release_hold(&one, of_all.id).await.unwrap());
    assert!(!store.release_hold(&other, of_record.id).await.unwrap());
    assert_under_hold(&store.delete_tenant(&one).await);
    assert!(store.release_hold(&one, of_record.id).await.unwrap());
    assert!(store.holds(&one).await.unwrap().is_empty());

    store.delete_tenant(&other).await.unwrap();
    assert_missing(&store.holds(&other).await);
    assert_missing(&store.place_hold(&other, &of_all).await);
    assert_missing(&store.release_hold(&other, of_all.id).await);
    store.delete_tenant(&one).await.unwrap();
    store.create_tenant(one.clone()).await.unwrap();
    assert!(store.holds(&one).await.unwrap().is_empty(), "another life");
    store.place_hold(&one, &hold(None, 3)).await.unwrap();
    store.close().await.unwrap();
}

/// Of a hold and a deletion at the same moment one fails, or both.
pub(crate) async fn never_both_holds_and_deletes_a_tenant(opener: &dyn Opener) {
    let store = opener.open().await;
    let rounds = if opener.is_slow() { 3 } else { 12 };
    for round in 0..rounds {
        let tenant = samples::tenant(&format!("held-racing-{round}"));
        store.create_tenant(tenant.clone()).await.unwrap();
        let mut racers = JoinSet::new();
        for racer in 0..4 {
            racers.spawn(race(Arc::clone(&store), tenant.clone(), racer % 2 == 0));
        }
        let outcomes = racers.join_all().await;
        let was_deleted = outcomes.contains(&(true, true));
        let was_held = outcomes.contains(&(false, true));
        assert!(!(was_deleted && was_held), "{outcomes:?}");
        let is_there = store.tenant_by_client_id(tenant.client_id).await.unwrap();
        assert_eq!(is_there.is_none(), was_deleted);
    }
    store.close().await.unwrap();
}

/// Tells what it tried, and whether it succeeded.
async fn race(store: Arc<dyn Store>, tenant: Tenant, deletes: bool) -> (bool, bool) {
    let outcome = if deletes {
        store.delete_tenant(&tenant).await
    } else {
        store.place_hold(&tenant, &hold(Some(7), 1)).await
    };
    match outcome {
        Ok(()) => (deletes, true),
        Err(Error::UnderHold(_) | Error::Busy | Error::DatabaseMissing(_)) => (deletes, false),
        Err(error) => panic!("{error:?}"),
    }
}

pub(super) fn hold(record_id: Option<i64>, created_s: i64) -> Hold {
    Hold {
        id: HoldId::random(&SystemEntropy),
        record_id,
        reason: Reason::parse("Übel & 'quoted'").unwrap(),
        created_at: Timestamp::new(1_700_000_000 + created_s, 123_456_789).unwrap(),
    }
}

#[track_caller]
fn assert_under_hold(outcome: &Result<(), Error>) {
    assert!(matches!(outcome, Err(Error::UnderHold(_))), "{outcome:?}");
}
