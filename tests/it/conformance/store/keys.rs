//! Keys: made, found, listed and revoked.

use std::slice;

use event_history::domain::{
    ClientId, KeyId, KeyText, ListedKey, Scope, Scopes, StoredKey, SystemEntropy,
};
use jiff::{SignedDuration, Timestamp};

use super::Opener;

fn key(name: &str, created_at: Timestamp) -> StoredKey {
    let id = KeyId::random(&SystemEntropy);
    StoredKey {
        id,
        sha256: KeyText::random(id, &SystemEntropy).sha256(),
        name: name.to_owned(),
        scopes: Scopes::new([Scope::Read, Scope::Admin]).unwrap(),
        client_id: Some(ClientId::random(&SystemEntropy)),
        created_at,
        expires_at: Some(Timestamp::from_microsecond(4_000_000_000_123_456).unwrap()),
    }
}

/// Returns those of the listed keys that are among `keys`: other parts of the suite may make some.
fn own(listed: Vec<ListedKey>, keys: &[&StoredKey]) -> Vec<(String, Option<Timestamp>)> {
    let own = listed
        .into_iter()
        .filter(|it| keys.contains(&&it.key))
        .map(|it| (it.key.name, it.last_used_at));
    own.collect()
}

pub(crate) async fn keeps_keys(opener: &dyn Opener) {
    let store = opener.open().await;
    let made_at = Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap();
    let later = key("'second' \\ \u{1f511}", made_at);
    let first = StoredKey {
        scopes: Scopes::new([Scope::Write]).unwrap(),
        client_id: None,
        expires_at: None,
        ..key("first", made_at - SignedDuration::from_nanos(1))
    };
    for key in [&later, &first] {
        store.create_key(key).await.unwrap();
    }
    let mut found = store.find_keys(&[later.id, first.id]).await.unwrap();
    found.sort_by_key(|it| it.created_at);
    assert_eq!(found, [first.clone(), later.clone()]);
    assert_eq!(store.find_keys(&[]).await.unwrap(), []);
    let unknown = KeyId::random(&SystemEntropy);
    assert_eq!(store.find_keys(&[unknown]).await.unwrap(), []);

    let used_at = Timestamp::from_microsecond(1_800_000_000_000_001).unwrap();
    let earlier = used_at - SignedDuration::from_secs(60);
    for used_at in [used_at, earlier] {
        let uses = [(first.id, used_at), (unknown, used_at)];
        store.record_key_uses(&uses).await.unwrap();
    }
    let both = [&first, &later];
    let expected = [
        (first.name.clone(), Some(used_at)),
        (later.name.clone(), None),
    ];
    assert_eq!(own(store.keys().await.unwrap(), &both), expected);

    store.close().await.unwrap();
    let store = opener.open().await;
    assert_eq!(own(store.keys().await.unwrap(), &both), expected);
    assert!(store.revoke_key(first.id).await.unwrap());
    assert!(!store.revoke_key(first.id).await.unwrap());
    assert!(!store.revoke_key(unknown).await.unwrap());
    let found = store.find_keys(&[first.id, later.id]).await.unwrap();
    assert_eq!(found, slice::from_ref(&later));
    assert_eq!(own(store.keys().await.unwrap(), &both), expected[1..]);
    store.close().await.unwrap();
    store.find_keys(&[later.id]).await.unwrap_err();
    store.create_key(&first).await.unwrap_err();
}
