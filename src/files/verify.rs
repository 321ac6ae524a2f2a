//! Reading again what events reference, and comparing it with what was recorded.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::Mark;
use super::error::{Error, is_of_one_tenant};
use super::verdict::{Verdict, judge, parts_to_know};
use crate::domain::cause::chain;
use crate::domain::{
    DatabaseName, EventFile, EventId, FileId, FileRecord, ObjectKey, Position, Tenant,
};
use crate::objects::transfer::StorageClient;
use crate::objects::{self, RateLimiter};
use crate::runs::{Batch, Phase, Progress, Walk, patiently};
use crate::store::Store;

/// Files read at once: enough to hide the time that a small one waits for answers.
const CONCURRENCY: usize = 4;
/// How often a file is tried while its storage is well otherwise, and the pause between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// Files of a tenant that are known to be read already, so that each is read once however many events
/// reference it: some tens of megabytes. Behind so many it may be read again.
const MAX_REMEMBERED: usize = 1_000_000;
/// How often the state is written: what a run that is killed reads again.
const STATE_PAUSE: Duration = Duration::from_secs(1);

/// What to verify.
#[derive(Debug)]
pub struct Verification {
    pub store: Arc<dyn Store>,
    pub client: StorageClient,
    /// Empty: all tenants.
    pub tenants: BTreeSet<DatabaseName>,
    pub rate_limiter: RateLimiter,
    /// Where the state is kept, and what stood in it.
    pub state: Option<(PathBuf, Mark)>,
}

/// A file that is not what was recorded or cannot be told to be, or something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub database_name: DatabaseName,
    /// `None` where it is about the tenant as a whole.
    pub file: Option<(EventId, FileId)>,
    /// `missing`, `changed`, `unreadable` or, which alone is no problem, [`UNVERIFIED`].
    pub kind: &'static str,
    pub recorded: Option<FileRecord>,
    pub found: Option<FileRecord>,
    pub reason: Option<String>,
}

/// The kind of a file that was read and that nothing recorded tells whether it is right.
pub const UNVERIFIED: &str = "unverified";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifyReport {
    pub files: u64,
    /// Of the files that are as recorded.
    pub bytes: u64,
    pub problems: u64,
    pub unverified: u64,
}

/// Reads the files of the events, and shows each problem to `show`.
pub async fn verify(
    job: &Verification,
    progress: &Progress,
    show: &mut (dyn FnMut(Problem) + Send),
) -> Result<VerifyReport, Error> {
    let tenants = super::chosen(&*job.store, &job.tenants).await?;
    progress.begin(Phase::VerifyingFiles, tenants.len(), 0);
    let mut run = Run {
        job,
        progress,
        mark: job
            .state
            .as_ref()
            .map(|it| it.1.clone())
            .unwrap_or_default(),
        written: Instant::now(),
        show,
    };
    for tenant in tenants {
        let name = tenant.database_name.as_str();
        let is_done = |mark: &Mark| mark.tenant.as_deref().is_some_and(|done| name < done);
        if !is_done(&run.mark) {
            run.tenant(&tenant).await?;
        }
        progress.end_tenant();
    }
    if let Some((path, _)) = &job.state {
        Mark::remove(path)?;
    }
    let Mark {
        files,
        bytes,
        problems,
        unverified,
        tenant: _,
        time_us: _,
        event_id: _,
    } = run.mark;
    Ok(VerifyReport {
        files,
        bytes,
        problems,
        unverified,
    })
}

struct Run<'a> {
    job: &'a Verification,
    progress: &'a Progress,
    mark: Mark,
    written: Instant,
    show: &'a mut (dyn FnMut(Problem) + Send),
}

