//! One tenant's events, from here to there: reading goes on while the last batch is being written.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Job;
use super::error::Side;
use super::report::Conflicts;
use crate::domain::{Event, Position, Tenant};
use crate::runs::Progress;
use crate::runs::patiently;
use crate::runs::{Batch, Walk};
use crate::store::{self, Appended, Store};

/// What may wait between reader and writer, and be in the writer's hands: a few of its batches.
pub(super) const MAX_AHEAD_BYTES: u32 = 16 * 1024 * 1024;
/// A batch is at least one event, so this many waiting are no memory to speak of.
const MAX_AHEAD_BATCHES: usize = 64;

/// The events of one write: many, so that an fsync or an INSERT is shared.
const MAX_WRITE_EVENTS: usize = 4096;
const MAX_WRITE_BYTES: usize = 8 * 1024 * 1024;

/// A batch that was read, and the room that it takes up.
type Ahead = (Batch, OwnedSemaphorePermit);

/// Copies the events behind `after`. Answers with those that the destination has with other content.
pub(super) async fn copy(
    job: &Job,
    tenant: &Tenant,
    after: Option<Position>,
    progress: &Progress,
) -> Result<Conflicts, (Side, store::Error)> {
    let (queue, ahead) = mpsc::channel(MAX_AHEAD_BATCHES);
    let walk = Walk::new(&*job.from, tenant, after);
    let reading = async {
        let read = read(walk, queue).await;
        read.map_err(|error| (Side::Source, error))
    };
    let writing = async {
        let written = write(&*job.to, tenant, ahead, progress).await;
        written.map_err(|error| (Side::Destination, error))
    };
    let ((), conflicts) = tokio::try_join!(reading, writing)?;
    Ok(conflicts)
}

async fn read(mut walk: Walk<'_>, queue: mpsc::Sender<Ahead>) -> Result<(), store::Error> {
    let room = Arc::new(Semaphore::new(MAX_AHEAD_BYTES as usize));
    while let Some(batch) = walk.next().await? {
        for piece in batch.split(MAX_WRITE_BYTES) {
            let bytes = u32::try_from(piece.bytes).unwrap_or(u32::MAX);
            // What is larger than all the room there is goes alone, rather than never.
            let bytes = bytes.min(MAX_AHEAD_BYTES);
            let Ok(permit) = Arc::clone(&room).acquire_many_owned(bytes).await else {
                return Ok(()); // never closed
            };
            if queue.send((piece, permit)).await.is_err() {
                return Ok(()); // the writer has failed, and says why
            }
        }
    }
    Ok(())
}

/// One write at a time: so what the destination has is, but for an interrupted batch, all that is older
/// than its newest event.
async fn write(
    to: &dyn Store,
    tenant: &Tenant,
    mut ahead: mpsc::Receiver<Ahead>,
    progress: &Progress,
) -> Result<Conflicts, store::Error> {
    let mut conflicts = Conflicts::default();
    while let Some((batch, permit)) = ahead.recv().await {
        let Batch {
            mut events,
            mut bytes,
        } = batch;
        let mut permits = vec![permit];
        while events.len() < MAX_WRITE_EVENTS
            && bytes < MAX_WRITE_BYTES
            && let Ok((batch, permit)) = ahead.try_recv()
        {
            events.extend(batch.events);
            bytes += batch.bytes;
            permits.push(permit);
        }
        let append = || to.append(tenant, events.clone());
        let answers = patiently("write events", append).await?;
        conflicts.note(&events, &answers);
        progress.advance(events.len());
    }
    Ok(conflicts)
}

impl Conflicts {
    fn note(&mut self, events: &[Event], answers: &[Appended]) {
        for (event, answer) in events.iter().zip(answers) {
            if *answer == Appended::OtherContent {
                self.add(event.id);
            }
        }
    }
}
