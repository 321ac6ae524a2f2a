//! Ingestion of many events at once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use super::{Access, Delivery, Error};
use crate::domain::{Event, EventFile, EventId, FileId};

/// The time limit for looking up all files of a batch.
const FILES_TIMEOUT: Duration = Duration::from_secs(20);

/// The files of one batch that are looked up concurrently.
const MAX_CONCURRENT_FILES: usize = 32;

/// The files of all batches that are looked up concurrently.
const MAX_ALL_CONCURRENT_FILES: usize = 64;

/// The events of one batch that are compared with the stored ones because of their files, concurrently.
const MAX_CONCURRENT_LOOKUPS: usize = 8;

/// An event that takes noticeable time to compare.
const LARGE_EVENT_BYTES: usize = 64 * 1024;

/// Bounds the rate at which the files of batches are looked up.
#[derive(Debug)]
pub struct BatchLookups(Semaphore);

impl Default for BatchLookups {
    fn default() -> Self {
        Self(Semaphore::new(MAX_ALL_CONCURRENT_FILES))
    }
}

/// What became of an event of a batch: delivered, or rejected for good.
pub type BatchOutcome = Result<Delivery, Arc<Error>>;

/// A file as it is recorded, or why it cannot be referenced.
type Recorded = HashMap<FileId, Result<EventFile, Arc<Error>>>;

impl Access {
    /// Stores a batch of events, each once; those that can be stored are durable when this returns. Returns the outcomes in
    /// the order of `events`. Of several events with one id, the first one counts; the others are the same, or rejected.
    ///
    /// After an error, none, some or all may be stored: sending the same batch again is safe.
    pub async fn append_batch(&self, events: Vec<Event>) -> Result<Vec<BatchOutcome>, Error> {
        let total = events.len();
        self.take_events(total)?;
        let (events, repeats) = distinct(events).await;
        let recorded = self.recorded_files(&events).await?;
        let mut outcomes: Vec<Option<BatchOutcome>> = vec![None; total];
        let mut refused = Vec::new();
        let ready = events.into_iter();
        let ready: Vec<(usize, Event)> = ready
            .filter_map(
                |(index, mut event)| match with_files(&event.files, &recorded) {
                    Ok(files) => {
                        event.files = files;
                        Some((index, event))
                    }
                    Err(problem) => {
                        refused.push((index, event, problem));
                        None
                    }
                },
            )
            .collect();
        for (index, outcome) in self.redeliveries_or_rejections(refused).await? {
            outcomes[index] = Some(outcome);
        }
        for (index, outcome) in self.append_ready(ready).await? {
            outcomes[index] = Some(outcome);
        }
        for repeat in repeats {
            let Repeat {
                index,
                first,
                event_id,
                is_same,
            } = repeat;
            outcomes[index] = Some(match &outcomes[first] {
                Some(Ok(_)) if is_same => Ok(Delivery::Duplicate),
                Some(Err(error)) if is_same => Err(Arc::clone(error)),
                _ => Err(Arc::new(Error::OtherContent { event_id })),
            });
        }
        let unanswered = || Error::Broken("an event of a batch has no outcome".into());
        let outcomes = outcomes.into_iter().map(|it| it.ok_or_else(unanswered));
        outcomes.collect()
    }

    /// Returns the indexes of those events, each with its index, that were stored before although they would be refused now.
    pub async fn stored_before(
        &self,
        events: Vec<(usize, Event)>,
    ) -> Result<HashSet<usize>, Error> {
        let looking = stream::iter(events)
            .map(|(index, event)| async move {
                let was_stored = self.was_stored(&event).await?;
                Ok::<_, Error>(was_stored.then_some(index))
            })
            .buffer_unordered(MAX_CONCURRENT_LOOKUPS)
            .try_filter_map(|index| std::future::ready(Ok(index)));
        looking.try_collect().await
    }