impl Run<'_> {
    async fn tenant(&mut self, tenant: &Tenant) -> Result<(), Error> {
        let after = match (&self.mark.tenant, self.mark.event_id) {
            (Some(name), Some(id)) if name == tenant.database_name.as_str() => Some(Position {
                time_us: self.mark.time_us,
                event_id: EventId::from_uuid(id),
            }),
            _ => None,
        };
        self.mark.tenant = Some(tenant.database_name.to_string());
        if after.is_none() {
            self.mark.event_id = None;
        }
        let mut walk = Walk::new(&*self.job.store, tenant, after);
        let mut known = HashSet::new();
        loop {
            let batch = match walk.next().await {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(()),
                Err(error) if is_of_one_tenant(&error) => {
                    self.problem(Problem {
                        database_name: tenant.database_name.clone(),
                        file: None,
                        kind: "unreadable",
                        recorded: None,
                        found: None,
                        reason: Some(error.to_string()),
                    });
                    return Ok(());
                }
                Err(source) => {
                    let what = "read events";
                    return Err(Error::Store { what, source });
                }
            };
            self.batch(tenant, batch, &mut known).await?;
        }
    }

    async fn batch(
        &mut self,
        tenant: &Tenant,
        batch: Batch,
        known: &mut HashSet<FileId>,
    ) -> Result<(), Error> {
        if known.len() > MAX_REMEMBERED {
            known.clear();
        }
        let last = batch.events.last().map(crate::domain::Event::position);
        let mut files = Vec::new();
        for event in batch.events {
            let event_id = event.id;
            let new = event.files.into_iter().filter(|it| known.insert(it.id));
            files.extend(new.map(|file| (event_id, file)));
        }
        let (job, progress) = (self.job, self.progress);
        let mut reading = stream::iter(files)
            .map(async |(event_id, file)| {
                let settled = settle(job, tenant, &file, progress).await;
                (event_id, file, settled)
            })
            .buffered(CONCURRENCY);
        while let Some((event_id, file, settled)) = reading.next().await {
            self.progress.advance(1);
            self.mark.files += 1;
            let (kind, found, reason) = match settled? {
                Settled::Same(bytes) => {
                    self.mark.bytes += bytes;
                    continue;
                }
                Settled::Unverified(reason) => (UNVERIFIED, None, Some(reason.to_owned())),
                Settled::Missing => ("missing", None, None),
                Settled::Changed(found) => ("changed", Some(*found), None),
                Settled::Unreadable(reason) => ("unreadable", None, Some(reason)),
            };
            self.problem(Problem {
                database_name: tenant.database_name.clone(),
                file: Some((event_id, file.id)),
                kind,
                recorded: file.record,
                found,
                reason,
            });
        }
        drop(reading);
        if let Some(Position { time_us, event_id }) = last {
            (self.mark.time_us, self.mark.event_id) = (time_us, Some(event_id.uuid()));
        }
        self.keep()
    }

    fn problem(&mut self, problem: Problem) {
        if problem.kind == UNVERIFIED {
            self.mark.unverified += 1;
        } else {
            self.mark.problems += 1;
        }
        (self.show)(problem);
    }

    fn keep(&mut self) -> Result<(), Error> {
        match &self.job.state {
            Some((path, _)) if self.written.elapsed() >= STATE_PAUSE => {
                self.written = Instant::now();
                self.mark.write(path)
            }
            _ => Ok(()),
        }
    }
}

enum Settled {
    /// So many bytes were read, and are what was recorded.
    Same(u64),
    /// They were read, and nothing tells whether they are: why.
    Unverified(&'static str),
    Missing,
    Changed(Box<FileRecord>),
    Unreadable(String),
}

/// A storage that is away is waited for; a file that fails while the storage is well is a problem.
async fn settle(
    job: &Verification,
    tenant: &Tenant,
    file: &EventFile,
    progress: &Progress,
) -> Result<Settled, Error> {
    let key = ObjectKey {
        database_name: tenant.database_name.clone(),
        file_id: file.id,
    };
    let mut attempt = 1;
    loop {
        let error = match try_to_settle(job, &key, file.record.as_ref(), progress).await {
            Ok(settled) => return Ok(settled),
            Err(error) => error,
        };
        let what = "reach the storage of files";
        let pinged = patiently(what, || job.client.objects.ping()).await;
        pinged.map_err(|source| Error::Objects { what, source })?;
        if attempt == ATTEMPTS {
            return Ok(Settled::Unreadable(chain(&error)));
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn try_to_settle(
    job: &Verification,
    key: &ObjectKey,
    record: Option<&FileRecord>,
    progress: &Progress,
) -> Result<Settled, objects::Error> {
    let version_id = record.and_then(|record| record.version_id.as_deref());
    let Some(info) = job.client.objects.head(key, version_id).await? else {
        return Ok(Settled::Missing);
    };
    let found = info.record();
    if record.is_some_and(|it| !info.is_consistent() || !it.same_bytes(&found)) {
        return Ok(Settled::Changed(Box::new(found)));
    }
    let objects = &job.client.objects;
    let part_sizes = match parts_to_know(record, &info) {
        Some(count) => {
            let asked = objects.part_sizes(key, version_id, info.size_bytes, count);
            asked.await?
        }
        None => None,
    };
    let moved = progress.bytes();
    let read = job
        .client
        .checksums(key, version_id, part_sizes, &job.rate_limiter, moved)
        .await?;
    Ok(match judge(record, &info, &read) {
        Verdict::Verified => Settled::Same(read.size_bytes),
        Verdict::Unverified(reason) => Settled::Unverified(reason),
        Verdict::Changed(found) => Settled::Changed(found),
    })
}
