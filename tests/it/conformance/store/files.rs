//! Files: referenced or tombstoned, and never both.

use std::collections::HashSet;
use std::sync::Arc;

use event_history::domain::{Event, EventFile, FileId};
use event_history::store::Appended::{AlreadyThere, FileTombstoned, OtherContent, Stored};
use event_history::store::{Created, Tombstone};
use tokio::task::JoinSet;

use super::{Opener, assert_missing, with_tenant};
use crate::samples::{self, Random, as_sent, file};

fn referring(random: &mut Random, files: &[&EventFile]) -> Event {
    Event {
        files: files.iter().copied().cloned().collect(),
        ..random.event()
    }
}

pub(crate) async fn tombstones_unreferenced_files(opener: &dyn Opener) {
    let (store, tenant) = with_tenant(opener, "tombstoned").await;
    let mut random = Random::seeded(31);
    let [first, second, third, fourth] = std::array::from_fn(|_| file(&mut random));
    let ids = [first.id, third.id, second.id, fourth.id];
    let stored = referring(&mut random, &[&first, &second]);
    let answers = store.append(&tenant, vec![stored.clone()]).await.unwrap();
    assert_eq!(answers, [Stored]);
    let free = store.unreferenced_files(&tenant, &ids).await.unwrap();
    assert_eq!(free, [third.id, fourth.id]);
    assert_eq!(store.unreferenced_files(&tenant, &[]).await.unwrap(), []);

    let other = samples::tenant("tombstoned-2");
    let created = store.create_tenant(other.clone()).await.unwrap();
    assert_eq!(created, Created::New);
    let theirs = store.unreferenced_files(&other, &ids).await.unwrap();
    assert_eq!(theirs, ids, "another tenant's files are its own");

    let tombstoned = store.tombstone_files(&tenant, &ids[..3]).await.unwrap();
    assert_eq!(files_of(&tombstoned), [third.id]);
    let late = referring(&mut random, &[&first, &third]);
    let same_id = Event {
        id: stored.id,
        ..late.clone()
    };
    let fine = referring(&mut random, &[&fourth, &first]);
    let events = vec![late.clone(), same_id, stored.clone(), fine.clone()];
    let answers = store.append(&tenant, events.clone()).await.unwrap();
    let expected = [FileTombstoned(third.id), OtherContent, AlreadyThere, Stored];
    assert_eq!(answers, expected);
    assert_eq!(store.event(&tenant, late.id).await.unwrap(), None);
    let answers = store.append(&other, vec![late.clone()]).await.unwrap();
    assert_eq!(answers, [Stored]);

    let again = store.tombstone_files(&tenant, &ids).await.unwrap();
    assert_eq!(files_of(&again), [third.id], "a second time is no error");
    store.close().await.unwrap();
    let store = opener.open().await;
    let answers = store.append(&tenant, events).await.unwrap();
    let expected = [
        FileTombstoned(third.id),
        OtherContent,
        AlreadyThere,
        AlreadyThere,
    ];
    assert_eq!(answers, expected, "for good");
    // Storage refused to delete it. Each sweep withdraws its own tombstone.
    for (tombstones, expected) in [(&tombstoned, FileTombstoned(third.id)), (&again, Stored)] {
        let withdrawn = store.withdraw_tombstones(&tenant, tombstones).await;
        withdrawn.unwrap();
        let answers = store.append(&tenant, vec![late.clone()]).await.unwrap();
        assert_eq!(answers, [expected]);
    }
    assert_eq!(
        store
            .unreferenced_files(&tenant, &[third.id])
            .await
            .unwrap(),
        []
    );
    let nobody = samples::tenant("tombstoned-3");
    assert_missing(&store.unreferenced_files(&nobody, &ids).await);
    assert_missing(&store.tombstone_files(&nobody, &ids).await);
    store.close().await.unwrap();
}

/// Senders and sweeps, all at once, on the same files.
pub(crate) async fn never_both_references_and_tombstones_a_file(opener: &dyn Opener) {
    const FILES: usize = 400;
    const SENDERS: usize = 16;
    let (store, tenant) = with_tenant(opener, "tombstoned-racing").await;
    let mut random = Random::seeded(32);
    let pool: Vec<EventFile> = (0..FILES).map(|_| file(&mut random)).collect();
    // A tenth of the files has no event, and each of the others has two that share it with a neighbour.
    let contested = &pool[..FILES * 9 / 10];
    let mut events = Vec::new();
    for pair in contested.windows(2) {
        events.push(referring(&mut random, &[&pair[0], &pair[1]]));
    }
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let own = events.iter().skip(sender).step_by(SENDERS).cloned();
        let (store, tenant, own) = (Arc::clone(&store), tenant.clone(), own.collect::<Vec<_>>());
        senders.spawn(async move {
            let mut outcomes = Vec::new();
            for event in own {
                let answers = store.append(&tenant, vec![event.clone()]).await.unwrap();
                outcomes.push((event, answers[0]));
            }
            outcomes
        });
    }
    let mut sweeps = JoinSet::new();
    for sweep in 0..4 {
        let half = pool.iter().skip(sweep % 2).step_by(2);
        let ids: Vec<FileId> = half.map(|file| file.id).collect();
        let (store, tenant) = (Arc::clone(&store), tenant.clone());
        sweeps.spawn(async move { files_of(&store.tombstone_files(&tenant, &ids).await.unwrap()) });
    }
    let tombstoned: HashSet<FileId> = sweeps.join_all().await.into_iter().flatten().collect();
    let outcomes: Vec<_> = senders.join_all().await.into_iter().flatten().collect();

    let mut referenced = HashSet::new();
    for (event, outcome) in &outcomes {
        let there = store.event(&tenant, event.id).await.unwrap();
        match outcome {
            Stored => {
                assert_eq!(as_sent(there), std::slice::from_ref(event));
                referenced.extend(event.files.iter().map(|file| file.id));
            }
            FileTombstoned(id) => {
                assert!(there.is_none() && event.files.iter().any(|it| it.id == *id));
            }
            other => panic!("{other:?}"),
        }
    }
    let both: Vec<_> = tombstoned.intersection(&referenced).collect();
    assert!(both.is_empty(), "{both:?}");
    for file in &pool[contested.len()..] {
        assert!(tombstoned.contains(&file.id), "nobody wanted {}", file.id);
    }
    let ids: Vec<FileId> = pool.iter().map(|file| file.id).collect();
    let free = store.unreferenced_files(&tenant, &ids).await.unwrap();
    let free: HashSet<FileId> = free.into_iter().collect();
    for id in ids {
        assert_eq!(free.contains(&id), !referenced.contains(&id), "{id}");
    }
    // Whoever was refused is refused again, unless the sweep has thought better of it.
    let refused: Vec<Event> = outcomes
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, FileTombstoned(_)))
        .map(|(event, _)| event)
        .collect();
    let answers = store.append(&tenant, refused.clone()).await.unwrap();
    for (event, answer) in refused.iter().zip(answers) {
        let lost = event.files.iter().any(|it| tombstoned.contains(&it.id));
        assert_eq!(answer != Stored, lost, "{event:?}: {answer:?}");
    }
    store.close().await.unwrap();
}

fn files_of(tombstones: &[Tombstone]) -> Vec<FileId> {
    tombstones.iter().map(|it| it.file).collect()
}
