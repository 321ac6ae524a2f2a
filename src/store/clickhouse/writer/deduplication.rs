//! Deciding which events of a batch are new.

use std::collections::{HashMap, HashSet};

use crate::domain::{ClientId, Event};
use crate::store::Appended;
use crate::store::clickhouse::tables::{EventKey, FileKey};

/// An event that takes noticeable time to compare.
const LARGE_EVENT_BYTES: usize = 64 * 1024;

/// Returns the answer for each event, and the events that are new. `stored` has the indexes of those with the stored
/// content, by key. Yields between two large events: one is compared in milliseconds, a batch of them is not.
pub(super) async fn deduplicate<'a>(
    events: &[(ClientId, &'a Event)],
    stored: &HashMap<EventKey, Vec<usize>>,
    tombstoned: &HashSet<FileKey>,
) -> (Vec<Appended>, Vec<(ClientId, &'a Event)>) {
    let mut new: Vec<(ClientId, &'a Event)> = Vec::new();
    let mut new_by_key: HashMap<EventKey, &'a Event> = HashMap::new();
    let mut outcomes = Vec::with_capacity(events.len());
    for (index, (client_id, event)) in events.iter().copied().enumerate() {
        let key = (client_id, event.id);
        let has_existing_content = match (stored.get(&key), new_by_key.get(&key)) {
            (Some(same), _) => Some(same.contains(&index)),
            (None, Some(first)) => {
                if event.data.as_str().len() > LARGE_EVENT_BYTES {
                    tokio::task::yield_now().await;
                }
                Some(first.same_content(event))
            }
            (None, None) => None,
        };
        let mut files = event.files.iter().map(|file| file.id);
        let tombstone = files.find(|file| tombstoned.contains(&(client_id, *file)));
        outcomes.push(match (has_existing_content, tombstone) {
            (Some(true), _) => Appended::AlreadyThere,
            (Some(false), _) => Appended::OtherContent,
            (None, Some(file)) => Appended::FileTombstoned(file),
            (None, None) => {
                new.push((client_id, event));
                new_by_key.insert(key, event);
                Appended::Stored
            }
        });
    }
    (outcomes, new)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::deduplicate;
    use crate::domain::Event;
    use crate::store::Appended::{AlreadyThere, FileTombstoned, OtherContent, Stored};
    use crate::store::samples::{Random, file, tenant};

    #[tokio::test]
    async fn each_event_of_a_batch_is_stored_once() {
        let mut random = Random::seeded(1);
        let [client, other_client] = ["one", "two"].map(|name| tenant(name).client_id);
        let (one, two, there) = (random.event(), random.event(), random.event());
        let other = Event {
            record_id: one.record_id + 1,
            ..one.clone()
        };
        let stored = HashMap::from([((client, there.id), vec![1])]);
        let events = [&one, &there, &one, &other, &two].map(|event| (client, event));
        let theirs = [&other, &there].map(|event| (other_client, event));
        let events: Vec<_> = events.into_iter().chain(theirs).collect();
        let (outcomes, new) = deduplicate(&events, &stored, &HashSet::new()).await;
        assert_eq!(
            outcomes,
            [
                Stored,
                AlreadyThere,
                AlreadyThere,
                OtherContent,
                Stored,
                Stored,
                Stored
            ]
        );
        let theirs = [(other_client, &other), (other_client, &there)];
        assert_eq!(new, [[(client, &one), (client, &two)], theirs].concat());
    }

    #[tokio::test]
    async fn a_tombstone_is_of_one_tenant() {
        let mut random = Random::seeded(2);
        let [client, other_client] = ["one", "two"].map(|name| tenant(name).client_id);
        let file = file(&mut random);
        let event = Event {
            files: vec![file.clone()],
            ..random.event()
        };
        let tombstoned = HashSet::from([(client, file.id)]);
        let events = [(client, &event), (other_client, &event)];
        let (outcomes, _) = deduplicate(&events, &HashMap::new(), &tombstoned).await;
        assert_eq!(outcomes, [FileTombstoned(file.id), Stored]);
    }
}
