//! Reading both sides back from where they are stored.

use std::collections::VecDeque;

use super::Job;
use super::error::Side;
use super::report::Difference;
use crate::domain::{Event, HistoryDigest, HistorySum, Tenant};
use crate::runs::Progress;
use crate::runs::Walk;
use crate::store::{self, Store};

/// Returns what the tenant's history comes to at the source and at the destination. One is read behind
/// the other: both at once would take twice the memory, and one of them is mostly the slower by far.
pub(super) async fn both(
    job: &Job,
    tenant: &Tenant,
    progress: &Progress,
) -> Result<(HistorySum, HistorySum), (Side, store::Error)> {
    let source = sum(&*job.from, tenant, progress).await;
    let source = source.map_err(|error| (Side::Source, error))?;
    let destination = sum(&*job.to, tenant, progress).await;
    let destination = destination.map_err(|error| (Side::Destination, error))?;
    Ok((source, destination))
}

async fn sum(
    store: &dyn Store,
    tenant: &Tenant,
    progress: &Progress,
) -> Result<HistorySum, store::Error> {
    let mut walk = Walk::new(store, tenant, None);
    let mut digest = HistoryDigest::default();
    while let Some(batch) = walk.next_counted(progress).await? {
        for event in &batch.events {
            digest.add(event);
        }
    }
    Ok(digest.finish())
}

/// Returns the oldest event that is not the same on both sides.
pub(super) async fn first_difference(
    job: &Job,
    tenant: &Tenant,
) -> Result<Option<Difference>, (Side, store::Error)> {
    let mut source = Lane::new(Side::Source, &*job.from, tenant);
    let mut destination = Lane::new(Side::Destination, &*job.to, tenant);
    loop {
        source.fill().await?;
        destination.fill().await?;
        match (source.ahead.pop_front(), destination.ahead.pop_front()) {
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) => return Ok(Some(difference(&one, &other))),
            (Some(one), None) => return Ok(Some(Difference::Missing(one.id))),
            (None, Some(other)) => return Ok(Some(Difference::Invented(other.id))),
            (None, None) => return Ok(None), // somebody has written meanwhile
        }
    }
}

fn difference(source: &Event, destination: &Event) -> Difference {
    if source.id == destination.id {
        Difference::Changed(source.id)
    } else if source.position() < destination.position() {
        Difference::Missing(source.id)
    } else {
        Difference::Invented(destination.id)
    }
}

/// A walk, event by event.
struct Lane<'a> {
    side: Side,
    walk: Walk<'a>,
    ahead: VecDeque<Event>,
}

impl<'a> Lane<'a> {
    fn new(side: Side, store: &'a dyn Store, tenant: &'a Tenant) -> Self {
        Self {
            side,
            walk: Walk::new(store, tenant, None),
            ahead: VecDeque::new(),
        }
    }

    async fn fill(&mut self) -> Result<(), (Side, store::Error)> {
        if self.ahead.is_empty()
            && let Some(batch) = self.walk.next().await.map_err(|error| (self.side, error))?
        {
            self.ahead.extend(batch.events);
        }
        Ok(())
    }
}