    /// Looks up the metadata of the files that these events reference, each file once.
    async fn recorded_files(&self, events: &[(usize, Event)]) -> Result<Recorded, Error> {
        let files = events.iter().flat_map(|(_, event)| &event.files);
        let mut ids: Vec<FileId> = files.map(|file| file.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let recording = stream::iter(ids)
            .map(|id| async move {
                // The semaphore is never closed.
                let _permit = self.service.batch_lookups.0.acquire().await;
                let recorded = match self.record(id).await {
                    Ok(file) => Ok(file),
                    Err(problem) => Err(Arc::new(rejection(problem)?)),
                };
                Ok::<_, Error>((id, recorded))
            })
            .buffer_unordered(MAX_CONCURRENT_FILES)
            .try_collect();
        let recorded = tokio::time::timeout(FILES_TIMEOUT, recording).await;
        recorded.unwrap_or_else(|_| {
            let cause = "object storage did not return the batch's files in time";
            Err(Error::Unavailable(cause.into()))
        })
    }

    /// Handles events with files that cannot be recorded: if they were stored before, these are late second deliveries.
    async fn redeliveries_or_rejections(
        &self,
        refused: Vec<(usize, Event, Arc<Error>)>,
    ) -> Result<Vec<(usize, BatchOutcome)>, Error> {
        let looking = stream::iter(refused)
            .map(|(index, event, problem)| async move {
                let outcome = match self.redelivery(&event).await {
                    Ok(true) => Ok(Delivery::Duplicate),
                    Ok(false) => Err(problem),
                    Err(error) => Err(Arc::new(rejection(error)?)),
                };
                Ok((index, outcome))
            })
            .buffer_unordered(MAX_CONCURRENT_LOOKUPS);
        looking.try_collect().await
    }

    /// Stores events whose files are recorded.
    async fn append_ready(
        &self,
        events: Vec<(usize, Event)>,
    ) -> Result<Vec<(usize, BatchOutcome)>, Error> {
        let protects = self.service.settings.object_lock.is_some();
        let (mut ids, mut files) = (Vec::with_capacity(events.len()), HashMap::new());
        let events = events.into_iter();
        let events: Vec<Event> = events
            .map(|(index, event)| {
                if protects && !event.files.is_empty() {
                    files.insert(index, event.files.clone());
                }
                ids.push((index, event.id));
                event
            })
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let appended = self.service.store.append(&self.tenant, events).await?;
        if appended.len() != ids.len() {
            let cause = "the store did not return a result for each event";
            return Err(Error::Broken(cause.into()));
        }
        let delivering = stream::iter(ids.into_iter().zip(appended))
            .map(|((index, event_id), appended)| {
                let files = files.get(&index).map_or(&[][..], Vec::as_slice);
                async move {
                    let outcome = match self.delivered(event_id, files, appended).await {
                        Ok(delivery) => Ok(delivery),
                        Err(error) => Err(Arc::new(rejection(error)?)),
                    };
                    Ok((index, outcome))
                }
            })
            .buffer_unordered(MAX_CONCURRENT_LOOKUPS);
        delivering.try_collect().await
    }
}

/// Returns an error that is of one event for good; `Err` if it may pass, or is of all of them.
fn rejection(error: Error) -> Result<Error, Error> {
    match error {
        Error::OtherContent { .. }
        | Error::FileNotInStorage { .. }
        | Error::FileNotAllowed { .. }
        | Error::StorageRefused(_) => Ok(error),
        other => Err(other),
    }
}

fn with_files(files: &[EventFile], recorded: &Recorded) -> Result<Vec<EventFile>, Arc<Error>> {
    let found = files.iter().filter_map(|file| recorded.get(&file.id));
    found.cloned().collect()
}

/// An event with the id of an earlier one of the same batch.
struct Repeat {
    index: usize,
    /// The index of the first event with this id.
    first: usize,
    event_id: EventId,
    is_same: bool,
}

/// What is known of the events with one id.
struct Chain {
    first: usize,
    /// The last one that was compared, unless that is the first.
    last: Option<Box<Event>>,
    /// One of them differs from the first.
    is_ambiguous: bool,
}

/// Returns the first event of each id, with its index, and the others.
///
/// Each of these is compared with the one before it, not with the first one, which may be much larger; and once two
/// differ, none is compared any more. So the comparisons take time in proportion to the batch. Yields after large ones.
async fn distinct(events: Vec<Event>) -> (Vec<(usize, Event)>, Vec<Repeat>) {
    let mut chains: HashMap<EventId, Chain> = HashMap::with_capacity(events.len());
    let mut firsts: Vec<(usize, Event)> = Vec::with_capacity(events.len());
    let mut repeats = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        let chain = match chains.entry(event.id) {
            Entry::Vacant(entry) => {
                entry.insert(Chain {
                    first: firsts.len(),
                    last: None,
                    is_ambiguous: false,
                });
                firsts.push((index, event));
                continue;
            }
            Entry::Occupied(entry) => entry.into_mut(),
        };
        let (first, first_event) = &firsts[chain.first];
        let last = chain.last.as_deref().unwrap_or(first_event);
        let is_same = !chain.is_ambiguous && last.same_content(&event);
        if last.weight_bytes() + event.weight_bytes() > LARGE_EVENT_BYTES {
            tokio::task::yield_now().await;
        }
        repeats.push(Repeat {
            index,
            first: *first,
            event_id: event.id,
            is_same,
        });
        chain.is_ambiguous = !is_same;
        chain.last = is_same.then(|| Box::new(event));
    }
    (firsts, repeats)
}

#[cfg(test)]
mod tests {
    use super::distinct;
    use crate::domain::{Event, EventData, EventId, EventTime, Redactions};
    use uuid::Uuid;

    fn event(id: u128, record_id: i64) -> Event {
        Event {
            id: EventId::from_uuid(Uuid::from_u128(id)),
            time: EventTime::from_parts(0, 0).unwrap(),
            event_type_id: 1,
            record_id,
            source_id: 1,
            source_type_id: 1,
            source_name: String::new(),
            source_info: String::new(),
            data: EventData::from_stored("[]".to_owned()),
            files: Vec::new(),
            received_at: None,
            redactions: Redactions::default(),
        }
    }

    #[tokio::test]
    async fn the_first_event_of_an_id_counts_and_no_other_once_two_differ() {
        let events = [(1, 1), (2, 1), (1, 1), (1, 1), (2, 2), (2, 1)];
        let events = events.map(|(id, record_id)| event(id, record_id)).to_vec();
        let (firsts, repeats) = distinct(events).await;
        let firsts: Vec<_> = firsts
            .iter()
            .map(|(index, it)| (*index, it.record_id))
            .collect();
        assert_eq!(firsts, [(0, 1), (1, 1)]);
        let repeats: Vec<_> = repeats
            .iter()
            .map(|it| (it.index, it.first, it.is_same))
            .collect();
        assert_eq!(
            repeats,
            [(2, 0, true), (3, 0, true), (4, 1, false), (5, 1, false)]
        );
    }
}
