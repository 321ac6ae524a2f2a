//! External access beside the service that has the folder: it reads what is there, and creates nothing.

use std::fs;

use event_history::domain::query::Limit;
use event_history::domain::{EventFile, FileId};
use event_history::store::sqlite::ExternalStore;
use event_history::store::{Appended, Created, Error, Store};

use super::Place;
use super::migrations::make_old;
use crate::samples::{Random, as_sent, file, history, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn external_access_reads_and_tombstones() {
    let place = Place::new();
    assert!(ExternalStore::open(&place.folder()).await.is_err());
    assert!(!place.folder().exists(), "external access creates nothing");
    let (store, [demo]) = place.open_with(["demo"]).await;
    let external = ExternalStore::open(&place.folder()).await.unwrap();
    store.append(&demo, history(41, 30)).await.unwrap();
    let limit = Limit::new(1000).unwrap();
    let seen = external.scan(&demo, None, limit).await.unwrap();
    assert_eq!(seen, store.scan(&demo, None, limit).await.unwrap());

    let mut random = Random::seeded(42);
    let orphan = file(&mut random);
    let ids: Vec<FileId> = seen
        .iter()
        .flat_map(|event| &event.files)
        .chain([&orphan])
        .map(|file| file.id)
        .collect();
    let tombstoned = external.tombstone_files(&demo, &ids).await.unwrap();
    assert_eq!(tombstoned.len(), 1);
    assert_eq!(tombstoned[0].file, orphan.id);
    let mut late = random.event();
    late.files = vec![orphan.clone()];
    let append = async || store.append(&demo, vec![late.clone()]).await.unwrap();
    assert_eq!(append().await, [Appended::FileTombstoned(orphan.id)]);

    // Of two sweeps, the first can no longer withdraw it: the second may be removing the file.
    let again = store.tombstone_files(&demo, &[orphan.id]).await.unwrap();
    for _ in 0..2 {
        let withdrawn = external.withdraw_tombstones(&demo, &tombstoned).await;
        withdrawn.unwrap();
        assert_eq!(append().await, [Appended::FileTombstoned(orphan.id)]);
    }
    external.withdraw_tombstones(&demo, &again).await.unwrap();
    assert_eq!(append().await, [Appended::Stored]);
    // Referenced, it is no longer a tombstone's.
    store.withdraw_tombstones(&demo, &again).await.unwrap();
    let ids = [orphan.id];
    assert_eq!(store.unreferenced_files(&demo, &ids).await.unwrap(), []);
    let seen = store.scan(&demo, None, limit).await.unwrap();
    for refused in [
        external.append(&demo, Vec::new()).await.is_err(),
        external.create_tenant(tenant("mine")).await.is_err(),
        external.delete_tenant(&demo).await.is_err(),
    ] {
        assert!(refused);
    }
    store.close().await.unwrap();
    assert_eq!(external.scan(&demo, None, limit).await.unwrap(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn external_access_never_restores_a_deleted_tenant() {
    let place = Place::new();
    let store = place.open().await;
    let external = std::sync::Arc::new(ExternalStore::open(&place.folder()).await.unwrap());
    for round in 0..20 {
        let demo = tenant("fleeting");
        assert_eq!(
            store.create_tenant(demo.clone()).await.unwrap(),
            Created::New
        );
        store.append(&demo, history(round, 3)).await.unwrap();
        let calls = (0..4).map(|number| {
            let (external, demo) = (std::sync::Arc::clone(&external), demo.clone());
            tokio::spawn(async move {
                let mut random = Random::seeded(1000 * round + number);
                loop {
                    match external
                        .tombstone_files(&demo, &[file(&mut random).id])
                        .await
                    {
                        Ok(tombstoned) => assert_eq!(tombstoned.len(), 1),
                        Err(Error::DatabaseMissing(_)) => return,
                        Err(error) => panic!("{error:?}"),
                    }
                }
            })
        });
        let calls: Vec<_> = calls.collect();
        while let Err(error) = store.delete_tenant(&demo).await {
            assert!(matches!(error, Error::Busy), "{error:?}");
        }
        for call in calls {
            call.await.unwrap();
        }
        let left: Vec<_> = fs::read_dir(place.folder().join("tenants"))
            .unwrap()
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    store.close().await.unwrap();
}

/// The schema that the first version made, with a history in it.
#[tokio::test(flavor = "multi_thread")]
async fn upgrading_the_first_schema_fills_the_table_of_files() {
    let place = Place::new();
    let (store, [demo]) = place.open_with(["demo"]).await;
    let mut random = Random::seeded(43);
    let (mut events, mut ids) = (history(44, 40), Vec::new());
    for (number, event) in events.iter_mut().enumerate() {
        // One file is referenced twice, and every third event has none.
        let id = file(&mut random).id;
        event.files = match number % 3 {
            0 => Vec::new(),
            _ if number == 4 => vec![EventFile {
                id: ids[0],
                record: None,
            }],
            _ => vec![EventFile { id, record: None }],
        };
        ids.extend(event.file_id());
    }
    store.append(&demo, events.clone()).await.unwrap();
    store.close().await.unwrap();
    make_old(&place.database("demo"));

    let external = ExternalStore::open(&place.folder()).await.unwrap();
    let refused = external.unreferenced_files(&demo, &ids).await.unwrap_err();
    assert!(
        refused.to_string().contains("schema version 1"),
        "{refused}"
    );
    let store = place.open().await;
    let orphan = file(&mut random).id;
    let asked = [ids.as_slice(), &[orphan]].concat();
    let free = store.unreferenced_files(&demo, &asked).await.unwrap();
    assert_eq!(free, [orphan]);
    let tombstoned = store.tombstone_files(&demo, &asked).await.unwrap();
    assert_eq!(tombstoned.len(), 1);
    assert_eq!(tombstoned[0].file, orphan);
    for event in &events {
        let there = store.event(&demo, event.id).await.unwrap();
        assert_eq!(as_sent(there), std::slice::from_ref(event));
    }
    let answers = store.append(&demo, events).await.unwrap();
    assert!(answers.iter().all(|it| *it == Appended::AlreadyThere));
    store.close().await.unwrap();
}
