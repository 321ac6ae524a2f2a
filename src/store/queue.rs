//! What waits to be written, and the room that is left for it: the same for every backend.

use std::sync::Arc;

use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Appended, Error};
use crate::domain::Event;

/// The largest batch in bytes, which bounds a transaction or a request: eight of the largest events that
/// the API takes.
pub(super) const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Calls that may wait for one tenant's writer: a few batches' worth, so well under a second.
pub(super) const MAX_QUEUED_CALLS: usize = 4096;

/// What may wait for all writers together, which bounds the memory of the queues.
const MAX_QUEUED_BYTES: u32 = 64 * 1024 * 1024;

pub(super) type Answer = Result<Vec<Appended>, Error>;

/// The room that is left for what waits, shared by all writers of a store.
#[derive(Debug, Clone)]
pub(super) struct Backlog(Arc<Semaphore>);

/// A call that waits.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) events: Vec<Event>,
    /// Nobody may be listening any more; the events are stored all the same.
    answer: oneshot::Sender<Answer>,
    room: Room,
}

/// The room that a waiting call takes up.
#[derive(Debug)]
struct Room {
    events: usize,
    permit: OwnedSemaphorePermit,
}

impl Default for Backlog {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_QUEUED_BYTES as usize)))
    }
}

impl Backlog {
    /// Makes a call that waits, and what its caller waits for. [`Error::Busy`] if there is no room.
    pub(super) fn call(
        &self,
        events: Vec<Event>,
    ) -> Result<(Append, oneshot::Receiver<Answer>), Error> {
        let room = self.room_for(&events)?;
        let (answer, answered) = oneshot::channel();
        let append = Append {
            events,
            answer,
            room,
        };
        Ok((append, answered))
    }

    fn room_for(&self, events: &[Event]) -> Result<Room, Error> {
        let bytes: usize = events.iter().map(Event::weight_bytes).sum();
        // What is larger than all the room there is waits alone, rather than never.
        let bytes = u32::try_from(bytes).map_or(MAX_QUEUED_BYTES, |it| it.min(MAX_QUEUED_BYTES));
        let permit = Arc::clone(&self.0)
            .try_acquire_many_owned(bytes)
            .map_err(|_| Error::Busy)?;
        queued_events().increment(count_f64(events.len()));
        Ok(Room {
            events: events.len(),
            permit,
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        queued_events().decrement(count_f64(self.events));
    }
}

impl Append {
    /// Returns what the call weighs in the backlog.
    pub(super) fn weight_bytes(&self) -> usize {
        self.room.permit.num_permits()
    }

    pub(super) fn answer(self, answer: Answer) {
        let Self {
            events: _,
            answer: listener,
            room,
        } = self;
        drop(room); // first: who is answered finds room for its next call
        let _ = listener.send(answer);
    }
}

/// Tells the recorder of metrics what every writer measures.
pub(super) fn describe_metrics() {
    use metrics::{Unit, describe_gauge, describe_histogram};
    describe_gauge!(
        "event_history_write_queue_events",
        "Events that wait for their commit."
    );
    describe_histogram!(
        "event_history_commit_events",
        "Events stored by one commit."
    );
    describe_histogram!(
        "event_history_commit_duration_seconds",
        Unit::Seconds,
        "How long a commit took until its events were durable."
    );
}

fn queued_events() -> metrics::Gauge {
    gauge!("event_history_write_queue_events")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "metrics are doubles; a queue is far shorter than 2^53"
)]
pub(super) fn count_f64(count: usize) -> f64 {
    count as f64
}
