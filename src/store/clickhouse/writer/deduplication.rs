//! Deciding which events of a batch are new.

use std::collections::{HashMap, HashSet};

use crate::domain::{Event, EventId, FileId};
use crate::store::Appended;

/// An event that takes noticeable time to compare.
const LARGE_EVENT_BYTES: usize = 64 * 1024;

/// Returns the answer for each event, and the events that are new. Yields between two large events: one is compared in
/// milliseconds, a batch of them is not.
pub(super) async fn deduplicate<'a>(
    events: &[&'a Event],
    stored: &HashMap<EventId, Event>,
    tombstoned: &HashSet<FileId>,
) -> (Vec<Appended>, Vec<&'a Event>) {
    let mut new: Vec<&'a Event> = Vec::new();
    let mut new_by_id: HashMap<EventId, &'a Event> = HashMap::new();
    let mut outcomes = Vec::with_capacity(events.len());
    for event in events {
        let existing = stored.get(&event.id).or(new_by_id.get(&event.id).copied());
        if existing.is_some() && event.data.as_str().len() > LARGE_EVENT_BYTES {
            tokio::task::yield_now().await;
        }
        let mut files = event.files.iter().map(|file| file.id);
        let tombstone = files.find(|file| tombstoned.contains(file));
        outcomes.push(match (existing, tombstone) {
            (Some(existing), _) if existing.same_content(event) => Appended::AlreadyThere,
            (Some(_), _) => Appended::OtherContent,
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
        let stored = HashMap::from([(there.id, there.clone())]);
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
