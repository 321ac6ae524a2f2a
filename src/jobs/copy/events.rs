//! Copies one tenant's events: the next ones are read while a batch is written.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Job;
use super::error::Side;
use super::report::Conflicts;
use crate::domain::{Cursor, Tenant};
use crate::jobs::Progress;
use crate::jobs::backend_errors::{TenantError, retry_tenant};
use crate::jobs::event_scan::{EventBatch, EventFeed};
use crate::store::{Appended, Store};

/// Bytes of events between reader and writer, including those being written: a few batches.
const MAX_QUEUED_BYTES: u32 = 16 * 1024 * 1024;
/// A batch has at least one event, so the memory of this many is bounded by the bytes above.
const MAX_QUEUED_BATCHES: usize = 64;

/// Events per write: many, so that they share an fsync or an INSERT.
const MAX_WRITE_EVENTS: usize = 4096;
const MAX_WRITE_BYTES: usize = 8 * 1024 * 1024;

/// A batch that was read, and its share of [`MAX_QUEUED_BYTES`].
type QueuedBatch = (EventBatch, OwnedSemaphorePermit);

/// Copies the events that arrived behind `after`, of which `expected` are known. Returns those that the destination already has with other content.
pub(super) async fn copy(
    job: &Job,
    tenant: &Tenant,
    after: Option<Cursor>,
    expected: u64,
    progress: &Progress,
) -> Result<Conflicts, (Side, TenantError)> {
    let (sender, receiver) = mpsc::channel(MAX_QUEUED_BATCHES);
    let feed = EventFeed::new(&*job.from, tenant, after, expected);
    let reading = async {
        let read = read(feed, sender).await;
        read.map_err(|error| (Side::Source, error))
    };
    let writing = async {
        let written = write(&*job.to, tenant, receiver, progress).await;
        written.map_err(|error| (Side::Destination, error))
    };
    let ((), conflicts) = tokio::try_join!(reading, writing)?;
    Ok(conflicts)
}

async fn read(
    mut feed: EventFeed<'_>,
    sender: mpsc::Sender<QueuedBatch>,
) -> Result<(), TenantError> {
    let budget = Arc::new(Semaphore::new(MAX_QUEUED_BYTES as usize));
    while let Some(batch) = feed.next().await? {
        for part in batch.split(MAX_WRITE_BYTES) {
            let bytes = u32::try_from(part.bytes).unwrap_or(u32::MAX);
            // A batch larger than the whole budget is queued alone.
            let bytes = bytes.min(MAX_QUEUED_BYTES);
            let Ok(permit) = Arc::clone(&budget).acquire_many_owned(bytes).await else {
                return Ok(()); // never closed
            };
            if sender.send((part, permit)).await.is_err() {
                return Ok(()); // the writer has failed and returns the reason
            }
        }
    }
    Ok(())
}

/// Writes one batch at a time, so that the destination always has, save for an interrupted batch, all events that arrived
/// before its newest.
async fn write(
    to: &dyn Store,
    tenant: &Tenant,
    mut receiver: mpsc::Receiver<QueuedBatch>,
    progress: &Progress,
) -> Result<Conflicts, TenantError> {
    let mut conflicts = Conflicts::default();
    while let Some((batch, permit)) = receiver.recv().await {
        let EventBatch {
            mut events,
            mut bytes,
        } = batch;
        let mut permits = vec![permit];
        while events.len() < MAX_WRITE_EVENTS
            && bytes < MAX_WRITE_BYTES
            && let Ok((batch, permit)) = receiver.try_recv()
        {
            events.extend(batch.events);
            bytes += batch.bytes;
            permits.push(permit);
        }
        let append = || to.append(tenant, events.clone());
        let answers = retry_tenant(to, "write events", append).await?;
        for (event, answer) in events.iter().zip(&answers) {
            if *answer == Appended::OtherContent {
                conflicts.add(event.id);
            }
        }
        progress.advance(events.len() as u64);
    }
    Ok(conflicts)
}
