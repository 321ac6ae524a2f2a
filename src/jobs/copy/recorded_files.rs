//! Checks that the destination has the files that the events recorded, and seals and protects them there as the service
//! does when it stores an event.
//!
//! A record has the digests of the bytes and, in a bucket with versioning, the version. If the destination's object is
//! not what was recorded, the recorded version is copied over it. A storage computes its own tags and versions, so a
//! record without a SHA-256 may not be kept: that is a difference.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::error::{Error, Side};
use super::file_tally::{CONCURRENCY, Outcome, Tally, with_retries};
use super::report::SkippedObjects;
use super::{Job, Storages, TenantCopy};
use crate::domain::{EventId, FileId, FileRecord, ObjectKey};
use crate::jobs::Progress;
use crate::jobs::event_scan::{EventBatch, EventScan};
use crate::jobs::known_files::{KnownFiles, Seen};
use crate::objects::transfer::{self, TransferConfig};
use crate::objects::{self, ObjectInfo, Recorded, find_recorded};

/// A file that an event references.
struct Reference {
    event_id: EventId,
    key: ObjectKey,
    record: Option<FileRecord>,
    /// Another event recorded another version, which is there already.
    must_not_replace: bool,
}

/// Checks the files of a tenant's events, and copies those that the destination lacks.
pub(super) async fn check(
    job: &Job,
    storages: &Storages,
    copy: &mut TenantCopy,
    tally: &mut Tally,
    skipped: &mut SkippedObjects,
    progress: &Progress,
) -> Result<(), Error> {
    if copy.report.failure.is_some() {
        return Ok(());
    }
    let tenant = Arc::clone(&copy.tenant);
    let mut scan = EventScan::new(&*job.from, &tenant, None);
    let mut known = KnownFiles::default();
    loop {
        let batch = match scan.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(()),
            Err(error) => return copy.fail(Side::Source, "read the events", error),
        };
        let mut references = references(batch, &mut known, |file_id| ObjectKey {
            database_name: tenant.database_name.clone(),
            file_id,
        });
        references.retain(|it| !tally.failed.contains(&it.key.file_id));
        // First those whose version may still be copied, since sealing one ends that.
        let (others, first): (Vec<_>, Vec<_>) =
            references.into_iter().partition(|it| it.must_not_replace);
        for references in [first, others] {
            let mut checking = stream::iter(&references)
                .map(async |it| {
                    let attempt = || check_one(job, storages, it, progress);
                    (it, with_retries(storages, attempt).await)
                })
                .buffer_unordered(CONCURRENCY);
            while let Some((Reference { key, event_id, .. }, outcome)) = checking.next().await {
                progress.advance(1);
                let outcome = outcome?;
                if matches!(outcome, Outcome::Lost) {
                    skipped.lost.add(format!("'{key}' of event {event_id}"));
                }
                tally.add(key, outcome);
            }
        }
    }
}

/// Returns the files of these events that were not checked yet.
fn references(
    batch: EventBatch,
    known: &mut KnownFiles,
    key: impl Fn(FileId) -> ObjectKey,
) -> Vec<Reference> {
    let mut references = Vec::new();
    for event in batch.events {
        for file in event.files {
            let seen = known.see(&file);
            if seen == Seen::WithThisRecord {
                continue;
            }
            references.push(Reference {
                event_id: event.id,
                key: key(file.id),
                record: file.record,
                must_not_replace: seen == Seen::WithOtherRecord,
            });
        }
    }
    references
}

async fn check_one(
    job: &Job,
    storages: &Storages,
    reference: &Reference,
    progress: &Progress,
) -> Result<Outcome, objects::Error> {
    let Storages { from, to } = storages;
    let Reference {
        event_id,
        key,
        record,
        must_not_replace,
    } = reference;
    let Some(record) = record else {
        // The event is older than records: any bytes will do.
        return match to.objects.head(key, None).await? {
            Some(info) => protect(job, storages, reference, &info, Outcome::Same).await,
            None => Ok(Outcome::Lost), // where the source has it, it was copied or is a problem
        };
    };
    let problem = |text: String| Ok(Outcome::Problem(text));
    let found = match find_recorded(&*to.objects, key, record).await? {
        Recorded::Same(info) => {
            return protect(job, storages, reference, &info, Outcome::Same).await;
        }
        Recorded::Other(_) => "is not what was recorded",
        Recorded::Missing => "is missing",
    };
    let source = match find_recorded(&*from.objects, key, record).await? {
        Recorded::Same(info) => info,
        Recorded::Other(_) | Recorded::Missing => return Ok(Outcome::Lost),
    };
    if job.verify_only || *must_not_replace {
        return problem(format!("of event {event_id} {found} at the destination"));
    }
    let version_id = record.version_id.as_ref().and(source.version_id.as_deref());
    let config = TransferConfig::default();
    transfer::copy(from, to, key, version_id, config, progress.bytes()).await?;
    match find_recorded(&*to.objects, key, record).await? {
        Recorded::Same(info) => protect(job, storages, reference, &info, Outcome::Copied).await,
        Recorded::Other(info) => {
            let tag = |etag: Option<&String>| etag.map_or("none", String::as_str).to_owned();
            problem(format!(
                "of event {event_id} was copied, but cannot be downloaded: no SHA-256 was recorded, and its ETag is {} \
                 at the destination, {} in the record",
                tag(info.etag.as_ref()),
                tag(record.etag.as_ref())
            ))
        }
        Recorded::Missing => problem(format!(
            "of event {event_id} was accepted by the destination but is missing there"
        )),
    }
}

/// Seals and protects a file that an event references.
async fn protect(
    job: &Job,
    Storages { to, .. }: &Storages,
    Reference { key, .. }: &Reference,
    info: &ObjectInfo,
    outcome: Outcome,
) -> Result<Outcome, objects::Error> {
    if job.verify_only {
        return Ok(outcome);
    }
    if !to.objects.seal(key, info).await? {
        let problem = "was replaced at the destination during the copy";
        return Ok(Outcome::Problem(problem.to_owned()));
    }
    if let Some(retention) = job.retention {
        let version_id = info.version_id.as_deref();
        to.objects.retain(key, version_id, retention).await?;
    }
    Ok(outcome)
}
