//! Deciding which events of a batch are new.

use std::collections::{HashMap, HashSet};

use crate::domain::{Event, EventId, FileId};
use crate::store::Appended;

/// An event that takes noticeable time to compare.
const LARGE_EVENT_BYTES: usize = 64 * 1024;

/// Returns the answer for each event, and the events that are new. `stored` has the indexes of those with the stored
/// content, by id. Yields between two large events: one is compared in milliseconds, a batch of them is not.
pub(super) async fn deduplicate<'a>(
    events: &[&'a Event],
    stored: &HashMap<EventId, Vec<usize>>,
    tombstoned: &HashSet<FileId>,
) -> (Vec<Appended>, Vec<&'a Event>) {
    let mut new: Vec<&'a Event> = Vec::new();
    let mut new_by_id: HashMap<EventId, &'a Event> = HashMap::new();
    let mut outcomes = Vec::with_capacity(events.len());
    for (index, event) in events.iter().copied().enumerate() {
        let has_existing_content = match (stored.get(&event.id), new_by_id.get(&event.id)) {
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
        let tombstone = files.find(|file| tombstoned.contains(file));
        outcomes.push(match (has_existing_content, tombstone) {
            (Some(true), _) => Appended::AlreadyThere,
            (Some(false), _) => Appended::OtherContent,
            (None, Some(file)) => Appended::FileTombstoned(file),
            (None, None) => {
                new.push(event);
                new_by_id.insert(event.id, event);
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
    use crate::store::Appended::{AlreadyThere, OtherContent, Stored};
    use crate::store::samples::Random;

    #[tokio::test]
    async fn each_event_of_a_batch_is_stored_once() {
        let mut random = Random::seeded(1);
        let (one, two, there) = (random.event(), random.event(), random.event());
        let other = Event {
            record_id: one.record_id + 1,
            ..one.clone()
        };
        let stored = HashMap::from([(there.id, vec![1])]);
        let (outcomes, new) = deduplicate(
            &[&one, &there, &one, &other, &two],
            &stored,
            &HashSet::new(),
        )
        .await;
        assert_eq!(
            outcomes,
            [Stored, AlreadyThere, AlreadyThere, OtherContent, Stored]
        );
        assert_eq!(new, [&one, &two]);
    }
}
