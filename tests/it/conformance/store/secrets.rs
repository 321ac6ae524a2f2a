//! Secrets of tenants: the first, and those after it.

use std::slice;

use event_history::domain::{ClientId, PreviousSecret, SystemEntropy, TenantSecrets};
use jiff::{SignedDuration, Timestamp};

use super::{Opener, with_tenant};

pub(crate) async fn replaces_secrets(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "secrets-1").await;
    let id = tenant.client_id;
    let unknown = ClientId::random(&SystemEntropy);
    let first = TenantSecrets {
        client_id: id,
        current_sha256: tenant.client_secret_sha256,
        previous: None,
        rotated_at: None,
    };
    let found = store.find_secrets(&[unknown, id]).await.unwrap();
    assert_eq!(found, slice::from_ref(&first));
    assert_eq!(store.find_secrets(&[]).await.unwrap(), []);

    let rotated_at = Timestamp::from_microsecond(1_800_000_000_000_001).unwrap();
    let second = TenantSecrets {
        current_sha256: [200; 32],
        previous: Some(PreviousSecret {
            sha256: first.current_sha256,
            valid_until: rotated_at + SignedDuration::from_secs(60),
        }),
        rotated_at: Some(rotated_at),
        ..first.clone()
    };
    let third = TenantSecrets {
        current_sha256: [0; 32],
        previous: None,
        rotated_at: Some(rotated_at + SignedDuration::from_micros(1)),
        ..first
    };
    store.replace_secrets(&second).await.unwrap();
    assert_eq!(
        store.find_secrets(&[id]).await.unwrap(),
        slice::from_ref(&second)
    );
    store.replace_secrets(&third).await.unwrap();
    store.replace_secrets(&second).await.unwrap(); // an older one: the later rotation counts
    assert_eq!(
        store.find_secrets(&[id]).await.unwrap(),
        slice::from_ref(&third)
    );

    store.close().await.unwrap();
    let store = opener.open().await;
    assert_eq!(store.find_secrets(&[id]).await.unwrap(), [third]);
    store.delete_tenant(&tenant).await.unwrap();
    assert_eq!(store.find_secrets(&[id]).await.unwrap(), []);
    store.close().await.unwrap();
    store.find_secrets(&[id]).await.unwrap_err();
}
