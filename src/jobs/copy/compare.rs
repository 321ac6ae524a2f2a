//! Reads a tenant's events back from both sides and compares them.

use std::collections::VecDeque;

use super::Job;
use super::error::Side;
use super::report::Difference;
use crate::domain::{Event, HistoryDigest, HistorySum, Tenant};
use crate::jobs::Progress;
use crate::jobs::backend_errors::TenantError;
use crate::jobs::event_scan::EventScan;
use crate::store::Store;

/// Returns the digests of the tenant's history at the source and at the destination. Reads one side after the other:
/// both at once would take twice the memory, and one is usually much slower anyway.
pub(super) async fn digests(
    job: &Job,
    tenant: &Tenant,
    progress: &Progress,
) -> Result<(HistorySum, HistorySum), (Side, TenantError)> {
    let source = digest(&*job.from, tenant, progress).await;
    let source = source.map_err(|error| (Side::Source, error))?;
    let destination = digest(&*job.to, tenant, progress).await;
    let destination = destination.map_err(|error| (Side::Destination, error))?;
    Ok((source, destination))
}

async fn digest(
    store: &dyn Store,
    tenant: &Tenant,
    progress: &Progress,
) -> Result<HistorySum, TenantError> {
    let mut scan = EventScan::new(store, tenant, None);
    let mut digest = HistoryDigest::default();
    while let Some(batch) = scan.next().await? {
        progress.advance(batch.events.len() as u64);
        batch.events.iter().for_each(|event| digest.add(event));
    }
    Ok(digest.finish())
}

/// Returns the oldest event that differs between the two sides.
pub(super) async fn first_difference(
    job: &Job,
    tenant: &Tenant,
) -> Result<Option<Difference>, (Side, TenantError)> {
    let mut source = Events::new(Side::Source, &*job.from, tenant);
    let mut destination = Events::new(Side::Destination, &*job.to, tenant);
    loop {
        match (source.next().await?, destination.next().await?) {
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) => return Ok(Some(difference(&one, &other))),
            (Some(one), None) => return Ok(Some(Difference::Missing(one.id))),
            (None, Some(other)) => return Ok(Some(Difference::Extra(other.id))),
            (None, None) => return Ok(None), // something was written meanwhile
        }
    }
}

fn difference(source: &Event, destination: &Event) -> Difference {
    if source.id == destination.id {
        Difference::Changed(source.id)
    } else if source.position() < destination.position() {
        Difference::Missing(source.id)
    } else {
        Difference::Extra(destination.id)
    }
}

/// The events of one side, one by one.
struct Events<'a> {
    side: Side,
    scan: EventScan<'a>,
    buffered: VecDeque<Event>,
}

impl<'a> Events<'a> {
    fn new(side: Side, store: &'a dyn Store, tenant: &'a Tenant) -> Self {
        Self {
            side,
            scan: EventScan::new(store, tenant, None),
            buffered: VecDeque::new(),
        }
    }

    async fn next(&mut self) -> Result<Option<Event>, (Side, TenantError)> {
        if self.buffered.is_empty()
            && let Some(batch) = self.scan.next().await.map_err(|error| (self.side, error))?
        {
            self.buffered.extend(batch.events);
        }
        Ok(self.buffered.pop_front())
    }
}
