//! Appends that wait for a writer, and the limit on their memory: shared by the backends.

use std::sync::Arc;

use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Appended, Error};
use crate::domain::Event;

/// The largest batch in bytes, which bounds a transaction or a request: eight of the largest events that
/// the API takes.
pub(super) const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Calls that may wait for one tenant's writer: a few batches, so well under a second.
pub(super) const MAX_QUEUED_CALLS: usize = 4096;

/// The memory of all queues together: batches take up to half of it.
const MAX_QUEUED_BYTES: u32 = 128 * 1024 * 1024;

pub(super) type Answer = Result<Vec<Appended>, Error>;

/// The memory that is left for waiting calls, shared by all writers of a store.
#[derive(Debug, Clone)]
pub(super) struct Backlog(Arc<Semaphore>);

/// A call that waits.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) events: Vec<Event>,
    /// The caller may have stopped waiting; the events are stored anyway.
    answer: oneshot::Sender<Answer>,
    reservation: Reservation,
}

/// The share of the [`Backlog`] that a waiting call occupies.
#[derive(Debug)]
struct Reservation {
    events: usize,
    permit: OwnedSemaphorePermit,
}

impl Default for Backlog {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_QUEUED_BYTES as usize)))
    }
}

impl Backlog {
    /// Returns a call to queue, and the receiver of its answer. [`Error::Busy`] if the backlog is full.
    pub(super) fn call(
        &self,
        events: Vec<Event>,
    ) -> Result<(Append, oneshot::Receiver<Answer>), Error> {
        let reservation = self.reserve(&events)?;
        let (answer, answered) = oneshot::channel();
        let append = Append {
            events,
            answer,
            reservation,
        };
        Ok((append, answered))
    }

    fn reserve(&self, events: &[Event]) -> Result<Reservation, Error> {
        let bytes: usize = events.iter().map(Event::weight_bytes).sum();
        // A call that is larger than the whole backlog waits alone.
        let bytes = u32::try_from(bytes).map_or(MAX_QUEUED_BYTES, |it| it.min(MAX_QUEUED_BYTES));
        let permit = Arc::clone(&self.0)
            .try_acquire_many_owned(bytes)
            .map_err(|_| Error::Busy)?;
        queued_events().increment(count_f64(events.len()));
        Ok(Reservation {
            events: events.len(),
            permit,
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        queued_events().decrement(count_f64(self.events));
    }
}

impl Append {
    /// Returns the size of the call in the backlog.
    pub(super) fn weight_bytes(&self) -> usize {
        self.reservation.permit.num_permits()
    }

    pub(super) fn answer(self, answer: Answer) {
        let Self {
            events: _,
            answer: listener,
            reservation,
        } = self;
        drop(reservation); // first, so that the caller can reserve its next call
        let _ = listener.send(answer);
    }
}

/// Describes the metrics of all writers.
pub(super) fn describe_metrics() {
    use metrics::{Unit, describe_gauge, describe_histogram};
    describe_gauge!(
        "event_history_write_queue_events",
        "Events waiting for their commit."
    );
    describe_histogram!(
        "event_history_commit_events",
        "Events stored by one commit."
    );
    describe_histogram!(
        "event_history_commit_duration_seconds",
        Unit::Seconds,
        "Duration of a commit until its events were durable."
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
